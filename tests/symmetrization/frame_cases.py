"""Frames and averages over them beside loops in numpy."""

import functools
import itertools

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FEATURES, BadInput, Case

N, D, CHANNELS = 5, 2, 2
_PARAMETERS = np.random.default_rng(5)
INTO, ACROSS, SHIFT = (0.5 * _PARAMETERS.normal(size=shape) for shape in ((3, 6), (CHANNELS, 6), (6,)))
OUT, SPREAD = _PARAMETERS.normal(size=6), _PARAMETERS.normal(size=(6, 3))
C4 = np.array([[[c, -s], [s, c]] for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))], float)


def cloud(generator, n=N, d=D):
    """Variances far from each other, centre away from the origin."""
    return generator.normal(size=(n, d)) * 2.0 ** np.arange(d) + generator.normal(size=d)


def network(points, features, *, module=jnp):
    """Neither invariant nor even: a sum over points, and one vector for each of them."""
    d = points.shape[-1]
    parameters = (INTO[:d], ACROSS, SHIFT, OUT, SPREAD[:, :d])
    into, across, shift, out, spread = (module.asarray(x, points.dtype) for x in parameters)
    hidden = module.tanh(points @ into + features @ across + shift[None])
    return (hidden @ out).sum(-1), hidden @ spread


def numpy_frame(points, weights, group):
    """Centre and all rotations of the points' frame."""
    shares = weights / weights.sum()
    centre = shares @ points * (group in ("e", "se"))
    covariance = np.einsum("p,pi,pj->ij", shares, points - centre, points - centre)
    axes = np.linalg.eigh(covariance)[1]
    signs = itertools.product((1, -1), repeat=points.shape[1])
    elements = [axes * np.array(sign) for sign in signs]
    return centre, [r for r in elements if group in ("e", "o") or np.linalg.det(r) > 0]


def numpy_average(points, features):
    """Of the network over the frame of "se": the scalar, then the points that it gives."""
    centre, elements = numpy_frame(points, np.ones(len(points)), "se")
    found = [network((points - centre) @ r, features, module=np) for r in elements]
    scalar = np.mean([one[0] for one in found])
    moved = np.mean([one[1] @ r.T + centre for one, r in zip(found, elements, strict=True)], axis=0)
    return np.append(moved, scalar)


def projectors(frames):
    """On each axis, whatever its sign."""
    axes = frames.elements[..., 0, :, :]
    return jnp.einsum("...ia,...ja->...aij", axes, axes, precision="highest")


def numpy_projectors(points, weights, group="se"):
    axes = numpy_frame(points, weights, group)[1][0]
    return np.einsum("ia,ja->aij", axes, axes)


def mean_element(frames):
    return jnp.sum(frames.weights[..., None, None] * frames.elements, axis=-3)


def numpy_weighted_mean(points):
    """In the plane, over points about the origin (about their mean it would be 0)."""
    lengths = np.linalg.norm(points, axis=1)
    return np.sum([np.array([[a, -b], [b, a]]) for a, b in points], axis=0) / lengths.sum()


def numpy_minimal(points):
    q, r = np.linalg.qr((points - points.mean(0))[:D].T)
    return (q * np.sign(np.diag(r)))[None]


def momenta_of(generator, n, d, *, massless=False):
    """Of particles."""
    space = generator.normal(size=(n, d - 1))
    masses = 0 if massless else generator.uniform(0.5, 1.5, size=n)
    return np.concatenate([np.sqrt(masses**2 + (space**2).sum(1))[:, None], space], axis=1)


def numpy_lorentz(momenta):
    """By Gram and Schmidt's process in the metric of Minkowski, on the total and the first momenta."""
    metric = np.diag([1.0, *[-1.0] * (momenta.shape[1] - 1)])
    columns = []
    for vector in (momenta.sum(0), *momenta[: momenta.shape[1] - 1]):
        rest = vector - sum((c * (c @ metric @ vector) / (c @ metric @ c) for c in columns), np.zeros(len(vector)))
        columns.append(rest / np.sqrt(abs(rest @ metric @ rest)))
    return np.stack(columns, axis=1)[None]


PARTS = np.array([1, 0, 1, -1, 3, 0])


def numpy_part_max(features):
    """In three parts, one of them empty; labels -1 and 3 are of none."""
    largest = {part: features[part == PARTS].max(0) for part in (0, 1)}
    return np.stack([largest.get(part, np.zeros(features.shape[1])) for part in PARTS.tolist()])


def numpy_tensor_average(vectors, tensors):
    """Over C4, of `tensor_function`."""
    found = []
    for g in C4:
        vector, tensor = tensor_function(vectors @ g, g.T @ tensors @ g, module=np)
        found.append(np.concatenate([(vector @ g.T)[:, None], g @ tensor @ g.T], axis=1))
    return np.mean(found, axis=0)


def tensor_function(vectors, tensors, *, module=jnp):
    """Of `(n, 2)` and `(n, 2, 2)`, equivariant in nothing."""
    steep = module.asarray([1.0, 2.0], vectors.dtype)
    vector = module.sin(vectors + steep[None] + tensors[:, 0])
    return vector, module.cos(tensors + vectors[:, :, None] * steep[None, None])


def numpy_reynolds(weight):
    return np.mean([np.kron(g, g).T @ weight @ np.kron(g, g) for g in C4], axis=0)


@functools.cache
def planar_bases():
    """Maps of vectors and of vectors to scalars that commute with O(2) about z, and with O(3)."""
    bases = []
    for axes in ((0, 1), (0, 1, 2)):
        group = kernels.matrix_group("o", 3, axes=axes)
        scalars = kernels.tensor_representation(group, 0)
        bases.append((kernels.equivariant_basis(group, group), kernels.equivariant_basis(group, scalars)))
    return bases


def numpy_penalties(weight, bias):
    """By the known projectors: with O(2) diag(a, a, b) and (0, 0, c); with O(3) multiples of 1, and none."""
    mean = (weight[0, 0] + weight[1, 1]) / 2
    planar = np.diag([mean, mean, weight[2, 2]])
    spatial = np.trace(weight) / 3 * np.eye(3)
    rest = (bias[:, :2] ** 2).sum(), (bias**2).sum()
    return [((weight - p) ** 2).sum() / 2 + r / 2 for p, r in zip((planar, spatial), rest, strict=True)]


def _bad_clouds(function):
    return (
        BadInput(call=lambda: function(jnp.ones(3)), error=ValueError, message="points must have shape"),
        BadInput(call=lambda: function(jnp.ones((4, 3), int)), error=TypeError, message="points must be floating"),
    )


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


CLOUD = jnp.ones((N, D))
FRAMES = {**FEATURES, "tolerance": (5e-5, 1e-11), "low_result": jnp.float32}
AVERAGES = {**FEATURES, "tolerance": (5e-5, 1e-11), "low_precision": 3e-2}
PCA = functools.partial(kernels.pca_frame, group="se")

CASES = [
    Case(
        name="symmetrization.pca_frame",
        function=lambda points, weights: PCA(points, weights=weights, detached=False),
        arguments=lambda generator: (cloud(generator), generator.uniform(0.5, 1.5, size=N)),
        reference=numpy_projectors,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, D)), np.zeros(0)),
        bad_input=(
            *_bad_clouds(PCA),
            _bad(lambda: kernels.pca_frame(CLOUD, group="su"), "group must be one of"),
            _bad(lambda: PCA(CLOUD, weights=jnp.ones(4)), "weights must have one value a point"),
            _bad(lambda: PCA(CLOUD, weights=jnp.ones(N, int)), "weights must be floating", TypeError),
            _bad(lambda: PCA(CLOUD, mask=jnp.ones(N)), "mask must be boolean", TypeError),
            _bad(lambda: PCA(CLOUD, mask=jnp.ones((2, N), bool)), "mask must have one value a point"),
        ),
        **{**FRAMES, "value": projectors},
    ),
    Case(
        name="symmetrization.pca_frame_average",
        function=lambda points, features: kernels.pca_frame_average(
            network, points, features, group="se", output=("scalar", "point"), detached=False
        ),
        arguments=lambda generator: (cloud(generator), generator.normal(size=(N, CHANNELS))),
        reference=numpy_average,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, D)), np.zeros((0, CHANNELS))),
        bad_input=(
            *_bad_clouds(lambda points: kernels.pca_frame_average(jnp.sum, points, group="e")),
            _bad(lambda: kernels.pca_frame_average(jnp.sum, CLOUD, group="gl"), "group must be one of"),
        ),
        **{**AVERAGES, "value": lambda found: jnp.append(found[1].ravel(), found[0])},
    ),
    Case(
        name="symmetrization.frame_average",
        function=lambda vectors, tensors: kernels.frame_average(
            tensor_function,
            kernels.group_frames(jnp.asarray(C4, jnp.promote_types(vectors.dtype, jnp.float32))),
            vectors,
            tensors,
            inputs=("vector", "tensor"),
            output=("vector", "tensor"),
        ),
        arguments=lambda generator: (generator.normal(size=(3, 2)), generator.normal(size=(3, 2, 2))),
        reference=numpy_tensor_average,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 2)), np.zeros((0, 2, 2))),
        bad_input=(
            _bad(lambda: _average(inputs=("point", "point")), "inputs must hold one kind for each of 1"),
            _bad(lambda: _average(inputs=("scalar",)), "inputs must hold a kind other than"),
            _bad(lambda: _average(inputs=("axial",)), "inputs must be one of"),
            _bad(lambda: _average(output="axial"), "output must be one of"),
            _bad(lambda: _average(output=("scalar", "scalar")), "output must be a kind"),
            _bad(lambda: _average(output="vector"), "the function's result, of the kind 'vector'"),
            _bad(lambda: _average(points=jnp.ones((4, 3))), r"arguments\[0\], of the kind 'point'"),
            _bad(lambda: _average(points=jnp.ones((4, 2), int)), r"arguments\[0\] must be floating", TypeError),
            _bad(lambda: kernels.group_frames(jnp.ones((2, 2))), "elements must have shape"),
        ),
        **{**AVERAGES, "value": lambda found: jnp.concatenate([found[0][:, None], found[1]], axis=1)},
    ),
    Case(
        name="symmetrization.weighted_frame",
        function=lambda points: kernels.weighted_frame(points, group="so", detached=False),
        arguments=lambda generator: (cloud(generator, 3),),
        reference=numpy_weighted_mean,
        bad_input=(
            _bad(lambda: kernels.weighted_frame(jnp.ones((4, 4)), group="se"), "d 2 or 3"),
            _bad(lambda: kernels.weighted_frame(jnp.ones((1, 3)), group="se"), "n >= d - 1"),
            _bad(lambda: kernels.weighted_frame(CLOUD, group="sl"), "group must be one of"),
        ),
        **{**FRAMES, "value": mean_element},
    ),
    Case(
        name="symmetrization.minimal_frame",
        function=lambda points: kernels.minimal_frame(points, group="e", detached=False),
        arguments=lambda generator: (cloud(generator),),
        reference=numpy_minimal,
        empty=lambda: (np.zeros((0, D)),),
        bad_input=(
            *_bad_clouds(lambda points: kernels.minimal_frame(points, group="e")),
            _bad(lambda: kernels.minimal_frame(CLOUD, group="su"), "group must be one of"),
        ),
        **{**FRAMES, "value": lambda found: found.elements},
    ),
    Case(
        name="symmetrization.lorentz_frame",
        function=lambda momenta: kernels.lorentz_frame(momenta, group="o", detached=False),
        arguments=lambda generator: (momenta_of(generator, 4, 3),),
        reference=numpy_lorentz,
        empty=lambda: (np.zeros((0, 3)),),
        bad_input=(
            *_bad_clouds(lambda points: kernels.lorentz_frame(points, group="o")),
            _bad(lambda: kernels.lorentz_frame(jnp.ones((4, 1)), group="o"), "momenta must have shape"),
            _bad(lambda: kernels.lorentz_frame(CLOUD, group="e"), "group must be one of"),
        ),
        **{**FRAMES, "value": lambda found: found.elements},
    ),
    Case(
        name="symmetrization.part_max",
        function=lambda features: kernels.part_max(features, jnp.asarray(PARTS), 3),
        arguments=lambda generator: (generator.normal(size=(6, 2)),),
        reference=numpy_part_max,
        bad_input=(
            _bad(lambda: kernels.part_max(CLOUD, jnp.zeros(4, int), 3), "labels must have one label a point"),
            _bad(lambda: kernels.part_max(CLOUD, jnp.zeros(N), 3), "labels must hold integers", TypeError),
            _bad(lambda: kernels.part_max(CLOUD[None], jnp.zeros(N, int), 3), "features must have shape"),
            _bad(lambda: kernels.part_max(CLOUD, jnp.zeros(N, int), 0), "num_parts must be"),
        ),
        **FEATURES,
    ),
    Case(
        name="symmetrization.reynolds_project",
        function=lambda weight: kernels.reynolds_project(weight, _tensor_squares(), _tensor_squares()),
        arguments=lambda generator: (generator.normal(size=(4, 4)),),
        reference=numpy_reynolds,
        bad_input=(
            _bad(lambda: kernels.reynolds_project(jnp.ones((2, 3)), jnp.asarray(C4), jnp.asarray(C4)), "weight must"),
            _bad(
                lambda: kernels.reynolds_project(jnp.ones((2, 2)), jnp.asarray(C4), jnp.asarray(C4[:1])), "rho_in and"
            ),
            _bad(lambda: kernels.reynolds_project(jnp.ones((2, 2), int), *[jnp.asarray(C4)] * 2), "weight", TypeError),
        ),
        **FEATURES,
    ),
    Case(
        name="symmetrization.equivariance_penalties",
        function=lambda weight, bias: kernels.equivariance_penalties((weight, bias), planar_bases()),
        arguments=lambda generator: (generator.normal(size=(3, 3)), generator.normal(size=(1, 3))),
        reference=numpy_penalties,
        differentiable=(0, 1),
        bad_input=(
            _bad(lambda: kernels.equivariance_penalty(jnp.ones(3), jnp.eye(2)), "basis must have shape"),
            _bad(lambda: kernels.equivariance_penalty(jnp.ones(2), jnp.eye(2), kind="l1"), "kind must be one of"),
            _bad(lambda: kernels.equivariance_penalty(jnp.ones(2, int), jnp.eye(2)), "parameter must be", TypeError),
            _bad(lambda: kernels.equivariance_penalties((jnp.ones(2),), []), "bases must hold"),
            _bad(lambda: kernels.equivariance_penalties((jnp.ones(2),), [jnp.eye(2)]), "bases must be shaped"),
        ),
        **FEATURES,
    ),
]


def _average(points=None, **options):
    points = jnp.ones((4, 2)) if points is None else points
    return kernels.frame_average(jnp.sum, kernels.group_frames(jnp.asarray(C4)), points, **options)


def _tensor_squares():
    return jnp.asarray(np.stack([np.kron(g, g) for g in C4]))
