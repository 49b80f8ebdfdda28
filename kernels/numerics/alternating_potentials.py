"""The potentials of Sinkhorn's alternation, by products with one matrix for as long as its exponentials serve.

`exp(f_i + g_j - C_ij)`, made once, turns every alternation into two products with scaling factors of rows and columns.
Where the factors leave the range of the dtype, it is made anew from potentials. Derivatives use the same: the softmax
weights of all alternations are this matrix, scaled. All is in units of epsilon.
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_log


def alternation(
    cost: jax.Array, source_weight: jax.Array, target_weight: jax.Array, target_potential: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Both potentials after one alternation, `(n,)` and `(m,)`, by logarithms; also where there is no weight."""
    f = _best(target_potential[None, :] - cost, target_weight[None, :], axis=1)
    return f, _best(f[:, None] - cost, source_weight[:, None], axis=0)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def alternations(
    num_iterations: int,
    cost: jax.Array,
    source_weight: jax.Array,
    target_weight: jax.Array,
    target_potential: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """The potentials before and after each of `num_iterations` alternations, `(num_iterations + 1, n)` and `(.., m)`.

    The first of the source is 0, and so is what has no weight.

    Transformations: jit, vmap, jvp, vjp, any order, in `cost` and `target_potential`, exact for the number of
      iterations. Reverse mode keeps the potentials, and a few arrays of n x m.
    """
    a, b = source_weight, target_weight
    kept = _kept(a, b)

    def from_logarithms(state):
        """One alternation, and as many by products as the matrix serves for."""
        count, sources, targets = state
        f, g = alternation(cost, a, b, targets[count])
        f, g = jnp.where(a > 0, f, 0.0), jnp.where(b > 0, g, 0.0)
        matrix = _exponentials(f[:, None] + g[None, :] - cost, kept)

        def by_products(state):
            count, factor, _, sources, targets = state
            rows, rows_serve = _within_range(contract("ij,j->i", matrix, b * factor), a > 0)
            columns, columns_serve = _within_range(contract("ij,i->j", matrix, a / rows), b > 0)
            # Overwritten later where the matrix has not served.
            sources = sources.at[count + 1].set(f - jnp.log(rows))
            targets = targets.at[count + 1].set(g - jnp.log(columns))
            serves = rows_serve & columns_serve
            return count + serves, 1 / columns, serves, sources, targets

        count, sources, targets = count + 1, sources.at[count + 1].set(f), targets.at[count + 1].set(g)
        start = count, jnp.ones_like(g), jnp.bool_(True), sources, targets
        state = jax.lax.while_loop(lambda s: s[2] & (s[0] < num_iterations), by_products, start)
        return state[0], *state[3:]

    sources = jnp.zeros((num_iterations + 1, a.shape[0]), cost.dtype)
    targets = jnp.zeros((num_iterations + 1, b.shape[0]), cost.dtype)
    start = 0, sources, targets.at[0].set(jnp.where(b > 0, target_potential, 0.0))
    _, sources, targets = jax.lax.while_loop(lambda s: s[0] < num_iterations, from_logarithms, start)
    return sources, targets


@alternations.defjvp
def _changes(num_iterations, primals, tangents):
    (cost, a, b, _), (moved_cost, _, _, moved_target) = primals, tangents
    sources, targets = alternations(num_iterations, *primals)
    first = jnp.where(b > 0, moved_target, 0.0)
    kept = _kept(a, b)
    # From the last ones; the source's first is not used.
    rows, columns = sources[1:] - sources[-1:], targets - targets[-1:]
    serves = jnp.max(jnp.abs(rows), initial=0.0) + jnp.max(jnp.abs(columns), initial=0.0) < 2 * _reach(cost.dtype)

    def by_products():
        matrix = _exponentials(sources[-1][:, None] + targets[-1][None, :] - cost, kept)
        before = b[None, :] * jnp.exp(jnp.where(serves, columns[:-1], 0.0))
        # Not from the potentials: weights whose sums are 1 but for the rounding of a sum make the changes as exact.
        row_factors = _reciprocal(jnp.where(serves, contract("ij,tj->ti", matrix, before), 1.0))
        after = a[None, :] * row_factors
        factors = _reciprocal(jnp.where(serves, contract("ij,ti->tj", matrix, after), 1.0))
        moved = matrix * moved_cost
        row_changes = row_factors * contract("ij,tj->ti", moved, before)
        column_changes = factors * contract("ij,ti->tj", moved, after)

        def once(change, given):
            row_change, row_factor, before, column_change, factor, after = given
            row_change = row_change - row_factor * contract("ij,j->i", matrix, before * change)
            change = column_change - factor * contract("ij,i->j", matrix, after * row_change)
            return change, (row_change, change)

        return jax.lax.scan(once, first, (row_changes, row_factors, before, column_changes, factors, after))[1]

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def by_exponentials(change, given):
        source, target_before, target = given
        weights = b[None, :] * _exponentials(source[:, None] + target_before[None, :] - cost, kept)
        weights = safe_divide(weights, jnp.sum(weights, axis=1, keepdims=True))
        row_change = jnp.sum(weights * (moved_cost - change[None, :]), axis=1)
        weights = a[:, None] * _exponentials(source[:, None] + target[None, :] - cost, kept)
        weights = safe_divide(weights, jnp.sum(weights, axis=0, keepdims=True))
        change = jnp.sum(weights * (moved_cost - row_change[:, None]), axis=0)
        return change, (row_change, change)

    row_changes, column_changes = jax.lax.cond(
        serves,
        by_products,
        lambda: jax.lax.scan(by_exponentials, first, (sources[1:], targets[:-1], targets[1:]))[1],
    )
    changes = (
        jnp.concatenate([jnp.zeros_like(sources[:1]), row_changes]),
        jnp.concatenate([first[None, :], column_changes]),
    )
    return (sources, targets), changes


def _best(heights, weight, *, axis):
    """The potentials that meet the marginal along the other axis."""
    lowest = float(jnp.finfo(heights.dtype).min) / 4
    heights = jnp.where(weight > 0, heights + safe_log(weight), lowest)
    top = jax.lax.stop_gradient(jnp.max(heights, axis=axis, keepdims=True, initial=lowest))
    # 0 only where nothing has weight, and there any potential will do.
    total = jnp.sum(jnp.where(weight > 0, jnp.exp(heights - top), 0.0), axis=axis)
    return jnp.where(total > 0, -(safe_log(total) + jnp.squeeze(top, axis)), 0.0)


def _kept(source_weight, target_weight):
    return (source_weight[:, None] > 0) & (target_weight[None, :] > 0)


def _exponentials(exponent, kept):
    return jnp.where(kept, jnp.exp(jnp.where(kept, exponent, 0.0)), 0.0)


def _reciprocal(sums):
    return safe_divide(jnp.ones_like(sums), sums)


def _reach(dtype):
    """How far a potential may be from the matrix's: what has underflowed there is then below `exp(-reach)` of a sum."""
    return -math.log(float(jnp.finfo(dtype).tiny)) / 3


def _within_range(sums, takes_part):
    """The sums, 1 where they do not serve, and whether all of those that take part do."""
    reach = math.exp(_reach(sums.dtype))
    serves = (sums > 1 / reach) & (sums < reach)
    return jnp.where(takes_part & serves, sums, 1.0), jnp.all(serves | ~takes_part)
