"""EqMotion beside loops over agents in numpy, which write both agents' features beside each other."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FEATURES, BadInput, Case

N, H, C, D, T, K, WIDTH = 3, 4, 2, 3, 4, 2, 3
MASK = np.array([True, True, False])
THERE = np.flatnonzero(MASK)


def _dense(generator, *shape):
    weight = generator.normal(size=shape) / shape[-2] ** 0.5
    return kernels.Dense(weight, 0.1 * generator.normal(size=(*shape[:-2], shape[-1])))


def _perceptron(generator, inputs, width, outputs):
    return kernels.Perceptron(_dense(generator, inputs, width), _dense(generator, width, outputs))


def _pair(generator, features, distances, outputs, *stacked):
    receiver, sender = (0.5 * generator.normal(size=(*stacked, features, WIDTH)) for _ in range(2))
    first, last = _dense(generator, *stacked, distances, WIDTH), _dense(generator, *stacked, WIDTH, outputs)
    return kernels.PairPerceptron(receiver, sender, first, last)


def _parameters():
    generator = np.random.default_rng(0)
    velocity, vector, direction = (_dense(generator, C, C).weight for _ in range(3))
    inter = kernels.InterAgentParams(_pair(generator, H, C, C, K), _perceptron(generator, C, WIDTH, C))
    layer = kernels.LayerParams(
        _pair(generator, H, C, H),
        _dense(generator, H, C),
        inter,
        velocity,
        vector,
        direction,
        _perceptron(generator, 2 * H, WIDTH, H),
    )
    interactions = kernels.InteractionParams(
        _perceptron(generator, C, WIDTH, C),
        _pair(generator, H, C, H),
        _perceptron(generator, 2 * H, WIDTH, H),
        _pair(generator, H, C, K),
    )
    return layer, interactions


LAYER, INTERACTIONS = _parameters()


def as_arrays(params, dtype=None):
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), params)


def scene(generator, n=N):
    """Scalars, vectors, velocities, and shares of categories."""
    shares = generator.uniform(size=(n, n, K + 1))
    shares /= shares.sum(-1, keepdims=True)
    return generator.normal(size=(n, H)), *generator.normal(size=(2, n, C, D)), shares


# --- In numpy.


def silu(x):
    return x / (1 + np.exp(-x))


def numpy_perceptron(params, x):
    return silu(x @ params.first.weight + params.first.bias) @ params.last.weight + params.last.bias


def numpy_pair(params, one, other, distances):
    weight = np.concatenate([params.receiver, params.sender, params.distance.weight])
    hidden = silu(np.concatenate([one, other, distances]) @ weight + params.distance.bias)
    return silu(hidden @ params.last.weight + params.last.bias)


def numpy_categories(h, vectors, temperature=0.5):
    params = INTERACTIONS

    def distances(i, j):
        return silu(numpy_perceptron(params.distance, np.linalg.norm(vectors[i] - vectors[j], axis=-1)))

    new = {}
    for i in THERE:
        received = sum(numpy_pair(params.message, h[i], h[j], distances(i, j)) for j in THERE if j != i)
        new[i] = silu(numpy_perceptron(params.update, np.concatenate([h[i], received])))
    found = np.zeros((N, N, K))
    for i in THERE:
        for j in THERE:
            found[i, j] = np.exp(numpy_pair(params.category, new[i], new[j], distances(i, j)) / temperature)
            found[i, j] /= found[i, j].sum()
    return found


def numpy_inner(h, vectors):
    found = np.zeros_like(vectors)
    for i in THERE:
        factors = silu(h[i] @ LAYER.inner.weight + LAYER.inner.bias)
        found[i] = factors[:, None] * (vectors[i] - vectors[THERE].mean((0, 1)))
    return found


def numpy_inter(h, vectors, categories):
    found = np.zeros_like(vectors)
    for i in THERE:
        for j in THERE:
            apart = vectors[i] - vectors[j]
            mixed = np.zeros(C)
            for k in range(K):
                network = jax.tree.map(lambda x, k=k: x[k], LAYER.inter.categories)
                mixed += categories[i, j, k] * numpy_pair(network, h[i], h[j], np.linalg.norm(apart, axis=-1))
            found[i] += silu(numpy_perceptron(LAYER.inter.merge, mixed))[:, None] * apart
    return found


def numpy_layer(h, vectors, velocities, categories):
    """New scalars beside new vectors, flat."""
    moved = vectors + numpy_inner(h, vectors) + numpy_inter(h, vectors, categories)
    moved = moved + np.stack([LAYER.velocity.T @ v for v in velocities])
    mean = moved[THERE].mean((0, 1))
    found = np.zeros((N, H + C * D))
    for i in THERE:
        received = np.zeros(H)
        for j in THERE:
            if j != i:
                received += numpy_pair(LAYER.edge, h[i], h[j], np.linalg.norm(vectors[i] - vectors[j], axis=-1))
        q, k = (weight.T @ (moved[i] - mean) for weight in (LAYER.vector, LAYER.direction))
        along = np.minimum((q * k).sum(-1), 0) / ((k * k).sum(-1) + 1e-4)
        bent = q - along[:, None] * k + mean
        found[i] = np.append(h[i] + numpy_perceptron(LAYER.update, np.append(h[i], received)), bent)
    return found


def numpy_start(positions):
    """Speeds, angles, and both amplitudes, flat at each agent and time."""
    velocities = np.diff(positions, axis=1)
    velocities = np.concatenate([velocities[:, :1], velocities], axis=1)
    found = np.zeros((N, T, 2 + 2 * D))
    centre = positions[THERE].mean((0, 1))
    times = (np.arange(T) + 0.5) / T
    for i in THERE:
        for t in range(T):
            one, other = velocities[i, max(t - 1, 0)], velocities[i, t]
            cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            wave = np.cos(np.pi * t * times) * np.sqrt((1 if t == 0 else 2) / T)
            found[i, t] = np.concatenate(
                [
                    [np.linalg.norm(other), 0 if t < 2 else np.arccos(cosine)],
                    wave @ (positions[i] - centre),
                    wave @ velocities[i],
                ]
            )
    return found


def numpy_positions(channels, centre):
    found = np.zeros_like(channels)
    times = (np.arange(T) + 0.5) / T
    for i in THERE:
        for t in range(T):
            wave = np.cos(np.pi * np.arange(T) * times[t]) * np.sqrt(2 / T)
            wave[0] = T**-0.5
            found[i, t] = wave @ channels[i] + centre
    return found


# --- Cases.


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


def _parts(result):
    """Scalars and vectors of a layer, flat."""
    h, vectors = result
    return jnp.concatenate([h, vectors.reshape(*vectors.shape[:-2], C * D)], axis=-1)


def _bad_scenes(call):
    h, vectors, *_ = scene(np.random.default_rng(0))
    return (
        _bad(lambda: call(h[:2], vectors), r"h must have shape \(3, 'H'\)"),
        _bad(lambda: call(jnp.ones((N, H), int), vectors), "h must be floating", TypeError),
        _bad(lambda: call(h, vectors[0]), "vectors must have shape"),
    )


def _of_layer(call, arguments):
    """A Case's function and arguments, its parameters of the dtype of the scalars."""

    def function(h, *others):
        return call(as_arrays(LAYER, h.dtype), h, *others)

    return {"function": function, "arguments": lambda generator: tuple(scene(generator)[i] for i in arguments)}


POINTS = jnp.zeros((N, T, D))
PART = {**FEATURES, "tolerance": (2e-5, 1e-12), "low_precision": 3e-2}
H0, G0, V0, SHARES = (jnp.asarray(x) for x in scene(np.random.default_rng(0)))
WRONG = LAYER._replace(velocity=jnp.eye(3))
WRONG_EDGE = LAYER._replace(edge=LAYER.edge._replace(receiver=jnp.eye(3)))

CASES = [
    Case(
        name="symmetrization.motion_init",
        function=lambda positions: kernels.motion_init(positions, mask=jnp.asarray(MASK)),
        arguments=lambda generator: (generator.normal(size=(N, T, D)),),
        reference=numpy_start,
        bad_input=(
            _bad(lambda: kernels.motion_init(POINTS[:, :1]), "positions must have shape .* T >= 2"),
            _bad(lambda: kernels.motion_init(POINTS[0]), "positions must have shape"),
            _bad(lambda: kernels.motion_init(POINTS.astype(int)), "positions must be floating", TypeError),
            _bad(lambda: kernels.motion_init(POINTS, mask=jnp.ones(2, bool)), "mask must have one value"),
            _bad(lambda: kernels.dct_matrix(0), "n must be"),
        ),
        **{
            **FEATURES,
            "value": lambda found: jnp.concatenate(
                [found.speeds[..., None], found.angles[..., None], found.positions, found.velocities], axis=-1
            ),
        },
    ),
    Case(
        name="symmetrization.motion_from_channels",
        function=lambda channels, centre: kernels.motion_from_channels(channels, centre, mask=jnp.asarray(MASK)),
        arguments=lambda generator: (generator.normal(size=(N, T, D)), generator.normal(size=D)),
        reference=numpy_positions,
        differentiable=(0, 1),
        bad_input=(
            _bad(lambda: kernels.motion_from_channels(POINTS[0], POINTS[0, 0]), "channels must have shape"),
            _bad(lambda: kernels.motion_from_channels(POINTS, POINTS[0]), "centre must have shape"),
        ),
        **FEATURES,
    ),
    Case(
        name="symmetrization.interaction_categories",
        function=lambda h, vectors: kernels.interaction_categories(
            as_arrays(INTERACTIONS, h.dtype), h, vectors, mask=jnp.asarray(MASK), temperature=0.5
        ),
        arguments=lambda generator: scene(generator)[:2],
        reference=numpy_categories,
        differentiable=(0, 1),
        bad_input=(
            *_bad_scenes(lambda *scene: kernels.interaction_categories(INTERACTIONS, *scene)),
            _bad(
                lambda: kernels.interaction_categories(INTERACTIONS, H0, G0[:, :1]),
                r"params.distance.first.weight must have shape \(1, any\)",
            ),
        ),
        **PART,
    ),
    Case(
        name="symmetrization.inner_agent_attention",
        **_of_layer(
            lambda params, *scene: kernels.inner_agent_attention(params.inner, *scene, mask=jnp.asarray(MASK)), (0, 1)
        ),
        reference=numpy_inner,
        differentiable=(0, 1),
        bad_input=(
            *_bad_scenes(lambda *scene: kernels.inner_agent_attention(LAYER.inner, *scene)),
            _bad(lambda: kernels.inner_agent_attention(LAYER.inner, H0, G0[:, :1]), "params must have 1 outputs"),
        ),
        **PART,
    ),
    Case(
        name="symmetrization.inter_agent_aggregate",
        **_of_layer(
            lambda params, *scene: kernels.inter_agent_aggregate(params.inter, *scene, mask=jnp.asarray(MASK)),
            (0, 1, 3),
        ),
        reference=numpy_inter,
        differentiable=(0, 1, 2),
        bad_input=(
            *_bad_scenes(lambda *scene: kernels.inter_agent_aggregate(LAYER.inter, *scene, SHARES)),
            _bad(
                lambda: kernels.inter_agent_aggregate(LAYER.inter, H0, G0, SHARES[..., :1]),
                r"categories must have shape \(3, 3, 2 or more\)",
            ),
            _bad(
                lambda: kernels.inter_agent_aggregate(LAYER.inter, H0, G0, SHARES.astype(int)),
                "categories must be floating",
                TypeError,
            ),
        ),
        **PART,
    ),
    Case(
        name="symmetrization.eqmotion_layer",
        **_of_layer(lambda params, *scene: kernels.eqmotion_layer(params, *scene, mask=jnp.asarray(MASK)), range(4)),
        reference=numpy_layer,
        differentiable=(0, 1, 2, 3),
        bad_input=(
            *_bad_scenes(lambda h, vectors: kernels.eqmotion_layer(LAYER, h, vectors, V0, SHARES)),
            _bad(lambda: kernels.eqmotion_layer(LAYER, H0, G0, V0[:, :1], SHARES), "velocities must have shape"),
            _bad(
                lambda: kernels.eqmotion_layer(WRONG, H0, G0, V0, SHARES), r"params.velocity must have shape \(2, 2\)"
            ),
            _bad(lambda: kernels.eqmotion_layer(WRONG_EDGE, H0, G0, V0, SHARES), "params.edge.receiver must have"),
        ),
        **{**PART, "value": _parts},
    ),
]
