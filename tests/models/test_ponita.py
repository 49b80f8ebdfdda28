"""PONITA and the network on positions: symmetry in its classes, clouds and graphs, pads, calibration, forces."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.models.force_field import Edges, all_pairs
from jaxinv.models.ponita import Ponita, PositionNetwork, calibrated
from jaxinv.models.ponita_force_field import PonitaForceField
from tests.duties import FLOAT, assert_finite
from tests.symmetry import assert_equivariant, assert_not_equivariant

pytestmark = pytest.mark.usefixtures("full_precision")

SIZES = {"num_hidden": 8, "num_basis": 8, "num_layers": 2, "length": 2.0, "param_dtype": FLOAT}
POINTS = 4


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def cloud(dimension=3):
    return normal(2, POINTS, dimension), normal(2, POINTS, 2, seed=1), normal(2, POINTS, 1, dimension, seed=2)


def ponita(**options):
    return Ponita(2, 1, 2, 2, **({"num_orientations": 6, "kind": "polyhedron", **SIZES} | options), rngs=nnx.Rngs(0))


def position_network(**options):
    return PositionNetwork(2, 1, 2, 2, **(SIZES | options), rngs=nnx.Rngs(0))


NETWORKS = {"ponita": ponita, "positions": position_network}


def moved(rotation, cloud):
    positions, scalars, vectors = cloud
    shift = jnp.full((1,) * (positions.ndim - 1) + positions.shape[-1:], 0.7, positions.dtype)
    return positions @ rotation.T + shift, scalars, vectors @ rotation.T


@jax.jit
def outputs(network, cloud, options):
    return network(*cloud, **options)


def vectors_of(network):
    return lambda cloud: outputs(network, cloud, {}).vectors


def scalars_of(network):
    return lambda cloud: outputs(network, cloud, {}).scalars


def turn(rotation, vectors):
    return vectors @ rotation.T


def any_rotation(dimension, key):
    return haar_so(key, (), dimension).astype(FLOAT)


def quarter_turn(key):
    """Of the octahedron's 24."""
    place, sign = jax.random.permutation(key, 3), jax.random.rademacher(key, (3,), FLOAT)
    matrix = jnp.eye(3, dtype=FLOAT)[place] * sign[:, None]
    return matrix * jnp.linalg.det(matrix)


def assert_close(found, wanted, bound=2e-5):
    scale = float(np.max(np.abs(wanted)))
    np.testing.assert_allclose(np.asarray(found) / scale, np.asarray(wanted) / scale, rtol=0, atol=bound)


def test_exact_under_the_rotations_of_the_grid_and_not_under_others():
    network = ponita()
    options = {"act_in": moved, "exactness": "exact", "num_elements": 4}
    assert_equivariant(vectors_of(network), cloud(), quarter_turn, act_out=turn, **options)
    assert_equivariant(scalars_of(network), cloud(), quarter_turn, **options)
    other = functools.partial(any_rotation, 3)
    assert_not_equivariant(vectors_of(network), cloud(), other, act_in=moved, act_out=turn, delta=0.01)


def test_the_plane_is_exact_under_turns_of_its_grid_and_knows_left_from_right():
    network = ponita(dimension=2, num_orientations=6)

    def sixth(key):
        angle = jnp.pi / 3 * jax.random.randint(key, (), 0, 6)
        return jnp.asarray([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]], FLOAT)

    options = {"act_in": moved, "exactness": "exact", "num_elements": 4}
    assert_equivariant(vectors_of(network), cloud(2), sixth, act_out=turn, **options)
    mirror = jnp.diag(jnp.asarray([1.0, -1.0], FLOAT))
    assert_not_equivariant(vectors_of(network), cloud(2), lambda key: mirror, act_in=moved, act_out=turn, delta=0.01)


def test_more_orientations_are_more_exact():
    """The class of grids: of random networks about .5 at 6 orientations, .03 at 50."""

    def error(num):
        network = ponita(num_orientations=num, kind="repulsion")
        found = vectors_of(network)
        rotation = any_rotation(3, jax.random.key(3))
        difference = found(moved(rotation, cloud())) - turn(rotation, found(cloud()))
        return float(jnp.linalg.norm(difference) / jnp.linalg.norm(found(cloud())))

    coarse, fine = error(6), error(50)
    assert coarse > 5 * fine
    assert fine < 0.06


def test_positions_alone_are_exact_and_blind():
    network = position_network()
    any_turn = functools.partial(any_rotation, 3)
    options = {"act_in": moved, "exactness": "exact", "num_elements": 4}
    assert_equivariant(vectors_of(network), cloud(), any_turn, act_out=turn, **options)
    assert_equivariant(scalars_of(network), cloud(), any_turn, **options)

    def only_vectors(rotation, cloud):
        return cloud[0], cloud[1], cloud[2] @ rotation.T

    assert_equivariant(scalars_of(network), cloud(), any_turn, act_in=only_vectors, exactness="exact")
    # PONITA sees which way vectors point.
    assert_not_equivariant(scalars_of(ponita()), cloud(), quarter_turn, act_in=only_vectors, delta=0.01)


def test_a_turned_grid_is_the_network_between_turns():
    network, rotation = ponita(), any_rotation(3, jax.random.key(5))
    wanted = outputs(network, cloud(), {})
    found = outputs(network, moved(rotation, cloud()), {"rotation": rotation})
    assert_close(found.scalars, wanted.scalars)
    assert_close(found.vectors, turn(rotation, wanted.vectors))
    of_each = outputs(network, moved(rotation, cloud()), {"rotation": jnp.stack([rotation, jnp.eye(3, dtype=FLOAT)])})
    assert_close(of_each.vectors[0], found.vectors[0])
    assert np.abs(of_each.vectors[1] - found.vectors[1]).max() > 1e-3


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_clouds_graphs_pads_and_order(make):
    network = make(cutoff=3.0)
    clouds = cloud()
    wanted = outputs(network, clouds, {})
    one = [array[0] for array in clouds]
    pairs, own = all_pairs(POINTS), np.arange(POINTS, dtype=np.int32)
    senders, receivers = (np.concatenate([side, own, own[:2]]) for side in (pairs.senders, pairs.receivers))
    edges = Edges(senders, receivers, np.arange(len(senders)) < len(senders) - 2)
    for found, dense in zip(outputs(network, one, {"edges": edges}), wanted, strict=True):
        assert_close(found, dense[0])
    order = np.array([2, 0, 3, 1])
    for found, dense in zip(outputs(network, [array[order] for array in one], {}), wanted, strict=True):
        assert_close(found, dense[0][order])
    padded = [jnp.concatenate([array, jnp.ones((2, 1, *array.shape[2:]), FLOAT)], axis=1) for array in clouds]
    mask = np.arange(POINTS + 1) < POINTS
    for found, dense in zip(outputs(network, padded, {"mask": np.stack([mask, mask])}), wanted, strict=True):
        assert_close(found[:, :POINTS], dense)
    assert np.abs(outputs(network, padded, {}).scalars[:, :POINTS] - wanted.scalars).max() > 1e-3
    with pytest.raises(ValueError, match="mask the edges"):
        network(*one, edges=edges, mask=mask[:POINTS])


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_calibrated_convolutions_keep_the_deviation(make):
    network = make()
    found = jax.jit(calibrated)(network, *cloud())

    @jax.jit
    def ratios(network, cloud):
        x, kernels = network.prepared(*cloud)
        found = []
        for layer in network.layers:
            y = layer.spatial(x, kernels.basis, antipodal=kernels.antipodal)
            found.append(jnp.std(y) / jnp.std(x))
            if layer.fiber is not None:
                found.append(jnp.std(layer.fiber(y, kernels.fiber_basis)) / jnp.std(x))
            x = layer(x, kernels)
        return jnp.stack(found)

    np.testing.assert_allclose(ratios(found, cloud()), 1, rtol=1e-4)
    assert np.abs(ratios(network, cloud()) - 1).max() > 0.1
    # The given network is as it was, and a batch of one point at rest leaves numbers.
    assert not np.allclose(network.layers[0].spatial.weights[...], found.layers[0].spatial.weights[...])
    nothing = [jnp.zeros_like(array[:1, :1]) for array in cloud()]
    assert_finite(nnx.state(jax.jit(calibrated)(network, *nothing), nnx.Param))


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_low_precision_and_layer_scale(make):
    exact, low = make(), make(dtype=jnp.bfloat16)
    assert_close(vectors_of(low)(cloud()), vectors_of(exact)(cloud()), 0.1)
    assert vectors_of(low)(cloud()).dtype == FLOAT
    still = make(layer_scale=0.0)

    @jax.jit
    def around(network, cloud):
        x, kernels = network.prepared(*cloud)
        return x, network.layers[0](x, kernels)

    np.testing.assert_array_equal(*around(still, cloud()))
    assert np.any(np.subtract(*around(exact, cloud())))


def test_bad_sizes_are_named():
    for options, message in (
        ({"length": 0.0}, "length must be positive"),
        ({"cutoff": float("inf")}, "cutoff must be positive"),
        ({"num_layers": 0}, "num_layers must be >= 1"),
        ({"degree": 0}, "degree must be >= 1"),
        ({"num_orientations": 7}, "num_orientations must be 6, 12 or 20"),
    ):
        with pytest.raises(ValueError, match=message):
            ponita(**options)


def test_forces_are_the_gradient_and_end_at_the_cutoff():
    model = PonitaForceField(
        2,
        num_channels=4,
        num_basis=4,
        num_orientations=6,
        num_layers=1,
        cutoff=3.0,
        param_dtype=FLOAT,
        rngs=nnx.Rngs(0),
    )
    species, edges, everyone = np.array([0, 1, 0, 1], np.int32), all_pairs(4), np.ones(4, bool)
    positions, directions = normal(4, 3), normal(2, 4, 3, seed=8)

    @jax.jit
    def forces(x, direction, mask):
        gradient = jax.grad(lambda x: jnp.sum(model.atomic_energies(x, species, edges, mask)))
        return jax.jvp(gradient, (x,), (direction,))

    for place in (positions, positions.at[0].set(positions[1])):
        assert_finite(forces(place, directions[0], everyone))
    # The derivative of the forces is symmetric, as that of a gradient is.
    found = [forces(positions, direction, everyone)[1] for direction in directions]
    assert float(jnp.vdot(found[0], directions[1])) == pytest.approx(float(jnp.vdot(found[1], directions[0])), rel=1e-3)
    # Atoms beyond the cutoff feel nothing, and one that pads is nobody's neighbour.
    assert not np.any(forces(100 * positions, directions[0], everyone))
    wanted, masked = (forces(positions, directions[0], mask)[0] for mask in (everyone, np.arange(4) < 3))
    assert not np.any(masked[3])
    assert np.abs(masked[:3] - wanted[:3]).max() > 1e-4
