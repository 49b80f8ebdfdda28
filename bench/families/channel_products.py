"""Products that mix channels or nodes, as an interatomic potential calls them, beside their peers."""

from typing import Any

import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import channel_products_peers as peers
from jaxinv.bench.families import least_work as least
from jaxinv.bench.families import symmetric_contraction_peers as symmetric_peers
from jaxinv.kernels import tensor_products as kernels

GRAPH = {"degree": 2, "nodes": 128, "edges": 2048, "channels": 32}
ATOMS = {"degree": 2, "order": 3, "nodes": 64, "channels": 32, "species": 3}
PAIRS = {"degree": 2, "pairs": 256, "channels": 32}
COPIES = {"degree": 2, "rows": 256, "copies": 8}


def _normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.normal(size=shape).astype(np.float32)


def _paths(sizes: Sizes) -> tuple[tuple[int, int, int], ...]:
    return kernels.tensor_product_paths(*[sizes["degree"]] * 3)


def _graph(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    components, edges, nodes = least.components(sizes["degree"]), sizes["edges"], sizes["nodes"]
    return (
        _normal(generator, nodes, sizes["channels"], components),
        _normal(generator, edges, components),
        _normal(generator, edges, sizes["channels"], len(_paths(sizes))),
        generator.integers(0, nodes, edges).astype(np.int32),
        np.sort(generator.integers(0, nodes, edges)).astype(np.int32),
    )


def _all_pairs(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    shape = (sizes["pairs"], sizes["channels"], least.components(sizes["degree"]))
    weights = _normal(generator, len(_paths(sizes)), *[sizes["channels"]] * 3) / sizes["channels"]
    return _normal(generator, *shape), _normal(generator, *shape), weights.astype(np.float32)


def _all_copies(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    shape = (sizes["rows"], sizes["copies"] * least.components(sizes["degree"]))
    return _normal(generator, *shape), _normal(generator, *shape)


def _copies_work(sizes: Sizes) -> Work:
    """Every pair of copies meets in every path; the result is what takes the room."""
    pairs, paths = (
        sizes["rows"] * sizes["copies"] ** 2,
        kernels.tensor_product_paths(sizes["degree"], sizes["degree"], 2 * sizes["degree"]),
    )
    numbers = sum(2 * path[2] + 1 for path in paths)
    return Work(flops=2.0 * pairs * numbers, bytes=4.0 * pairs * numbers)


def _convolution_work(sizes: Sizes) -> Work:
    """An edge's harmonics as matrices of the paths, those times the sender's features, weights, the sum."""
    channels, paths, edges = sizes["channels"], _paths(sizes), sizes["edges"]
    columns = sum(2 * path[2] + 1 for path in paths)
    # At least one harmonic for each entry of a matrix.
    matrix = 2 * sum((2 * path[0] + 1) * (2 * path[2] + 1) for path in paths)
    floats = sizes["nodes"] * channels * (least.components(sizes["degree"]) + columns)
    floats += edges * (least.components(sizes["degree"]) + channels * len(paths) + 2)
    return Work(flops=float(edges * (matrix + channels * (matrix + 2 * columns))), bytes=4.0 * floats)


def _fully_connected_work(sizes: Sizes) -> Work:
    """For each path, one leg's components of one factor's channels meet the weights of all pairs."""
    channels, paths, components = sizes["channels"], _paths(sizes), least.components(sizes["degree"])
    smallest = sum(2 * min(path) + 1 for path in paths)
    floats = 3 * sizes["pairs"] * channels * components + len(paths) * channels**3
    return Work(flops=2.0 * sizes["pairs"] * channels**3 * smallest, bytes=4.0 * floats)


def _atoms(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    degree, nodes, channels = sizes["degree"], sizes["nodes"], sizes["channels"]
    weights = tuple(
        _normal(generator, sizes["species"], len(paths), channels)
        for paths in kernels.symmetric_contraction_paths(degree, sizes["order"], degree)
    )
    species = generator.integers(0, sizes["species"], nodes).astype(np.int32)
    return _normal(generator, nodes, channels, least.components(degree)), weights, species


def _symmetric_work(sizes: Sizes) -> Work:
    """Each map of each order is one multiplication and one addition for every component at least."""
    paths = kernels.symmetric_contraction_paths(sizes["degree"], sizes["order"], sizes["degree"])
    degrees = [degree for of_order in paths for degree in of_order]
    rows = sizes["nodes"] * sizes["channels"]
    floats = 2 * rows * least.components(sizes["degree"]) + len(degrees) * sizes["species"] * sizes["channels"]
    return Work(flops=2.0 * rows * sum(2 * degree + 1 for degree in degrees), bytes=4.0 * floats)


def _library(name: str, call: Any, module: str) -> Peer:
    return Peer(name=name, kind="library", call=call, compiled=True, modules=(module,), tolerance=1e-5)


CASES = (
    Case(
        family="tensor_products",
        name="channelwise_convolution",
        kernel=lambda *arguments: kernels.channelwise_convolution(*arguments, lmax_out=2, sum_paths=False),
        arguments=_graph,
        sizes=(GRAPH, GRAPH | {"channels": 128}),
        small={"degree": 2, "nodes": 5, "edges": 12, "channels": 3},
        work=_convolution_work,
        peers=(
            _library("e3nn_jax, product and segment sum", peers.e3nn_convolution, "e3nn_jax"),
            _library("cuequivariance_jax, naive", peers.cuequivariance_convolution, "cuequivariance_jax"),
        ),
        differentiable=(0, 1, 2),
        derivatives_at_every_size=True,
    ),
    Case(
        family="tensor_products",
        name="fully_connected_tensor_product",
        kernel=lambda x1, x2, weights: kernels.fully_connected_tensor_product(x1, x2, weights, lmax_out=2),
        arguments=_all_pairs,
        sizes=(PAIRS, PAIRS | {"channels": 16}),
        small={"degree": 2, "pairs": 4, "channels": 3},
        work=_fully_connected_work,
        peers=(
            _library("e3nn_jax, product and linear map", peers.e3nn_fully_connected, "e3nn_jax"),
            _library("cuequivariance_jax, naive", peers.cuequivariance_fully_connected, "cuequivariance_jax"),
        ),
        differentiable=(0, 1, 2),
        derivatives_at_every_size=True,
    ),
    Case(
        family="tensor_products",
        name="symmetric_contraction",
        kernel=kernels.symmetric_contraction,
        arguments=_atoms,
        sizes=(ATOMS, ATOMS | {"channels": 128}),
        small={"degree": 2, "order": 3, "nodes": 4, "channels": 3, "species": 2},
        work=_symmetric_work,
        peers=(
            _library("e3nn_jax, reduced basis and einsums", symmetric_peers.e3nn_symmetric_contraction, "e3nn_jax"),
            _library(
                "cuequivariance_jax, naive", symmetric_peers.cuequivariance_symmetric_contraction, "cuequivariance_jax"
            ),
        ),
        differentiable=(0, 1),
        derivatives_at_every_size=True,
    ),
    Case(
        family="tensor_products",
        name="e3nn.tensor_product, the drop-in",
        kernel=lambda x1, x2: peers.copies_product("jaxinv.nn.e3nn", x1, x2),
        arguments=_all_copies,
        sizes=(COPIES,),
        small={"degree": 2, "rows": 3, "copies": 2},
        work=_copies_work,
        peers=(
            _library("e3nn_jax.tensor_product", lambda x1, x2: peers.copies_product("e3nn_jax", x1, x2), "e3nn_jax"),
        ),
        differentiable=(0, 1),
        large_result=True,
    ),
)
