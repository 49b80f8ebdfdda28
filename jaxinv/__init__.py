"""jaxinv: JAX kernels for symmetry (invariance, equivariance) and transfer.

`jaxinv.kernels` holds the pure functions and needs only jax, numpy and jaxtyping; the layers (`jaxinv.nn`), models,
data loaders, claims and reports above it are imported when they are first used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
_ROOMS = ("claims", "data", "kernels", "models", "nn", "ranking", "report")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"jaxinv.{name}")
    raise AttributeError(f"module 'jaxinv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
