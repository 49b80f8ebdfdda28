"""Products that mix channels or nodes, each against a sum over paths with e3nn's tensors."""

import e3nn_jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import tensor_products as kernels
from jaxinv.kernels.harmonics.degrees import degree_slice
from jaxinv.kernels.tensor_products.coupling import tensor_product_paths
from jaxinv.kernels.tensor_products.harmonics_by_products import harmonics_by_products
from jaxinv.kernels.tensor_products.irreps_product import Copies, Path, irreps_product
from tests.duties import FEATURES, BadInput, Case
from tests.harmonics.cases import scipy_harmonics
from tests.tensor_products.cg_cases import path_results, product

LMAX1, LMAX2, LMAX_OUT = 1, 2, 2
PATHS = tensor_product_paths(LMAX1, LMAX2, LMAX_OUT)
NODES, CHANNELS, EDGES = 3, 2, 7


def linear(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    degrees = [np.einsum("...cm,cd->...dm", x[..., degree_slice(l)], w) for l, w in enumerate(weights)]  # noqa: E741
    return np.concatenate(degrees, axis=-1)


def edges_of(generator: np.random.Generator, num_edges: int = EDGES, num_nodes: int = NODES):
    """Features, harmonics, weights, senders, receivers; the last node has no edge into it."""
    x = generator.normal(size=(num_nodes, CHANNELS, (LMAX1 + 1) ** 2))
    harmonics = generator.normal(size=(num_edges, (LMAX2 + 1) ** 2))
    weights = generator.normal(size=(num_edges, CHANNELS, len(PATHS)))
    senders = generator.integers(0, num_nodes, num_edges).astype(np.int32)
    receivers = np.sort(generator.integers(0, max(1, num_nodes - 1), num_edges)).astype(np.int32)
    return x, harmonics, weights, senders, receivers


def convolution(x, harmonics, weights, senders, receivers) -> np.ndarray:
    """One edge after another."""
    total = np.zeros((len(x), CHANNELS, (LMAX_OUT + 1) ** 2))
    for e, (sender, receiver) in enumerate(zip(senders, receivers, strict=True)):
        total[receiver] += product(x[sender], harmonics[e], weights[e], PATHS)
    return total


def convolution_by_path(x, harmonics, weights, senders, receivers) -> np.ndarray:
    total = np.zeros((len(x), CHANNELS, sum(2 * path[2] + 1 for path in PATHS)))
    for e, (sender, receiver) in enumerate(zip(senders, receivers, strict=True)):
        results = path_results(x[sender], harmonics[e], PATHS)
        weighted = [weights[e, :, p, None] * result for p, result in enumerate(results)]
        total[receiver] += np.concatenate(weighted, axis=-1)
    return total


def fully_connected(x1: np.ndarray, x2: np.ndarray, weights: np.ndarray) -> np.ndarray:
    pairs = path_results(x1[:, :, None], x2[:, None], PATHS)
    total = [0.0] * (LMAX_OUT + 1)
    for path, pair, weight in zip(PATHS, pairs, weights, strict=True):
        total[path[2]] = total[path[2]] + np.einsum("nbck,bcd->ndk", pair, weight)
    return np.concatenate(total, axis=-1)


def _pairs(generator: np.random.Generator, rows: int = 2):
    x1, x2 = generator.normal(size=(rows, 2, (LMAX1 + 1) ** 2)), generator.normal(size=(rows, 3, (LMAX2 + 1) ** 2))
    return x1, x2, generator.normal(size=(len(PATHS), 2, 3, 4))


def _convolve(*arguments, **options):
    return kernels.channelwise_convolution(*arguments, **{"lmax_out": LMAX_OUT, **options})


_X, _Y, _W = jnp.ones((3, 2, 4)), jnp.ones((7, 9)), jnp.ones((7, 2, len(PATHS)))
_I = jnp.zeros(7, jnp.int32)


def _bad_edges(error: type[Exception], message: str, *arguments, **options) -> BadInput:
    return BadInput(call=lambda: _convolve(*arguments, **options), error=error, message=message)


_BAD_CONVOLUTION = (
    _bad_edges(TypeError, "x must be floating", _X.astype(int), _Y, _W, _I, _I),
    _bad_edges(ValueError, r"x must have shape \(any, any, 4\)", _X[0], _Y, _W, _I, _I),
    _bad_edges(ValueError, r"harmonics must have \(lmax", _X, _Y[:, :8], _W, _I, _I),
    _bad_edges(ValueError, r"path_weights must have shape \(7, 1, 9\), got \(7, 3, 9\)", _X, _Y, _W[:, _I[:3]], _I, _I),
    _bad_edges(ValueError, r"path_weights must have shape \(7, 2, 9\)", _X, _Y, _W[..., :8], _I, _I),
    _bad_edges(TypeError, "path_weights must be floating", _X, _Y, _W.astype(int), _I, _I),
    _bad_edges(TypeError, "senders must hold integers", _X, _Y, _W, _I.astype(float), _I),
    _bad_edges(ValueError, r"receivers must have shape \(7\), got \(6,\)", _X, _Y, _W, _I, _I[:6]),
    _bad_edges(TypeError, "mask must be boolean", _X, _Y, _W, _I, _I, mask=_I),
    _bad_edges(ValueError, r"mask must have shape", _X, _Y, _W, _I, _I, mask=_I[:3] == 0),
    _bad_edges(ValueError, r"lmax_out must be in 0 \.\. 3", _X, _Y, _W, _I, _I, lmax_out=4),
    _bad_edges(ValueError, "paths must be some of", _X, _Y, _W[..., :2], _I, _I, paths=(PATHS[1], PATHS[0])),
    _bad_edges(ValueError, "paths must be some of", _X, _Y, _W[..., :1], _I, _I, paths=((3, 3, 0),)),
    _bad_edges(ValueError, "paths must be some of", _X, _Y, _W[..., :0], _I, _I, paths=()),
    _bad_edges(ValueError, "normalization must be one of", _X, _Y, _W, _I, _I, normalization="integral"),
)


def _convolution_case(way: str, reference, **options) -> Case:
    return Case(
        name=f"tensor_products.channelwise_convolution{way}",
        function=lambda *arguments: _convolve(*arguments, **options),
        arguments=edges_of,
        reference=reference,
        differentiable=(0, 1, 2),
        empty=lambda: edges_of(np.random.default_rng(0), 0),
        bad_input=_BAD_CONVOLUTION,
        **FEATURES,
    )


def _bad(function, error: type[Exception], message: str, *arguments, **options) -> BadInput:
    return BadInput(call=lambda: function(*arguments, **options), error=error, message=message)


def gate(x: np.ndarray, gates: np.ndarray) -> np.ndarray:
    """Moments by integration over a fine grid."""
    z = np.linspace(-12, 12, 200_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * 24 / 200_000
    sigmoid, silu = (lambda v: 1 / (1 + np.exp(-v))), (lambda v: v / (1 + np.exp(-v)))
    opened = sigmoid(gates) / np.sqrt(np.sum(density * sigmoid(z) ** 2))
    degrees = [x[..., degree_slice(degree)] * opened[..., degree - 1, None] for degree in (1, 2)]
    return np.concatenate([silu(x[..., :1]) / np.sqrt(np.sum(density * silu(z) ** 2)), *degrees], axis=-1)


COPIES1, COPIES2 = (Copies(2, 0), Copies(2, 1)), (Copies(1, 0), Copies(3, 1))
ENTRIES = (Path(0, 0, 0), Path(1, 1, 0), Path(0, 1, 1), Path(1, 0, 1), Path(1, 1, 1), Path(1, 1, 2))


def products_of_copies(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    """One path after another, by e3nn's tensors."""
    results = []
    for first, second, degree in ENTRIES:
        left, right = (
            part.reshape(len(part), copies.mul, -1)
            for part, copies in (
                (np.split(x1, [2], axis=-1)[first], COPIES1[first]),
                (np.split(x2, [1], axis=-1)[second], COPIES2[second]),
            )
        )
        tensor = np.asarray(e3nn_jax.clebsch_gordan(COPIES1[first].degree, COPIES2[second].degree, degree), np.float64)
        product = np.sqrt(2 * degree + 1) * np.einsum("nui,nvj,ijk->nuvk", left, right, tensor)
        results.append(product.reshape(len(x1), -1))
    return np.concatenate(results, axis=-1)


def _of_copies(x1, x2, irreps1=COPIES1, paths=ENTRIES, **options):
    return irreps_product(x1, x2, irreps1, COPIES2, paths, **options)


_X1, _X2, _W3 = jnp.ones((2, 2, 4)), jnp.ones((2, 3, 9)), jnp.ones((len(PATHS), 2, 3, 4))
_CONNECTED = kernels.fully_connected_tensor_product

CASES = [
    _convolution_case("", convolution),
    _convolution_case("[sum_paths=False]", convolution_by_path, sum_paths=False, sorted_receivers=True),
    Case(
        name="tensor_products.fully_connected_tensor_product",
        function=lambda x1, x2, weights: _CONNECTED(x1, x2, weights, lmax_out=LMAX_OUT),
        arguments=_pairs,
        reference=fully_connected,
        differentiable=(0, 1, 2),
        empty=lambda: _pairs(np.random.default_rng(0), 0),
        bad_input=(
            _bad(_CONNECTED, ValueError, r"x1 must have shape \(\.\.\., channels", _X1[0, 0], _X2, _W3, lmax_out=2),
            _bad(_CONNECTED, ValueError, r"weights must have shape \(9, 2, 3, any\)", _X1, _X2, _W3[:7], lmax_out=2),
            _bad(_CONNECTED, ValueError, r"weights must have shape \(10, 2, 3, any\)", _X1, _X2, _W3),
            _bad(_CONNECTED, TypeError, "weights must be floating", _X1, _X2, _W3.astype(int), lmax_out=2),
            _bad(_CONNECTED, ValueError, "lmax_out must be in", _X1, _X2, _W3, lmax_out=4),
            _bad(_CONNECTED, ValueError, "normalization must be", _X1, _X2, _W3, lmax_out=2, normalization="none"),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.linear",
        function=kernels.linear,
        arguments=lambda generator: (generator.normal(size=(3, 2, 9)), generator.normal(size=(3, 2, 4))),
        reference=linear,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 2, 9)), np.ones((3, 2, 4))),
        bad_input=(
            _bad(kernels.linear, ValueError, r"x must have shape \(\.\.\., channels", jnp.ones(9), jnp.ones((3, 1, 1))),
            _bad(kernels.linear, ValueError, r"weights must have shape \(3, 2, channels_out\)", jnp.ones((2, 9)), _W),
            _bad(kernels.linear, TypeError, "weights must be floating", jnp.ones((2, 9)), jnp.ones((3, 2, 1), int)),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.gate",
        function=kernels.gate,
        arguments=lambda generator: (generator.normal(size=(3, 2, 9)), generator.normal(size=(3, 2, 2))),
        reference=gate,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 2, 9)), np.ones((0, 2, 2))),
        bad_input=(
            _bad(kernels.gate, ValueError, "gates must have 2 numbers", jnp.ones((2, 9)), jnp.ones((2, 3))),
            _bad(kernels.gate, TypeError, "gates must be floating", jnp.ones((2, 9)), jnp.ones((2, 2), int)),
            _bad(kernels.gate, TypeError, "x must be floating", jnp.ones((2, 9), int), jnp.ones((2, 2))),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.irreps_product.irreps_product",
        function=_of_copies,
        arguments=lambda generator: (generator.normal(size=(3, 8)), generator.normal(size=(3, 10))),
        reference=products_of_copies,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 8)), np.zeros((0, 10))),
        bad_input=(
            _bad(_of_copies, ValueError, "x1 must have the sizes of its irreps", jnp.ones((3, 7)), jnp.ones((3, 10))),
            _bad(_of_copies, TypeError, "x2 must be floating", jnp.ones((3, 8)), jnp.ones((3, 10), int)),
            _bad(
                _of_copies,
                ValueError,
                "paths must lead to a degree in",
                jnp.ones((3, 8)),
                jnp.ones((3, 10)),
                paths=(Path(0, 0, 1),),
            ),
            _bad(
                _of_copies,
                ValueError,
                "normalization must be one of",
                jnp.ones((3, 8)),
                jnp.ones((3, 10)),
                normalization="integral",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.harmonics_by_products.harmonics_by_products",
        function=lambda vectors: harmonics_by_products(vectors, 3),
        arguments=lambda generator: (generator.normal(size=(4, 3)),),
        reference=lambda vectors: scipy_harmonics(vectors, 3),
        empty=lambda: (np.zeros((2, 3)),),
        bad_input=(
            _bad(harmonics_by_products, TypeError, "vectors must be floating", jnp.ones(3, int), 2),
            _bad(harmonics_by_products, ValueError, "vectors must have shape", jnp.ones(2), 2),
            _bad(harmonics_by_products, ValueError, "lmax must be >= 0", jnp.ones(3), -1),
            _bad(harmonics_by_products, ValueError, "normalization must be", jnp.ones(3), 1, normalization="none"),
        ),
        **FEATURES,
    ),
]
