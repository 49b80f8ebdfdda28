"""Groups that map the grid to itself: their tables, and symmetry to rounding with the controls that break it."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.group_convolutions.coset_fields import coset_pool, restrict_field
from jaxinv.kernels.group_convolutions.field_actions import act_picture, act_regular
from jaxinv.kernels.group_convolutions.grid_banks import grid_convolution_bank, grid_lifting_bank
from jaxinv.kernels.group_convolutions.grid_convolutions import (
    grid_convolution,
    grid_convolve,
    grid_lift,
    grid_separable_convolution,
)
from jaxinv.kernels.group_convolutions.point_groups import (
    O2,
    SO2,
    cyclic,
    dihedral,
    element_matrices,
    grid_matrices,
    inverse_table,
    left_cosets,
    multiplication_table,
    octahedral,
    right_cosets,
    subgroup_elements,
)
from tests.duties import FLOAT, X64
from tests.group_convolutions.planar_cases import P2, P4, P4M
from tests.symmetry import assert_equivariant, assert_not_equivariant

ROUNDING = 1e-12 if X64 else 1e-5
CUBE, WHOLE_CUBE = octahedral(), octahedral(inversion=True)
GROUPS = [cyclic(1), P2, cyclic(3), P4, cyclic(9), dihedral(1), dihedral(2), dihedral(5), P4M, CUBE, WHOLE_CUBE]


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def draws(group):
    return lambda key: 1 + int(jax.random.key_data(key)[1]) % (group.order - 1)


def acts(action, group):
    return lambda element, x: action(x, element, group=group)


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_tables_are_a_group(group):
    table, inverse, matrices = multiplication_table(group), inverse_table(group), element_matrices(group)
    every = np.arange(group.order)
    np.testing.assert_array_equal(table[0], every)
    np.testing.assert_array_equal(table[:, 0], every)
    np.testing.assert_array_equal(table[every, inverse], 0)
    np.testing.assert_array_equal(table[table], table[every[:, None, None], table])
    np.testing.assert_allclose(matrices[table], np.einsum("gab,hbc->ghac", matrices, matrices), atol=1e-12)
    assert len(np.unique(np.round(matrices, 9), axis=0)) == group.order
    signs = np.linalg.det(matrices)
    assert np.sum(signs < 0) == (group.order // 2 if group.reflections else 0)


def test_elements_of_pictures_are_turns_after_a_mirror():
    x = normal(5, 7, 2)
    for turn in range(4):
        np.testing.assert_array_equal(act_picture(x, turn, group=P4), np.rot90(x, turn))
        np.testing.assert_array_equal(act_picture(x, 4 + turn, group=P4M), np.rot90(np.flipud(x), turn))
    np.testing.assert_array_equal(act_picture(x, 1, group=P2), np.rot90(x, 2))
    # Of any other group a quarter-turn is as exact, and its other elements interpolate.
    np.testing.assert_array_equal(act_picture(x, 2, group=cyclic(8)), np.rot90(x))


@pytest.mark.parametrize("group", [P4M, WHOLE_CUBE], ids=str)
def test_actions_are_homomorphisms(group):
    """On pictures of unequal sides, on regular fields and on quotient fields: `g (h x) = (g h) x`, exactly."""
    space = (2, 3, 4)[: group.dimension]
    picture, field = normal(*space, 1), normal(*space, group.order, 1)
    table = multiplication_table(group)
    for g, h in [(1, 2), (3, group.rotations), (group.order - 1, 5), (group.rotations + 2, group.rotations + 1)]:
        for action, x in ((act_picture, picture), (act_regular, field)):
            twice = action(action(x, h, group=group), g, group=group)
            np.testing.assert_array_equal(twice, action(x, int(table[g, h]), group=group))


@pytest.mark.parametrize("group", [P2, P4M, CUBE], ids=str)
def test_banks_are_the_moved_kernel_by_definition(group):
    """`k(r^-1 p, r^-1 s)` at random places p, by matrices on the distance from the centre."""
    size, dimension = 3, group.dimension
    cube = (size,) * dimension
    lifted, kernels = normal(*cube, 2, 1), normal(*cube, group.order, 2, 1, seed=1)
    lifting, bank = grid_lifting_bank(lifted, group=group), grid_convolution_bank(kernels, group=group)
    matrices, table, inverse = grid_matrices(group), multiplication_table(group), inverse_table(group)
    generator = np.random.default_rng(2)
    for _ in range(30):
        place, r, s = generator.integers(size, size=dimension), *generator.integers(group.order, size=2)
        before = tuple(matrices[r].T @ (place - 1) + 1)
        at = tuple(place)
        np.testing.assert_array_equal(lifting[at][0, :, r], lifted[before])
        np.testing.assert_array_equal(bank[at][s, :, r], kernels[before][table[inverse[r], s]])


LAYERS = {
    "lift": (grid_lift, (2, 3), act_picture),
    "convolution": (grid_convolution, ("order", 2, 3), act_regular),
    "separable": (grid_separable_convolution, None, act_regular),
}


def layer(name, group, *, size=3, **options):
    """A layer as a function of its input, a random picture for it, and how a group moves that."""
    function, axes, action = LAYERS[name]
    cube = (size,) * group.dimension
    space = (7, 5, 5)[: group.dimension] if options.pop("odd", True) else (6, 6, 6)[: group.dimension]
    if axes is None:
        parameters = (normal(group.order, 2, 3, seed=2), normal(*cube, 3, seed=3))
    else:
        parameters = (normal(*cube, *(group.order if axis == "order" else axis for axis in axes), seed=2),)
    x = normal(*space, 2) if action is act_picture else normal(*space, group.order, 2)
    return functools.partial(_applied, function, parameters, group=group, **options), x, acts(action, group)


def _applied(function, parameters, x, **options):
    return function(x, *parameters, **options)


@pytest.mark.parametrize(
    ("group", "options"),
    [
        (P4M, {"stride": 2, "padding": "SAME"}),
        (P4, {"dilation": 2, "padding": "CIRCULAR"}),
        (P4, {"size": 2}),
        (P2, {"stride": 2}),
        (CUBE, {"padding": "SAME", "stride": 2}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_move_with_the_group(name, group, options):
    function, x, act_in = layer(name, group, **options)
    move = {"act_in": act_in, "act_out": acts(act_regular, group), "num_elements": 2}
    assert_equivariant(function, x, draws(group), exactness="exact", **move)
    # The control: pixels move, and elements of the group do not.
    still = {**move, "act_out": pixels_alone(group)}
    assert_not_equivariant(function, x, draws(group), delta=0.05, **still)


def pixels_alone(group):
    def act(element, y):
        space = y.shape[: group.dimension]
        moved = act_picture(y.reshape(*space, -1), element, group=group)
        return moved.reshape(*moved.shape[:-1], *y.shape[-2:])

    return act


def test_with_the_inversion_too():
    function, x, act_in = layer("convolution", WHOLE_CUBE)
    move = {"act_in": act_in, "act_out": acts(act_regular, WHOLE_CUBE), "num_elements": 2}
    assert_equivariant(function, x, lambda key: 24 + draws(CUBE)(key), exactness="exact", **move)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"stride": 2, "padding": "SAME", "odd": False}, "stride 2 on 6 x 6 places leaves more out"),
        ({"stride": 2, "padding": "VALID", "odd": False}, "stride 2 on 4 x 4 places leaves more out"),
        ({"size": 2, "padding": "SAME"}, "even size 2 has no pixel at its centre"),
    ],
)
@pytest.mark.parametrize("name", ["convolution", "separable"])
def test_sizes_that_break_the_symmetry_warn_once_and_break_it(name, options, reason):
    function, x, act_in = layer(name, P4, **options)
    with pytest.warns(UserWarning, match=reason) as caught:
        function(x)
    assert len(caught) == 1
    function(x)
    move = {"act_in": act_in, "act_out": acts(act_regular, P4)}
    with warnings.catch_warnings(action="ignore"):
        assert_not_equivariant(function, x, draws(P4), delta=0.05, **move)


@pytest.mark.parametrize("name", LAYERS)
def test_translations_of_circular_pictures(name):
    function, x, _ = layer(name, P4, padding="CIRCULAR")

    def shift(by, value):
        return jnp.roll(value, by, axis=(0, 1))

    def sample(key):
        return int(jax.random.key_data(key)[1]) % 6 + 1, 2

    assert_equivariant(function, x, sample, act_in=shift, act_out=shift, exactness="exact", num_elements=3)
    assert_not_equivariant(function, x, sample, act_in=shift, delta=0.3, num_elements=3)


@pytest.mark.parametrize("group", [P4M, CUBE], ids=str)
def test_channels_first(group):
    d = group.dimension
    cube, space = (3,) * d, (4, 5, 3)[:d]
    picture, field = normal(2, *space, 2), normal(2, *space, group.order, 2, seed=1)
    first = np.moveaxis(np.asarray(picture), -1, -1 - d), np.moveaxis(np.asarray(field), (-1, -2), (-2 - d, -1 - d))
    options = {"group": group, "padding": "SAME"}

    def back(y):
        return np.moveaxis(y, (-2 - d, -1 - d), (-1, -2))

    lifted, kernels = normal(*cube, 2, 1), normal(*cube, group.order, 2, 1)
    element, spatial = normal(group.order, 2, 3), normal(*cube, 3)
    half = {"group": group, "subgroup": P4 if d == 2 else CUBE}
    pairs = (
        (functools.partial(grid_lift, kernels=lifted, **options), picture, first[0]),
        (functools.partial(grid_convolution, kernels=kernels, **options), field, first[1]),
        (
            functools.partial(grid_separable_convolution, element_kernels=element, spatial_kernels=spatial, **options),
            field,
            first[1],
        ),
        (functools.partial(coset_pool, **half), field, first[1]),
        (functools.partial(restrict_field, **half), field, first[1]),
        (functools.partial(act_regular, element=5, group=group), field, first[1]),
    )
    for function, last, other in pairs:
        found = jax.jit(functools.partial(function, channels_first=True))(jnp.asarray(other))
        np.testing.assert_allclose(back(found), jax.jit(function)(last), rtol=0, atol=ROUNDING)
    moved = act_picture(jnp.asarray(first[0]), 5, group=group, channels_first=True)
    np.testing.assert_array_equal(np.moveaxis(np.asarray(moved), -1 - d, -1), act_picture(picture, 5, group=group))


def test_batches_and_kept_banks():
    x, kernels = normal(2, 3, 5, 5, 4, 2), normal(3, 3, 4, 2, 3)
    whole = grid_convolution(x, kernels, group=P4)
    assert whole.shape == (2, 3, 3, 3, 4, 3)
    np.testing.assert_allclose(grid_convolution(x[1, 2], kernels, group=P4), whole[1, 2], rtol=0, atol=ROUNDING)
    bank = grid_convolution_bank(kernels, group=P4)
    np.testing.assert_allclose(grid_convolve(x, bank), whole, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(
    ("dimension", "size", "stride", "dilation", "padding"),
    [
        (2, 3, 2, 1, "VALID"),
        (2, 3, 2, 1, "SAME"),
        (2, 3, 1, 2, "CIRCULAR"),
        (2, 2, 3, 2, "SAME"),
        (2, 2, 3, 1, "CIRCULAR"),
        (2, 1, 2, 1, "SAME"),
        (3, 3, 1, 1, "VALID"),
        (3, 2, 2, 1, "SAME"),
        (3, 2, 1, 2, "CIRCULAR"),
        (3, 1, 2, 1, "VALID"),
    ],
)
def test_convolve_is_a_sum_over_places(dimension, size, stride, dilation, padding):
    """Also where kernels are even, strides do not fit, and pictures are not square."""
    space = (6, 7, 5)[:dimension]
    x, bank = normal(*space, 2, 2), normal(*(size,) * dimension, 2, 2, 1, 3)
    reach = dilation * (size - 1)
    mode = "wrap" if padding == "CIRCULAR" else "constant"
    around = (0, 0) if padding == "VALID" else (reach // 2, reach - reach // 2)
    around = np.pad(x, (*(around,) * dimension, (0, 0), (0, 0)), mode=mode)
    lengths = np.array(around.shape[:dimension]) - reach
    wanted = 0
    for place in np.ndindex(*(size,) * dimension):
        window = tuple(slice(dilation * p, dilation * p + n, stride) for p, n in zip(place, lengths, strict=True))
        wanted = wanted + np.einsum("...si,siro->...ro", around[window], bank[place])
    found = grid_convolve(x, bank, stride=stride, dilation=dilation, padding=padding)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=10 * ROUNDING)


PAIRS = [(P4M, dihedral(1)), (P4M, P2), (P4, P4), (WHOLE_CUBE, CUBE)]


@pytest.mark.parametrize(("group", "subgroup"), PAIRS, ids=str)
def test_cosets(group, subgroup):
    """They part the group; functions on left ones move from the left, and restricted fields with the subgroup."""
    members = subgroup_elements(group, subgroup)
    table, matrices = multiplication_table(group), element_matrices(group)
    np.testing.assert_allclose(matrices[members], element_matrices(subgroup), atol=1e-12)
    left, right = left_cosets(group, subgroup), right_cosets(group, subgroup)
    for cosets in (left, right):
        np.testing.assert_array_equal(np.sort(cosets.reshape(-1)), np.arange(group.order))
    np.testing.assert_array_equal(left, table[left[:, :1], members])
    np.testing.assert_array_equal(right, table[members, right[:, :1]])

    x = normal(*(2,) * group.dimension, group.order, 3)
    for element in (1, group.order - 1):
        moved = act_regular(x, element, group=group)
        # Coset c of the moved function is coset g^-1 c.
        sources = [
            int(np.flatnonzero(np.any(left == table[inverse_table(group)[element], first], axis=1))[0])
            for first in left[:, 0]
        ]
        for pool in ("max", "mean"):
            pooled = coset_pool(x, group=group, subgroup=subgroup, pool=pool)
            flat = pooled.reshape(*pooled.shape[:-2], -1)
            wanted = act_picture(flat, element, group=group).reshape(pooled.shape)[..., sources, :]
            found = coset_pool(moved, group=group, subgroup=subgroup, pool=pool)
            np.testing.assert_allclose(found, wanted, rtol=0, atol=ROUNDING)

    restricted = restrict_field(x, group=group, subgroup=subgroup)
    assert restricted.shape == (*x.shape[:-2], subgroup.order, 3 * len(right))
    for h in range(1, subgroup.order, 5):
        moved = act_regular(x, int(members[h]), group=group)
        np.testing.assert_array_equal(
            restrict_field(moved, group=group, subgroup=subgroup), act_regular(restricted, h, group=subgroup)
        )


def test_mean_over_a_subgroup_is_a_mean():
    x = normal(3, 8, 2)
    np.testing.assert_allclose(
        coset_pool(x, group=P4M, subgroup=P4M, pool="mean")[..., 0, :], jnp.mean(x, -2), rtol=0, atol=ROUNDING
    )
    np.testing.assert_array_equal(coset_pool(x, group=P4M, subgroup=P4M)[..., 0, :], jnp.max(x, -2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cyclic(0), "n must be >= 1"),
        (lambda: dihedral(0), "n must be >= 1"),
        (lambda: O2.order, "group must be finite"),
        (lambda: multiplication_table(SO2), "group must be finite"),
        (lambda: subgroup_elements(CUBE, P4), "subgroup must lie in the group"),
        (lambda: act_picture(normal(4, 4, 1), 4, group=P4), "element must be an index below the order 4"),
        (lambda: act_picture(normal(4, 4), 1, group=P4), "x must have at least 3 axes"),
        (lambda: act_regular(normal(4, 4, 3, 1), 1, group=P4), "x must have 4 elements of the group"),
        (lambda: grid_convolve(normal(4, 4, 1, 1), normal(3, 3, 1, 1)), "bank must have 6 axes"),
        (lambda: grid_convolve(normal(4, 4, 1, 1), normal(3, 2, 1, 1, 1, 1)), "bank must have kernels of equal sides"),
        (lambda: grid_convolve(normal(4, 1, 1), normal(3, 3, 1, 1, 1, 1)), "x must have at least 4 axes"),
        (lambda: restrict_field(normal(3, 2), group=P4, subgroup=P2), r"x must have shape \(..., order, channels\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
