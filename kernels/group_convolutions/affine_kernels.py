"""Banks of kernels for convolutions over the plane and a linear group G: one kernel, moved by sampled elements of G.

Features are functions on R^2 x| G, sampled at every pixel with the m matrices of a list. A layer goes from functions f
to functions on a list of its own, by a kernel k that its network computes:

| layer | value at (x, A) |
| --- | --- |
| lift, from the plane | `abs(det A)^-1 sum_y f(y) k(A^-1 (y - x))` |
| convolution | `sum_B w_B abs(det B)^-1 sum_y f(y, B) k(A^-1 (y - x), xi_inv(A^-1 B))` |
| projection, to the plane | `sum_B w_B abs(det B)^-1 sum_y f(y, B) k(B^-1 (y - x))` |

The weights w_B are 1 / m, or proportional to given importance weights; so banks from more elements tend to a limit.
Places are (x, y), y pointing down the picture, at the centres of the pixels of the square [-1, 1]^2: a kernel of one
pixel lies at 0. Of the coordinates `xi_inv` the network reads cosine and sine of the angle in place of the angle, which
jumps.

Kernels end at a disc. With groups that preserve volume ("sl", "so") they are 0 where `abs(A^-1 y) > 1`. With the others
("gl", "sim") they are multiplied by `sigmoid(2 (1 - r))`, r the length of all coordinates, the group's included.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.siren import Siren, siren_features
from jaxinv.kernels.lie_groups.coordinates import GROUPS, coordinate_dimension, xi_inv
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_floating, require_shape

VOLUME_PRESERVING = ("sl", "so")
_SLOPE = 2.0


def num_group_features(group: str) -> int:
    """How many numbers of `A^-1 B` the kernel's network reads: its coordinates, the angle as cosine and sine.

    Args:
      group: "gl", "sl", "sim" or "so".

    Returns:
      5, 4, 3 or 2: the `num_features` of `init_siren` for `affine_convolution`.
    """
    return coordinate_dimension(2, group=group) + 1


@functools.partial(jax.jit, static_argnames=("group", "size"))
def lifting_bank(network: Siren, inverse: jax.Array, *, group: str, size: int) -> jax.Array:
    """Kernels from the plane to the group.

    Args:
      network: without a part for the group.
      inverse: `(m, 2, 2)`, the inverses of the elements A of the result.
      group: static, "gl" (positive determinant), "sl" (determinant 1), "sim" (scale times rotation) or "so".
      size: static, pixels a side of each kernel.

    Returns:
      `(size, size, 1, channels_in, m, channels_out)` for `affine_convolve`, in the dtype of the arguments together;
      bfloat16 is computed in float32.

    Raises:
      ValueError: at trace time: an unknown group, a size below 1, elements that are not (m, 2, 2), or a network with a
        part for the group.
      TypeError: elements that are not floating point.
    Transformations: jit, vmap, jvp, vjp, any order, in the parameters and in the elements (not across the rim of the
      disc).
    References: Mironenco, Forré, Lie group decompositions for equivariant neural networks, arXiv:2310.11366.
    """
    _check(group, size, inverse=inverse)
    _check_network(network, group, reads_group=False)
    (network, inverse), dtype = computed(network, inverse)
    places = _moved(inverse, size)[:, None]
    return _bank(network, places, None, _volume(inverse)[None], group, size).astype(dtype)


@functools.partial(jax.jit, static_argnames=("group", "size"))
def convolution_bank(
    network: Siren,
    element: jax.Array,
    inverse: jax.Array,
    log_weight: jax.Array | None = None,
    *,
    group: str,
    size: int,
) -> jax.Array:
    """Kernels from the group to the group.

    Args:
      network: with `num_group_features(group)` features of the group.
      element: `(m_in, 2, 2)`, the elements B that the features are sampled at.
      inverse: `(m_out, 2, 2)`, the inverses of the elements A of the result.
      log_weight: `(m_in,)`, logarithms of importance weights of B, up to a constant; equal ones by default.
      group: static, as of `lifting_bank`.
      size: static, pixels a side of each kernel.

    Returns:
      `(size, size, m_in, channels_in, m_out, channels_out)` for `affine_convolve`, in the dtype of the arguments
      together; bfloat16 is computed in float32. A matrix B of determinant 0, which is in no group, counts nothing.

    Raises:
      ValueError: at trace time: an unknown group, a size below 1, elements that are not (m, 2, 2), other than m_in
        weights, or a network whose part for the group does not fit.
      TypeError: elements or weights that are not floating point.
    Moving both lists by one element of the group, A -> g A and B -> g B, moves the kernels with it.
    Transformations: as of `lifting_bank`.
    References: as of `lifting_bank`.
    """
    _check(group, size, element=element, inverse=inverse)
    _check_network(network, group, reads_group=True)
    (network, element, inverse, log_weight), dtype = computed(network, element, inverse, log_weight)
    between = xi_inv(contract("oab,ibc->ioac", inverse, element), group=group)
    factor = (_weights(element, log_weight) * safe_divide(jnp.ones_like(element[:, 0, 0]), _volume(element)))[:, None]
    return _bank(network, _moved(inverse, size)[:, None], between, factor, group, size).astype(dtype)


@functools.partial(jax.jit, static_argnames=("group", "size"))
def projection_bank(
    network: Siren, inverse: jax.Array, log_weight: jax.Array | None = None, *, group: str, size: int
) -> jax.Array:
    """Kernels from the group to the plane.

    Args:
      network: without a part for the group.
      inverse: `(m, 2, 2)`, the inverses of the elements B that the features are sampled at.
      log_weight: `(m,)`, logarithms of importance weights of B, up to a constant; equal ones by default.
      group: static, as of `lifting_bank`.
      size: static, pixels a side of each kernel.

    Returns:
      `(size, size, m, channels_in, 1, channels_out)` for `affine_convolve`, in the dtype of the arguments together;
      bfloat16 is computed in float32.

    Raises: as `convolution_bank`.
    Transformations: as of `lifting_bank`.
    References: as of `lifting_bank`.
    """
    _check(group, size, inverse=inverse)
    _check_network(network, group, reads_group=False)
    (network, inverse, log_weight), dtype = computed(network, inverse, log_weight)
    factor = (_weights(inverse, log_weight) * _volume(inverse))[:, None]
    return _bank(network, _moved(inverse, size)[:, :, None], None, factor, group, size).astype(dtype)


def _check(group, size, **elements):
    require_choice("group", group, GROUPS)
    require_at_least("size", size, 1)
    for name, array in elements.items():
        require_floating(name, array)
        require_shape(name, array, (None, 2, 2))


def _check_network(network, group, *, reads_group):
    wanted = num_group_features(group) if reads_group else 0
    found = 0 if network.group is None else network.group.shape[0]
    if found != wanted:
        raise ValueError(f"network must read {wanted} features of the group, got one that reads {found}")


def computed(*arguments: Any) -> tuple[Any, jnp.dtype]:
    """The arguments in the dtype of the computation, and the dtype of the result."""
    leaves = jax.tree.leaves(arguments)
    dtype = accumulation_dtype(*leaves)
    return jax.tree.map(lambda leaf: leaf.astype(dtype), arguments), jnp.result_type(*leaves)


def _moved(inverse, size):
    """`(size^2, m, 2)`: the places of a kernel's pixels, moved by each matrix."""
    return contract("mab,pb->pma", inverse, jnp.asarray(_places(size), inverse.dtype))


@functools.lru_cache(maxsize=16)
def _places(size):
    """`(size^2, 2)`, row by row."""
    centres = (2 * np.arange(size) + 1 - size) / size
    return np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)


def _volume(matrix):
    return jnp.abs(matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0])


def _weights(element, log_weight):
    count = element.shape[0]
    if log_weight is None:
        return jnp.full(count, 1 / max(count, 1), element.dtype)
    require_shape("log_weight", log_weight, (count,))
    return jax.nn.softmax(log_weight)


def _bank(network, places, between, factor, group, size):
    """From places `(size^2, ins, outs, 2)`, coordinates `(ins, outs, dim)` and factors `(ins, outs)`, each ins and outs
    or 1."""
    features = None if between is None else _without_jump(between)
    hidden = siren_features(network, places, features)
    factor = factor[None] * _disc(places, between, group)
    factor = jnp.broadcast_to(factor, hidden.shape[:-1])[..., None]
    # The factors on the last layer's input, which is narrow, and its bias as one more row of its matrix.
    rows = jnp.concatenate([hidden * factor, factor], axis=-1)
    matrix = jnp.concatenate([network.last, network.last_bias[None]])
    bank = contract("piow,wcd->piocd", rows, matrix)
    _, ins, outs, channels_in, channels_out = bank.shape
    return bank.swapaxes(2, 3).reshape(size, size, ins, channels_in, outs, channels_out)


def _without_jump(coordinates):
    angle = coordinates[..., -1:] / math.sqrt(2.0)
    return jnp.concatenate([coordinates[..., :-1], jnp.cos(angle), jnp.sin(angle)], axis=-1)


def _disc(places, between, group):
    square = jnp.sum(places * places, axis=-1)
    if group in VOLUME_PRESERVING:
        return (square <= 1).astype(places.dtype)
    if between is not None:
        square = square + jnp.sum(between * between, axis=-1)[None]
    # The root is not differentiable at the centre.
    centre = square == 0
    radius = jnp.where(centre, 0.0, jnp.sqrt(jnp.where(centre, 1.0, square)))
    return jax.nn.sigmoid(_SLOPE * (1 - radius))
