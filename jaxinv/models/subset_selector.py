"""Networks that choose a subset of a set: EquiVSet, and INSET, which is told of the whole set.

The elements are encoded one by one, a utility reads the sum over a subset, and mean-field steps on it give each element
its probability. `SubsetSelector` without the statistic of the whole set is EquiVSet, with it INSET; `SubsetProposal`
is the amortised network of EquiVSet's two other forms, which says where the steps start.

References: Ou et al., Learning neural set functions under the optimal subset oracle (EquiVSet), NeurIPS 2022,
arXiv:2203.01693; Xie et al., Enhancing neural subset selection (INSET), ICLR 2024, arXiv:2402.03139.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.permutations import MeanField, elbo, mean_field, subset_sums, superset_statistic
from jaxinv.nn.sets import SetUtility


class SubsetSelector(nnx.Module):
    """Elements of one set to their probabilities; `jax.vmap` over sets, padded and masked, makes batches."""

    def __init__(
        self,
        num_in: int,
        *,
        num_features: Sequence[int] = (256,),
        num_hidden: Sequence[int] = (500, 500),
        told_superset: bool = True,
        pooling: str = "sum",
        num_steps: int = 1,
        num_samples: int = 5,
        shared_draw: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: numbers of an element.
          num_features: widths of the encoder of elements, with ReLU between its layers; one layer is linear.
          num_hidden: widths of the utility.
          told_superset: whether the utility is told the sum over all elements (INSET) or not (EquiVSet).
          pooling: of that sum; "mean" or "root" for sets of many sizes. See `superset_statistic`.
          num_steps: of mean field.
          num_samples: in each step.
          shared_draw: whether all elements meet the same draws; see `marginal_logits`.
          dtype: of features; by default that of the parameters. Utilities and logits are in float32 at least.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: no step, no sample.
        """
        require_at_least("num_steps", num_steps, 1)
        require_at_least("num_samples", num_samples, 1)
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.encoder = _Encoder((num_in, *num_features), **types, rngs=rngs)
        told = num_features[-1] if told_superset else None
        self.utility = SetUtility(num_features[-1], num_hidden, num_statistic=told, **types, rngs=rngs)
        self.told_superset, self.pooling = told_superset, pooling
        self.num_steps, self.num_samples, self.shared_draw = num_steps, num_samples, shared_draw

    def __call__(
        self, points: jax.Array, key: jax.Array, *, mask: jax.Array | None = None, q: jax.Array | None = None
    ) -> MeanField:
        """Probabilities and logits of the elements.

        Args:
          points: `(n, num_in)`.
          key: of the draws.
          mask: `(n,)` bool, which elements there are, by default all.
          q: `(n,)`, probabilities where the steps start, constants; by default 1/2.

        Equivariant to permutations in distribution. Transformations: jit, vmap over sets, grad by parameters.
        """
        h, utility = self._folded(points, mask)
        options = {"num_steps": self.num_steps, "num_samples": self.num_samples, "shared_draw": self.shared_draw}
        return mean_field(utility, h, key, q=q, mask=mask, **options)

    def utilities(self, points: jax.Array, subsets: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        """F of subsets `(..., n)` of the points `(n, num_in)`, `(...)`."""
        h, utility = self._folded(points, mask)
        return utility(subset_sums(h, subsets, mask=mask))

    def elbo(
        self, points: jax.Array, logits: jax.Array, subsets: jax.Array, *, mask: jax.Array | None = None
    ) -> jax.Array:
        """What a proposal of these logits, from which the subsets are drawn, is trained to make large."""
        h, utility = self._folded(points, mask)
        return elbo(utility, h, logits, subsets, mask=mask)

    def _folded(self, points, mask):
        h = self.encoder(points)
        told = superset_statistic(h, mask=mask, pooling=self.pooling) if self.told_superset else None
        return self.utility.fold(h, told)


class Proposal(NamedTuple):
    """For `sample_bernoulli`, or with all three for `sample_bernoulli_copula`.

    Attributes:
      logits: `(n,)`.
      std: `(n,)`, above 0; None without a copula.
      factors: `(n, rank)`, from -1 to 1; None without a copula.
    """

    logits: jax.Array
    std: jax.Array | None
    factors: jax.Array | None


class SubsetProposal(nnx.Module):
    """Elements to what random subsets are drawn by, each element by itself: no mean-field step is needed."""

    def __init__(
        self,
        num_in: int,
        *,
        num_features: Sequence[int] = (256, 500, 500),
        rank: int | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: numbers of an element.
          num_features: widths of the layers before the heads, with ReLU between them.
          rank: of the copula, 5 as published; None for independent elements.
          dtype: of features; by default that of the parameters.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.encoder = _Encoder((num_in, *num_features), **types, rngs=rngs)
        num_out = 1 if rank is None else 2 + rank
        self.head = nnx.Linear(num_features[-1], num_out, **types, rngs=rngs)
        self.rank = rank

    def __call__(self, points: jax.Array) -> Proposal:
        """Points `(n, num_in)`; equivariant to permutations."""
        found = self.head(jax.nn.relu(self.encoder(points)))
        if self.rank is None:
            return Proposal(found[..., 0], None, None)
        return Proposal(found[..., 0], jax.nn.softplus(found[..., 1]), jnp.tanh(found[..., 2:]))


class _Encoder(nnx.Module):
    """Dense layers with ReLU between them."""

    def __init__(self, widths: Sequence[int], *, dtype, param_dtype, rngs: nnx.Rngs):
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.layers = nnx.List([nnx.Linear(*pair, **types, rngs=rngs) for pair in itertools.pairwise(widths)])

    def __call__(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = jax.nn.relu(layer(x))
        return last(x)
