"""Pure JAX kernels: arrays in, arrays out. One family a folder, imported by name.

>>> from jaxinv.kernels import transferability
"""

if __name__ != "jaxinv.kernels":
    raise ImportError("import jaxinv.kernels, not kernels: this folder is installed inside jaxinv")
