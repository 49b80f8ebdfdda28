"""Chains of transformations: their law; and warps: exact where pixels meet pixels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.simulators import identity_transformation

LOSSES = np.array([0.1, 0.5, 1.0, 2.0, 4.0])
EXACT = 1e-5 if jnp.result_type(float) == jnp.float32 else 1e-12


@pytest.mark.parametrize("base", [None, np.array([0.4, 0.1, 0.2, 0.2, 0.1])])
def test_the_invariant_law_is_base_times_loss(base):
    """And detailed balance holds; losses alone are no invariant law where the base is not uniform."""
    base = None if base is None else jnp.asarray(base, float)
    losses = jnp.asarray(LOSSES, float)
    law = np.asarray(kernels.loss_proportional_weights(losses, base))
    matrix = np.asarray(kernels.mh_transition_matrix(losses, base))
    np.testing.assert_allclose(law @ matrix, law, atol=EXACT)
    flow = law[:, None] * matrix
    np.testing.assert_allclose(flow, flow.T, atol=EXACT)
    if base is not None:
        other = LOSSES / LOSSES.sum()
        assert np.abs(other @ matrix - other).max() > 0.01


def test_two_states_are_far_from_the_law():
    """Expected losses of the last of 1, 2, 4, 8, 16 states, and of the law."""
    losses = jnp.asarray(LOSSES, float)
    matrix, law = (
        np.asarray(f(losses), float) for f in (kernels.mh_transition_matrix, kernels.loss_proportional_weights)
    )
    uniform = np.full(5, 0.2)
    laws = [uniform @ np.linalg.matrix_power(matrix, states - 1) for states in (1, 2, 4, 8, 16)]
    np.testing.assert_allclose([one @ LOSSES for one in laws], [1.52, 2.117, 2.572, 2.767, 2.797], atol=6e-4)
    np.testing.assert_allclose(law @ LOSSES, 2.7974, atol=5e-5)
    distances = [np.abs(one - law).sum() / 2 for one in laws]
    np.testing.assert_allclose(distances, [0.3895, 0.2023, 0.0778, 0.0115, 0.0003], atol=1e-4)


def _choose(count, key, x):
    chosen = jax.random.randint(key, x.shape, 0, count)
    return x * jnp.asarray(LOSSES, x.dtype)[chosen], chosen


def _chain(chains, *, steps, scale=1.0, count=5):
    x = jnp.full(chains, scale)
    return kernels.independence_mh(
        jax.random.key(1), functools.partial(_choose, count), lambda x, y: x, x, x, steps=steps
    )


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_chains_follow_the_matrix(steps):
    """Frequencies by a chi-square of 4 degrees (30 is one in 2e5), and the mean within 4 standard errors."""
    chains = 200_000
    found = _chain(chains, steps=steps)
    losses = jnp.asarray(LOSSES, float)
    matrix = np.asarray(kernels.mh_transition_matrix(losses), float)
    law = np.full(5, 0.2) @ np.linalg.matrix_power(matrix, steps - 1)
    counts = np.bincount(np.asarray(found.transform), minlength=5)
    assert np.sum((counts - chains * law) ** 2 / (chains * law)) < 30
    spread = np.sqrt(law @ LOSSES**2 - (law @ LOSSES) ** 2) / np.sqrt(chains)
    assert abs(float(np.mean(np.asarray(found.loss, float))) - law @ LOSSES) < 4 * spread
    stays = np.full(5, 0.2) @ matrix
    if steps > 1:
        assert np.abs(counts / chains - (stays if steps == 8 else np.full(5, 0.2))).max() > 0.01


@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_one_transformation_and_losses_of_zero_are_always_accepted(scale):
    found = _chain(50, steps=4, scale=scale, count=1 if scale else 5)
    assert float(found.accept_rate) == 1.0
    assert float(_chain(50, steps=1, scale=scale).accept_rate) == 1.0


def test_acceptance_at_zero():
    new, old = jnp.array([0.0, 1.0, 0.0, -1.0]), jnp.array([0.0, 0.0, 1.0, 1.0])
    assert kernels.mh_accept(jax.random.key(0), new, old).tolist() == [True, True, False, False]
    np.testing.assert_allclose(kernels.loss_proportional_weights(jnp.zeros(4)), 0.25)
    gradient = jax.jacobian(kernels.mh_transition_matrix)(jnp.zeros(3))
    assert np.isfinite(np.asarray(gradient)).all()


def test_no_gradient_passes_through_a_chain():
    def loss(scale):
        x = jnp.ones(4)
        chain = kernels.independence_mh(
            jax.random.key(0), functools.partial(_choose, 5), lambda x, y: scale * x, x, x, steps=2
        )
        return jnp.sum(chain.loss)

    assert float(jax.grad(loss)(2.0)) == 0.0


@functools.partial(jax.jit, static_argnames="fill")
def _moved(image, fill=0.0, **fields):
    plain = identity_transformation()._replace(**{name: jnp.asarray(value, float) for name, value in fields.items()})
    return kernels.warp_affine(image, kernels.affine_map(plain), fill=fill)


@pytest.fixture
def image():
    return jnp.asarray(np.random.default_rng(0).uniform(size=(6, 6, 2)), float)


def test_warps_are_exact_where_pixels_meet_pixels(image):
    """And nowhere else: an eighth of a turn is no rotation of pixels."""
    np.testing.assert_array_equal(_moved(image), image)
    for turns in (1, 2, 3):
        np.testing.assert_allclose(_moved(image, angle=-turns * np.pi / 2), jnp.rot90(image, turns), atol=4 * EXACT)
    np.testing.assert_allclose(_moved(image[:4], angle=np.pi), image[3::-1, ::-1], atol=4 * EXACT)
    np.testing.assert_array_equal(_moved(image, flips=(-1, 1)), image[:, ::-1])
    shifted = np.full((6, 6, 2), 0.5)
    shifted[1:, :-2] = image[:-1, 2:]
    np.testing.assert_allclose(_moved(image, fill=0.5, translation=(-2, 1)), shifted, atol=EXACT)
    eighth = _moved(_moved(image, angle=np.pi / 4), angle=np.pi / 4)
    assert float(jnp.max(jnp.abs(eighth - _moved(image, angle=np.pi / 2)))) > 0.1


def test_a_picture_far_outside_is_the_fill_and_has_no_gradient(image):
    far = jnp.array([[1.0, 0.0, 1e9], [0.0, 1.0, -1e9]])
    np.testing.assert_array_equal(kernels.warp_affine(image, far, fill=0.25), 0.25)
    gradient = jax.grad(lambda theta: jnp.sum(kernels.warp_affine(image, theta)))(far)
    np.testing.assert_array_equal(gradient, 0)


def test_transforms_are_drawn_by_weight():
    names = ("rotate", "equalize")
    weights = kernels.transform_weights(names)
    draw = jax.jit(jax.vmap(kernels.sample_transform, in_axes=(0, None)))
    drawn = draw(jax.random.split(jax.random.key(0), 500), weights)
    chosen = {kernels.TRANSFORMS[i] for i in np.unique(np.asarray(drawn.which))}
    assert chosen == set(names)
    assert abs(np.mean(np.asarray(drawn.which) == 1) - 0.5) < 0.1
    assert len(np.unique(np.asarray(drawn.magnitude))) == 31
    none = draw(jax.random.split(jax.random.key(0), 500), jnp.zeros_like(weights))
    assert set(np.asarray(none.which)) == {0}
    assert len(kernels.WIDE_TRANSFORMS) == 14
