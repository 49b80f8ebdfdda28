"""Vector channels beside loops in numpy."""

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FEATURES, BadInput, Case

N, C, D, OUT, EXTERNAL = 4, 3, 3, 2, 2
MASK = np.array([True, True, False, True])
AXIAL = np.array([True, False, True])
REFLECTION = np.linalg.qr(np.random.default_rng(3).normal(size=(D, D)))[0]
REFLECTION = REFLECTION * -np.sign(np.linalg.det(REFLECTION))


def vectors_of(generator):
    return generator.normal(size=(N, C, D))


def numpy_mean(vectors):
    return np.mean([row for i in range(N) if MASK[i] for row in vectors[i]], axis=0)


def numpy_centred(vectors):
    return np.stack([vectors[i] - numpy_mean(vectors) if MASK[i] else 0 * vectors[i] for i in range(N)])


def numpy_differences(vectors):
    found = np.zeros((N, N, C, D))
    for i in range(N):
        for j in range(N):
            if MASK[i] and MASK[j]:
                found[i, j] = vectors[i] - vectors[j]
    return found


def numpy_gram(vectors):
    grams = [v @ v.T for v in vectors]
    return np.stack([np.append(g, 1 + np.linalg.norm(g)) for g in grams])


def numpy_relu(vectors, directions):
    found = vectors.copy()
    for place in np.ndindex(N, C):
        q, k = vectors[place], directions[place]
        if q @ k < 0:
            found[place] = q - (q @ k) / (k @ k + 1e-4) * k
    return found


def numpy_transformed(vectors):
    return np.stack([(-1 if AXIAL[c] else 1) * vectors[:, c] @ REFLECTION.T for c in range(C)], axis=1)


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


VECTORS, WEIGHT, WORLD = jnp.ones((N, C, D)), jnp.ones((C, OUT)), jnp.ones((EXTERNAL, D))


def _bad_vectors(function):
    return (
        _bad(lambda: function(jnp.ones(D)), "vectors must have shape"),
        _bad(lambda: function(jnp.ones((N, C, D), int)), "vectors must be floating", TypeError),
    )


def _bad_masks(function):
    return (
        *_bad_vectors(function),
        _bad(lambda: function(jnp.ones((C, D))), r"vectors must have shape \(..., N, C, D\)"),
        _bad(lambda: function(VECTORS, mask=jnp.ones(N)), "mask must be boolean", TypeError),
        _bad(lambda: function(VECTORS, mask=jnp.ones(N + 1, bool)), "mask must have one value"),
    )


def _masked(name, reference, **options):
    function = getattr(kernels, name)
    return Case(
        name=f"symmetrization.{name}",
        function=lambda vectors: function(vectors, mask=jnp.asarray(MASK)),
        arguments=lambda generator: (vectors_of(generator),),
        reference=reference,
        bad_input=_bad_masks(function),
        **{**FEATURES, **options},
    )


CASES = [
    Case(
        name="symmetrization.channel_mix",
        function=kernels.channel_mix,
        arguments=lambda generator: (vectors_of(generator), generator.normal(size=(C, OUT))),
        reference=lambda vectors, weight: np.stack([weight.T @ v for v in vectors]),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, C, D)), np.zeros((C, OUT))),
        bad_input=(
            *_bad_vectors(lambda vectors: kernels.channel_mix(vectors, WEIGHT)),
            _bad(lambda: kernels.channel_mix(VECTORS, WEIGHT.T), r"weight must have shape \(..., 3, C_out\)"),
            _bad(lambda: kernels.channel_mix(VECTORS, WEIGHT.astype(int)), "weight must be floating", TypeError),
        ),
        **FEATURES,
    ),
    Case(
        name="symmetrization.with_external",
        function=kernels.with_external,
        arguments=lambda generator: (
            vectors_of(generator),
            generator.normal(size=(C, OUT)),
            generator.normal(size=(EXTERNAL, D)),
        ),
        reference=lambda vectors, weight, external: np.stack(
            [np.concatenate([weight.T @ v, external]) for v in vectors]
        ),
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, C, D)), np.zeros((C, OUT)), np.zeros((EXTERNAL, D))),
        bad_input=(
            _bad(lambda: kernels.with_external(VECTORS, WEIGHT, WORLD[:, :2]), "external must have shape"),
            _bad(lambda: kernels.with_external(VECTORS, WEIGHT, WORLD[0]), "external must have shape"),
        ),
        **FEATURES,
    ),
    _masked("masked_channel_mean", numpy_mean),
    _masked("centre_channels", numpy_centred, value=lambda found: found[0], low_precision=2e-2),
    Case(
        name="symmetrization.mix_about_mean",
        function=lambda vectors, weight: kernels.mix_about_mean(vectors, weight, mask=jnp.asarray(MASK)),
        arguments=lambda generator: (vectors_of(generator), generator.normal(size=(C, OUT))),
        reference=lambda vectors, weight: np.stack(
            [weight.T @ v + numpy_mean(vectors) * here for v, here in zip(numpy_centred(vectors), MASK, strict=True)]
        ),
        differentiable=(0, 1),
        bad_input=_bad_masks(lambda vectors, **mask: kernels.mix_about_mean(vectors, WEIGHT, **mask)),
        **{**FEATURES, "low_precision": 2e-2},
    ),
    _masked("pairwise_channel_difference", numpy_differences, low_precision=8e-3),
    _masked("pairwise_channel_distance", lambda vectors: np.linalg.norm(numpy_differences(vectors), axis=-1)),
    Case(
        name="symmetrization.gram_invariants",
        function=kernels.gram_invariants,
        arguments=lambda generator: (vectors_of(generator),),
        reference=numpy_gram,
        empty=lambda: (np.zeros((0, C, D)),),
        bad_input=_bad_vectors(kernels.gram_invariants),
        **{
            **FEATURES,
            "value": lambda found: jnp.concatenate([found[0].reshape(*found[1].shape[:-1], C * C), found[1]], axis=-1),
        },
    ),
    Case(
        name="symmetrization.vector_relu",
        function=kernels.vector_relu,
        arguments=lambda generator: (vectors_of(generator), vectors_of(generator)),
        reference=numpy_relu,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, C, D)), np.zeros((0, C, D))),
        bad_input=(
            *_bad_vectors(lambda vectors: kernels.vector_relu(vectors, VECTORS)),
            _bad(lambda: kernels.vector_relu(VECTORS, VECTORS[:2]), "directions must have shape"),
            _bad(lambda: kernels.vector_relu(VECTORS, VECTORS, eps=0.0), "eps must be"),
        ),
        **FEATURES,
    ),
    Case(
        name="symmetrization.transform_channels",
        function=lambda vectors: kernels.transform_channels(
            vectors, jnp.asarray(REFLECTION, vectors.dtype), axial=jnp.asarray(AXIAL)
        ),
        arguments=lambda generator: (vectors_of(generator),),
        reference=numpy_transformed,
        bad_input=(
            *_bad_vectors(lambda vectors: kernels.transform_channels(vectors, jnp.eye(D))),
            _bad(lambda: kernels.transform_channels(VECTORS, jnp.eye(2)), "element must have shape"),
            _bad(
                lambda: kernels.transform_channels(VECTORS, jnp.eye(D), axial=jnp.ones(C)), "axial must be", TypeError
            ),
            _bad(lambda: kernels.transform_channels(VECTORS, jnp.eye(D), axial=jnp.ones(2, bool)), "axial must have"),
        ),
        **FEATURES,
    ),
]
