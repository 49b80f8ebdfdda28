"""Symmetry for modules that have none, and a regulariser towards several symmetries."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from jaxinv.kernels import symmetrization as kernels


class FrameAveraged(nnx.Module):
    """`kernels.symmetrization.pca_frame_average` of a module."""

    def __init__(
        self,
        module: Callable[..., Any],
        group: str,
        *,
        inputs: Sequence[str] | None = None,
        output: Any = "scalar",
        tolerance: float = 1e-3,
        detached: bool = True,
        stacked: bool = False,
    ):
        """Takes the module, or any function.

        Args:
          module: of points, `(*batch, n, d)`, and features.
          group: "e", "se", "o" or "so".
          inputs: kinds of points and features; by default one point, then scalars.
          output: kind, or kinds, of what the module returns.
          tolerance: of the gap below which clouds are degenerate.
          detached: whether frames are constants under differentiation; False where forces are to be the derivative.
          stacked: whether the module is called on stacked copies in place of `jax.vmap`: for modules that draw random
            numbers or keep statistics.
        """
        self.module, self.group = module, group
        self.inputs = None if inputs is None else tuple(inputs)
        self.output, self.tolerance = output, tolerance
        self.detached, self.stacked = detached, stacked

    def __call__(
        self,
        points: jax.Array,
        *features: Any,
        mask: jax.Array | None = None,
        weights: jax.Array | None = None,
        key: jax.Array | None = None,
    ) -> Any:
        """The average over the frames of the points, or the call on one element drawn with `key`."""
        clouds: dict[str, Any] = {"mask": mask, "weights": weights, "key": key}
        kinds: dict[str, Any] = {"group": self.group, "inputs": self.inputs, "output": self.output}
        options: dict[str, Any] = {"tolerance": self.tolerance, "detached": self.detached, "stacked": self.stacked}
        return kernels.pca_frame_average(self.module, points, *features, **kinds, **clouds, **options)


class Basis(nnx.Variable):
    """Bases of equivariant maps: not trained."""


class Strength(nnx.Variable):
    """Strengths of symmetries: tuned, not trained."""


class EquivarianceRegularizer(nnx.Module):
    """`kernels.symmetrization.soft_equivariance`, with its bases and strengths."""

    def __init__(self, bases: Sequence[Any], strengths: Sequence[float] | jax.Array, *, kind: str = "square"):
        """Takes for each group a pytree of bases, shaped like the parameters, and a strength."""
        self.bases = Basis(jax.tree.map(lambda basis: jnp.asarray(basis, float), tuple(bases)))
        self.strengths = Strength(jnp.asarray(strengths, float))
        self.kind = kind

    def __call__(self, parameters: Any) -> kernels.SoftEquivariance:
        """The loss to add, and the penalty of each group."""
        return kernels.soft_equivariance(parameters, self.bases.get_value(), self.strengths[...], kind=self.kind)

    def tune(self, penalties: jax.Array, *, power: float = 2.0) -> None:
        """Sets the strengths by `kernels.symmetrization.tune_strengths`."""
        self.strengths[...] = kernels.tune_strengths(self.strengths[...], penalties, power=power)
