"""Equivariant maps over nodes beside the stack of their operations, and on ego nets beside those on whole graphs."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.data.graphs import random_regular_graphs
from jaxinv.kernels import permutations as kernels

FAMILY = "permutations"
DEGREE = 4


def _tensor(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """x, coefficients, bias."""
    n, c = sizes["nodes"], sizes["channels"]
    shapes = (n, n, c), (15, c, c), (2, c)
    return tuple(generator.normal(size=shape).astype(np.float32) for shape in shapes)


def _stacked(x, coefficients, bias):
    """As published: all operations, then one contraction."""
    found = jnp.einsum("bijc,bco->ijo", kernels.basis_operations_2to2(x), coefficients, precision="highest")
    return found + bias[:1, None] + jnp.eye(x.shape[0], dtype=x.dtype)[..., None] * bias[1:, None]


def _operations(x: np.ndarray) -> np.ndarray:
    """The fifteen operations on `(..., m, m, c)`, in numpy."""
    m = x.shape[-2]
    eye = np.eye(m, dtype=x.dtype)[:, :, None]
    d = np.einsum("...iic->...ic", x)
    r, c = x.mean(-2), x.mean(-3)
    t, s = d.mean(-2, keepdims=True), r.mean(-2, keepdims=True)
    vectors = (d, np.broadcast_to(t, d.shape), r, c, np.broadcast_to(s, d.shape))
    on_diagonal = [eye * part[..., None, :, :] for part in vectors]
    rows, columns = (lambda part: part[..., :, None, :]), (lambda part: part[..., None, :, :])
    spread = [rows(c), rows(r), columns(c), columns(r), x, x.swapaxes(-2, -3), rows(d), columns(d), rows(t), rows(s)]
    return np.stack([np.broadcast_to(part, x.shape) for part in on_diagonal + spread])


def _numpy(x, coefficients, bias):
    found = np.tensordot(np.moveaxis(_operations(x), 0, -2), coefficients, axes=((-2, -1), (0, 1)))
    return found + bias[0] + np.eye(len(x), dtype=x.dtype)[..., None] * bias[1]


def _ego_nets(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Features of pairs, tables of ego nets, coefficients, and features of all pairs of nodes."""
    n, c = sizes["nodes"], sizes["channels"]
    (graph,) = random_regular_graphs(generator, 1, n, DEGREE)
    batch = kernels.ego_batch([graph], sizes=(DEGREE + 1,))
    whole = generator.normal(size=(n, n, c)).astype(np.float32)
    coefficients = generator.normal(size=(1, 15, c, c)).astype(np.float32)
    return whole[batch.rows, batch.columns], *batch.subgraphs[0], coefficients, whole


def _on_ego_nets(pairs, nodes, rows, mask, coefficients, whole):
    del whole
    subgraphs = [kernels.Subgraphs(nodes, rows, mask)]
    return kernels.ego_maps(pairs, None, subgraphs, {"2to2": coefficients}, {}, num_nodes=nodes.shape[0]).pairs


def _on_whole_graph(pairs, nodes, rows, mask, coefficients, whole):
    del pairs, nodes, rows, mask
    return kernels.eq_2to2(whole, coefficients[0])


def _node_by_node(pairs, nodes, rows, mask, coefficients, whole):
    """As published: a loop over ego nets, in numpy."""
    del nodes, mask, whole
    total, count = np.zeros_like(pairs), np.zeros(len(pairs), np.float32)
    for own in rows:
        total[own] += np.einsum("bijc,bco->ijo", _operations(pairs[own]), coefficients[0], optimize=True)
        count[own] += 1
    return total / count[:, None]


def _work_of_tensor(sizes: Sizes) -> Work:
    """The two products of the whole tensor."""
    n, c = sizes["nodes"], sizes["channels"]
    return Work(flops=4.0 * n**2 * c**2, bytes=4.0 * (2 * n**2 * c + 15 * c**2))


def _work_of_ego_nets(sizes: Sizes) -> Work:
    """The same on each ego net; of the table of pairs at least the edges and the diagonal are read and written."""
    n, c, m = sizes["nodes"], sizes["channels"], DEGREE + 1
    return Work(flops=4.0 * n * m**2 * c**2, bytes=8.0 * n * m * c)


CASES = (
    Case(
        family=FAMILY,
        name="eq_2to2",
        kernel=kernels.eq_2to2,
        arguments=_tensor,
        sizes=({"nodes": 32, "channels": 32}, {"nodes": 128, "channels": 32}),
        small={"nodes": 5, "channels": 3},
        work=_work_of_tensor,
        peers=(
            Peer(name="stack and einsum, compiled", kind="dense", call=_stacked, compiled=True, tolerance=1e-4),
            Peer(name="stack and tensordot (numpy)", kind="dense", call=_numpy, tolerance=1e-4),
        ),
        differentiable=(0, 1, 2),
        derivatives_at_every_size=True,
        large_result=True,
    ),
    Case(
        family=FAMILY,
        name="ego_maps",
        kernel=_on_ego_nets,
        arguments=_ego_nets,
        sizes=({"nodes": 200, "channels": 16}, {"nodes": 800, "channels": 16}),
        small={"nodes": 10, "channels": 3},
        work=_work_of_ego_nets,
        peers=(
            Peer(name="the map on the whole graph", kind="another map", call=_on_whole_graph, compiled=True),
            Peer(name="ego net by ego net (numpy)", kind="dense", call=_node_by_node, tolerance=1e-4, slow=True),
        ),
        differentiable=(0, 4, 5),
        derivatives_at_every_size=True,
        sweep={"nodes": (100, 200, 400, 800)},
    ),
)
