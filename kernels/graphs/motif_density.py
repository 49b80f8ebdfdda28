"""How often small graphs are found in a graphon."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.graphs.adjacency import require_square
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_choice

MOTIF_EDGES = {"edge": 1, "path-2": 2, "triangle": 3, "4-cycle": 4}


@functools.partial(jax.jit, static_argnames=("motif",))
def motif_density(graphon: Float[Array, "n n"], motif: str) -> Float[Array, ""]:
    """The probability `t(F, W)` that nodes at random places have at least the edges of the motif F.

    Of two graphons it differs by no more than `MOTIF_EDGES[motif]` times the cut norm of their difference (the counting
    lemma). Of the adjacency matrix of a graph it is the density of homomorphisms from F.

    Args:
      graphon: `(n, n)`, W, floating point, symmetric.
      motif: static, one of `MOTIF_EDGES`.

    Returns:
      A scalar, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to permutations of the nodes.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Lovasz, Large Networks and Graph Limits (2012), sections 5.2 and 10.5.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import graphs
      >>> graphs.motif_density(jnp.full((4, 4), 0.5), "triangle")  # 0.5^3
      Array(0.125, dtype=float32)
    """
    require_square("graphon", graphon)
    require_choice("motif", motif, tuple(MOTIF_EDGES))
    wide = graphon.astype(accumulation_dtype(graphon))
    if motif == "edge":
        return jnp.mean(wide)
    if motif == "path-2":
        return jnp.mean(jnp.mean(wide, axis=1) ** 2)
    two_steps = contract("ij,jk->ik", wide, wide) / wide.shape[0]
    return jnp.mean(two_steps * (wide if motif == "triangle" else two_steps))
