"""Checks on the host of whether matrices are in a group or an algebra: each raises ValueError naming the argument."""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def checked_on_host(name: str, matrix: ArrayLike, size: int | None) -> tuple[np.ndarray, float]:
    """The finite square matrices in float64, and the rounding that is let pass: 2000 eps of their dtype.

    Raises ValueError naming the argument; `size` None takes any.
    """
    host = np.asarray(matrix)
    if host.ndim < 2 or host.shape[-1] != host.shape[-2] or (size is not None and host.shape[-1] != size):
        wanted = "(..., n, n)" if size is None else f"(..., {size}, {size})"
        raise ValueError(f"{name} must have shape {wanted}, got {host.shape}")
    is_float = jnp.issubdtype(host.dtype, jnp.floating)
    rounding = 2000 * float(jnp.finfo(host.dtype).eps) if is_float else 0.0
    host = host.astype(np.float64)
    if not np.all(np.isfinite(host)):
        raise ValueError(f"{name} must be finite")
    return host, rounding


def require_rotations(name: str, host: np.ndarray, rounding: float) -> None:
    """Raises ValueError unless all matrices are orthogonal, of positive determinant."""
    error = np.max(np.abs(host @ np.swapaxes(host, -1, -2) - np.eye(host.shape[-1])), initial=0.0)
    if error > rounding:
        raise ValueError(f"{name} must be orthogonal: rows differ from orthonormal ones by {error:.2g}")
    if np.any(np.linalg.det(host) < 0):
        raise ValueError(f"{name} must have determinant 1, got a reflection")


def require_similarities(name: str, host: np.ndarray, rounding: float) -> None:
    """Raises ValueError unless all matrices are rotations times positive numbers."""
    scale = np.sqrt(np.mean(host**2, axis=(-2, -1), keepdims=True) * host.shape[-1])
    if np.any(scale == 0):
        raise ValueError(f"{name} must have a scale above 0")
    require_rotations(f"{name}, its scale divided out,", host / scale, rounding)


def require_skew(name: str, host: np.ndarray, rounding: float, *, with_scale: bool = False) -> None:
    """Raises ValueError unless all matrices are antisymmetric, or so but for a multiple of the unit matrix."""
    symmetric = host + np.swapaxes(host, -1, -2)
    if with_scale:
        size = host.shape[-1]
        symmetric = symmetric - np.trace(symmetric, axis1=-2, axis2=-1)[..., None, None] / size * np.eye(size)
    error, largest = np.max(np.abs(symmetric), initial=0.0), np.max(np.abs(host), initial=0.0)
    if error > rounding * max(1.0, largest):
        kind = "antisymmetric but for a multiple of the unit matrix" if with_scale else "antisymmetric"
        raise ValueError(f"{name} must be {kind}: it differs by {error:.2g}")


def require_last_row(name: str, host: np.ndarray, corner: float) -> None:
    """Raises ValueError unless the last row is `0 .. 0 corner`."""
    wanted = np.zeros(host.shape[-1])
    wanted[-1] = corner
    if np.any(host[..., -1, :] != wanted):
        raise ValueError(f"{name} must have the last row {wanted.tolist()}")
