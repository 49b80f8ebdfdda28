"""Transport: exact plans of others, translations, sparsity, padding, batches, and what happens short of convergence."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxinv.kernels.transferability.ensembles.transport import coupled_sum, transport, transport_plan
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.transferability import ensemble_references as references

FLOAT = jnp.result_type(float)
X64 = FLOAT.itemsize == 8
EXACT = 1e-10 if X64 else 1e-5
REGULARIZERS = pytest.mark.parametrize("regularizer", ["entropic", "quadratic"])
solve = functools.partial(transport, tolerance=1e-12 if X64 else 1e-6)


def clouds(seed=0, source=20, target=20, dim=4):
    generator = np.random.default_rng(seed)
    return tuple(
        jnp.asarray(generator.normal(size=(size, dim)) + offset, FLOAT) for size, offset in ((source, 0), (target, 0.7))
    )


def most_above_exact(coupling, regularizer, exact_plan):
    """The regulariser of the exact plan bounds by how much the regularised plan costs more."""
    density = exact_plan * exact_plan.size
    if regularizer == "entropic":
        return coupling.regularization * np.sum(exact_plan * np.log(np.where(density > 0, density, 1)))
    return coupling.regularization / 2 * np.sum(exact_plan * density)


@REGULARIZERS
def test_cost_is_that_of_the_best_assignment_within_the_regulariser(regularizer):
    source, target = clouds()
    rows, columns = scipy.optimize.linear_sum_assignment(
        references.squared_distances(*map(np.asarray, (source, target)))
    )
    plan = np.zeros((20, 20))
    plan[rows, columns] = 1 / 20
    exact = references.transport_cost(np.asarray(source), np.asarray(target), plan)
    for epsilon in (0.1, 0.02):
        coupling = solve(source, target, regularizer=regularizer, epsilon=epsilon)
        slack = 1e-4 * exact
        assert exact - slack <= coupling.cost <= exact + most_above_exact(coupling, regularizer, plan) + slack
        assert coupling.cost > exact


def test_pot_agrees():
    """Exact transport of unequal numbers of points with unequal weights, and POT's quadratic regulariser."""
    ot = pytest.importorskip("ot")
    source, target = clouds(1, 15, 25)
    costs = references.squared_distances(np.asarray(source, float), np.asarray(target, float))
    weight = np.arange(1.0, 16) / 120
    exact = ot.emd2(weight, np.full(25, 1 / 25), costs)
    coupling = solve(source, target, epsilon=0.01, source_weight=jnp.asarray(weight, FLOAT))
    assert exact < coupling.cost < exact + coupling.regularization * np.log(25)

    quadratic = solve(source, target, regularizer="quadratic", epsilon=0.1)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="scipy.optimize: The `disp` and `iprint`", category=DeprecationWarning
        )
        plan = ot.smooth.smooth_ot_dual(
            np.full(15, 1 / 15),
            np.full(25, 1 / 25),
            costs,
            float(quadratic.regularization) * costs.size,
            reg_type="l2",
            stopThr=1e-14,
            numItermax=5000,
        )
    np.testing.assert_allclose(quadratic.cost, np.sum(plan * costs), rtol=1e-5)
    np.testing.assert_allclose(transport_plan(quadratic), plan, atol=1e-6)


def test_ott_agrees():
    with warnings.catch_warnings():
        # jaxopt, which ott imports, says that it is no longer maintained.
        warnings.filterwarnings("ignore", message="JAXopt is no longer maintained", category=DeprecationWarning)
        pointcloud = pytest.importorskip("ott.geometry.pointcloud")
        linear = pytest.importorskip("ott.solvers.linear")
    source, target = clouds(2, 15, 25)
    ours = solve(source, target)
    with jax.numpy_rank_promotion("allow"):
        geometry = pointcloud.PointCloud(source, target, epsilon=ours.regularization)
        theirs = linear.solve(geometry, threshold=1e-6, max_iterations=5000).matrix
    np.testing.assert_allclose(transport_plan(ours), theirs, atol=2e-6)


@REGULARIZERS
def test_a_translation_adds_its_square_and_keeps_the_plan(regularizer):
    source, _ = clouds()
    step = jnp.array([3.0, -1.0, 0.5, 2.0], FLOAT)
    still, moved = (solve(source, source + shift[None], regularizer=regularizer) for shift in (0 * step, step))
    np.testing.assert_allclose(moved.cost - still.cost, jnp.sum(step**2), rtol=EXACT)
    np.testing.assert_allclose(transport_plan(moved), transport_plan(still), atol=EXACT)


def test_the_cost_to_itself_vanishes_with_the_regulariser():
    source, _ = clouds()
    least = 1.0
    for epsilon in (0.5, 0.1, 0.03):
        coupling = solve(source, source, epsilon=epsilon)
        # Staying in place costs nothing, and the regulariser at most eps log n.
        assert 0 <= coupling.cost <= coupling.regularization * np.log(20)
        assert coupling.cost < least * coupling.regularization
        least = coupling.cost / coupling.regularization


@REGULARIZERS
def test_rotations_and_order(regularizer):
    source, target = clouds()
    assert_equivariant(
        lambda pair: solve(*pair, regularizer=regularizer).cost,
        (source, target),
        lambda key: jax.random.orthogonal(key, 4, dtype=FLOAT),
        act_in=lambda turn, pair: tuple(jnp.matmul(x, turn, precision="highest") for x in pair),
        exactness="exact",
    )
    assert_not_equivariant(
        lambda pair: solve(*pair, regularizer=regularizer).cost,
        (source, target),
        lambda key: jax.random.orthogonal(key, 4, dtype=FLOAT),
        act_in=lambda turn, pair: (jnp.matmul(pair[0], turn, precision="highest"), pair[1]),
        delta=1e-3,
    )
    order = np.random.default_rng(0).permutation(20)
    plain, shuffled = (
        solve(source, target, regularizer=regularizer),
        solve(source[order], target, regularizer=regularizer),
    )
    np.testing.assert_allclose(shuffled.cost, plain.cost, rtol=EXACT)
    np.testing.assert_allclose(transport_plan(shuffled), transport_plan(plain)[order], atol=EXACT)


def test_only_the_quadratic_plan_is_sparse():
    source, target = clouds()
    entropic, quadratic = (transport_plan(solve(source, target, regularizer=r)) for r in ("entropic", "quadratic"))
    assert np.all(np.asarray(entropic) > 0)
    assert 0 < np.mean(np.asarray(quadratic) == 0) < 1


@REGULARIZERS
def test_points_without_weight_are_padding(regularizer):
    source, target = clouds(3, 12, 15)
    padded = jnp.concatenate([source, jnp.full((3, 4), 1e3, FLOAT)])
    weight = jnp.asarray(np.r_[np.ones(12), np.zeros(3)], FLOAT)
    plain = solve(source, target, regularizer=regularizer)
    wide = solve(padded, target, regularizer=regularizer, source_weight=weight)
    np.testing.assert_allclose(wide.cost, plain.cost, rtol=EXACT)
    np.testing.assert_allclose(transport_plan(wide)[:12], transport_plan(plain), atol=EXACT)
    np.testing.assert_array_equal(transport_plan(wide)[12:], 0)
    slope = jax.grad(lambda x: solve(x, target, regularizer=regularizer, source_weight=weight).cost)(padded)
    assert np.all(np.isfinite(slope))
    np.testing.assert_array_equal(slope[12:], 0)


@REGULARIZERS
def test_batches_change_nothing(regularizer):
    source, target = clouds(4, 13, 17)
    kept, batched = (solve(source, target, regularizer=regularizer, batch_size=size) for size in (None, 5))
    np.testing.assert_allclose(batched.cost, kept.cost, rtol=EXACT)
    np.testing.assert_allclose(coupled_sum(batched, source, target), coupled_sum(kept, source, target), atol=10 * EXACT)


def test_batches_hold_no_array_of_pairs():
    size = 4096
    cloud = jax.ShapeDtypeStruct((size, 8), jnp.float32)
    compiled = jax.jit(lambda x, y: jax.grad(lambda x: transport(x, y, batch_size=64).cost)(x)).lower(cloud, cloud)
    memory = compiled.compile().memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < 4 * size**2 / 4


def test_short_of_convergence_the_marginal_error_says_so():
    source, target = clouds()
    short, long = transport(source, target, max_iterations=1), transport(source, target)
    assert short.num_iterations == 1
    assert short.marginal_error > 0.01
    assert long.marginal_error < 3e-5
    assert 1 < long.num_iterations < 2000


@REGULARIZERS
def test_one_place_for_all_points(regularizer):
    point = jnp.ones((5, 3), FLOAT)
    cost = lambda x: solve(x, point, regularizer=regularizer).cost  # noqa: E731
    assert cost(point) == 0
    assert np.all(np.isfinite(jax.grad(cost)(point)))
    assert solve(point, point, regularizer=regularizer, source_weight=jnp.zeros(5, FLOAT)).cost == 0
