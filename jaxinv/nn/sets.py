"""The energy of subsets as a layer."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import permutations as kernels
from jaxinv.nn.parameters import cast, parameter


class SetUtility(nnx.Module):
    """`kernels.permutations.set_utility`, and `fold_utility` for many subsets of one set."""

    def __init__(
        self,
        num_in: int,
        num_hidden: Sequence[int],
        *,
        num_statistic: int | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: features of elements.
          num_hidden: widths of the hidden layers.
          num_statistic: features of the statistic of the whole set; None where it is not told.
          dtype: of features and parameters in the computation; sums and what follows are in float32 at least.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        init, widths = nnx.initializers.lecun_normal(), (num_in, *num_hidden, 1)
        pairs = list(itertools.pairwise(widths))
        self.kernels = nnx.List([parameter(init, rngs, pair, param_dtype) for pair in pairs])
        self.biases = nnx.List([nnx.Param(jnp.zeros(out, param_dtype)) for _, out in pairs])
        shape = None if num_statistic is None else (num_statistic, widths[1])
        self.statistic_kernel = None if shape is None else parameter(init, rngs, shape, param_dtype)
        self.dtype = dtype

    def __call__(self, sums: jax.Array, statistic: jax.Array | None = None) -> jax.Array:
        """Sums over subsets `(..., num_in)` and the statistic `(num_statistic,)` to `(...)`."""
        return kernels.set_utility(self._params(), *self._inputs(sums, statistic))

    def fold(self, h: jax.Array, statistic: jax.Array | None = None) -> tuple[jax.Array, kernels.Utility]:
        """Features `(n, num_in)` to `(n, num_hidden[0])`, and the function of sums of these."""
        return kernels.fold_utility(self._params(), *self._inputs(h, statistic))

    def _params(self) -> kernels.SetUtilityParams:
        every, biases = (cast(self.dtype, *(one[...] for one in each)) for each in (self.kernels, self.biases))
        statistic = None if self.statistic_kernel is None else cast(self.dtype, self.statistic_kernel[...])[0]
        return kernels.SetUtilityParams(every, biases, statistic)

    def _inputs(self, h, statistic):
        return cast(self.dtype, h)[0], None if statistic is None else cast(self.dtype, statistic)[0]
