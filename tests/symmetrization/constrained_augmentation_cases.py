"""Augmentation under a constraint beside numpy and scipy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.families import constrained_augmentation_peers as peers
from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.simulators import identity_transformation
from tests.duties import FEATURES, BadInput, Case

KEY = jax.random.key(5)
FACTORS = np.array([0.1, 0.5, 1.0, 2.0, 4.0])
STEPS = 4


def losses(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Of five transformations, and a base law."""
    base = generator.uniform(0.2, 1, 5)
    return generator.uniform(0.1, 3, 5), base / base.sum()


def numpy_weights(losses, base):
    return losses * base / np.sum(losses * base)


def numpy_transitions(losses, base):
    matrix = np.zeros((5, 5))
    for i in range(5):
        for j in set(range(5)) - {i}:
            matrix[i, j] = base[j] * min(1, losses[j] / losses[i])
        matrix[i, i] = 1 - matrix[i].sum()
    return matrix


def propose(key, x):
    """A factor for each example."""
    chosen = jax.random.randint(key, (len(x),), 0, len(FACTORS))
    factor = jnp.asarray(FACTORS, x.dtype)[chosen]
    return x * factor, factor


def numpy_chain(x, y):
    """The same draws, accepted one by one."""
    first, rest = jax.random.split(KEY)
    pairs = [(first, None), *(tuple(jax.random.split(key)) for key in jax.random.split(rest, STEPS - 1))]
    state = np.zeros(len(x))
    for draw, accept in pairs:
        new = np.asarray(propose(draw, jnp.asarray(x, float))[0], float)
        if accept is None:
            state = new
            continue
        needed = np.exp(-np.asarray(jax.random.exponential(accept, x.shape, float), float))
        state = np.where(needed <= new * y / (state * y), new, state)
    return state * y


def picture(generator: np.random.Generator) -> np.ndarray:
    return generator.uniform(0.05, 0.95, (6, 5, 3))


def warped(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A picture, and a map that is far from pixel centres."""
    return picture(generator), np.eye(2, 3) + generator.uniform(0.1, 0.4, (2, 3))


def moved(translation, angle, scale, shear):
    plain = jax.tree.map(lambda field: field.astype(angle.dtype), identity_transformation())
    return kernels.affine_map(plain._replace(translation=translation, angle=angle, scale=scale, shear=shear))


def numpy_map(translation, angle, scale, shear):
    c, s = np.cos(angle), np.sin(angle)
    forward = scale * np.array([[c, -s], [s, c]]) @ np.array([[1, shear[0]], [shear[1], 1]])
    inverse = np.linalg.inv(forward)
    return np.column_stack([inverse, -inverse @ translation])


def motion(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Translation, angle, scale and shear."""
    return tuple(
        generator.uniform(low, high, shape)
        for low, high, shape in ((-2, 2, 2), (0, 6, ()), (0.5, 2, ()), (-0.7, 0.7, 2))
    )


@jax.jit
def colours(image, magnitude):
    """All of them, with both signs."""
    index = jnp.arange(-1, 2 * len(kernels.COLOUR_TRANSFORMS))
    sign = jnp.where(index < len(kernels.COLOUR_TRANSFORMS), 1.0, -1.0).astype(magnitude.dtype)
    index = jnp.where(index < 0, index, index % len(kernels.COLOUR_TRANSFORMS))
    return jax.vmap(kernels.colour_transform, in_axes=(None, 0, None, 0))(image, index, magnitude, sign)


def numpy_colours(image, magnitude):
    names = ("identity", *kernels.COLOUR_TRANSFORMS)
    positive = [peers.colour(image, name, magnitude, 1) for name in names]
    return np.stack(positive + [peers.colour(image, name, magnitude, -1) for name in names[1:]])


@jax.jit
def bank(image, magnitude, sign):
    """Every transformation."""
    index = jnp.arange(len(kernels.TRANSFORMS))
    return jax.vmap(lambda i: kernels.apply_transform(image, kernels.Transform(i, magnitude, sign)))(index)


def numpy_bank(image, magnitude, sign):
    return np.stack([peers.transform(image, name, magnitude, sign) for name in kernels.TRANSFORMS])


def numpy_levels(weights, seed):
    return np.array(jax.random.randint(jax.random.split(jax.random.key(int(seed)), 3)[1], (), 0, 31) / 30, float)


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


def _drawn(index=0, magnitude: Any = 0.5):
    return kernels.Transform(jnp.asarray(index), jnp.asarray(magnitude), jnp.ones(()))


THREE, PICTURE = jnp.ones(3), jnp.ones((3, 3, 1))
_NO_GRADIENT: dict[str, Any] = {"differentiable": (), "second_order": False, "low_precision": None}

CASES = [
    Case(
        name="symmetrization.loss_proportional_weights",
        function=kernels.loss_proportional_weights,
        arguments=losses,
        reference=numpy_weights,
        empty=lambda: (np.zeros(0), np.zeros(0)),
        bad_input=(
            _bad(lambda: kernels.loss_proportional_weights(jnp.ones(3, int)), "losses must be floating", TypeError),
            _bad(lambda: kernels.loss_proportional_weights(THREE, jnp.ones(2)), "base must have shape"),
        ),
        **{**FEATURES, "differentiable": (0, 1), "tolerance": (1e-5, 1e-12)},
    ),
    Case(
        name="symmetrization.mh_transition_matrix",
        function=kernels.mh_transition_matrix,
        arguments=losses,
        reference=numpy_transitions,
        empty=lambda: (np.zeros(0), np.zeros(0)),
        bad_input=(
            _bad(lambda: kernels.mh_transition_matrix(jnp.ones((2, 2))), "losses must have shape"),
            _bad(lambda: kernels.mh_transition_matrix(THREE, jnp.ones(3, int)), "base must be floating", TypeError),
        ),
        **{**FEATURES, "differentiable": (0, 1), "low_precision": 1e-2},
    ),
    Case(
        name="symmetrization.mh_accept",
        function=lambda new, old: kernels.mh_accept(KEY, new, old).astype(new.dtype),
        arguments=lambda generator: tuple(generator.uniform(0.1, 3, (2, 50))),
        reference=lambda new, old: np.exp(-np.asarray(jax.random.exponential(KEY, new.shape, float))) <= new / old,
        value=lambda result: result,
        empty=lambda: (np.zeros(0), np.zeros(0)),
        bad_input=(
            _bad(lambda: kernels.mh_accept(KEY, THREE, jnp.ones(2)), "loss_new must have shape"),
            _bad(lambda: kernels.mh_accept(KEY, THREE, jnp.ones(3, int)), "loss_old must be floating", TypeError),
        ),
        **_NO_GRADIENT,
    ),
    Case(
        name="symmetrization.independence_mh",
        # Jitted, for a scan whose body is a new function compiles anew.
        function=jax.jit(lambda x, y: kernels.independence_mh(KEY, propose, lambda x, y: x * y, x, y, steps=STEPS)),
        arguments=lambda generator: tuple(generator.uniform(0.1, 3, (2, 50))),
        reference=numpy_chain,
        value=lambda chain: chain.loss,
        empty=lambda: (np.zeros(0), np.zeros(0)),
        bad_input=(
            _bad(lambda: kernels.independence_mh(KEY, propose, lambda x, y: x, THREE, THREE, steps=0), "steps must be"),
            _bad(
                lambda: kernels.independence_mh(KEY, propose, lambda x, y: jnp.mean(x), THREE, THREE, steps=2),
                "loss must have shape",
            ),
        ),
        tolerance=(1e-5, 1e-12),
        **_NO_GRADIENT,
    ),
    Case(
        name="symmetrization.dual_ascent",
        function=lambda lam, slack: kernels.dual_ascent(lam, slack, 0.5, lam_max=2.0),
        arguments=lambda generator: (generator.uniform(0, 2, 20), generator.normal(size=20)),
        reference=lambda lam, slack: np.clip(lam + 0.5 * slack, 0, 2),
        empty=lambda: (np.zeros(0), np.zeros(0)),
        bad_input=(
            _bad(lambda: kernels.dual_ascent(THREE, jnp.ones(2), 0.1), "slack must have shape"),
            _bad(lambda: kernels.dual_ascent(jnp.ones(3, int), THREE, 0.1), "lam must be floating", TypeError),
        ),
        **{**FEATURES, "differentiable": (0, 1)},
    ),
    Case(
        name="symmetrization.constrained_loss",
        function=kernels.constrained_loss,
        arguments=lambda generator: (generator.uniform(size=()), *generator.uniform(size=(2, 3))),
        reference=lambda clean, augmented, lam: clean + lam @ augmented,
        empty=lambda: (np.ones(()), np.zeros(0), np.zeros(0)),
        bad_input=(
            _bad(lambda: kernels.constrained_loss(jnp.ones(()), THREE, jnp.ones(2)), "lam must have shape"),
            _bad(lambda: kernels.constrained_loss(jnp.ones(()), THREE, jnp.ones(3, int)), "lam must be", TypeError),
        ),
        **{**FEATURES, "differentiable": (0, 1), "low_precision": 1e-2},
    ),
    Case(
        name="symmetrization.affine_map",
        function=moved,
        arguments=motion,
        reference=numpy_map,
        bad_input=(
            _bad(
                lambda: kernels.affine_map(identity_transformation()._replace(angle=jnp.zeros((), int))),
                "grid must be floating",
                TypeError,
            ),
        ),
        **{**FEATURES, "differentiable": (0, 1, 2, 3), "low_precision": None},
    ),
    Case(
        name="symmetrization.warp_affine",
        function=lambda image, theta: kernels.warp_affine(image, theta, fill=0.5),
        arguments=warped,
        reference=lambda image, theta: peers.warp(image, theta, 0.5),
        empty=lambda: (np.zeros((0, 3, 1)), np.eye(2, 3)),
        bad_input=(
            _bad(lambda: kernels.warp_affine(THREE, jnp.eye(2, 3)), "image must have shape"),
            _bad(lambda: kernels.warp_affine(PICTURE, jnp.eye(3)), "theta must have shape"),
            _bad(lambda: kernels.warp_affine(PICTURE.astype(int), jnp.eye(2, 3)), "image must be", TypeError),
        ),
        **{**FEATURES, "differentiable": (0, 1), "tolerance": (2e-5, 1e-12)},
    ),
    Case(
        name="symmetrization.colour_transform",
        function=colours,
        arguments=lambda generator: (picture(generator), generator.integers(1, 30, ()) / 30),
        reference=numpy_colours,
        empty=lambda: (np.zeros((0, 3, 1)), np.ones(())),
        bad_input=(
            _bad(lambda: kernels.colour_transform(THREE, *_drawn()), "image must have shape"),
            _bad(lambda: kernels.colour_transform(PICTURE, *_drawn(magnitude=1)), "magnitude must be", TypeError),
        ),
        **{**FEATURES, "low_precision": None},
    ),
    Case(
        name="symmetrization.apply_transform",
        function=bank,
        arguments=lambda generator: (picture(generator), generator.integers(1, 30, ()) / 30, -np.ones(())),
        reference=numpy_bank,
        empty=lambda: (np.zeros((0, 3, 1)), np.ones(()), np.ones(())),
        bad_input=(
            _bad(lambda: kernels.apply_transform(THREE, _drawn()), "image must have shape"),
            _bad(lambda: kernels.apply_transform(PICTURE, _drawn(magnitude=1)), "magnitude must be", TypeError),
        ),
        **{**FEATURES, "tolerance": (2e-5, 1e-12), "low_precision": None},
    ),
    Case(
        name="symmetrization.sample_transform",
        function=lambda weights, seed: kernels.sample_transform(jax.random.key(seed), weights),
        arguments=lambda generator: (generator.uniform(size=len(kernels.TRANSFORMS)), generator.integers(99, size=())),
        reference=numpy_levels,
        value=lambda drawn: drawn.magnitude,
        bad_input=(
            _bad(lambda: kernels.sample_transform(KEY, THREE), "weights must have shape"),
            _bad(lambda: kernels.sample_transform(KEY, jnp.ones(17, int)), "weights must be floating", TypeError),
            _bad(lambda: kernels.sample_transform(KEY, jnp.ones(17), levels=0), "levels must be >= 1"),
            _bad(lambda: kernels.transform_weights(["turn"]), "names must be one of"),
        ),
        tolerance=(1e-6, 1e-6),
        **_NO_GRADIENT,
    ),
]
