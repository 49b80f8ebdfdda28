import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.models.force_field import PRODUCTS, Edges, ForceField, all_pairs, energy_and_forces
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetry import assert_equivariant, assert_not_equivariant

CUTOFF = 3.0
SPECIES = np.array([0, 1, 1, 0, 2], np.int32)
EDGES = all_pairs(len(SPECIES))


@functools.lru_cache
def field(product, **options):
    options = {"num_channels": 4, "lmax": 2, "cutoff": CUTOFF, "num_neighbours": 3.0, "param_dtype": FLOAT} | options
    # The first call may be in a trace, of which a kept model must hold nothing.
    with jax.ensure_compile_time_eval():
        return ForceField(3, product=product, dtype=options.pop("dtype", FLOAT), rngs=nnx.Rngs(1), **options)


@functools.lru_cache
def answers(product):
    """Energy and forces, compiled once for all tests of one shape."""
    return jax.jit(functools.partial(energy_and_forces, field(product)))


def molecule():
    """About a bond apart, without any symmetry."""
    rows = [[0.0, 0.1, 0.0], [1.1, 0.2, -0.1], [1.6, 1.4, 0.3], [0.3, -1.0, 0.8], [-0.9, 0.4, -1.0]]
    return jnp.asarray(rows, FLOAT)


def assert_close(found, wanted, bound=1e-10 if X64 else 1e-5):
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=bound * max(np.abs(wanted).max(), 1e-30))


def rotation_or_reflection(key):
    return jnp.linalg.qr(jax.random.normal(key, (3, 3), FLOAT))[0]


def turn(element, value):
    return value @ element.T


@pytest.mark.parametrize("product", PRODUCTS)
def test_energies_and_forces_turn_with_the_molecule_and_its_mirror_image(product):
    model = field(product)
    energies = jax.jit(lambda x: model.atomic_energies(x, SPECIES, EDGES))
    forces = lambda x: answers(product)(x, SPECIES, EDGES)[1]  # noqa: E731
    assert_close(energies(-molecule()), energies(molecule()))
    assert_close(forces(-molecule()), -forces(molecule()))
    options = {"act_in": turn, "exactness": "exact", "num_elements": 3}
    assert_equivariant(energies, molecule(), rotation_or_reflection, **options)
    assert_equivariant(forces, molecule(), rotation_or_reflection, act_out=turn, **options)
    # The control: forces turn.
    assert_not_equivariant(forces, molecule(), rotation_or_reflection, act_in=turn, delta=0.3)
    # By numbers that the positions, in units of 2^-8, take up without rounding.
    exact = jnp.round(256 * molecule()) / 256
    moved = exact + jnp.asarray([[1.0, -2.0, 0.5]], FLOAT)
    np.testing.assert_array_equal(forces(moved), forces(exact))


@pytest.mark.parametrize("product", PRODUCTS)
def test_order_and_padding_change_nothing(product):
    energy, forces = answers(product)(molecule(), SPECIES, EDGES)
    generator = np.random.default_rng(0)
    atoms, order = generator.permutation(len(SPECIES)), generator.permutation(len(EDGES.senders))
    shuffled = Edges(EDGES.senders[order], EDGES.receivers[order])
    assert_close(answers(product)(molecule(), SPECIES, shuffled)[1], forces)
    permuted = answers(product)(molecule()[atoms], SPECIES[atoms], EDGES)
    assert_close(permuted[1], forces[atoms])
    # Two atoms and three edges that pad: to an atom in the same place, an atom with itself, a pair once more.
    positions = jnp.concatenate([molecule(), molecule()[:1], jnp.zeros((1, 3), FLOAT)])
    species = np.concatenate([SPECIES, [2, 0]]).astype(np.int32)
    senders = np.concatenate([EDGES.senders, [5, 0, 2]]).astype(np.int32)
    receivers = np.concatenate([EDGES.receivers, [1, 0, 1]]).astype(np.int32)

    def padded(num_edges, num_atoms):
        edges = Edges(senders, receivers, np.arange(len(senders)) < num_edges)
        return answers(product)(positions, species, edges, np.arange(7) < num_atoms)

    true_edges = len(EDGES.senders)
    # The atom mask alone cuts the edge to an atom that pads.
    for num_edges in (true_edges, true_edges + 1):
        found = padded(num_edges, 5)
        assert_close(found[0], energy, 1e-10 if X64 else 1e-4)
        assert_close(found[1][:5], forces)
        assert not np.any(found[1][5:])
    # The control: unmasked, they count.
    for num_edges, num_atoms in ((true_edges + 3, 5), (true_edges + 1, 7)):
        assert float(jnp.abs(padded(num_edges, num_atoms)[1][:5] - forces).max()) > 1e-3 * float(jnp.abs(forces).max())


@pytest.mark.parametrize("product", PRODUCTS)
def test_singular_places_have_finite_derivatives(product):
    gradient = jax.value_and_grad(lambda x: answers(product)(x, SPECIES, EDGES)[0])
    direction = jnp.ones((5, 3), FLOAT).at[0].set(2.0)
    derivatives = jax.jit(lambda x: jax.jvp(gradient, (x,), (direction,)))
    far = 100.0 * jnp.arange(15, dtype=FLOAT).reshape(5, 3)
    coincident = molecule().at[0].set(molecule()[1])
    nearly = coincident.at[0, 0].add(1e-6)
    along = jnp.zeros((5, 3), FLOAT).at[:, 1].set(jnp.asarray([0.0, 1.0, -1.1, 2.0, -2.3], FLOAT))
    for positions in (far, molecule().at[0].set(100.0), coincident, nearly, along):
        assert_finite(derivatives(positions))
    # An atom without neighbours feels nothing.
    assert not np.any(derivatives(far)[0][1])
    assert np.any(derivatives(along)[0][1])


@pytest.mark.parametrize("product", PRODUCTS)
def test_energy_and_forces_are_continuous_at_the_cutoff(product):
    def at(distance):
        # A pair, a third atom that leaves it, and two that see nobody.
        positions = jnp.zeros((5, 3), FLOAT).at[1, 0].set(1.0).at[2, 2].set(distance).at[3:, 1].set(100.0)
        return answers(product)(positions.at[4, 0].set(50.0), SPECIES, EDGES)

    step = 0.02
    inside, outside, beyond = (at(CUTOFF + shift) for shift in (-step, step, 10 * step))
    # With a fourfold zero of the radial functions, the force of the atom that leaves has a threefold one.
    scale = float(jnp.abs(at(1.5)[1]).max())
    assert 0 < float(jnp.abs(inside[1][2]).max()) < 1e-3 * scale
    assert abs(float(inside[0] - outside[0])) < 1e-3 * scale * step
    assert not np.any(outside[1][2])
    assert float(outside[0]) == float(beyond[0])
    assert float(jnp.abs(at(0.8 * CUTOFF)[1][2]).max()) > 1e-4 * scale


def test_forces_are_minus_the_gradient():
    if not X64:
        pytest.skip("finite differences need float64")
    forces = answers("gaunt")(molecule(), SPECIES, EDGES)[1]
    direction = jnp.asarray(np.random.default_rng(1).normal(size=(5, 3)))
    ends = [answers("gaunt")(molecule() + sign * 1e-5 * direction, SPECIES, EDGES)[0] for sign in (1, -1)]
    assert_close((ends[1] - ends[0]) / 2e-5, jnp.sum(forces * direction), 1e-6)


@pytest.mark.parametrize("product", PRODUCTS)
def test_parameters_are_the_only_state_and_all_are_used(product):
    graphdef, params, rest = nnx.split(field(product), nnx.Param, ...)
    assert not jax.tree.leaves(rest)
    gradient = jax.jit(jax.grad(lambda params: nnx.merge(graphdef, params, rest)(molecule(), SPECIES, EDGES)))(params)
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert float(jnp.max(jnp.abs(leaf))) > 0, jax.tree_util.keystr(path)


def test_energies_of_atoms_belong_to_their_molecules():
    both = jnp.concatenate([molecule(), 2 * molecule()])
    found = jax.jit(field("gaunt").atomic_energies)(both, np.tile(SPECIES, 2), all_pairs(5, 2))
    for number, positions in enumerate((molecule(), 2 * molecule())):
        energy = answers("gaunt")(positions, SPECIES, EDGES)[0]
        assert_close(jnp.sum(found[5 * number : 5 * number + 5]), energy)


@pytest.mark.parametrize("product", PRODUCTS)
def test_bfloat16_features_give_nearly_the_same(product):
    low = field(product, dtype=jnp.bfloat16)
    energy, forces = jax.jit(functools.partial(energy_and_forces, low))(molecule(), SPECIES, EDGES)
    assert energy.dtype == forces.dtype == FLOAT
    # Features of 8 bits, multiplied with each other three times in each of two layers; 0.07 to 0.14 here.
    wanted = answers(product)(molecule(), SPECIES, EDGES)[1]
    assert float(jnp.linalg.norm(forces - wanted)) < 0.25 * float(jnp.linalg.norm(wanted))


def test_wrong_options_are_named():
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"product": "x"}, "product"),
        ({"lmax": -1}, "lmax"),
        ({"lmax_between": 3}, "lmax_between"),
        ({"num_layers": 0}, "num_layers"),
    )
    for options, name in wrong:
        with pytest.raises(ValueError, match=name):
            ForceField(2, rngs=nnx.Rngs(0), **options)
