"""Functions of an edge's length."""

import jax
from flax import nnx

from jaxinv.kernels.harmonics import radial_basis


class RadialBasis(nnx.Module):
    """`kernels.harmonics.radial_basis`; it has no parameters."""

    def __init__(self, num: int, cutoff: float, *, order: int = 6):
        """Takes the number of functions, the cutoff in the unit of lengths, and the order of the envelope."""
        self.num, self.cutoff, self.order = num, cutoff, order

    def __call__(self, lengths: jax.Array) -> jax.Array:
        """`(...)` to `(..., num)`."""
        return radial_basis(lengths, self.num, cutoff=self.cutoff, order=self.order)
