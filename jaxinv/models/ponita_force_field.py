"""PONITA as a force field: energies of atoms from positions, forces as their exact gradient."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.numerics.precision import contract
from jaxinv.models.force_field import Edges
from jaxinv.models.ponita import Ponita, PositionNetwork

_SMALL = 0.1


class PonitaForceField(nnx.Module):
    """`Ponita` from kinds of atoms to energies, called as `ForceField` is.

    The energy is invariant under translations and permutations, under rotations up to the grid, and twice continuously
    differentiable where atoms cross the cutoff. Forces are its gradient to rounding all the same.
    """

    def __init__(
        self,
        num_species: int,
        *,
        num_channels: int = 64,
        num_basis: int = 64,
        num_orientations: int | None = 20,
        kind: str = "polyhedron",
        num_layers: int = 3,
        cutoff: float = 5.0,
        length: float = 1.0,
        scale: float = 1.0,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_species: species are numbered 0 .. num_species - 1.
          num_channels: of features.
          num_basis: functions that all kernels are linear in.
          num_orientations: of the grid; None: `PositionNetwork` in place of `Ponita`.
          kind: of the grid.
          num_layers: an atom's energy depends on atoms within as many cutoffs.
          cutoff: in the unit of positions.
          length: by which distances are divided before their powers are taken: about that of a bond, since a cutoff
            makes the kernels too smooth for one.
          scale: of energies, in their unit: such as the root mean square of the forces, times the unit of positions.
          dtype: of features; directions and energies are computed in that of the positions.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: as `Ponita`.
        """
        self.num_species, self.scale = num_species, float(scale)
        self.shifts = nnx.Param(jnp.zeros(num_species, param_dtype))
        sizes: dict[str, Any] = {"num_hidden": num_channels, "num_basis": num_basis, "num_layers": num_layers}
        lengths: dict[str, Any] = {"length": length, "cutoff": cutoff}
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        if num_orientations is None:
            self.network = PositionNetwork(num_species, 0, 1, 0, **sizes, **lengths, **types)
        else:
            grid: dict[str, Any] = {"num_orientations": num_orientations, "kind": kind}
            self.network = Ponita(num_species, 0, 1, 0, **grid, **sizes, **lengths, **types)
        for readout in self.network.readouts:
            # Small: a fit starts from about the shifts alone.
            readout.kernel[...] *= _SMALL

    def atomic_energies(
        self, positions: jax.Array, species: ArrayLike, edges: Edges, atom_mask: ArrayLike | None = None
    ) -> jax.Array:
        """The energy of each atom; arguments and result as of `ForceField.atomic_energies`."""
        atoms = jnp.ones(positions.shape[0], bool) if atom_mask is None else jnp.asarray(atom_mask)
        senders, receivers = jnp.asarray(edges.senders), jnp.asarray(edges.receivers)
        there = atoms[senders] & atoms[receivers]
        there = there if edges.mask is None else there & jnp.asarray(edges.mask)
        kinds = jax.nn.one_hot(species, self.num_species, dtype=positions.dtype)
        found = self.network(positions, kinds, edges=Edges(senders, receivers, there))
        shifts = contract("as,s->a", kinds, self.shifts[...].astype(positions.dtype))
        return jnp.where(atoms, shifts + self.scale * found.scalars[:, 0], 0)

    def __call__(
        self, positions: jax.Array, species: ArrayLike, edges: Edges, atom_mask: ArrayLike | None = None
    ) -> jax.Array:
        """The energy `()` of all atoms: the sum of `atomic_energies`."""
        return jnp.sum(self.atomic_energies(positions, species, edges, atom_mask))
