"""Any module of points made invariant, or equivariant, by the coordinates that it is given."""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.numerics.validation import require_choice

OUTPUTS = ("scalar", "point", "vector")


class TransformationInvariant(nnx.Module):
    """`kernels.symmetrization.tinv_apply` of a module, or `tinv_equivariant`."""

    def __init__(
        self,
        module: Callable[..., Any],
        *,
        output: str = "scalar",
        mode: str = "canonical",
        swaps: bool = False,
        signs: str = "skew",
        scale: str | None = "rms",
        chiral: bool = False,
        tolerance: float = 1e-3,
        detached: bool = True,
    ):
        """Takes the module, or any function.

        Args:
          module: of points `(..., n, d)` and features.
          output: "scalar": the module's result is invariant; "point" or "vector": it is points or vectors, and is moved
            back.
          mode: "canonical", "average", or "max" for scalars.
          swaps: whether averages are over orders of the axes too.
          signs, scale, chiral, tolerance, detached: of `kernels.symmetrization.tinv`.
        """
        require_choice("output", output, OUTPUTS)
        self.module = module
        self.output, self.mode, self.swaps = output, mode, swaps
        self.signs, self.scale, self.chiral = signs, scale, chiral
        self.tolerance, self.detached = tolerance, detached

    def __call__(
        self, points: jax.Array, *features: Any, mask: jax.Array | None = None, key: jax.Array | None = None
    ) -> Any:
        """The module's result on the invariant coordinates; with `key` on drawn senses of the axes, to train with.

        The module is to see a mask among its features.
        """
        options: dict[str, Any] = {
            "mode": self.mode if key is None else "random",
            "swaps": self.swaps and key is None,
            "key": key,
            "mask": mask,
            "signs": self.signs,
            "scale": self.scale,
            "chiral": self.chiral,
            "tolerance": self.tolerance,
            "detached": self.detached,
        }
        if self.output == "scalar":
            return kernels.tinv_apply(self.module, points, *features, **options)
        return kernels.tinv_equivariant(self.module, points, *features, output=self.output, **options)
