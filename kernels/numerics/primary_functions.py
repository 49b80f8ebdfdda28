"""The derivative of a primary matrix function f (exp, log, square root), for any algorithm that computes f.

The Fréchet derivative `L(A, E)` is the function's own forward derivative. Reverse mode needs its transpose, which is
`L(A^T, .)`: the same algorithm again. So loops whose length depends on the data stay possible, and nothing is stored
but A. The derivative of L by A is a block of L at `[[A, E], [0, A]]`, which gives every higher order.

A primitive, not a `custom_vjp`, for it is differentiated in both modes.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

_frechet = Primitive("frechet_derivative")


def primary_function(function: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], jax.Array]:
    """`function` with `frechet_derivative` for its derivative, in both modes and any order."""
    differentiable = jax.custom_jvp(function)

    @differentiable.defjvp
    def jvp(primals, tangents):
        return differentiable(*primals), frechet_derivative(function, *primals, *tangents)

    return differentiable


def frechet_derivative(function: Callable[[jax.Array], jax.Array], a: jax.Array, direction: jax.Array) -> jax.Array:
    """`L(A, E)`, the derivative of a primary function at A along E.

    Args:
      function: `(..., n, n)` to the same, with `function(A^T) = function(A)^T`, differentiable in forward mode, for n
        and, where a second derivative is taken, 2 n; hashable, equal to itself from call to call.
      a: `(..., n, n)`.
      direction: of the shape and dtype of a.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: Mathias, A chain rule for matrix functions and applications, SIAM J. Matrix Anal. Appl. 17 (1996).
    """
    return _frechet.bind(a, direction, function=function)


def _forward(a, direction, *, function):
    return jax.jvp(function, (a,), (direction,))[1]


_frechet.def_impl(jax.jit(_forward, static_argnames="function"))
_frechet.def_abstract_eval(lambda a, direction, *, function: ShapedArray(a.shape, a.dtype))
mlir.register_lowering(_frechet, mlir.lower_fun(_forward, multiple_results=False))


def _jvp(primals, tangents, *, function):
    (a, direction), (a_dot, direction_dot) = primals, tangents
    terms = []
    if not isinstance(direction_dot, ad.Zero):
        terms.append(frechet_derivative(function, a, direction_dot))
    if not isinstance(a_dot, ad.Zero):
        terms.append(_second(function, a, direction, a_dot))
    return frechet_derivative(function, a, direction), sum(terms[1:], terms[0])


def _second(function, a, direction, a_dot):
    n = a.shape[-1]
    # Linear in the direction, whose length must not decide how the block is scaled.
    length, scale = (jnp.max(jnp.abs(jax.lax.stop_gradient(x)), (-2, -1), keepdims=True) for x in (direction, a))
    length = jnp.where(length == 0, 1.0, length / jnp.where(scale == 0, 1.0, scale))
    zero = jnp.zeros_like(a)
    at = jnp.block([[a, direction / length], [zero, a]])
    along = jnp.block([[a_dot, zero], [zero, a_dot]])
    return length * frechet_derivative(function, at, along)[..., :n, n:]


def _transpose(cotangent, a, direction, *, function):
    if isinstance(cotangent, ad.Zero):
        return None, cotangent
    return None, frechet_derivative(function, jnp.swapaxes(a, -2, -1), cotangent)


def _batch(arguments, axes, *, function):
    (size,) = {x.shape[axis] for x, axis in zip(arguments, axes, strict=True) if axis is not None}
    a, direction = (
        jnp.broadcast_to(x[None], (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(arguments, axes, strict=True)
    )
    return frechet_derivative(function, a, direction), 0


ad.primitive_jvps[_frechet] = _jvp
ad.primitive_transposes[_frechet] = _transpose
batching.primitive_batchers[_frechet] = _batch
