"""Attention among limbs and maps of their vectors beside loops over limbs and pairs of channels in numpy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FEATURES, BadInput, Case

N, C, D, E, H = 3, 2, 3, 2, 2
MIXED, PRODUCTS, WIDTH = 3, 2, 3
HEADS, HEAD_WIDTH, OWN, OUT = 2, 2, 1, 2
MASK = np.array([True, False, True])
THERE = np.flatnonzero(MASK)


def _normal(generator, *shape) -> Any:
    return generator.normal(size=shape)


def _dense(generator, inputs, outputs):
    return kernels.Dense(_normal(generator, inputs, outputs) / inputs**0.5, 0.3 * _normal(generator, outputs))


def _perceptron(generator, inputs, outputs):
    return kernels.Perceptron(_dense(generator, inputs, WIDTH), _dense(generator, WIDTH, outputs))


def _parameters():
    generator = np.random.default_rng(0)
    scalars, pairs = PRODUCTS + H, MIXED * (MIXED + 1) // 2

    def invariants():
        return kernels.InvariantParams(_normal(generator, C, MIXED - E), _perceptron(generator, pairs, PRODUCTS))

    query, key, value = (_dense(generator, scalars, HEADS * HEAD_WIDTH) for _ in range(3))
    vectors, output = _normal(generator, HEADS, C, OWN), 0.5 * _normal(generator, HEADS, OWN + E, C)
    attention = kernels.AttentionParams(
        invariants(), query, key, value, _dense(generator, HEADS * HEAD_WIDTH, H), vectors, output
    )
    forward = kernels.FeedForwardParams(
        invariants(),
        _normal(generator, C, MIXED - E),
        _perceptron(generator, scalars, MIXED * OUT),
        _normal(generator, OUT, C),
        _perceptron(generator, scalars, H),
    )
    linear = kernels.SubequivariantParams(invariants(), _perceptron(generator, scalars, MIXED * OUT))
    return attention, forward, linear, kernels.ScalarParams(invariants(), _dense(generator, scalars, OUT))


ATTENTION, FORWARD, LINEAR, SCALARS = _parameters()
BIAS = np.random.default_rng(1).normal(size=(HEADS, N, N))


def as_arrays(params, dtype=None):
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), params)


def limbs(generator, n=N):
    """Vectors, scalars, and vectors of the world."""
    return generator.normal(size=(n, C, D)), generator.normal(size=(n, H)), generator.normal(size=(E, D))


# --- In numpy, of one limb or over all of them.


def numpy_dense(params, x):
    return x @ params.weight + params.bias


def numpy_perceptron(params, x):
    return numpy_dense(params.last, np.maximum(numpy_dense(params.first, x), 0))


def numpy_features(params, vectors, h, external):
    """Mixed and external vectors, scalars, norm."""
    mixed = np.concatenate([params.mix.T @ vectors, external])
    gram = mixed @ mixed.T
    products = np.array([gram[i, j] for i, j in kernels.packed_pairs(len(mixed))])
    return mixed, np.append(numpy_perceptron(params.gram, products), h), np.linalg.norm(gram) + 1


def numpy_linear(vectors, h, external):
    found = np.zeros((N, OUT, D))
    for i in range(N):
        mixed, scalars, norm = numpy_features(LINEAR.features, vectors[i], h[i], external)
        found[i] = (numpy_perceptron(LINEAR.map, scalars) / norm).reshape(MIXED, OUT).T @ mixed
    return found


def numpy_scalars(vectors, h, external):
    found = np.zeros((N, OUT))
    for i in range(N):
        _, scalars, norm = numpy_features(SCALARS.features, vectors[i], h[i], external)
        found[i] = numpy_dense(SCALARS.readout, scalars) / norm
    return found


def numpy_attention(vectors, h, external):
    """Change of vectors, flat, beside that of scalars."""
    told = {}
    for i in THERE:
        _, scalars, norm = numpy_features(ATTENTION.features, vectors[i], h[i], external)
        layers = (ATTENTION.query, ATTENTION.key, ATTENTION.value)
        told[i] = [(numpy_dense(layer, scalars) / norm).reshape(HEADS, HEAD_WIDTH) for layer in layers]
    found = np.zeros((N, C * D + H))
    for i in THERE:
        moved, passed = np.zeros((C, D)), []
        for head in range(HEADS):
            logits = {j: told[i][0][head] @ told[j][1][head] / HEAD_WIDTH**0.5 + BIAS[head, i, j] for j in THERE}
            total = sum(np.exp(logit) for logit in logits.values())
            scalar, vector = np.zeros(HEAD_WIDTH), np.zeros((OWN + E, D))
            for j in THERE:
                weight = np.exp(logits[j]) / total
                scalar += weight * told[j][2][head]
                vector += weight * np.concatenate([ATTENTION.vectors[head].T @ vectors[j], external])
            moved += ATTENTION.output[head].T @ vector
            passed.append(scalar)
        found[i] = np.append(moved, numpy_dense(ATTENTION.scalars, np.concatenate(passed)))
    return found


def numpy_forward(vectors, h, external):
    """As `numpy_attention`."""
    found = np.zeros((N, C * D + H))
    for i in THERE:
        _, scalars, norm = numpy_features(FORWARD.features, vectors[i], h[i], external)
        matrix = (numpy_perceptron(FORWARD.map, scalars) / norm).reshape(MIXED, OUT)
        mapped = np.concatenate([FORWARD.mix.T @ vectors[i], external])
        moved = FORWARD.output.T @ (matrix.T @ mapped)
        found[i] = np.append(moved, numpy_perceptron(FORWARD.scalars, scalars) / norm)
    return found


# --- Cases.


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


def _together(found):
    moved, scalars = found
    return jnp.concatenate([moved.reshape(*moved.shape[:-2], C * D), scalars], axis=-1)


VECTORS, SCALARS_OF_LIMBS, WORLD = (jnp.asarray(x) for x in limbs(np.random.default_rng(0)))
AXES = jnp.ones((N, 2, D))


def _bad_limbs(call):
    return (
        _bad(lambda: call(VECTORS, SCALARS_OF_LIMBS[:2], WORLD), r"h must have shape \(3, 'H'\)"),
        _bad(lambda: call(VECTORS, jnp.ones((N, H), int), WORLD), "h must be floating", TypeError),
        _bad(lambda: call(VECTORS[:, :1], SCALARS_OF_LIMBS, WORLD), "params.features.mix must have shape"),
        _bad(lambda: call(VECTORS, SCALARS_OF_LIMBS, WORLD[:, :2]), "external must have shape"),
        _bad(lambda: call(VECTORS, SCALARS_OF_LIMBS, WORLD[:1]), "params.features.gram.first.weight must have shape"),
    )


def _of_limbs(name, kernel, params, reference, bad_input=(), **options):
    def function(vectors, h, external):
        given = {key: jnp.asarray(x, None if x.dtype == bool else h.dtype) for key, x in options.items()}
        return kernel(as_arrays(params, h.dtype), vectors, h, external, **given)

    return Case(
        name=f"symmetrization.{name}",
        function=function,
        arguments=limbs,
        reference=reference,
        differentiable=(0, 1, 2),
        bad_input=(*_bad_limbs(lambda *limbs: kernel(params, *limbs)), *bad_input),
        **{
            **FEATURES,
            "tolerance": (2e-5, 1e-12),
            "low_precision": 5e-2,
            "value": _together if options else FEATURES["value"],
        },
    )


CASES = [
    Case(
        name="symmetrization.packed_gram_invariants",
        function=kernels.packed_gram_invariants,
        arguments=lambda generator: (generator.normal(size=(N, 5, D)),),
        reference=lambda vectors: np.stack(
            [np.append([v[i] @ v[j] for i, j in kernels.packed_pairs(5)], 1 + np.linalg.norm(v @ v.T)) for v in vectors]
        ),
        empty=lambda: (np.zeros((0, 5, D)),),
        bad_input=(
            _bad(lambda: kernels.packed_gram_invariants(jnp.ones(D)), "vectors must have shape"),
            _bad(lambda: kernels.packed_gram_invariants(jnp.ones((0, D))), "C >= 1"),
            _bad(lambda: kernels.packed_pairs(0), "num_channels must be >= 1"),
        ),
        **{**FEATURES, "value": lambda found: jnp.concatenate(found, axis=-1)},
    ),
    _of_limbs(
        "subequivariant_linear",
        kernels.subequivariant_linear,
        LINEAR,
        numpy_linear,
        bad_input=(
            _bad(
                lambda: kernels.subequivariant_linear(
                    LINEAR._replace(map=SCALARS.features.gram), VECTORS, SCALARS_OF_LIMBS, WORLD
                ),
                "params.map.first.weight must have shape",
            ),
        ),
    ),
    _of_limbs("subequivariant_scalars", kernels.subequivariant_scalars, SCALARS, numpy_scalars),
    _of_limbs(
        "set_attention",
        kernels.set_attention,
        ATTENTION,
        numpy_attention,
        bad_input=(
            _bad(
                lambda: kernels.set_attention(ATTENTION, VECTORS, SCALARS_OF_LIMBS, WORLD, bias=jnp.ones((N, N))),
                "bias must have shape",
            ),
            _bad(
                lambda: kernels.set_attention(ATTENTION, VECTORS[:0], SCALARS_OF_LIMBS[:0], WORLD),
                "vectors must hold one limb or more",
            ),
            _bad(
                lambda: kernels.set_attention(
                    ATTENTION._replace(scalars=ATTENTION.query), VECTORS, SCALARS_OF_LIMBS, WORLD
                ),
                "params.scalars must have 2 outputs, got 4",
            ),
        ),
        bias=BIAS,
        mask=MASK,
    ),
    _of_limbs(
        "set_feed_forward",
        kernels.set_feed_forward,
        FORWARD,
        numpy_forward,
        bad_input=(
            _bad(
                lambda: kernels.set_feed_forward(
                    FORWARD._replace(output=jnp.ones((3, C))), VECTORS, SCALARS_OF_LIMBS, WORLD
                ),
                r"params.output must have shape \(2, 2\)",
            ),
        ),
        mask=MASK,
    ),
    Case(
        name="symmetrization.project_on_axes",
        function=kernels.project_on_axes,
        arguments=lambda generator: (generator.normal(size=(N, D)), generator.normal(size=(N, 2, D))),
        reference=lambda vectors, axes: np.stack([a @ v for v, a in zip(vectors, axes, strict=True)]),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, D)), np.zeros((0, 2, D))),
        bad_input=(
            _bad(lambda: kernels.project_on_axes(jnp.ones((N, 2)), AXES), r"vectors must have shape \(3, 3\)"),
            _bad(lambda: kernels.project_on_axes(jnp.ones((N, D), int), AXES), "vectors must be floating", TypeError),
            _bad(lambda: kernels.project_on_axes(jnp.ones((N, D)), jnp.ones(3)), "axes must have shape"),
        ),
        **FEATURES,
    ),
    Case(
        name="symmetrization.polar_from_axial",
        function=kernels.polar_from_axial,
        arguments=lambda generator: limbs(generator)[::2],
        reference=lambda vectors, external: np.stack(
            [[np.cross(g, a) for a in channels for g in external] for channels in vectors]
        ),
        differentiable=(0, 1),
        bad_input=(
            _bad(lambda: kernels.polar_from_axial(jnp.ones((N, 2)), WORLD), r"vectors must have shape \(..., any, 3\)"),
            _bad(lambda: kernels.polar_from_axial(VECTORS, WORLD[:, :2]), r"external must have shape \(..., any, 3\)"),
            _bad(lambda: kernels.polar_from_axial(VECTORS[0], WORLD[None]), "external must have at most 2 axes"),
        ),
        **{**FEATURES, "low_precision": 8e-3},
    ),
    Case(
        name="symmetrization.heading_angle",
        function=kernels.heading_angle,
        arguments=lambda generator: (generator.normal(size=(N, 3)),),
        reference=lambda forward: np.arctan2(forward[:, 1], forward[:, 0]),
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            _bad(lambda: kernels.heading_angle(jnp.ones(2)), r"forward must have shape \(3\)"),
            _bad(lambda: kernels.heading_angle(jnp.ones(3, int)), "forward must be floating", TypeError),
        ),
        **FEATURES,
    ),
    Case(
        name="symmetrization.to_heading_frame",
        function=kernels.to_heading_frame,
        arguments=lambda generator: (generator.normal(size=(N, C, 3)), generator.normal(size=N)),
        reference=lambda vectors, angle: np.stack(
            [
                v @ np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
                for v, a in zip(vectors, angle, strict=True)
            ]
        ),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, C, 3)), np.zeros(0)),
        bad_input=(
            _bad(lambda: kernels.to_heading_frame(jnp.ones((N, 2)), jnp.ones(N)), "vectors must have shape"),
            _bad(lambda: kernels.to_heading_frame(VECTORS, jnp.ones(2)), "angle must have the first axes"),
        ),
        **FEATURES,
    ),
]
