"""Averages over frames are invariant and equivariant, leave such functions as they are, and have true derivatives."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.lie_groups.sampling import haar_so
from tests.duties import FLOAT, X64, assert_finite, assert_same
from tests.symmetrization.frame_cases import C4, CHANNELS, N, cloud, network
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-12 if X64 else 2e-6
FRAMES = {
    "pca": kernels.pca_frame,
    "weighted": kernels.weighted_frame,
}


def example(seed=0, d=2):
    """Points, velocities of them, features, and a tensor for the cloud."""
    generator = np.random.default_rng(seed)
    made = (cloud(generator, N, d), *(generator.normal(size=s) for s in ((N, d), (N, CHANNELS), (d, d))))
    return tuple(jnp.asarray(x, FLOAT) for x in made)


KINDS = ("point", "vector", "scalar", "tensor")


@jax.jit
def move(g, values):
    """The group's action on `example`."""
    (rotation, shift), (points, vectors, features, tensor) = g, values
    turn = functools.partial(jnp.matmul, precision="highest")
    return (
        turn(points, rotation.T) + shift[None],
        turn(vectors, rotation.T),
        features,
        turn(rotation, turn(tensor, rotation.T)),
    )


@functools.cache
def sampler(group, d, reflections=None):
    """Elements of a group; with `reflections` 1 or -1 all of this determinant."""

    @jax.jit
    def sample(key):
        turn, flip, shift = jax.random.split(key, 3)
        sign = jax.random.rademacher(flip, (), FLOAT) if group in ("e", "o") else 1
        signs = jnp.ones(d, FLOAT).at[0].set(sign if reflections is None else reflections)
        moves = 1 if group in ("e", "se") else 0
        return haar_so(turn, (), d, dtype=FLOAT) * signs[None], moves * jax.random.normal(shift, (d,), FLOAT)

    return sample


def function(points, vectors, features, tensor):
    """Neither invariant nor even, in all four kinds."""
    scalar, field = network(points + 0.5 * jnp.sin(vectors + 0.3), features)
    seen = jnp.cos(tensor + jnp.sum(points, axis=0)[:, None] * 0.3)
    return field, jnp.sin(field) + seen[:1], scalar[None] + jnp.sum(seen), seen + field[0][:, None]


def averaged(frames, group):
    @jax.jit
    def average(values):
        found = FRAMES[frames](values[0], group=group)
        return kernels.frame_average(function, found, *values, inputs=KINDS, output=KINDS)

    return average


@jax.jit
def alone(values):
    return in_a_row(function(*values))


@jax.jit
def move_row(g, row):
    """The group's action on results in a row."""
    d = g[1].shape[0]
    field, vectors, scalar, tensor = jnp.split(row, np.cumsum([d * N, d * N, 1]))
    parts = (field.reshape(N, d), vectors.reshape(N, d), scalar, tensor.reshape(d, d))
    return in_a_row(move(g, parts))


def in_a_row(values):
    return jnp.concatenate([x.ravel() for x in values])


@pytest.mark.parametrize(
    ("frames", "group", "d"),
    [
        ("pca", "se", 3),
        ("pca", "so", 2),
        ("weighted", "e", 2),
    ],
)
def test_averages_are_equivariant(frames, group, d):
    average = averaged(frames, group)
    values = example(d=d)

    acting: dict[str, Any] = {"act_in": move, "act_out": move_row}
    of_average = jax.jit(lambda x: in_a_row(average(x)))
    assert_equivariant(of_average, values, sampler(group, d), exactness="exact", num_elements=8, **acting)
    # Reflections are no matter of rotations' frames, translations not of linear groups', and none of the function's.
    if group in ("se", "so"):
        assert_not_equivariant(of_average, values, sampler("se", d, reflections=-1), delta=0.02, **acting)
    if group in ("o", "so"):
        assert_not_equivariant(of_average, values, sampler("se", d), delta=0.02, **acting)
    assert_not_equivariant(alone, values, sampler(group, d), delta=0.02, **acting)


def test_averages_of_averages_and_of_equivariant_functions_are_themselves():
    points, vectors, features, _ = example()
    inputs, output = ("point", "vector", "scalar"), ("scalar", "point")

    def plain(points, vectors, features):
        return network(points + 0.5 * jnp.sin(vectors + 0.3), features)

    def equivariant(points, vectors, features):
        centred = points - jnp.mean(points, axis=0, keepdims=True)
        gram = jnp.sin(jnp.matmul(centred, centred.T, precision="highest"))
        return jnp.sum(gram) + jnp.sum(features), points + jnp.matmul(gram, vectors, precision="highest")

    @jax.jit
    def all_of(*values):
        def average(function, *values):
            frames = kernels.pca_frame(values[0], group="se")
            return kernels.frame_average(function, frames, *values, inputs=inputs, output=output)

        once = functools.partial(average, plain)
        return (
            average(equivariant, *values),
            equivariant(*values),
            average(once, *values),
            once(*values),
            plain(*values),
        )

    kept, wanted, twice, once, alone = all_of(points, vectors, features)
    assert_same(kept, wanted, 10 * EXACT)
    assert_same(twice, once, 30 * EXACT)
    # Negative control.
    with pytest.raises(AssertionError):
        assert_same(once, alone, 1e-2)


def test_every_kind_goes_to_the_frame_and_back():
    for d in (1, 5):
        points, vectors, _, tensor = example(d=d)
        inputs = ("point", "vector", "tensor")

        def all_of(*values, inputs=inputs):
            frames = kernels.minimal_frame(values[0], group="e")
            seen = kernels.frame_average(lambda *v: v, frames, *values, inputs=inputs, output=("scalar",) * 3)
            return kernels.frame_average(lambda *v: v, frames, *values, inputs=inputs, output=inputs), seen, frames

        found, seen, frames = jax.jit(all_of)(points, vectors, tensor)
        assert_same(found, (points, vectors, tensor), 10 * EXACT)
        back = np.asarray(frames.inverses[0])
        wanted = ((points - frames.centre[None]) @ back.T, vectors @ back.T, back @ tensor @ back.T)
        assert_same(seen, wanted, 10 * EXACT)


def test_batches_stacks_and_loops_agree_and_the_function_is_called_once():
    batch = [example(seed) for seed in range(3)]
    points, _, features, _ = (jnp.stack(column) for column in zip(*batch, strict=True))
    calls = []

    def counted(points, features):
        calls.append(points.shape)
        return network_of_rows(points, features)

    def network_of_rows(points, features):
        _, field = network(points.reshape(-1, 2), features.reshape(-1, CHANNELS))
        hidden = field.reshape(points.shape)
        return jnp.sum(jnp.sin(hidden), axis=(-1, -2)), hidden

    output = ("scalar", "point")

    @jax.jit
    def both(points, features):
        frames = kernels.pca_frame(points, group="e")
        return [
            kernels.frame_average(counted, frames, points, features, output=output, stacked=stacked)
            for stacked in (False, True)
        ]

    found, stacked = both(points, features)
    assert calls == [(3, N, 2), (4, 3, N, 2)]
    assert_same(stacked, found, 10 * EXACT)
    of_one = jax.jit(lambda x, f: kernels.pca_frame_average(network_of_rows, x, f, group="e", output=output))
    for i, (x, _, f, _) in enumerate(batch):
        assert_same(of_one(x, f), jax.tree.map(lambda leaf, i=i: leaf[i], found), 10 * EXACT)
    assert_same(jax.jit(jax.vmap(of_one))(points, features), found, 10 * EXACT)


@pytest.mark.proves("masks", "symmetrization.pca_frame_average")
def test_masked_points_change_nothing():
    points, _, features, _ = example()

    def masked(points, features, mask):
        hidden = network(points, features)[1]
        return jnp.sum(jnp.where(mask[:, None], jnp.sin(hidden + 1), 0))

    @jax.jit
    def average(points, features, mask):
        return kernels.pca_frame_average(masked, points, features, mask, group="se", mask=mask)

    grown = [jnp.concatenate([x, 3 + x[:2]]) for x in (points, features)]
    found = average(*grown, jnp.arange(N + 2) < N)
    # As many points, others where they are masked: none is seen.
    others = [x.at[N:].add(1.7) for x in grown]
    np.testing.assert_allclose(average(*others, jnp.arange(N + 2) < N), found, rtol=10 * EXACT)
    np.testing.assert_allclose(found, average(points, features, jnp.ones(N, bool)), rtol=10 * EXACT)
    assert abs(float(average(*grown, jnp.ones(N + 2, bool)) - found)) > 0.1


def test_one_drawn_element_gives_the_average_in_the_mean():
    points, _, features, _ = example()
    whole = kernels.pca_frame_average(network, points, features, group="e", output=("scalar", "point"))
    draw = jax.jit(
        jax.vmap(
            lambda key: kernels.pca_frame_average(
                network, points, features, group="e", key=key, output=("scalar", "point")
            )
        )
    )
    scalars, fields = draw(jax.random.split(jax.random.key(0), 400))
    values, counts = np.unique(np.round(np.asarray(scalars), 4), return_counts=True)
    assert len(values) == 4
    assert counts.min() > 60
    np.testing.assert_allclose(values.mean(), whole[0], atol=1e-4)
    spread = np.asarray(fields).std(0).max() / np.sqrt(400)
    assert np.abs(np.asarray(fields).mean(0) - np.asarray(whole[1])).max() < 5 * spread


def energy(points, *, detached):
    return kernels.pca_frame_average(
        lambda y: jnp.sum(network(y, jnp.ones((N, CHANNELS), FLOAT))[1] ** 2), points, group="se", detached=detached
    )


def test_exact_forces_add_up_to_no_force_and_no_torque():
    points = example()[0]

    @functools.partial(jax.jit, static_argnames="detached")
    def forces(points, detached):
        return jax.grad(functools.partial(energy, detached=detached))(points)

    def residue(found):
        total = np.abs(np.asarray(found).sum(0)).max()
        (x, y), (f, g) = np.asarray(points).T, np.asarray(found).T
        return total, abs((x * g - y * f).sum())

    exact = forces(points, False)
    scale = float(jnp.max(jnp.abs(exact)))
    assert max(residue(exact)) < (1e-10 if X64 else 2e-4) * scale
    # Negative control: with the frames held fixed they are no derivative of the energy, though they turn with it.
    detached = forces(points, True)
    assert min(residue(detached)) > 0.05 * scale
    rotation = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = jnp.asarray(np.asarray(points) @ rotation.T, FLOAT)
    for way, found in ((True, detached), (False, exact)):
        np.testing.assert_allclose(
            forces(turned, way), np.asarray(found) @ rotation.T, atol=(1e-10 if X64 else 2e-4) * scale
        )


@pytest.mark.allow_nans
def test_derivatives_at_equal_variances_are_finite():
    square = jnp.asarray([[1.0, 0], [-1, 0], [0, 1], [0, -1], [0, 0]], FLOAT)

    @jax.jit
    def all_of(points):
        ways = [functools.partial(energy, detached=detached) for detached in (True, False)]
        return [jax.grad(way)(points) for way in (*ways, naive)]

    def naive(points):
        axes = jnp.linalg.eigh(jnp.matmul(points.T, points))[1]
        return jnp.sum(jnp.sin(jnp.matmul(points, axes) + 1))

    detached, exact, through = all_of(square)
    assert_finite((detached, exact))
    assert np.abs(detached).max() > 0.1
    # What this is about.
    assert np.isnan(through).any()


def test_averages_over_a_finite_group_are_equivariant():
    frames = kernels.group_frames(jnp.asarray(C4, FLOAT))
    steep = jnp.array([1.0, 2.0], FLOAT)

    @jax.jit
    def average(x):
        return kernels.frame_average(lambda y: jnp.sin(y + steep), frames, x, inputs=("vector",), output="vector")

    def rotation(angle):
        return jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]], FLOAT)

    acting: dict[str, Any] = {"act_in": lambda g, x: jnp.matmul(g, x, precision="highest")}
    acting["act_out"] = acting["act_in"]
    x = jnp.array([0.3, -1.2], FLOAT)
    quarters = lambda key: frames.elements[jax.random.randint(key, (), 0, 4)]  # noqa: E731
    assert_equivariant(average, x, quarters, exactness="exact", **acting)
    assert_not_equivariant(average, x, lambda key: rotation(jax.random.uniform(key)), delta=1e-3, **acting)


def test_integers_and_parameters_pass_through_as_scalars():
    points = example()[0]
    parameters = {"scale": jnp.ones((), FLOAT), "kinds": jnp.arange(N)}

    def of_all(parameters, points, name):
        assert name == "name"
        return {"sum": jnp.sum(parameters["kinds"][:, None] * points**2) * parameters["scale"]}

    found = kernels.frame_average(
        of_all, kernels.pca_frame(points, group="e"), parameters, points, "name", inputs=("scalar", "point", "scalar")
    )
    centred = points - points.mean(0, keepdims=True)
    np.testing.assert_allclose(found["sum"], (np.arange(N)[:, None] * np.asarray(centred) ** 2).sum(), rtol=10 * EXACT)
