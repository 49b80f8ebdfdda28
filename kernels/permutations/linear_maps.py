"""The nine linear maps between tensors of order 0, 1 and 2 over n nodes that follow every renumbering of the nodes.

`eq_KtoL` takes order K to order L: of shapes `(..., c)`, `(..., n, c)` and `(..., n, n, c)`. Each is a sum over its
basis operations, made of the diagonal d_i = A_ii, the sums r_i = sum_j A_ij of rows and c_j = sum_i A_ij of columns,
the trace t and the sum s of all entries. In the order of the coefficients, with D for Kronecker's delta:

| map | operations |
| --- | --- |
| 0 to 0, 1, 2 | x; x; D_ij x, x |
| 1 to 0 | sum x |
| 1 to 1 | x_i, sum x |
| 1 to 2 | D_ij x_i, D_ij sum x, x_j, x_i, sum x |
| 2 to 0 | t, s |
| 2 to 1 | d_i, t, r_i, c_i, s |
| 2 to 2 | D_ij times d_i, t, r_i, c_i, s; c_i, r_i, c_j, r_j; A_ij, A_ji; d_i, d_j; t, s |

Every sum over a node is divided by the number of nodes, unless `normalize` is False. A bias has one vector, that of
order 2 two: everywhere, and on the diagonal. The operations are independent from n = 4 on (1 to 2 from n = 3).

No operation is held by itself: there are two products with the whole tensor of order 2, the others are with its sums.

References: Maron, Ben-Hamu, Shamir, Lipman, Invariant and equivariant graph networks, ICLR 2019, arXiv:1812.09902.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape

NUM_OPERATIONS = {(0, 0): 1, (0, 1): 1, (0, 2): 2, (1, 0): 1, (1, 1): 2, (1, 2): 5, (2, 0): 2, (2, 1): 5, (2, 2): 15}
"""By the orders of input and result."""
NUM_BIASES = {0: 1, 1: 1, 2: 2}
"""By the order of the result."""

# Positions of the coefficients. Down: d, r, c, or x itself; t, s, or the sum. Across: where it goes in the result; for
# order 2 along rows (the same for all j), along columns, on the diagonal; everywhere, on the diagonal.
_OF_VECTORS = {
    (0, 1): np.zeros((0, 1), int),
    (0, 2): np.zeros((0, 3), int),
    (1, 1): [[0]],
    (1, 2): [[3, 2, 0]],
    (2, 1): [[0], [2], [3]],
    (2, 2): [[11, 12, 0], [6, 8, 2], [5, 7, 3]],
}
_OF_SCALARS = {
    (0, 0): [[0]],
    (0, 1): [[0]],
    (0, 2): [[1, 0]],
    (1, 0): [[0]],
    (1, 1): [[1]],
    (1, 2): [[4, 1]],
    (2, 0): [[0], [1]],
    (2, 1): [[1], [4]],
    (2, 2): [[13, 1], [14, 4]],
}
_OF_MATRIX = (9, 10)


@jax.jit
def eq_0to0(x: jax.Array, coefficients: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """The equivariant linear map from order 0 to order 0: x.

    Args:
      x: `(..., c_in)`, floating point.
      coefficients: `(1, c_in, c_out)`, of these operations in this order.
      bias: `(1, c_out)`; by default none.

    Returns:
      `(..., c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.
    """
    return _map(x, coefficients, bias, None, (0, 0), True)


@jax.jit
def eq_0to1(x: jax.Array, coefficients: jax.Array, bias: jax.Array | None = None, *, mask: jax.Array) -> jax.Array:
    """The equivariant linear map from order 0 to order 1: x at every node.

    Args:
      x: `(..., c_in)`, floating point.
      coefficients: `(1, c_in, c_out)`, of these operations in this order.
      bias: `(1, c_out)`; by default none.
      mask: `(..., n)` bool, how many nodes there are, and which: the others get 0.

    Returns:
      `(..., n, c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.
    """
    return _map(x, coefficients, bias, mask, (0, 1), True)


@jax.jit
def eq_0to2(x: jax.Array, coefficients: jax.Array, bias: jax.Array | None = None, *, mask: jax.Array) -> jax.Array:
    """The equivariant linear map from order 0 to order 2: x on the diagonal, and everywhere.

    Args:
      x: `(..., c_in)`, floating point.
      coefficients: `(2, c_in, c_out)`, of these operations in this order.
      bias: `(2, c_out)`, everywhere and on the diagonal; by default none.
      mask: `(..., n)` bool, how many nodes there are, and which: the others get 0.

    Returns:
      `(..., n, n, c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.
    """
    return _map(x, coefficients, bias, mask, (0, 2), True)


@functools.partial(jax.jit, static_argnames=("normalize",))
def eq_1to0(
    x: jax.Array,
    coefficients: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    normalize: bool = True,
) -> jax.Array:
    """The equivariant linear map from order 1 to order 0: the sum over nodes.

    Args:
      x: `(..., n, c_in)`, floating point.
      coefficients: `(1, c_in, c_out)`, of these operations in this order.
      bias: `(1, c_out)`; by default none.
      mask: `(..., n)` bool, which nodes there are, by default all.
      normalize: static; divides each sum over nodes by their number.

    Returns:
      `(..., c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.
    """
    return _map(x, coefficients, bias, mask, (1, 0), normalize)


@functools.partial(jax.jit, static_argnames=("normalize",))
def eq_1to1(
    x: jax.Array,
    coefficients: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    normalize: bool = True,
) -> jax.Array:
    """The equivariant linear map from order 1 to order 1: x_i, and the sum over nodes.

    Args:
      x: `(..., n, c_in)`, floating point.
      coefficients: `(2, c_in, c_out)`, of these operations in this order.
      bias: `(1, c_out)`; by default none.
      mask: `(..., n)` bool, which nodes there are, by default all.
      normalize: static; divides each sum over nodes by their number.

    Returns:
      `(..., n, c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> x = jnp.array([[1.0], [2.0], [6.0]])  # three nodes, one channel
      >>> coefficients = jnp.array([[[1.0]], [[-1.0]]])  # itself, less the mean
      >>> permutations.eq_1to1(x, coefficients)[:, 0]
      Array([-2., -1.,  3.], dtype=float32)
    """
    return _map(x, coefficients, bias, mask, (1, 1), normalize)


@functools.partial(jax.jit, static_argnames=("normalize",))
def eq_1to2(
    x: jax.Array,
    coefficients: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    normalize: bool = True,
) -> jax.Array:
    """The equivariant linear map from order 1 to order 2: x_i, sum on the diagonal; x_j, x_i, sum everywhere.

    Args:
      x: `(..., n, c_in)`, floating point.
      coefficients: `(5, c_in, c_out)`, of these operations in this order.
      bias: `(2, c_out)`, everywhere and on the diagonal; by default none.
      mask: `(..., n)` bool, which nodes there are, by default all.
      normalize: static; divides each sum over nodes by their number.

    Returns:
      `(..., n, n, c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.
    """
    return _map(x, coefficients, bias, mask, (1, 2), normalize)


@functools.partial(jax.jit, static_argnames=("normalize",))
def eq_2to0(
    x: jax.Array,
    coefficients: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    normalize: bool = True,
) -> jax.Array:
    """The equivariant linear map from order 2 to order 0: the trace, and the sum of all entries.

    Args:
      x: `(..., n, n, c_in)`, floating point.
      coefficients: `(2, c_in, c_out)`, of these operations in this order.
      bias: `(1, c_out)`; by default none.
      mask: `(..., n)` bool, which nodes there are, by default all.
      normalize: static; divides each sum over nodes by their number.

    Returns:
      `(..., c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> ring = jnp.asarray(permutations.skip_links(6, (1,)), jnp.float32)[..., None]
      >>> permutations.eq_2to0(ring, jnp.array([[[0.0]], [[0.5]]]), normalize=False)  # the number of edges
      Array([6.], dtype=float32)
    """
    return _map(x, coefficients, bias, mask, (2, 0), normalize)


@functools.partial(jax.jit, static_argnames=("normalize",))
def eq_2to1(
    x: jax.Array,
    coefficients: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    normalize: bool = True,
) -> jax.Array:
    """The equivariant linear map from order 2 to order 1: diagonal, trace, sums of rows, of columns, of all entries.

    Args:
      x: `(..., n, n, c_in)`, floating point.
      coefficients: `(5, c_in, c_out)`, of these operations in this order.
      bias: `(1, c_out)`; by default none.
      mask: `(..., n)` bool, which nodes there are, by default all.
      normalize: static; divides each sum over nodes by their number.

    Returns:
      `(..., n, c_out)`, as of `eq_2to2`.

    Raises:
      TypeError, ValueError: as `eq_2to2`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.
    """
    return _map(x, coefficients, bias, mask, (2, 1), normalize)


@functools.partial(jax.jit, static_argnames=("normalize",))
def eq_2to2(
    x: jax.Array,
    coefficients: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    normalize: bool = True,
) -> jax.Array:
    """The equivariant linear map from order 2 to order 2; the other eight are as this one.

    Args:
      x: `(..., n, n, c_in)`, floating point; leading axes are further tensors.
      coefficients: `(15, c_in, c_out)`, in the order of the module's table; the others take `NUM_OPERATIONS` of them.
      bias: `(2, c_out)`, everywhere and on the diagonal; the others take `NUM_BIASES`. By default none.
      mask: `(..., n)` bool, which nodes there are: the others count as absent, whatever stands there, and get 0. By
        default all.
      normalize: static; divides each sum over nodes by their number, so that the map cannot count them.

    Returns:
      `(..., n, n, c_out)`, in the common dtype of x and coefficients; sums in float32 at least. 0 without nodes.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Equivariant to renumbering of the nodes, mask and all. Work: `4 n^2 c_in c_out` operations and a few passes.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: see the module.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import permutations
      >>> x = jax.random.normal(jax.random.key(0), (5, 5, 2))
      >>> coefficients = jax.random.normal(jax.random.key(1), (15, 2, 3))
      >>> order = jnp.array([3, 0, 4, 1, 2])
      >>> found = permutations.eq_2to2(x, coefficients)
      >>> renumbered = permutations.eq_2to2(x[order][:, order], coefficients)
      >>> found.shape, bool(jnp.allclose(found[order][:, order], renumbered, atol=1e-4))
      ((5, 5, 3), True)
    """
    return _map(x, coefficients, bias, mask, (2, 2), normalize)


def _map(x, coefficients, bias, mask, orders, normalize):
    x, coefficients = jnp.asarray(x), jnp.asarray(coefficients)
    present = _checked(x, coefficients, bias, mask, orders)
    order_in, order_out = orders
    vectors, scalars, x = _sums(x, present, order_in, normalize)
    # (parts of the result, ..., c_out)
    of_scalars = contract("...bc,bpco->p...o", scalars, coefficients[np.array(_OF_SCALARS[orders])])
    if bias is not None:
        of_scalars = of_scalars + jnp.expand_dims(bias, tuple(range(1, of_scalars.ndim - 1))).astype(of_scalars.dtype)
    if order_out == 0:
        result = of_scalars[0]
        there = jnp.any(present, axis=-1, keepdims=True)
    else:
        of_vectors = contract("...nbc,bpco->p...no", vectors, coefficients[np.array(_OF_VECTORS[orders])])
        result, there = (of_vectors[0] + of_scalars[0][..., None, :]), present[..., None]
        if order_out == 2:
            _, columns, diagonal = of_vectors
            diagonal = diagonal + of_scalars[1][..., None, :]
            result = result[..., None, :] + columns[..., None, :, :]
            result = result + jnp.where(_eye(present), diagonal[..., None, :], 0)
            there = _pairs(present)
    if orders == (2, 2):
        straight, turned = (contract("...ijc,co->...ijo", x, coefficients[b]) for b in _OF_MATRIX)
        result = result + straight + jnp.swapaxes(turned, -2, -3)
    return jnp.where(there, result, 0).astype(jnp.result_type(x, coefficients))


def _sums(x, present, order, normalize):
    """What x gives each node and all of them, `(..., n, parts, c)` and `(..., parts, c)`, and x itself without pads."""
    if order == 0:
        return jnp.zeros((*present.shape, 0, x.shape[-1]), x.dtype), x[..., None, :], x
    dtype = accumulation_dtype(x)
    nodes = jnp.maximum(jnp.sum(present if normalize else present & False, axis=-1, keepdims=True, dtype=dtype), 1)
    if order == 1:
        x = jnp.where(present[..., None], x, 0)
        return x[..., None, :], (jnp.sum(x, axis=-2, dtype=dtype) / nodes)[..., None, :], x
    x = jnp.where(_pairs(present), x, 0)
    diagonal = jnp.sum(jnp.where(_eye(present), x, 0), axis=-2, dtype=dtype)
    rows, columns = (jnp.sum(x, axis=axis, dtype=dtype) / nodes[..., None] for axis in (-2, -3))
    scalars = [jnp.sum(part, axis=-2) / nodes for part in (diagonal, rows)]
    return jnp.stack([diagonal, rows, columns], axis=-2), jnp.stack(scalars, axis=-2), x


def _pairs(present):
    """`(..., n, n, 1)`."""
    return (present[..., :, None] & present[..., None, :])[..., None]


def _eye(present):
    """The diagonal, as broad as `_pairs`."""
    n = present.shape[-1]
    return jnp.eye(n, dtype=bool).reshape((1,) * (present.ndim - 1) + (n, n, 1))


def _checked(x, coefficients, bias, mask, orders):
    """Which nodes there are, `(..., n)`; from order 0 to 0 one."""
    order_in, order_out = orders
    require_floating("x", x)
    require_floating("coefficients", coefficients)
    if x.ndim < order_in + 1 or (order_in == 2 and x.shape[-3] != x.shape[-2]):
        wanted = ("(..., channels)", "(..., n, channels)", "(..., n, n, channels)")[order_in]
        raise ValueError(f"x must have shape {wanted}, got {x.shape}")
    require_shape("coefficients", coefficients, (NUM_OPERATIONS[orders], x.shape[-1], None))
    if bias is not None:
        require_floating("bias", bias)
        require_shape("bias", bias, (NUM_BIASES[order_out], coefficients.shape[-1]))
    lead = x.shape[: x.ndim - 1 - order_in]
    if mask is None:
        return jnp.ones((*lead, x.shape[-2] if order_in else 1), bool)
    mask = jnp.asarray(mask)
    require_shape("mask", mask, (*lead, x.shape[-2] if order_in else None))
    if mask.dtype != jnp.bool:
        raise TypeError(f"mask must be boolean, got dtype {mask.dtype}")
    return mask
