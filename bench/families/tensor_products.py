"""The tensor products beside their peers."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import least_work as least
from jaxinv.bench.families import tensor_products_peers as peers
from jaxinv.kernels import tensor_products as kernels
from jaxinv.kernels.harmonics.degrees import lmax_of

DEGREES = (4, 2, 6, 8)
PAIRS = tuple({"degree": degree, "pairs": 2048} for degree in DEGREES)
CHANNELS = ({"degree": 4, "nodes": 64, "channels": 32},)
# At degree 8 the peers along edges take minutes to compile.
EDGES = tuple({"degree": degree, "edges": 2048, "channels": 1} for degree in DEGREES[:3])
SMALL = {"degree": 2, "pairs": 16}
TOLERANCE = 1e-5


def _leading(sizes: Sizes) -> tuple[int, ...]:
    return (sizes["pairs"],) if "pairs" in sizes else (sizes["nodes"], sizes["channels"])


def _normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.normal(size=shape).astype(np.float32)


def _two_signals(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    shape = (*_leading(sizes), least.components(sizes["degree"]))
    return _normal(generator, *shape), _normal(generator, *shape)


def _two_signals_and_weights(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    paths = kernels.tensor_product_paths(*[sizes["degree"]] * 3)
    return *_two_signals(generator, sizes), _normal(generator, len(paths))


def _edges(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    shape, degree = (sizes["edges"], sizes["channels"]), sizes["degree"]
    x = _normal(generator, *shape, least.components(degree))
    return x, _normal(generator, sizes["edges"], 1, 3), _normal(generator, *shape, degree + 1)


def _edges_and_path_weights(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    x, vectors, _ = _edges(generator, sizes)
    paths = kernels.tensor_product_paths(*[sizes["degree"]] * 3)
    return x, vectors, _normal(generator, sizes["edges"], sizes["channels"], len(paths))


def _signal_and_power_weights(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    shape = (*_leading(sizes), least.components(sizes["degree"]))
    return _normal(generator, *shape), _normal(generator, 3, sizes["degree"] + 1)


def _truncated(product: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """To the degrees of the factors."""
    return lambda x1, x2: product(x1, x2, lmax_out=lmax_of("x1", x1), **options)


def _work(flops: Callable[[int], float], signals: float) -> Callable[[Sizes], Work]:
    """Flops of one pair by degree; each signal read or written once."""

    def work(sizes: Sizes) -> Work:
        count, degree = np.prod(_leading(sizes)), sizes["degree"]
        return Work(flops=float(count * flops(degree)), bytes=float(4 * count * signals * least.components(degree)))

    return work


def _on_grid(degree: int, transforms: int, operations: int, factors: int = 2) -> float:
    """Transforms of all signals, and what is done at each point of the grid that is exact for the product."""
    band = (factors + 1) * degree
    return transforms * least.sphere_transform(degree, band) + operations * least.sphere_points(band)


def _edge_work(sizes: Sizes) -> Work:
    """Into the frame of the edge and back; there, one Legendre sum a side, and the filter's at every node."""
    degree = sizes["degree"]
    nodes = 3 * degree // 2 + 1
    return _in_frame(sizes, nodes * (2 * least.components(degree) + 2 * (degree + 1) + 2 * degree + 1), degree + 1)


def _so2_work(sizes: Sizes) -> Work:
    """Into the frame of the edge and back; there, each path multiplies the orders that both sides have."""
    paths = kernels.tensor_product_paths(*[sizes["degree"]] * 3)
    return _in_frame(sizes, sum(2 * (2 * min(path[0], path[2]) + 1) for path in paths), len(paths))


def _in_frame(sizes: Sizes, flops: float, weights: int) -> Work:
    """Rotations, and what is done in the frame of the edge, for each channel."""
    degree, count = sizes["degree"], sizes["edges"] * sizes["channels"]
    floats = count * (2 * least.components(degree) + weights) + 3 * sizes["edges"]
    return Work(flops=float(count * (2 * least.rotation(degree) + flops)), bytes=4.0 * floats)


def _xla(name: str, call: Callable[..., Any], kind: Any = "library", *modules: str, **options: Any) -> Peer:
    options = {"tolerance": TOLERANCE} | options
    return Peer(name=name, kind=kind, call=call, compiled=True, modules=modules, **options)


E3NN_ALL_PATHS = _xla(
    "e3nn_jax.tensor_product, all paths",
    peers.e3nn_all_paths,
    "another map",
    "e3nn_jax",
    tolerance=None,
    slow=True,
)
GEMMS = _xla("three GEMMs on a product grid", peers.gemm_product, "dense")


def _pairwise(name: str, kernel: Callable[..., Any], work: Callable[[Sizes], Work], **options: Any) -> Case:
    defaults: dict[str, Any] = {
        "arguments": _two_signals,
        "sizes": (*PAIRS, CHANNELS[0]),
        "differentiable": (0, 1),
        "derivatives_at_every_size": True,
    }
    return Case(family="tensor_products", name=name, kernel=kernel, work=work, small=SMALL, **defaults | options)


def _by_method(method: str, degrees: tuple[int, ...]) -> Case:
    """One method of the Gaunt product over the degrees."""
    return _pairwise(
        f"gaunt_tensor_product by {method}",
        _truncated(kernels.gaunt_tensor_product, method=method),
        _work(lambda degree: _on_grid(degree, 3, 1), 3),
        sizes=(PAIRS[0],),
        derivatives_at_every_size=False,
        peers=(GEMMS,),
        sweep={"degree": degrees},
    )


def _clebsch_gordan(name: str, sizes: tuple[Sizes, ...], **options: Any) -> Case:
    """With shared path weights."""
    return _pairwise(
        name,
        lambda x1, x2, weights: kernels.clebsch_gordan_tensor_product(x1, x2, weights, lmax_out=lmax_of("x1", x1)),
        _work(least.clebsch_gordan, 3),
        arguments=_two_signals_and_weights,
        sizes=sizes,
        peers=(
            _xla("e3nn_jax.tensor_product, weighted sum", peers.e3nn_weighted_paths, "library", "e3nn_jax"),
            _xla(
                "cuequivariance_jax fully connected, naive",
                peers.cuequivariance_fully_connected,
                "library",
                "cuequivariance_jax",
            ),
        ),
        **{"differentiable": (0, 1, 2)} | options,
    )


def _edgewise(
    name: str,
    kernel: Callable[..., Any],
    work: Callable[[Sizes], Work],
    arguments: Callable[[np.random.Generator, Sizes], tuple[Any, ...]],
    plain: Callable[..., Any],
    aligned: Callable[..., Any],
) -> Case:
    """Along edges, beside both ways of e3nn_jax."""
    with_harmonics = "e3nn_jax.tensor_product_with_spherical_harmonics"
    return Case(
        family="tensor_products",
        name=name,
        kernel=kernel,
        arguments=arguments,
        sizes=(*EDGES, {"degree": 4, "edges": 64, "channels": 32}),
        small={"degree": 2, "edges": 8, "channels": 2},
        work=work,
        peers=(
            _xla("e3nn_jax.tensor_product with harmonics", plain, "library", "e3nn_jax"),
            # Its angles lose a digit near the poles.
            _xla(with_harmonics, aligned, "library", "e3nn_jax", tolerance=1e-4),
        ),
        differentiable=(0, 1, 2),
    )


CASES = (
    _pairwise(
        "gaunt_tensor_product",
        _truncated(kernels.gaunt_tensor_product),
        _work(lambda degree: _on_grid(degree, 3, 1), 3),
        sizes=(*PAIRS, CHANNELS[0]),
        peers=(
            _xla("sphere grid (as PriceofFreedom)", peers.sphere_grid_product, "library", "e3nn_jax"),
            _xla("sphere grid, smallest exact (e3nn_jax)", peers.smallest_sphere_grid_product, "library", "e3nn_jax"),
            GEMMS,
            E3NN_ALL_PATHS,
        ),
        dtypes=("float32", "bfloat16"),
        sweep={"degree": (2, 3, 4, 6, 8, 10, 12, 14, 16), "pairs": (256, 1024, 4096, 16_384, 65_536)},
    ),
    _by_method("grid", (2, 3, 4, 6, 8, 10, 12, 14, 16)),
    _by_method("separable", (2, 3, 4, 6, 8, 10, 12, 14, 16)),
    # Beyond, its products of all pairs of components take hundreds of megabytes.
    _by_method("direct", (2, 3, 4, 6, 8)),
    _by_method("fft", (2, 3, 4, 6, 8, 10, 12)),
    _pairwise(
        "poisson_tensor_product",
        _truncated(kernels.poisson_tensor_product),
        _work(lambda degree: _on_grid(degree, 5, 3), 3),
        peers=(_xla("five GEMMs on a product grid", peers.gemm_poisson, "dense"),),
    ),
    _pairwise(
        "complete_tensor_product",
        _truncated(kernels.complete_tensor_product),
        _work(lambda degree: _on_grid(degree, 8, 4), 4),
        value=jnp.stack,
        # The derivatives of e3nn's product, slow to compile, stand beside the Gaunt product.
        derivatives_at_every_size=False,
        peers=(_xla("eight GEMMs on a product grid", peers.gemm_complete, "dense"), E3NN_ALL_PATHS),
    ),
    _clebsch_gordan("clebsch_gordan_tensor_product", PAIRS[:3], sweep={"pairs": (256, 1024, 4096, 16_384)}),
    # Forward alone: the derivatives of its peers take minutes to compile.
    _clebsch_gordan("clebsch_gordan_tensor_product of degree 8", PAIRS[3:], differentiable=()),
    _edgewise(
        "edge_convolution",
        lambda x, vectors, filters: kernels.edge_convolution(x, vectors, filters, lmax_out=lmax_of("x", x)),
        _edge_work,
        _edges,
        peers.e3nn_edge_product,
        peers.e3nn_aligned_edge_product,
    ),
    _edgewise(
        "so2_convolution",
        lambda x, vectors, weights: kernels.so2_convolution(
            x, vectors, weights, lmax_filter=lmax_of("x", x), lmax_out=lmax_of("x", x)
        ),
        _so2_work,
        _edges_and_path_weights,
        peers.e3nn_edge_paths,
        peers.e3nn_aligned_edge_paths,
    ),
    _pairwise(
        "gaunt_power",
        lambda x, weights: kernels.gaunt_power(x, weights, lmax_out=lmax_of("x", x)),
        # x itself needs no transform back, its square and its cube have each their own weights.
        _work(lambda degree: _on_grid(degree, 3, 2, factors=3), 2),
        arguments=_signal_and_power_weights,
        sizes=(*PAIRS, CHANNELS[0]),
        peers=(
            _xla("nested sphere grids (e3nn_jax)", peers.nested_sphere_grid_powers, "library", "e3nn_jax"),
            _xla("nested GEMMs on product grids", peers.gemm_powers, "dense"),
        ),
    ),
)
