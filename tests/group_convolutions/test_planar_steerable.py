"""Fields of irreps: the Fourier transform, the kernels' constraint, and symmetry, exact and up to the grid."""

import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.group_convolutions.antialiased_pooling import antialiased_pool
from jaxinv.kernels.group_convolutions.equivariance import equivariance_error
from jaxinv.kernels.group_convolutions.field_actions import act_irreps, act_picture, act_regular
from jaxinv.kernels.group_convolutions.field_normalization import irreps_normalization, regular_normalization
from jaxinv.kernels.group_convolutions.irreps_nonlinearities import (
    fourier_nonlinearity,
    gated_nonlinearity,
    norm_nonlinearity,
    trivial_nonlinearity,
)
from jaxinv.kernels.group_convolutions.planar_irreps import (
    PlanarIrrep,
    irrep_dimension,
    irreps_matrix,
    irreps_to_regular,
    regular_irreps,
    regular_to_irreps,
)
from jaxinv.kernels.group_convolutions.point_groups import (
    O2,
    SO2,
    cyclic,
    dihedral,
    inverse_table,
    multiplication_table,
    octahedral,
)
from jaxinv.kernels.group_convolutions.steerable_convolution import steerable_bank, steerable_convolution
from jaxinv.kernels.group_convolutions.steerable_kernels import SteerableKernels, angular_kernels
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant

ROUNDING = 1e-12 if X64 else 1e-5
FINITE = [cyclic(1), cyclic(2), cyclic(3), cyclic(4), cyclic(8), dihedral(1), dihedral(2), dihedral(3), dihedral(4)]
SCALAR, SIGN, VECTOR = PlanarIrrep(0), PlanarIrrep(0, 1), PlanarIrrep(1)


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def turn(group, element):
    """Angle and whether mirrored."""
    mirror, turns = divmod(element, group.rotations)
    return {"angle": 2 * np.pi * turns / group.rotations, "reflect": bool(mirror)}


@pytest.mark.parametrize("group", FINITE, ids=str)
def test_the_transform_is_orthogonal_and_parts_the_regular_representation(group):
    irreps = regular_irreps(group)
    assert sum(irrep_dimension(irrep, group=group) for irrep in irreps) == group.order
    x = np.asarray(normal(5, group.order, 2))
    forth = jax.jit(functools.partial(regular_to_irreps, group=group))
    y = np.asarray(forth(x))
    back = jax.jit(functools.partial(irreps_to_regular, group=group))
    np.testing.assert_allclose(back(y), x, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(np.sum(np.square(y), -2), np.sum(np.square(x), -2), rtol=20 * ROUNDING)
    for element in range(group.order):
        matrix = irreps_matrix(irreps, group=group, **turn(group, element))
        # (g x)(h) = x(g^-1 h)
        moved = x[:, multiplication_table(group)[inverse_table(group)[element]]]
        wanted = np.einsum("ij,njc->nic", matrix, y)
        np.testing.assert_allclose(forth(moved), wanted, rtol=0, atol=ROUNDING)


def irreps_of(group):
    """Of frequency 0 to 3, each once."""
    return tuple(dict.fromkeys(regular_irreps(group, 3)))


@pytest.mark.parametrize("group", [SO2, O2, *FINITE, cyclic(6), dihedral(6)], ids=str)
def test_kernels_solve_their_constraint_and_are_all_that_do(group):
    """At random angles; as many as the constraint has solutions, by the projection onto them."""
    limit = 4
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, size=5)
    # A group of 24 turns stands for all of them: no frequency here is as high.
    finite = group if group.rotations else (dihedral(24) if group.reflections else cyclic(24))
    elements = [turn(finite, element) for element in range(finite.order)]
    for first in irreps_of(group):
        for last in irreps_of(group):
            kernels = angular_kernels(group, first, last, limit, angle)
            for element in (elements[-1], elements[len(elements) // 2], elements[1 % len(elements)]):
                rho_in = irreps_matrix((first,), group=group, **element)
                rho_out = irreps_matrix((last,), group=group, **element)
                sign = -1 if element["reflect"] else 1
                moved = angular_kernels(group, first, last, limit, sign * angle + element["angle"])
                for (_, at), (_, there) in zip(kernels, moved, strict=True):
                    np.testing.assert_allclose(there, rho_out @ at @ rho_in.T, atol=1e-12)
            values = np.array([at.reshape(-1) for _, at in angular_kernels(group, first, last, limit, np.arange(20.0))])
            assert len(values) == 0 or np.linalg.matrix_rank(values) == len(values)
            assert len(kernels) == round(_solutions(group, first, last, limit, elements))


def _solutions(group, first, last, limit, elements):
    """The trace of the projection: the mean of the product of the characters."""
    total = 0.0
    for element in elements:
        mirror, angle = element["reflect"], element["angle"]
        around = 1.0 if mirror else 1 + 2 * sum(np.cos(k * angle) for k in range(1, limit + 1))
        trace_in = np.trace(irreps_matrix((first,), group=group, **element))
        trace_out = np.trace(irreps_matrix((last,), group=group, **element))
        total += around * trace_in * trace_out
    return total / len(elements)


def test_tables_of_kernels():
    """Counts by hand, size at the centre, and the norm."""
    kernels = SteerableKernels(group=SO2, irreps_in=(SCALAR, VECTOR), irreps_out=(SCALAR, VECTOR), size=5)
    # Rings 0, 1 and 2; from a vector to a vector frequencies 0 and 2, of which the centre has 0 alone.
    assert [[len(table) for table in row] for row in kernels.pairs] == [[3, 4], [4, 10]]
    assert kernels.num_basis == 21
    half = SteerableKernels(group=O2, irreps_in=(SCALAR, VECTOR), irreps_out=(SCALAR, VECTOR), size=5)
    assert [[len(table) for table in row] for row in half.pairs] == [[3, 2], [2, 5]]
    low = SteerableKernels(group=SO2, irreps_in=(SCALAR, VECTOR), irreps_out=(VECTOR,), size=5, max_frequency=1)
    assert [len(row[0]) for row in low.pairs] == [4, 6]
    for row in kernels.pairs:
        for table in row:
            np.testing.assert_allclose(np.sum(table**2, axis=(1, 2, 3)), table.shape[3])
    np.testing.assert_array_equal(kernels.pairs[0][1][:, 12], 0.0)
    bank = steerable_bank(normal(21, 3, 2), kernels=kernels)
    assert bank.shape == (5, 5, 3, 3, 3, 2)
    # No kernel leads from what a mirror turns to what it leaves, on one ring and without directions.
    point = SteerableKernels(group=O2, irreps_in=(SIGN, SCALAR), irreps_out=(SCALAR,), size=1)
    np.testing.assert_array_equal(steerable_bank(jnp.ones((1, 1, 1), FLOAT), kernels=point).reshape(-1), [0.0, 1.0])


def test_fields_keep_their_variance():
    """Inside of a picture of independent numbers: of every irrep."""
    irreps = regular_irreps(cyclic(8), 2)
    kernels = SteerableKernels(group=cyclic(8), irreps_in=irreps, irreps_out=irreps, size=5)
    assert kernels.fan_in.shape == (kernels.num_basis,)
    scale = jnp.asarray(1 / np.sqrt(kernels.fan_in * 8), FLOAT)[:, None, None]
    x, coefficients = normal(12, 12, 5, 8, seed=1), normal(kernels.num_basis, 8, 32)
    y = steerable_convolution(x, coefficients * scale, kernels=kernels)
    np.testing.assert_allclose(jnp.mean(y**2, axis=(0, 1, 3)), 1.0, atol=0.25)


STEERABLE = [
    (cyclic(8), (SCALAR, VECTOR, PlanarIrrep(3)), 2),
    (SO2, (VECTOR, SCALAR), 1),
    (O2, (SCALAR, SIGN, VECTOR), 2),
    (dihedral(4), (PlanarIrrep(2, 1), VECTOR, SIGN), 1),
]


@pytest.mark.parametrize(("group", "irreps", "stride"), STEERABLE, ids=str)
def test_quarter_turns_and_mirrors_are_exact(group, irreps, stride):
    kernels = SteerableKernels(group=group, irreps_in=irreps, irreps_out=irreps, size=3)
    coefficients = normal(kernels.num_basis, 2, 2, seed=1)

    def function(x):
        return steerable_convolution(x, coefficients, kernels=kernels, stride=stride, padding="SAME")

    dim = sum(irrep_dimension(irrep, group=group) for irrep in irreps)
    x = normal(5, 7, dim, 2)

    def sample(key):
        draw = int(jax.random.key_data(key)[1])
        return (1 + draw % 3) * np.pi / 2, bool(draw % 2) and group.reflections

    def act(element, x):
        return act_irreps(x, element[0], group=group, irreps=irreps, reflect=element[1])

    def pixels(element, x):
        flat = x.reshape(*x.shape[:2], -1)
        moved = act_picture(flat, round(element[0] * 2 / np.pi) + 4 * element[1], group=dihedral(4))
        return moved.reshape(*moved.shape[:2], *x.shape[2:])

    assert_equivariant(function, x, sample, act_in=act, act_out=act, exactness="exact", num_elements=3)
    assert_not_equivariant(function, x, sample, act_in=act, act_out=pixels, delta=0.1, num_elements=3)


def test_a_bias_is_added_to_what_does_not_move():
    irreps_in, irreps_out = (SCALAR, VECTOR), (SIGN, VECTOR, SCALAR)
    kernels = SteerableKernels(group=O2, irreps_in=irreps_in, irreps_out=irreps_out, size=3)
    assert kernels.num_trivial == 1
    coefficients, bias, x = normal(kernels.num_basis, 2, 3), normal(1, 3, seed=1), normal(5, 5, 3, 2, seed=2)
    function = functools.partial(steerable_convolution, coefficients=coefficients, bias=bias, kernels=kernels)
    difference = function(x) - steerable_convolution(x, coefficients, kernels=kernels)
    wanted = np.concatenate([np.zeros((3, 3)), bias])
    np.testing.assert_allclose(difference, np.broadcast_to(wanted, (3, 3, 4, 3)), rtol=0, atol=10 * ROUNDING)

    def act(irreps):
        return lambda turns, x: act_irreps(x, turns * np.pi / 2, group=O2, irreps=irreps, reflect=True)

    move: dict[str, Any] = {"act_in": act(irreps_in), "act_out": act(irreps_out), "num_elements": 1}
    assert_equivariant(function, x, lambda key: 1, exactness="exact", **move)
    assert_not_equivariant(lambda x: function(x) + bias.reshape(1, 1, 1, 3), x, lambda key: 1, delta=0.1, **move)


def test_channels_first():
    kernels = SteerableKernels(group=O2, irreps_in=(SCALAR, VECTOR), irreps_out=(SIGN, SCALAR), size=3)
    coefficients, bias, x = normal(kernels.num_basis, 2, 3), normal(1, 3, seed=1), normal(2, 4, 5, 3, 2, seed=2)
    options: dict[str, Any] = {"kernels": kernels, "padding": "SAME"}
    first = jnp.moveaxis(x, (-1, -2), (-4, -3))
    found = steerable_convolution(first, coefficients, bias, channels_first=True, **options)
    wanted = steerable_convolution(x, coefficients, bias, **options)
    np.testing.assert_allclose(jnp.moveaxis(found, (-4, -3), (-1, -2)), wanted, rtol=0, atol=ROUNDING)


def smooth(blur, angle, line, pictures=1):
    """White noise, blurred and turned, then taken at the pixels: nothing is interpolated. `(pictures, n, n)`."""
    generator = np.random.default_rng(3)
    rows, columns = np.meshgrid(line, line, indexing="ij")
    c, s = np.cos(angle), np.sin(angle)
    # (g f)(p) = f(g^-1 p), y upward.
    x, y = c * columns - s * rows, -s * columns - c * rows
    values = []
    for _ in range(pictures):
        at, heights = generator.uniform(-15, 15, size=(2, 250, 1, 1)), generator.normal(size=250)
        values.append(np.tensordot(heights, np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * blur**2)), 1))
    return np.stack(values)


def test_interpolation_is_near_the_truth_on_smooth_pictures():
    line = np.arange(41) - 20
    for element in (1, 2):
        still, wanted = (smooth(3.0, angle, line)[0, :, :, None] for angle in (0.0, element * np.pi / 4))
        found = act_picture(jnp.asarray(still, FLOAT), element, group=cyclic(8))
        inside = np.hypot.outer(line, line)[:, :, None] <= 18
        assert np.linalg.norm((found - wanted) * inside) < 3e-3 * np.linalg.norm(wanted * inside)


def error_of_turned_patches(bank, act_out, blur):
    """Of the sum at one pixel, under an eighth-turn of 100 pictures: that of the kernels alone."""
    line = np.arange(bank.shape[0]) - bank.shape[0] // 2
    still, moved = (np.einsum("nij,ijsc->nsc", smooth(blur, angle, line, 100), bank) for angle in (0.0, np.pi / 4))
    return np.linalg.norm(moved - act_out(still)) / np.linalg.norm(still)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_eighth_turns_up_to_the_grid(size):
    """The published errors of steerable kernels on pictures blurred by 1, 2 and 4 pixels are 0.11, 0.06 and 0.04, and
    0.17 to 0.23 those of random filters that are turned by interpolation, in a disc."""
    group = cyclic(8)
    irreps = regular_irreps(group, 2)
    kernels = SteerableKernels(group=group, irreps_in=(SCALAR,), irreps_out=irreps, size=size, max_frequency=2)
    coefficients = normal(kernels.num_basis, 1, 16)
    bank = np.asarray(steerable_bank(coefficients, kernels=kernels))[:, :, 0, 0]
    matrix = irreps_matrix(irreps, np.pi / 4, group=group)
    line = np.arange(size) - size // 2
    disc = (np.hypot.outer(line, line) <= size / 2)[:, :, None]
    filters = normal(size, size, 16) * disc
    turned = np.stack([act_picture(filters, r, group=group) * disc for r in range(8)], 2)
    for blur, bound in ((1.0, 0.07), (2.0, 0.03), (4.0, 0.01)):
        error = error_of_turned_patches(bank, lambda y: np.einsum("ij,njc->nic", matrix, y), blur)
        assert error < bound
        assert error_of_turned_patches(turned, lambda y: np.roll(y, 1, axis=1), blur) > 2 * error


GROUPS_OF_FUNCTIONS = [(dihedral(3), None, 6), (cyclic(8), 2, 8), (cyclic(4), None, 8)]


@pytest.mark.parametrize(("group", "max_frequency", "samples"), GROUPS_OF_FUNCTIONS, ids=str)
def test_nonlinearities_are_equivariant(group, max_frequency, samples):
    irreps = regular_irreps(group, max_frequency)
    dim = sum(irrep_dimension(irrep, group=group) for irrep in irreps)
    x, bias, gates = normal(4, dim, 3), normal(len(irreps), 3, seed=1), normal(4, len(irreps), 3, seed=2)
    options = {"group": group, "irreps": irreps}

    def act(element, x):
        matrix = irreps_matrix(irreps, group=group, **turn(group, element))
        return jnp.einsum("ij,njc->nic", jnp.asarray(matrix, FLOAT), x, precision="highest")

    def sample(key):
        return 1 + int(jax.random.key_data(key)[1]) % (group.order - 1)

    move: dict[str, Any] = {"act_in": act, "act_out": act}
    for function in (
        lambda x: norm_nonlinearity(x, bias, **options),
        lambda x: gated_nonlinearity(x, gates, **options),
        lambda x: fourier_nonlinearity(x, group=group, max_frequency=max_frequency, samples=samples),
    ):
        assert_equivariant(function, x, sample, exactness="exact", **move)
    assert_not_equivariant(jax.nn.relu, x, sample, delta=0.1, **move)
    identity = fourier_nonlinearity(x, lambda values: values, group=group, max_frequency=max_frequency, samples=samples)
    np.testing.assert_allclose(identity, x, rtol=0, atol=ROUNDING)
    with pytest.raises(ValueError, match="irreps must have frequency and parity 0 for a pointwise function"):
        trivial_nonlinearity(x, **options)
    np.testing.assert_array_equal(
        trivial_nonlinearity(x[:, :2], group=group, irreps=(SCALAR, SCALAR)), jax.nn.relu(x[:, :2])
    )


@pytest.mark.parametrize("across_channels", [False, True])
def test_a_function_and_its_transform_have_one_normalisation(across_channels):
    """And it is equivariant, where one of each component by itself is not."""
    group = dihedral(3)
    irreps = regular_irreps(group)
    x, bias = normal(2, 3, 5, 6, 2) + 0.3, normal(2, seed=1)
    options: dict[str, Any] = {"group": group, "across_channels": across_channels}
    function = regular_normalization(x, jnp.full(2, 2.0, FLOAT), bias, **options)
    # The coefficient of a constant function is the root of the order times it.
    constant = bias[None] * jnp.asarray(np.sqrt(6), FLOAT)

    @jax.jit
    def normalize(y):
        return irreps_normalization(y, jnp.full((len(irreps), 2), 2.0, FLOAT), constant, irreps=irreps, **options)

    transform = regular_to_irreps(x, group=group)
    found = irreps_to_regular(normalize(transform), group=group)
    np.testing.assert_allclose(found, function, rtol=0, atol=10 * ROUNDING)

    def act(element, y):
        matrix = irreps_matrix(irreps, group=group, **turn(group, element))
        return jnp.einsum("ij,...jc->...ic", jnp.asarray(matrix, FLOAT), y, precision="highest")

    move: dict[str, Any] = {"act_in": act, "act_out": act, "num_elements": 3}
    assert_equivariant(normalize, transform, lambda key: 4, exactness="exact", **move)
    assert_not_equivariant(lambda y: y / jnp.std(y, (1, 2), keepdims=True), transform, lambda key: 1, delta=0.1, **move)
    constant_field = normalize(jnp.ones_like(transform).at[..., 1:, :].set(0.0))
    np.testing.assert_allclose(constant_field[..., 0, :], np.broadcast_to(constant, (2, 3, 5, 2)), atol=10 * ROUNDING)


def test_fourier_error_falls_with_the_samples():
    """Of SO(2), by a rotation that no sample is at."""
    irreps = regular_irreps(SO2, 2)
    x = normal(50, 5, 4)
    matrix = jnp.asarray(irreps_matrix(irreps, 0.3, group=SO2), FLOAT)

    def act(x):
        return jnp.einsum("ij,njc->nic", matrix, x, precision="highest")

    def error(samples):
        def function(x):
            return fourier_nonlinearity(x, group=SO2, max_frequency=2, samples=samples)

        return float(equivariance_error(function, x, act, act))

    assert error(5) > 4 * error(16)
    assert error(16) < 0.02


@pytest.mark.parametrize("length", [0.0, 1e-30, 1e-18, 1e-16, 1e-8])
def test_short_vectors_have_finite_gradients(length):
    """And a zero vector stays."""
    options = {"group": SO2, "irreps": (SCALAR, VECTOR)}
    x, bias = jnp.full((1, 3, 1), length, FLOAT), jnp.ones((2, 1), FLOAT)
    y = norm_nonlinearity(x, bias, **options)
    size = 0.0 if length < (1e-100 if X64 else 1e-17) else 1.0
    np.testing.assert_allclose(jnp.abs(y[0, :, 0]), [size, *2 * [size / np.sqrt(2)]], rtol=1e-5)
    for gradient in jax.grad(lambda *a: jnp.sum(norm_nonlinearity(*a, **options)), (0, 1))(x, bias):
        assert bool(jnp.all(jnp.isfinite(gradient)))
        assert length or not np.any(gradient)


@pytest.mark.parametrize(
    ("padding", "window", "stride", "space"),
    [
        ("SAME", 3, 3, (7, 10)),
        ("CIRCULAR", 1, 2, (9, 7)),
        ("VALID", 3, 2, (13, 15)),
    ],
)
def test_antialiased_pooling_moves_with_quarter_turns(padding, window, stride, space):
    x = normal(*space, 4, 2)

    def act(element, x):
        return act_regular(x, element, group=cyclic(4))

    move: dict[str, Any] = {"act_in": act, "act_out": act, "num_elements": 2}
    pool = functools.partial(antialiased_pool, stride=stride, window=window, padding=padding)
    assert_equivariant(pool, x, lambda key: 1 + int(jax.random.key_data(key)[1]) % 3, exactness="exact", **move)
    alone = {**move, "act_out": lambda element, y: jnp.rot90(y, element)}
    assert_not_equivariant(pool, x, lambda key: 1, delta=0.05, **alone)
    np.testing.assert_allclose(pool(jnp.ones_like(x)), 1.0, atol=ROUNDING)


def test_antialiased_pooling_is_a_blur_of_the_largest_values():
    x = normal(9, 11, 1, 1)
    weights = np.exp(-0.5 * (np.arange(-2, 3) / 0.66) ** 2)
    weights /= weights.sum()
    largest = np.stack([x[i : i + 7, j : j + 9, 0, 0] for i, j in np.ndindex(3, 3)]).max(0)
    blurred = np.stack([weights[i] * weights[j] * largest[i : i + 3, j : j + 5] for i, j in np.ndindex(5, 5)]).sum(0)
    found = antialiased_pool(x, window=3, padding="VALID")[:, :, 0, 0]
    np.testing.assert_allclose(found, blurred[::2, ::2], rtol=0, atol=ROUNDING)


def test_antialiased_pooling_of_even_pictures_warns():
    x = normal(6, 7, 1, 1)
    with pytest.warns(UserWarning, match="stride 2 on 6 x 7 places"):
        antialiased_pool(x, width=0.4)


def test_equivariance_error_leaves_out_what_lies_outside():
    x = jnp.zeros((2, 7, 7, 1), FLOAT).at[:, 3, 3].set(3.0)
    corner, rim, middle = (x.at[0, i, i].add(4.0) for i in (0, 1, 3))

    def error(other, **options):
        return float(equivariance_error(lambda x: x, x, lambda x: other, lambda x: x, **options))

    assert error(corner) == pytest.approx(4 / np.sqrt(18))
    picture = {"axes": (1, 2)}
    assert error(corner, **picture) == pytest.approx(4 / np.sqrt(18))
    assert error(corner, **picture, margin=1) == 0
    assert error(corner, **picture, crop="disc") == 0
    assert error(rim, **picture, margin=1) > 0
    assert error(rim, **picture, crop="disc") > 0
    assert error(rim, **picture, crop="disc", margin=1) == 0
    assert error(middle, axes=(-3, -2), crop="disc", margin=2) == pytest.approx(4 / np.sqrt(18))
    assert float(equivariance_error(jnp.zeros_like, x, lambda x: x, lambda x: x)) == 0
    moved = jnp.swapaxes(x, 1, 2)
    assert float(equivariance_error(lambda x: x, x, lambda x: moved, lambda x: x)) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regular_irreps(SO2), "max_frequency must be given"),
        (lambda: regular_irreps(cyclic(4), -1), "max_frequency must be >= 0"),
        (lambda: regular_irreps(octahedral()), "group must be one of the plane"),
        (lambda: regular_to_irreps(normal(3, 2), group=cyclic(4)), r"x must have shape \(..., 4, channels\)"),
        (lambda: regular_to_irreps(normal(24, 2), group=octahedral()), "group must be one of the plane"),
        (lambda: irreps_matrix((VECTOR,), 0.1, group=cyclic(4)), "angle must be a multiple of 2 pi / 4"),
        (lambda: irreps_matrix((VECTOR,), 0.0, group=SO2, reflect=True), "reflect must be False"),
        (lambda: act_irreps(normal(4, 4, 3, 1), 0.0, group=SO2, irreps=(VECTOR,)), "x must have shape"),
        (lambda: SteerableKernels(group=SO2, irreps_in=(VECTOR,), irreps_out=(VECTOR,), size=0), "size must be >= 1"),
        (
            lambda: SteerableKernels(group=SO2, irreps_in=(VECTOR,), irreps_out=(VECTOR,), size=3, width=0),
            "width must be > 0",
        ),
        (
            lambda: SteerableKernels(group=SO2, irreps_in=(VECTOR,), irreps_out=(VECTOR,), size=3, max_frequency=-1),
            "max_frequency must be >= 0",
        ),
        (lambda: antialiased_pool(normal(9, 9, 1, 1), window=2), "window must be odd"),
        (lambda: antialiased_pool(normal(9, 9, 1, 1), width=0.0), "width must be > 0"),
        (lambda: antialiased_pool(normal(9, 9, 1)), "x must have shape"),
        (lambda: antialiased_pool(normal(4, 9, 1, 1)), "kernels must lie within the picture"),
        (
            lambda: equivariance_error(jnp.abs, normal(4, 4), lambda x: x[:2], lambda x: x),
            "act_out must give the shape",
        ),
        (
            lambda: equivariance_error(jnp.abs, normal(4, 4), jnp.abs, jnp.abs, axes=(0, 1), margin=2),
            "margin must leave some of 4 x 4 pixels",
        ),
        (
            lambda: equivariance_error(jnp.abs, normal(4, 4), jnp.abs, jnp.abs, axes=(0, 1), crop="round"),
            "crop must be one of",
        ),
    ],
)
def test_bad_input(call, message):
    with warnings.catch_warnings(action="ignore"), pytest.raises(ValueError, match=message):
        call()
