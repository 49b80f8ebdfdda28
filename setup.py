"""Package discovery: the folder `kernels/` is installed as `jaxinv.kernels`."""

from setuptools import find_namespace_packages as find
from setuptools import setup

kernels = find(".", include=["kernels", "kernels.*"])
setup(
    packages=find(".", include=["jaxinv", "jaxinv.*"], exclude=["jaxinv.kernels", "jaxinv.kernels.*"])
    + [f"jaxinv.{name}" for name in kernels],
    package_dir={"jaxinv.kernels": "kernels"},
)
