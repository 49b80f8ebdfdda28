"""Equivariant maps by projectors, Reynolds' operator, and penalties whose strengths find the symmetry that is kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FLOAT, X64
from tests.symmetrization.frame_cases import C4

EXACT = 1e-12 if X64 else 2e-6
GROUPS = {
    "O(3)": kernels.matrix_group("o", 3),
    "SO(3)": kernels.matrix_group("so", 3),
    "O(2)": kernels.matrix_group("o", 3, axes=(0, 1)),
    "SO(2)": kernels.matrix_group("so", 3, axes=(0, 1)),
    "SL(3)": kernels.matrix_group("sl", 3),
    "GL(3)": kernels.matrix_group("gl", 3),
    "scaling": kernels.matrix_group("scaling", 3),
}
PLANES = {axis: kernels.matrix_group("o", 3, axes=[i for i in range(3) if i != axis]) for axis in range(3)}


def tensor(group, order):
    return kernels.tensor_representation(group, order)


def elements(group, order, seed=0):
    """Some of the group, each as it acts on tensors: the same for every order."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(4):
        along = generator.normal(size=len(group.algebra))
        choice = generator.integers(0, 2, size=len(group.discrete))
        space = tensor(group, order)
        g = scipy.linalg.expm(np.einsum("a,aij->ij", along, space.algebra) * 0.5)
        for flip, h in zip(choice, space.discrete, strict=True):
            g = g @ h if flip else g
        found.append(g)
    return np.stack(found)


@pytest.mark.parametrize(
    ("name", "orders", "dimension"),
    [
        ("O(3)", (1, 1), 1),
        ("O(2)", (1, 1), 2),
        ("SO(2)", (1, 1), 3),
        ("O(3)", (2, 2), 3),
        ("O(2)", (2, 2), 10),
        ("SO(3)", (2, 1), 1),
        ("O(3)", (2, 1), 0),
        ("SL(3)", (1, 1), 1),
        ("SL(3)", (2, 2), 2),
        ("GL(3)", (1, 2), 0),
        ("scaling", (1, 1), 9),
        ("O(2)", (0, 1), 1),
    ],
)
def test_bases_hold_the_equivariant_maps(name, orders, dimension):
    group = GROUPS[name]
    basis = kernels.equivariant_basis(tensor(group, orders[0]), tensor(group, orders[1]))
    assert basis.shape == (3 ** sum(orders), dimension)
    np.testing.assert_allclose(basis.T @ basis, np.eye(dimension), atol=1e-12)
    before, after = (elements(group, order) for order in orders)
    maps = basis.T.reshape(dimension, 3 ** orders[1], 3 ** orders[0])
    np.testing.assert_allclose(
        np.einsum("gij,wjk->gwik", after, maps), np.einsum("wij,gjk->gwik", maps, before), atol=1e-10
    )
    # Negative control: a random map is none of them.
    other = np.random.default_rng(1).normal(size=(3 ** orders[1], 3 ** orders[0]))
    assert dimension == 9 or np.abs(after @ other - other @ before).max() > 0.01


def test_direct_sums_act_on_each_part():
    group = GROUPS["O(2)"]
    both = kernels.direct_sum(tensor(group, 0), tensor(group, 1), tensor(group, 1))
    basis = kernels.equivariant_basis(both, tensor(group, 1))
    assert basis.shape == (21, 1 + 2 + 2)
    with pytest.raises(ValueError, match="one group"):
        kernels.direct_sum(group, GROUPS["SO(2)"])


def test_projection_is_the_nearest_equivariant_map():
    group = GROUPS["O(2)"]
    basis = kernels.equivariant_basis(tensor(group, 2), tensor(group, 2))
    w = np.random.default_rng(0).normal(size=(9, 9))
    found = np.asarray(kernels.project_equivariant(jnp.asarray(w, FLOAT), basis))
    np.testing.assert_allclose(found, (basis @ (basis.T @ w.ravel())).reshape(9, 9), atol=10 * EXACT)
    np.testing.assert_allclose(kernels.project_equivariant(jnp.asarray(found), basis), found, atol=10 * EXACT)
    penalty = jax.grad(lambda w: kernels.equivariance_penalty(w, basis))(jnp.asarray(w, FLOAT))
    np.testing.assert_allclose(penalty, w - found, atol=10 * EXACT)
    assert kernels.equivariance_penalty(jnp.asarray(found), basis) < EXACT


def test_copies_are_projected_one_by_one():
    """The channels of a layer share the basis of one pair of tensors: block by block the projection of the whole."""
    group = GROUPS["O(2)"]
    basis = kernels.equivariant_basis(tensor(group, 2), tensor(group, 1))
    blocks = np.random.default_rng(0).normal(size=(2, 4, 3, 9))
    found = kernels.project_equivariant(jnp.asarray(blocks, FLOAT), basis)
    whole = [kernels.direct_sum(*[tensor(group, order)] * count) for order, count in ((2, 4), (1, 2))]
    square = jnp.asarray(np.moveaxis(blocks, 2, 1).reshape(6, 36), FLOAT)
    wanted = kernels.project_equivariant(square, kernels.equivariant_basis(*whole))
    np.testing.assert_allclose(np.moveaxis(np.asarray(found), 2, 1).reshape(6, 36), wanted, atol=10 * EXACT)
    # Other last axes than a map's.
    with pytest.raises(ValueError, match="basis must have shape"):
        kernels.project_equivariant(jnp.ones((3, 9, 2), FLOAT), basis)


def test_generators_of_any_scale_have_the_same_maps():
    """The cut of the null space is relative: by the largest singular value, which grows with the generators."""
    group = GROUPS["O(3)"]
    for scale in (1e-3, 1e3):
        scaled = group._replace(algebra=scale * group.algebra)
        basis = kernels.equivariant_basis(tensor(scaled, 2), tensor(scaled, 2))
        assert basis.shape == (81, 3)


def test_projectors_of_subgroups_are_nested():
    """What the larger group leaves alone, its subgroup leaves alone: P2 P1 = P1 P2 = P2."""
    small, large = (
        kernels.equivariant_basis(tensor(GROUPS[name], 2), tensor(GROUPS[name], 2)) for name in ("O(2)", "O(3)")
    )
    np.testing.assert_allclose(small @ (small.T @ large), large, atol=1e-10)
    assert np.abs(large @ (large.T @ small) - small).max() > 0.1


def test_reynolds_operator_is_the_projector_of_a_finite_group():
    quarter = kernels.MatrixGroup(np.zeros((0, 2, 2)), C4[1:2])
    square = tensor(quarter, 2)
    basis = kernels.equivariant_basis(square, square)
    rho = jnp.asarray(np.stack([np.kron(g, g) for g in C4]), FLOAT)
    w = jnp.asarray(np.random.default_rng(0).normal(size=(4, 4)), FLOAT)
    np.testing.assert_allclose(
        kernels.reynolds_project(w, rho, rho), kernels.project_equivariant(w, basis), atol=10 * EXACT
    )
    # Cyclic shifts: the mean along each circulant diagonal.
    shifts = jnp.asarray(np.stack([np.roll(np.eye(5), k, 0) for k in range(5)]), FLOAT)
    w = np.random.default_rng(0).normal(size=(5, 5))
    diagonals = [np.mean([w[(i + k) % 5, i] for i in range(5)]) for k in range(5)]
    wanted = sum(d * np.roll(np.eye(5), k, 0) for k, d in enumerate(diagonals))
    np.testing.assert_allclose(kernels.reynolds_project(jnp.asarray(w, FLOAT), shifts, shifts), wanted, atol=10 * EXACT)


def test_a_subgroup_is_violated_less():
    w = jnp.asarray(np.random.default_rng(0).normal(size=(9, 9)), FLOAT)
    bases = [kernels.equivariant_basis(tensor(GROUPS[g], 2), tensor(GROUPS[g], 2)) for g in ("SO(2)", "O(2)", "O(3)")]
    found = np.asarray(kernels.equivariance_penalties(w, bases))
    assert np.all(np.diff(found) > 0)


def test_kinds_of_penalties():
    group = GROUPS["O(2)"]
    basis = kernels.equivariant_basis(group, group)
    w = np.random.default_rng(0).normal(size=(3, 3))

    def penalty(w, kind):
        return jax.value_and_grad(lambda w: kernels.equivariance_penalty(w, basis, kind=kind))(jnp.asarray(w, FLOAT))

    square = float(penalty(w, "square")[0])
    relative = square / (w * w).sum()
    np.testing.assert_allclose(penalty(7 * w, "relative")[0], relative, rtol=10 * EXACT)
    np.testing.assert_allclose(penalty(7 * w, "cosine")[0], 1 - np.sqrt(1 - 2 * relative), rtol=100 * EXACT)
    for kind in ("square", "relative", "cosine"):
        value, gradient = penalty(0 * w, kind)
        assert value == 0
        np.testing.assert_array_equal(gradient, 0)


def test_the_loss_is_the_sum_of_penalties_by_strength():
    w = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), FLOAT)
    bases = [kernels.equivariant_basis(group, group) for group in PLANES.values()]
    strengths = jnp.array([0.0, 2.0, 3.0], FLOAT)
    found = kernels.soft_equivariance(w, bases, strengths)
    np.testing.assert_allclose(found.penalties, kernels.equivariance_penalties(w, bases))
    np.testing.assert_allclose(found.loss, 2 * found.penalties[1] + 3 * found.penalties[2], rtol=EXACT)
    with pytest.raises(ValueError, match="strengths must have shape"):
        kernels.soft_equivariance(w, bases, strengths[:2])


def test_tuning():
    strengths = jnp.array([0.0, 1.0, 2.0, 3.0], FLOAT)
    found = kernels.tune_strengths(strengths, jnp.array([1e-9, 0.1, 0.2, 0.4], FLOAT), power=2)
    np.testing.assert_allclose(found, [0, 1, 2 / 4, 3 / 16], rtol=10 * EXACT)
    # All kept exactly: nothing to release, and no 0 / 0.
    np.testing.assert_array_equal(kernels.tune_strengths(strengths, jnp.zeros(4, FLOAT)), strengths)
    # Beyond what powers can hold.
    steep = kernels.tune_strengths(strengths, jnp.array([1.0, 0.0, 1e9, 1e9], FLOAT), power=5)
    np.testing.assert_allclose(steep, [0, 1, 0, 0], atol=1e-30)
    np.testing.assert_array_equal(kernels.tune_strengths(0 * strengths, strengths), 0)
    with pytest.raises(ValueError, match="penalties must have the shape"):
        kernels.tune_strengths(strengths, strengths[:2])
    with pytest.raises(TypeError, match="strengths must be floating"):
        kernels.tune_strengths(jnp.arange(3), jnp.ones(3))


def test_the_record_keeps_the_last_step_with_a_new_least_value():
    steps = jnp.array([[3.0, 3.0], [2.0, 5.0], [4.0, 4.0], [9.0, 1.0], [8.0, 8.0]], FLOAT)
    record = kernels.start_record(steps[0])
    for step in steps[1:]:
        record = kernels.update_record(record, step)
    np.testing.assert_array_equal(record.kept, [9, 1])
    np.testing.assert_array_equal(record.least, [2, 1])


def test_equivariance_error():
    group = GROUPS["SO(2)"]
    rho = jnp.asarray(elements(group, 1), FLOAT)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), FLOAT)
    basis = kernels.equivariant_basis(group, group)
    w = jnp.asarray(np.random.default_rng(1).normal(size=(3, 3)), FLOAT)
    kept = kernels.project_equivariant(w, basis)

    def error(w):
        return kernels.equivariance_error(lambda x: jnp.matmul(x, w.T, precision="highest"), x, rho, rho)

    assert error(kept) < 10 * EXACT
    quotients = []
    for g in np.asarray(rho, np.float64):
        moved, wanted = (np.asarray(x) @ g.T) @ np.asarray(w).T, np.asarray(x) @ np.asarray(w).T @ g.T
        sizes = np.linalg.norm(moved, axis=1) + np.linalg.norm(wanted, axis=1)
        quotients.append(np.linalg.norm(moved - wanted, axis=1) / sizes)
    np.testing.assert_allclose(error(w), np.mean(quotients), rtol=10 * EXACT)
    assert error(w) > 0.05
    assert error(0 * w) == 0
    with pytest.raises(ValueError, match="rho_in must have shape"):
        kernels.equivariance_error(lambda x: x, x, rho[0], rho)
    with pytest.raises(ValueError, match="rho_out must have shape"):
        kernels.equivariance_error(lambda x: x, x, rho, rho[:, :2, :2])


@pytest.mark.parametrize("axis", [0, 1, 2, None])
def test_tuned_strengths_find_the_axis_that_is_kept(axis):
    """A map of symmetric kind about one axis from few samples, with the minimum of the loss in closed form.

    Truth `1 + 0.3 (1 x z z')` acts on tensors of order 2 and commutes with rotations about z alone; the control is 1,
    which commutes with all.
    """
    generator = np.random.default_rng(3 if axis is None else axis)
    z = np.zeros(3) if axis is None else np.eye(3)[axis]
    truth = np.eye(9) + 0.3 * np.kron(np.eye(3), np.outer(z, z))
    x, test = generator.normal(size=(12, 9)), generator.normal(size=(400, 9))
    y = x @ truth.T + 0.05 * generator.normal(size=(12, 9))
    bases = [kernels.equivariant_basis(tensor(group, 2), tensor(group, 2)) for group in PLANES.values()]

    def fitted(strengths):
        square = np.kron(np.eye(9), 2 * x.T @ x / x.size)
        for strength, q in zip(strengths, bases, strict=True):
            square += strength * (np.eye(81) - q @ q.T)
        return np.linalg.solve(square + 1e-9 * np.eye(81), (2 * y.T @ x / x.size).ravel()).reshape(9, 9)

    def test_error(w):
        return np.mean((test @ (w - truth).T) ** 2)

    first = np.full(3, 0.1)
    fixed = fitted(first)
    penalties = kernels.equivariance_penalties(jnp.asarray(fixed, FLOAT), bases)
    tuned = np.asarray(kernels.tune_strengths(jnp.asarray(first, FLOAT), penalties, power=2), np.float64)
    none_error, fixed_error, tuned_error = (test_error(fitted(strengths)) for strengths in (np.zeros(3), first, tuned))
    assert fixed_error < none_error
    if axis is None:
        assert tuned.min() > 0.05
        assert tuned_error < 0.5 * none_error
        return
    assert int(jnp.argmin(penalties)) == axis
    assert tuned[axis] == pytest.approx(0.1)
    assert np.delete(tuned, axis).max() < 0.03
    assert tuned_error < 0.5 * fixed_error
