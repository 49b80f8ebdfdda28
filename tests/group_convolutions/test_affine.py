"""Affine convolutions: symmetry by classes of exactness, masks, weights, and agreement with the dense convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.kernels.lie_groups.coordinates import GROUPS
from jaxinv.kernels.lie_groups.sampling import sample_polar_pairs
from tests.duties import FLOAT, X64
from tests.group_convolutions.affine_cases import (
    matrices,
    reference_convolution,
    reference_lift,
    reference_projection,
    rotation,
)
from tests.symmetry import assert_equivariant, assert_not_equivariant

ROUNDING = 1e-12 if X64 else 1e-5


def network(*, features=0, channels_in=2, channels_out=3, seed=0):
    key = jax.random.key(seed)
    return kernels.init_siren(
        key, channels_in, channels_out, num_features=features, fan_in=4.0, width=8, num_hidden=1, dtype=FLOAT
    )


def elements(group, count=3, seed=0):
    """A list and its inverses."""
    found = matrices(np.random.default_rng(seed), count, group)
    return jnp.asarray(found, FLOAT), jnp.asarray(np.linalg.inv(found), FLOAT)


def closed_list(group, count=2, seed=0):
    """Quarter-turns, in order, of a few elements: a list that quarter-turns map to itself."""
    some = matrices(np.random.default_rng(seed), count, group)
    turns = np.round(rotation(np.arange(4) * np.pi / 2))
    found = np.einsum("tab,sbc->tsac", turns, some).reshape(-1, 2, 2)
    return jnp.asarray(found, FLOAT), jnp.asarray(np.linalg.inv(found), FLOAT)


def pictures(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def assert_close(actual, wanted, bound=ROUNDING):
    wanted = np.asarray(wanted, float)
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=bound * max(1.0, np.abs(wanted).max()))


def as_numpy(parameters):
    return jax.tree.map(lambda leaf: np.asarray(leaf, float), parameters)


@pytest.mark.parametrize(("group", "size"), [("gl", 1), ("gl", 5), ("sl", 5), ("sim", 2), ("so", 4)])
def test_banks_are_the_kernel_at_every_element_and_place(group, size):
    """Against loops, for every group and for even and odd kernels."""
    (b, b_inverse), (_, a_inverse) = elements(group), elements(group, 2, seed=1)
    options = {"group": group, "size": size}
    lifting, full = network(), network(features=kernels.num_group_features(group))
    plain, whole = as_numpy(lifting), as_numpy(full)
    bound = 1e-12 if X64 else 3e-5
    equal = np.zeros(len(b))
    assert_close(
        kernels.lifting_bank(lifting, a_inverse, **options), reference_lift(plain, a_inverse, **options), bound
    )
    assert_close(
        kernels.projection_bank(lifting, b_inverse, **options),
        reference_projection(plain, b_inverse, equal, **options),
        bound,
    )
    assert_close(
        kernels.convolution_bank(full, b, a_inverse, **options),
        reference_convolution(whole, np.asarray(b, float), np.asarray(a_inverse, float), equal, **options),
        bound,
    )


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", ["VALID", "SAME", "CIRCULAR"])
def test_convolve_is_the_dense_convolution(padding, size, channels):
    """In all its forms: few channels and many, one pixel, even and odd kernels."""
    x, bank = pictures(2, 6, 7, 3, channels), pictures(size, size, 3, channels, 2, 5, seed=1)
    flat = x.reshape(2, 6, 7, -1)
    if padding == "CIRCULAR":
        around = ((size - 1) // 2, size // 2)
        flat = jnp.pad(flat, ((0, 0), around, around, (0, 0)), mode="wrap")
    wanted = jax.lax.conv_general_dilated(
        flat,
        bank.reshape(size, size, 3 * channels, 10),
        (1, 1),
        "SAME" if padding == "SAME" else "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision="highest",
    )
    found = kernels.affine_convolve(x, bank, padding=padding)
    assert_close(found, wanted.reshape(*wanted.shape[:-1], 2, 5))
    assert_close(kernels.affine_convolve(x.reshape(2, 1, *x.shape[1:]), bank, padding=padding)[:, 0], found)
    assert_close(kernels.affine_convolve(x[1], bank, padding=padding), found[1])


def layers(group, *, padding, make=elements):
    """Lift, convolution to another list, projection to the plane, or pool: each as a function of its input, and it."""
    options = {"group": group, "size": 3, "padding": padding}
    (b, b_inverse), (_, a_inverse) = make(group), make(group, seed=1)
    plain, full = network(), network(features=kernels.num_group_features(group))
    x, f = pictures(2, 7, 7, 2), pictures(2, 7, 7, len(b), 2, seed=1)
    return {
        "lift": (lambda x: kernels.affine_lift(x, plain, a_inverse, **options), x),
        "convolution": (lambda f: kernels.affine_convolution(f, full, b, a_inverse, **options), f),
        "to plane": (lambda f: kernels.affine_to_plane(f, plain, b_inverse, **options), f),
        "pool": (kernels.group_pool, f),
        "mean": (lambda f: kernels.group_pool(f, pool="mean"), f),
    }


LAYERS = ("lift", "convolution", "to plane", "pool", "mean")


@pytest.mark.parametrize("name", LAYERS)
def test_moves_with_translations(name):
    function, x = layers("gl", padding="CIRCULAR")[name]

    def shift(by, value):
        return jnp.roll(value, by, axis=(1, 2))

    def sample(key):
        return tuple(int(n) % 7 for n in jax.random.key_data(key))

    assert_equivariant(function, x, sample, act_in=shift, act_out=shift, exactness="exact")
    assert_not_equivariant(function, x, sample, act_in=shift, delta=0.3)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("group", "padding"), [("gl", "VALID"), ("gl", "SAME"), ("sl", "VALID"), ("sim", "SAME"), ("so", "VALID")]
)
def test_moves_with_quarter_turns_on_lists_that_they_map_to_themselves(group, name, padding):
    """`(g f)(x, A) = f(g^-1 x, g^-1 A)`: pixels turn, and the list of elements goes one quarter on."""
    function, x = layers(group, padding=padding, make=closed_list)[name]

    def turn(quarters, value):
        value = jnp.rot90(value, -quarters, axes=(1, 2))
        if value.ndim == 4:
            return value
        by_quarter = value.reshape(*value.shape[:3], 4, -1, value.shape[-1])
        return jnp.roll(by_quarter, quarters, axis=3).reshape(value.shape)

    def sample(key):
        return 1 + int(jax.random.key_data(key)[0]) % 3

    options = {"act_in": turn, "act_out": turn, "num_elements": 3}
    assert_equivariant(function, x, sample, exactness="exact", **options)

    def turn_pixels_alone(quarters, value):
        return jnp.rot90(value, -quarters, axes=(1, 2))

    if name in ("lift", "convolution"):
        assert_not_equivariant(function, x, sample, act_in=turn, act_out=turn_pixels_alone, delta=0.05)


def test_an_ordinary_convolution_does_not_turn():
    """The control of the quarter-turns."""
    bank = pictures(3, 3, 1, 2, 1, 3)
    assert_not_equivariant(
        lambda x: kernels.affine_convolve(x[..., None, :], bank)[..., 0, :],
        pictures(2, 7, 7, 2),
        lambda key: 1,
        act_in=lambda quarters, x: jnp.rot90(x, -quarters, axes=(1, 2)),
        act_out=lambda quarters, y: jnp.rot90(y, -quarters, axes=(1, 2)),
        delta=0.3,
    )


@pytest.mark.parametrize("group", GROUPS)
def test_kernels_on_the_group_alone_depend_on_the_ratio_of_elements(group):
    """Both lists moved by one element of volume 1 leave kernels of one pixel as they were; one list moved does not."""
    (b, _), (a, _) = elements(group), elements(group, 2, seed=1)
    g = elements("sl" if group in ("gl", "sl") else "so", 1, seed=2)[0]
    full = network(features=kernels.num_group_features(group))

    def bank(b, a):
        return kernels.convolution_bank(full, b, jnp.linalg.inv(a), group=group, size=1)

    moved_b, moved_a = (jnp.einsum("ab,mbc->mac", g[0], x, precision="highest") for x in (b, a))
    assert_close(bank(moved_b, moved_a), bank(b, a), 1e-10 if X64 else 1e-5)
    assert float(jnp.max(jnp.abs(bank(moved_b, a) - bank(b, a)))) > 0.01


PLACES = (2 * np.arange(65) + 1 - 65) / 65


def fine_picture(matrix, seed):
    """Spots one to two pixels wide, moved by a matrix: no pixel is interpolated."""
    generator = np.random.default_rng(seed)
    centres, heights = generator.uniform(-0.35, 0.35, size=(24, 2)), generator.normal(size=24)
    widths = generator.uniform(0.03, 0.07, size=24)
    places = np.stack(np.meshgrid(PLACES, PLACES), -1) @ np.linalg.inv(matrix).T
    spots = [
        height * np.exp(-np.sum((places - centre) ** 2, axis=-1) / (2 * width**2))
        for centre, height, width in zip(centres, heights, widths, strict=True)
    ]
    return np.sum(spots, axis=0)[:, :, None]


@pytest.fixture(scope="module")
def invariance_errors():
    """Of lift, GELU and mean over group and pixels, under random elements of SL(2): mean over draws, for each m."""
    group, size, draws = "sl", 5, 10
    lift = network(channels_in=1, channels_out=8)

    def features(x, inverse):
        values = kernels.affine_lift(x, lift, inverse, group=group, size=size, padding="SAME")
        return jnp.mean(jax.nn.gelu(values), axis=(1, 2, 3))

    keys = jax.random.split(jax.random.key(0), (draws, 2))
    moves = [sample_polar_pairs(key[0], 1, group=group, variance=0.05).element[0] for key in keys]
    pairs = [(fine_picture(np.eye(2), i), fine_picture(np.asarray(g, float), i)) for i, g in enumerate(moves)]
    x = jnp.asarray(np.stack([*(p for pair in pairs for p in pair), np.zeros_like(pairs[0][0])]), FLOAT)

    def error(m):
        errors = []
        for i, key in enumerate(keys):
            inverse = sample_polar_pairs(key[1], m, group=group, variance=0.05).inverse if m else jnp.eye(2)[None]
            still, moved, blank = jitted(x[jnp.array([2 * i, 2 * i + 1, -1])], inverse.astype(FLOAT))
            errors.append(jnp.linalg.norm(moved - still) / jnp.linalg.norm(still - blank))
        return float(jnp.mean(jnp.stack(errors)))

    jitted = jax.jit(features)
    return {m: error(m) for m in (0, 4, 16)}


def test_the_error_falls_with_the_number_of_elements_to_a_floor(invariance_errors):
    assert invariance_errors[16] < 0.75 * invariance_errors[4]
    assert invariance_errors[16] < 0.03


def test_an_ordinary_convolution_is_far_above_it(invariance_errors):
    """One kernel, not moved: the control."""
    assert invariance_errors[0] > 3 * invariance_errors[16]


@pytest.mark.parametrize("group", GROUPS)
def test_masks(group):
    """Hard discs without change inside for groups that preserve volume, smooth ones else."""
    _, inverse = elements(group, 2)
    constant = network()._replace(last=jnp.zeros((8, 2, 3), FLOAT), last_bias=jnp.ones((2, 3), FLOAT))
    bank = np.asarray(kernels.lifting_bank(constant, inverse, group=group, size=7))[:, :, 0, 0, :, 0]
    centres = (2 * np.arange(7) - 6) / 7
    places = np.einsum("mab,ijb->mija", inverse, np.stack(np.meshgrid(centres, centres), -1))
    radius = np.linalg.norm(places, axis=-1)
    if group in ("sl", "so"):
        wanted = (radius <= 1).astype(float)
        assert 0 < wanted.mean() < 1
    else:
        wanted = np.abs(np.linalg.det(inverse))[:, None, None] / (1 + np.exp(-2 * (1 - radius)))
    assert_close(bank, wanted.transpose(1, 2, 0))


@pytest.mark.parametrize("group", GROUPS)
def test_a_kernel_of_one_pixel_lies_at_the_centre(group):
    """Exactly: nothing depends on the part of the network that reads the place."""
    element, inverse = elements(group)
    full = network(features=kernels.num_group_features(group))

    def size_one(space):
        return kernels.convolution_bank(full._replace(space=space), element, inverse, group=group, size=1)

    np.testing.assert_array_equal(size_one(full.space), size_one(100 * full.space))
    np.testing.assert_array_equal(jax.grad(lambda s: jnp.sum(size_one(s)))(full.space), 0.0)


def test_features_do_not_jump_at_half_turns():
    """A rotation by a little less than a half-turn and one by a little more have nearly the same kernel."""
    element = jnp.asarray(rotation(np.pi + np.array([-1e-4, 1e-4])), FLOAT)
    full = network(features=5)
    bank = kernels.convolution_bank(full, element, jnp.eye(2, dtype=FLOAT)[None], group="gl", size=1)
    assert_close(bank[:, :, 0], bank[:, :, 1], 1e-2)


def test_weights_of_elements():
    (b, b_inverse), (_, a_inverse) = elements("gl", 4), elements("gl", 2, seed=1)
    full, plain, x = network(features=5), network(), pictures(1, 4, 4, 4, 2)
    options = {"group": "gl", "size": 3}
    sums = (
        lambda x, at, weight: kernels.affine_convolution(x[..., at, :], full, b[at], a_inverse, weight, **options),
        lambda x, at, weight: kernels.affine_to_plane(x[..., at, :], plain, b_inverse[at], weight, **options),
        lambda x, at, weight: kernels.group_pool(x[..., at, :], weight, pool="mean"),
    )
    weights = jnp.asarray([0.3, -0.2, 0.9, 0.0], FLOAT)
    order, shuffled = np.arange(4), np.array([2, 0, 3, 1])
    for summed in sums:
        whole, equal = summed(x, order, weights), summed(x, order, None)
        assert float(jnp.max(jnp.abs(whole - equal))) > 0.01
        assert_close(summed(x, shuffled, weights[shuffled]), whole)
        assert_close(summed(x, order, weights + 100), whole, 1e-10 if X64 else 3e-5)
        assert_close(summed(x, order, jnp.full(4, 7.0, FLOAT)), equal)
        # A mean: every element twice changes nothing. And a weight of e^-200 leaves an element out.
        assert_close(summed(x, np.tile(order, 2), None), equal)
        without = weights.at[2].set(-200.0)
        assert_close(summed(x.at[..., 2, :].set(9.0), order, without), summed(x, order, without))


def test_variances():
    """Kernels of unit fan-in give unit variance, in float32 as drawn."""
    lift = kernels.init_siren(jax.random.key(0), 3, 40, num_features=0, fan_in=3 * 25, width=60)
    bank = kernels.lifting_bank(lift, jnp.asarray(rotation(np.arange(8.0)), jnp.float32), group="so", size=5)
    inside = np.asarray(bank)[np.any(np.asarray(bank) != 0, axis=(2, 3, 4, 5))]
    assert inside.var() * 75 == pytest.approx(1.0, abs=0.5)


def test_gradients_are_finite_where_lists_agree_and_where_elements_are_rotations():
    """At A^-1 B = 1, at equal singular values and at the centre of the kernel roots have no derivative."""
    element = jnp.asarray(rotation(np.array([0.0, np.pi / 2, 1.0])), FLOAT)

    def total(full, element):
        bank = kernels.convolution_bank(full, element, element.swapaxes(-1, -2), group="gl", size=3)
        return jnp.sum(bank**2)

    gradients = jax.jit(jax.grad(total, argnums=(0, 1)))(network(features=5), element)
    for leaf in jax.tree.leaves(gradients):
        assert bool(jnp.all(jnp.isfinite(leaf)))


def test_a_singular_matrix_counts_nothing():
    """It is in no group: no infinity, and no trace in the result."""
    (b, _), (_, a_inverse) = elements("gl", 2), elements("gl", 2, seed=1)
    full = network(features=5)
    bank = kernels.convolution_bank(full, b.at[0].set(0.0), a_inverse, group="gl", size=3)
    np.testing.assert_array_equal(bank[:, :, 0], 0.0)
    assert bool(jnp.any(bank[:, :, 1] != 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels_in": 0}, "channels_in must be >= 1"),
        ({"channels_out": 0}, "channels_out must be >= 1"),
        ({"width": 0}, "width must be >= 1"),
        ({"num_hidden": -1}, "num_hidden must be >= 0"),
        ({"num_features": -1}, "num_features must be >= 0"),
    ],
)
def test_bad_sizes_of_a_network(options, message):
    sizes = {"channels_in": 2, "channels_out": 3, "num_features": 0, "fan_in": 1.0} | options
    with pytest.raises(ValueError, match=message):
        kernels.init_siren(jax.random.key(0), **sizes)
