"""Where a gradient vanishes, found by any means, with derivatives from the implicit function theorem."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.conjugate_gradients import conjugate_gradients

Point = TypeVar("Point")
_MOST_STEPS = 500


def _as_it_is(point: Any, parameters: Any) -> Callable[[Any], Any]:
    del point, parameters
    return lambda vector: vector


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _stationary_point(gradient, solve, preconditioner, parameters):
    del gradient, preconditioner
    return solve(parameters)


@_stationary_point.defjvp
def _implicit(gradient, solve, preconditioner, primals, tangents):
    (parameters,), (change,) = primals, tangents
    point, work = _stationary_point(gradient, solve, preconditioner, parameters)
    _, drift = jax.jvp(lambda given: gradient(point, given), (parameters,), (change,))
    _, hessian = jax.linearize(lambda at: gradient(at, parameters), point)
    step = conjugate_gradients(
        hessian,
        drift,
        preconditioner=preconditioner(*jax.lax.stop_gradient((point, parameters))),
        tolerance=1e-6 if jnp.finfo(work.dtype).bits == 32 else 1e-13,
        max_steps=_MOST_STEPS,
    )
    return (point, work), (jax.tree.map(jnp.negative, step), jnp.zeros_like(work))


def stationary_point(
    gradient: Callable[[Point, Any], Point],
    solve: Callable[[Any], tuple[Point, jax.Array]],
    parameters: Any,
    *,
    preconditioner: Callable[[Point, Any], Callable[[Point], Point]] = _as_it_is,
) -> tuple[Point, jax.Array]:
    """The point with `gradient(point, parameters) = 0`, and how much work it was.

    Args:
      gradient: of a function that is convex (or concave) in the point; it closes over no arrays.
      solve: `solve(parameters)` gives the point, as any pytree of arrays, and a floating-point `()` diagnostic; it is
        never differentiated, and closes over no arrays.
      parameters: any pytree of floating-point arrays.
      preconditioner: `preconditioner(point, parameters)` maps a gradient to about the Hessian's inverse times it.

    Transformations: jit, vmap, jvp, vjp, any order; as exact as `gradient` is zero at the point. The Hessian is
      inverted by conjugate gradients. It may be singular where the gradient does not depend on the parameters along its
      null space.
    """
    return _stationary_point(gradient, solve, preconditioner, parameters)
