"""Entropic transport of a given cost, beside POT and OTT, and where scaling factors would overflow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxinv.kernels.numerics.sinkhorn import sinkhorn
from tests.duties import FLOAT, X64, assert_finite
from tests.numerics.clustering_cases import EPSILON, problem

EXACT = 1e-10 if X64 else 1e-5


def solved(num_iterations=300, epsilon=EPSILON):
    cost, source, target = (jnp.asarray(a, FLOAT) for a in problem(np.random.default_rng(0)))
    return (cost, source, target), sinkhorn(
        cost, epsilon=epsilon, num_iterations=num_iterations, source_weight=source, target_weight=target
    )


def test_against_pot():
    ot = pytest.importorskip("ot")
    (cost, source, target), found = solved()
    a, b = (w / w.sum() for w in (np.asarray(w, np.float64) for w in (source, target)))
    rows, columns = np.flatnonzero(a), np.flatnonzero(b)
    kept = np.ix_(rows, columns)
    # POT divides by the weights.
    wanted = ot.sinkhorn(a[rows], b[columns], np.asarray(cost, np.float64)[kept], EPSILON, stopThr=1e-14)
    np.testing.assert_allclose(np.asarray(found.plan)[kept], wanted, atol=EXACT)
    assert float(found.marginal_error) < (1e-12 if X64 else 1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.allow_nans
def test_against_ott():
    linear = pytest.importorskip("ott.solvers.linear")
    geometry = pytest.importorskip("ott.geometry.geometry")
    cost = jnp.asarray(problem(np.random.default_rng(1))[0], FLOAT)
    with jax.numpy_rank_promotion("allow"):
        theirs = linear.solve(geometry.Geometry(cost_matrix=cost, epsilon=EPSILON), threshold=1e-6)
    found = sinkhorn(cost, epsilon=EPSILON, num_iterations=300)
    np.testing.assert_allclose(found.plan, theirs.matrix, atol=1e-5)


@pytest.mark.proves("masks", "numerics.sinkhorn")
def test_marginals_and_padding():
    """The columns are met after every alternation, and rows of weight 0 change nothing."""
    (cost, source, target), found = solved(num_iterations=2)
    np.testing.assert_allclose(jnp.sum(found.plan, axis=0), target / jnp.sum(target), rtol=EXACT)
    error = jnp.sum(jnp.abs(jnp.sum(found.plan, axis=1) - source / jnp.sum(source)))
    np.testing.assert_allclose(found.marginal_error, error, rtol=1e-4)
    assert float(error) > 1e-4
    rows, columns = np.flatnonzero(source), np.flatnonzero(target)
    alone = sinkhorn(
        cost[rows][:, columns],
        epsilon=EPSILON,
        num_iterations=2,
        source_weight=source[rows],
        target_weight=target[columns],
    )
    np.testing.assert_allclose(found.plan[rows][:, columns], alone.plan, rtol=EXACT)
    assert float(jnp.sum(found.plan)) == pytest.approx(1, abs=EXACT)


def test_epsilon_far_below_the_cost():
    """`exp(-C / epsilon)` is 0 in any precision; the plan is the permutation of least cost all the same."""
    generator = np.random.default_rng(3)
    order = generator.permutation(6)
    x = np.linspace(0, 100, 6)
    cost = jnp.asarray((x[:, None] - (x[order] + generator.normal(size=6))[None, :]) ** 2, FLOAT)
    found = sinkhorn(cost, epsilon=0.05, num_iterations=20)
    np.testing.assert_allclose(found.plan, (np.arange(6)[:, None] == order[None, :]) / 6, atol=1e-6)
    gradient = jax.grad(lambda c: jnp.sum(c * sinkhorn(c, epsilon=0.05, num_iterations=20).plan))(cost)
    assert_finite(gradient)
    np.testing.assert_allclose(gradient, found.plan, atol=1e-4)


def unrolled(cost, epsilon, start, num_iterations=6):
    """The plan by plain log-sum-exps of a Python loop, every point of weight 1."""
    n, m = cost.shape
    g = start / epsilon
    f = jnp.zeros(n, cost.dtype)
    for _ in range(num_iterations):
        f = -jax.nn.logsumexp(g[None, :] - cost / epsilon, axis=1) + jnp.log(m)
        g = -jax.nn.logsumexp(f[:, None] - cost / epsilon, axis=0) + jnp.log(n)
    return jnp.exp(f[:, None] + g[None, :] - cost / epsilon) / (n * m)


# One matrix serves for all iterations, or those of the columns go too far for that.
@pytest.mark.parametrize("spread", [0.0, 200.0 if X64 else 20.0])
def test_derivatives_are_those_of_the_iteration(spread):
    generator, epsilon = np.random.default_rng(4), 0.2
    cost, direction = (jnp.asarray(x, FLOAT) for x in generator.uniform(size=(2, 5, 4)))
    cost = cost + spread * jnp.asarray([0.0, 1.0, 0.3, -0.5], FLOAT)[None, :]
    start = jnp.asarray(0.1 * generator.normal(size=4), FLOAT)
    arguments = cost, jnp.asarray(epsilon, FLOAT), start
    tangents = epsilon * direction, 0.1 * arguments[1], epsilon * direction[0]

    def both(plan):
        loss = lambda *given: jnp.sum(plan(*given) * direction)  # noqa: E731
        slopes = lambda *given: jax.grad(loss, (0, 1, 2))(*given)  # noqa: E731
        first, second = jax.jvp(slopes, arguments, tangents)
        return plan(*arguments), jax.jvp(plan, arguments, tangents)[1], first, second

    wanted = jax.jit(lambda: both(unrolled))()
    found = jax.jit(
        lambda: both(
            lambda cost, epsilon, start: sinkhorn(cost, epsilon=epsilon, num_iterations=6, target_potential=start).plan
        )
    )()
    # Of exponents; and the slope in epsilon is a sum over costs.
    largest = 1 + spread
    rounding = 20 * float(jnp.finfo(FLOAT).eps) * (1 + largest / epsilon) * largest
    for mine, theirs in zip(found, wanted, strict=True):
        mine, theirs = ravel_pytree(mine)[0], ravel_pytree(theirs)[0]
        np.testing.assert_allclose(mine, theirs, atol=rounding * float(jnp.max(jnp.abs(theirs))))


def test_reverse_mode_keeps_potentials_only():
    size, num_iterations = 64, 200

    def loss(cost):
        return jnp.sum(cost * sinkhorn(cost, epsilon=0.1, num_iterations=num_iterations).plan)

    cost = jax.ShapeDtypeStruct((size, size), FLOAT)
    memory = jax.jit(jax.grad(loss)).lower(cost).compile().memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < num_iterations * size**2 * FLOAT.itemsize / 5


def test_a_start_from_the_solution_stays():
    (cost, source, target), found = solved()
    again = sinkhorn(
        cost,
        epsilon=EPSILON,
        num_iterations=1,
        source_weight=source,
        target_weight=target,
        target_potential=found.target_potential,
    )
    np.testing.assert_allclose(again.plan, found.plan, atol=EXACT)


def test_no_weight_at_all():
    nothing = jnp.zeros(2, FLOAT)
    found = sinkhorn(jnp.ones((2, 3), FLOAT), epsilon=1.0, num_iterations=3, source_weight=nothing)
    assert_finite(found)
    np.testing.assert_array_equal(found.plan, 0.0)
