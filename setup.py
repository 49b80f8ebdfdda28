"""Package discovery: the folders `kernels/` and `bench/` are installed as `jaxinv.kernels` and `jaxinv.bench`."""

from setuptools import find_namespace_packages as find
from setuptools import setup

linked = find(".", include=["kernels", "kernels.*", "bench", "bench.*"], exclude=["bench.results"])
setup(
    packages=find(".", include=["jaxinv", "jaxinv.*"], exclude=["jaxinv.kernels*", "jaxinv.bench*"])
    + [f"jaxinv.{name}" for name in linked],
    package_dir={"jaxinv.kernels": "kernels", "jaxinv.bench": "bench"},
)
