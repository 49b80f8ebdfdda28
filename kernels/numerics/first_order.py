"""A guard for derivative rules that are exact to first order and undefined beyond."""

import functools
from typing import TypeVar

import jax

Tree = TypeVar("Tree")


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def first_order_only(name: str, coefficients: Tree) -> Tree:
    """The identity; differentiating it raises TypeError saying that `name` has no second derivative.

    A `custom_jvp` rule passes its coefficients through it, so that a second derivative is refused, not wrong.
    """
    del name
    return coefficients


@first_order_only.defjvp
def _refuse(name, primals, tangents):
    del primals, tangents
    raise TypeError(f"{name} is differentiable once; its second derivative is not defined here")
