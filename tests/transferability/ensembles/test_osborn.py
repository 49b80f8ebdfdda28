"""OSBORN: entropies, submodularity, the guarantee of the greedy choice and what it is not a guarantee for."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxinv.kernels.transferability import (
    EnsembleCosts,
    all_subset_scores,
    conditional_entropy,
    disagreement_matrix,
    ensemble_costs,
    exhaustive_selection,
    greedy_selection,
    least_bonus,
    osborn_score,
    osborn_terms,
    otce,
    prediction_joint,
)

FLOAT = jnp.result_type(float)
X64 = FLOAT.itemsize == 8
EXACT = 1e-10 if X64 else 1e-5
MODELS = 8
INSTANCES = 200
terms = functools.partial(osborn_terms, num_source_classes=3, num_classes=4, tolerance=1e-12 if X64 else 1e-6)


def instances(number=INSTANCES, models=MODELS):
    """Random costs >= 0 of many pools."""
    generator = np.random.default_rng(0)
    pairwise = generator.uniform(size=(number, models, models)) * ~np.eye(models, dtype=bool)
    return EnsembleCosts(jnp.asarray(generator.uniform(size=(number, models)), FLOAT), jnp.asarray(pairwise, FLOAT))


def every_value(costs):
    """f of all subsets of one pool, by the number whose bits are the members."""
    members = np.array(list(itertools.product([False, True], repeat=len(costs.unary))))[:, ::-1]
    return np.asarray(jax.vmap(functools.partial(osborn_score, costs))(jnp.asarray(members)))


def gains_shrink(values, models):
    """Whether f(X + v) - f(X) >= f(Y + v) - f(Y) for all X within Y and all v outside Y."""
    return all(
        values[x | 1 << v] - values[x] >= values[y | 1 << v] - values[y] - 1e-5
        for y in range(1 << models)
        for x in range(1 << models)
        if x & y == x
        for v in range(models)
        if not y >> v & 1
    )


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5))
def test_entropies_of_two_labels(seed, rows, columns):
    joint = np.random.default_rng(seed).uniform(size=(rows, columns)) ** 3
    joint[0, 0] += 1
    entropy = lambda p: -np.sum(p / p.sum() * np.log(p / p.sum()))  # noqa: E731
    given_columns, given_rows = (float(conditional_entropy(jnp.asarray(joint), given=g)) for g in ("columns", "rows"))
    np.testing.assert_allclose(given_columns, entropy(joint) - entropy(joint.sum(0)), atol=EXACT)
    np.testing.assert_allclose(given_rows, entropy(joint) - entropy(joint.sum(1)), atol=EXACT)
    assert 0 <= given_columns <= np.log(rows) + 1e-6
    padded = np.pad(joint, ((1, 2), (0, 3)))
    np.testing.assert_allclose(conditional_entropy(jnp.asarray(padded)), given_columns, atol=EXACT)


def test_entropy_of_copies_and_of_strangers():
    assert conditional_entropy(jnp.diag(jnp.array([0.2, 0.5, 0.3]))) == 0
    np.testing.assert_allclose(conditional_entropy(jnp.full((4, 3), 1 / 12)), np.log(4), EXACT)


def test_disagreement():
    labels = np.random.default_rng(0).integers(0, 3, (4, 60))
    labels[1] = 2 - labels[0]
    labels[2] = 1
    matrix = np.asarray(disagreement_matrix(jnp.asarray(labels), num_classes=5))
    np.testing.assert_array_equal(np.diag(matrix), 0)
    # Another name is no disagreement, and a model that always says the same agrees with everything.
    assert matrix[0, 1] == matrix[1, 0] == 0
    np.testing.assert_array_equal(matrix[2], 0)
    assert matrix[3, 0] > 0.5
    part = disagreement_matrix(jnp.asarray(labels[:, :40]), num_classes=5)
    foreign = np.where(np.arange(60) < 40, labels, -1)
    np.testing.assert_allclose(disagreement_matrix(jnp.asarray(foreign), num_classes=5), part, atol=EXACT)


def test_gains_shrink_unless_pairs_are_rewarded():
    pools = [jax.tree.map(lambda x, i=i: x[i], instances(20, 4)) for i in range(20)]
    for costs in pools:
        assert gains_shrink(every_value(costs), 4)
    # As centred disagreements would be.
    unary, pairwise = pools[0]
    centred = EnsembleCosts(unary, pairwise - jnp.mean(pairwise))
    assert not gains_shrink(every_value(centred), 4)


def test_the_score_falls_with_every_model():
    """Not monotone: the empty set is best, so that (1 - 1/e) of the best holds for no choice of one model or more."""
    costs = jax.tree.map(lambda x: x[0], instances())
    values = every_value(costs)
    assert values[0] == 0
    assert values.argmax() == 0
    assert all(values[s | 1 << v] < values[s] for s in range(1 << MODELS) for v in range(MODELS) if not s >> v & 1)


def test_guarantee_of_the_greedy_choice():
    pools = instances()
    greedy, best = (
        jax.jit(jax.vmap(functools.partial(choose, size=3)))(pools)
        for choose in (greedy_selection, exhaustive_selection)
    )
    bonus = 3 * jax.vmap(least_bonus)(pools)
    share = 1 - 1 / np.e
    assert np.all(greedy.score <= best.score + 1e-5)
    assert np.sum(greedy.score < best.score - 1e-5) > 20
    assert np.all(greedy.score + bonus >= share * (best.score + bonus))
    # For the score itself nothing of the kind is true.
    assert not np.any(greedy.score >= share * best.score)


def test_least_bonus_is_where_g_stops_falling():
    costs = jax.tree.map(lambda x: x[0], instances())
    values, size = every_value(costs), np.array([bin(s).count("1") for s in range(1 << MODELS)])
    bonus = float(least_bonus(costs))

    def falls(c):
        g = values + c * size
        return any(g[s | 1 << v] < g[s] - 1e-5 for s in range(1 << MODELS) for v in range(MODELS) if not s >> v & 1)

    assert not falls(bonus)
    assert falls(bonus - 1e-3)


def test_without_pairs_the_greedy_choice_is_the_best():
    pools = instances(20)
    pools = EnsembleCosts(pools.unary, jnp.zeros_like(pools.pairwise))
    greedy, best = (jax.vmap(functools.partial(c, size=3))(pools) for c in (greedy_selection, exhaustive_selection))
    np.testing.assert_allclose(greedy.score, best.score, rtol=EXACT)
    np.testing.assert_array_equal(np.sort(greedy.models, axis=1), best.models)
    np.testing.assert_array_equal(np.sort(np.argsort(pools.unary, axis=1)[:, :3], axis=1), best.models)


def test_selections_score_what_they_chose():
    costs = jax.tree.map(lambda x: x[0], instances())
    for choose in (greedy_selection, exhaustive_selection):
        chosen = choose(costs, size=4)
        member = jnp.zeros(MODELS, bool).at[chosen.models].set(True)
        np.testing.assert_allclose(chosen.score, osborn_score(costs, member), rtol=EXACT)
        np.testing.assert_allclose(jnp.sum(chosen.gains), chosen.score, rtol=EXACT)
    with pytest.raises(ValueError, match="subsets of 30 of 60 models are too many"):
        all_subset_scores(EnsembleCosts(jnp.ones(60), jnp.ones((60, 60))), size=30)


def test_order_of_the_pool():
    generator = np.random.default_rng(1)
    domain, task = (jnp.asarray(generator.uniform(size=5), FLOAT) for _ in range(2))
    matrix = jnp.asarray(generator.uniform(size=(5, 5)), FLOAT)
    order, subset = np.array([3, 4, 1, 2, 0]), jnp.array([True, False, True, True, False])
    scores = {
        (pairs, shuffled): osborn_score(ensemble_costs(domain[o], task[o], matrix[o][:, o], pairs=pairs), subset[o])
        for pairs in ("ordered", "upper")
        for shuffled, o in ((False, np.arange(5)), (True, order))
    }
    np.testing.assert_allclose(scores["ordered", True], scores["ordered", False], rtol=EXACT)
    assert abs(scores["upper", True] - scores["upper", False]) > 0.1


def test_scaled_terms_do_not_depend_on_units():
    generator = np.random.default_rng(1)
    domain, task = (jnp.asarray(generator.uniform(size=5), FLOAT) for _ in range(2))
    matrix = jnp.asarray(generator.uniform(size=(5, 5)) * ~np.eye(5, dtype=bool), FLOAT)
    plain, scaled = ensemble_costs(domain, task, matrix), ensemble_costs(100 * domain, task, 3 * matrix)
    np.testing.assert_allclose(scaled.unary, plain.unary, rtol=10 * EXACT)
    np.testing.assert_allclose(scaled.pairwise, plain.pairwise, rtol=10 * EXACT)
    raw = ensemble_costs(domain, task, matrix, standardize=False, weights=(2.0, 0.0, 0.0))
    np.testing.assert_allclose(raw.unary, 2 * domain, rtol=EXACT)
    # A term without spread stays as it is.
    flat = ensemble_costs(jnp.full(5, 0.3, FLOAT), task, matrix, weights=(1.0, 0.0, 0.0))
    np.testing.assert_allclose(flat.unary, 0.3, rtol=EXACT)


def labelled(seed=0, dim=3):
    generator = np.random.default_rng(seed)
    source, target = generator.normal(size=(12, dim)), generator.normal(size=(16, dim))
    return (
        jnp.asarray(source, FLOAT),
        jnp.asarray(generator.integers(0, 3, 12)),
        jnp.asarray(target, FLOAT),
        jnp.asarray(generator.integers(0, 4, 16)),
    )


def test_terms_of_models_and_label_sets():
    source, source_labels, target, target_labels = labelled()
    pool = jnp.stack([source, 2 * source])
    labels = jnp.stack([target_labels, (target_labels + source.shape[0]) % 4, jnp.zeros_like(target_labels)])
    over_labels = jax.vmap(lambda s, y: terms(s, source_labels, target, y).score, in_axes=(None, 0))
    scores = jax.jit(jax.vmap(over_labels, in_axes=(0, None)))(pool, labels)
    wanted = [[terms(s, source_labels, target, y).score for y in labels] for s in pool]
    np.testing.assert_allclose(scores, wanted, rtol=EXACT)


@pytest.mark.proves("masks", "transferability.osborn_terms")
def test_order_names_and_padding_of_samples():
    source, source_labels, target, target_labels = labelled()
    plain = terms(source, source_labels, target, target_labels)
    order = np.random.default_rng(0).permutation(16)
    shuffled = terms(source, source_labels, target[order], target_labels[order])
    renamed = terms(source, 2 - source_labels, target, (target_labels + 1) % 4)
    padded = terms(
        jnp.concatenate([source, 50 + source[:2]]),
        jnp.concatenate([source_labels, jnp.array([-1, 3])]),
        target,
        target_labels,
    )
    for other in (shuffled, renamed, padded):
        np.testing.assert_allclose(other.score, plain.score, rtol=EXACT)
        np.testing.assert_allclose(other.task, plain.task, rtol=EXACT)


def test_task_difference_from_predictions():
    source, source_labels, target, target_labels = labelled()
    probabilities = jax.nn.one_hot(target_labels % 3, 3, dtype=FLOAT)
    given_target = terms(source, source_labels, target, target_labels, source_probabilities=probabilities)
    # Here the target label determines the prediction, and not the other way round.
    assert given_target.task == 0
    given_source = terms(
        source, source_labels, target, target_labels, source_probabilities=probabilities, given="source"
    )
    assert given_source.task > 0.1
    joint = prediction_joint(probabilities, target_labels, num_classes=4)
    np.testing.assert_allclose(jnp.sum(joint), 1, EXACT)
    np.testing.assert_allclose(given_source.task, conditional_entropy(joint, given="rows"), rtol=EXACT)


def test_otce_is_a_weighted_sum():
    arguments = labelled()
    options = {"num_source_classes": 3, "num_classes": 4, "epsilon": 0.05}
    alone, both = otce(*arguments, **options), otce(*arguments, **options, domain_weight=0.3, task_weight=2.0)
    assert alone.score == -alone.task
    assert -np.log(4) <= alone.score <= 0
    np.testing.assert_allclose(both.score, -(0.3 * both.domain + 2 * both.task), rtol=EXACT)
    np.testing.assert_allclose(both.task, osborn_terms(*arguments, **options, given="source").task, rtol=EXACT)
