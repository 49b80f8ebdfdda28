"""A guard for maps that jump, and so have no derivative that would be of use."""

import functools
from typing import TypeVar

import jax

Tree = TypeVar("Tree")


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def no_derivative(name: str, tree: Tree) -> Tree:
    """The identity; differentiating it raises TypeError saying that `name` is not differentiable."""
    del name
    return tree


@no_derivative.defjvp
def _refuse(name, primals, tangents):
    del primals, tangents
    raise TypeError(f"{name} is not differentiable: it jumps where the structure of the matrix changes")
