"""The kernels on permutations before their duties."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import permutations as kernels
from tests.duties import FEATURES, BadInput, Case
from tests.permutations import references

MASK = np.array([True, False, True, True, True])
NODES = len(MASK)
# Subgraphs of up to three of five nodes, and the rows of their pairs in a table of all.
EGOS = [[0, 1, 4], [1, 0, 2], [2, 3], [3, 2, 4], [4, 0]]
NODE_ROWS = np.array([[*ego, *[0] * (3 - len(ego))] for ego in EGOS], np.int32)
NODE_MASK = np.array([[True] * len(ego) + [False] * (3 - len(ego)) for ego in EGOS])
SUBGRAPHS = kernels.Subgraphs(NODE_ROWS, NODES * NODE_ROWS[:, :, None] + NODE_ROWS[:, None, :], NODE_MASK)
GRAPH: Any = np.array([0, 0, 2, 0, -1, 2, 1])


def _features(**changes: Any) -> dict[str, Any]:
    """What features are held to, but for these."""
    return FEATURES | changes


def _of_map(order_in, order_out):
    name = f"eq_{order_in}to{order_out}"
    kernel = getattr(kernels, name)
    operations, biases = kernels.NUM_OPERATIONS[order_in, order_out], kernels.NUM_BIASES[order_out]
    options = {} if order_in == order_out == 0 else {"mask": jnp.asarray(MASK)}

    def arguments(generator):
        return (
            generator.normal(size=(NODES,) * order_in + (3,)),
            generator.normal(size=(operations, 3, 4)),
            generator.normal(size=(biases, 4)),
        )

    def reference(x, coefficients, bias):
        return references.mapped(x, coefficients, bias, MASK, order_in, order_out)

    def bad(x, coefficients, bias=None, **other):
        return kernel(x, coefficients, bias, **options | other)

    x, weights = jnp.ones((NODES,) * order_in + (3,)), jnp.ones((operations, 3, 4))
    wrong = [
        BadInput(call=lambda: bad(x.astype(int), weights), error=TypeError, message="x must be floating point"),
        BadInput(
            call=lambda: bad(x, weights.astype(int)), error=TypeError, message="coefficients must be floating point"
        ),
        BadInput(
            call=lambda: bad(x, weights[:, :2]),
            error=ValueError,
            message=rf"coefficients must have shape \({operations}, 3, any\), got",
        ),
        BadInput(
            call=lambda: bad(x, weights, jnp.ones((biases, 3))),
            error=ValueError,
            message=rf"bias must have shape \({biases}, 4\), got",
        ),
    ]
    if options:
        wrong += [
            BadInput(
                call=lambda: bad(x, weights, mask=jnp.ones(NODES)), error=TypeError, message="mask must be boolean"
            ),
            BadInput(
                call=lambda: bad(x, weights, mask=jnp.ones((1, NODES), bool)),
                error=ValueError,
                message="mask must have shape",
            ),
        ]
    if order_in == 2:
        wrong.append(
            BadInput(call=lambda: bad(x[:3], weights), error=ValueError, message=r"x must have shape \(..., n, n,")
        )
    return Case(
        name=f"permutations.{name}",
        function=lambda x, coefficients, bias: kernel(x, coefficients, bias, **options),
        arguments=arguments,
        reference=reference,
        **FEATURES,
        differentiable=(0, 1, 2),
        bad_input=tuple(wrong),
    )


def _ego_arguments(generator):
    shapes = (NODES**2, 3), (NODES, 2), (1, 15, 3, 2), (1, 5, 2, 3), (1, 2, 3, 2), (1, 1, 2)
    return tuple(generator.normal(size=shape) for shape in shapes)


def _ego(pairs, nodes, two_to_two, one_to_two, two_to_none, bias):
    coefficients = {"2to2": two_to_two, "1to2": one_to_two, "2to0": two_to_none}
    return kernels.ego_maps(pairs, nodes, [SUBGRAPHS], coefficients, {"2to0": bias}, num_nodes=NODES)


def _ego_reference(pairs, nodes, two_to_two, one_to_two, two_to_none, bias):
    coefficients = {"2to2": two_to_two[0], "1to2": one_to_two[0], "2to0": two_to_none[0]}
    biases = {"2to2": np.zeros((2, 2)), "1to2": np.zeros((2, 3)), "2to0": bias[0]}
    square = pairs.reshape(NODES, NODES, -1)
    found: Any
    centres: Any
    found, _, centres = references.ego_maps_on_squares(square, nodes, EGOS, coefficients, biases)
    return np.concatenate([found.ravel(), centres.ravel()])


def _bad_ego(pairs=None, nodes=None, coefficients=None):
    pairs = jnp.ones((NODES**2, 3)) if pairs is None else pairs
    return kernels.ego_maps(pairs, nodes, [SUBGRAPHS], coefficients, {}, num_nodes=NODES)


def _sent(generator):
    return generator.normal(size=(4, 3, 2)), generator.normal(size=(5, 2))


SENT_TO = np.array([[0, 1, 2], [2, 2, 7], [-1, 3, 0], [0, 0, 3]]), np.array([5, 0, 0, 1, 2])
SENT_MASK = np.array([[True, False, True]] * 3 + [[True] * 3]), np.array([True, True, False, True, True])


def _sent_reference(*values):
    total, count = np.zeros((6, 2)), np.zeros((6, 1))
    for one, index, mask in zip(values, SENT_TO, SENT_MASK, strict=True):
        for value, row, there in zip(one.reshape(-1, 2), index.ravel(), mask.ravel(), strict=True):
            if there and 0 <= row < 6:
                total[row] += value
                count[row] += 1
    return total / np.maximum(count, 1)


def _norm_arguments(generator):
    return (generator.normal(size=(len(GRAPH), 2)) + 1, *(generator.normal(size=2) for _ in range(3)))


CASES = [
    *(_of_map(*orders) for orders in kernels.NUM_OPERATIONS),
    Case(
        name="permutations.basis_operations_2to2",
        function=kernels.basis_operations_2to2,
        arguments=lambda generator: (generator.normal(size=(4, 4, 2)),),
        reference=lambda x: np.stack(references.operations(x, 2, 2)),
        **_features(low_result=jnp.float32),
        bad_input=(
            BadInput(
                call=lambda: kernels.basis_operations_2to2(jnp.ones((3, 2, 1))),
                error=ValueError,
                message=r"x must have shape \(2, 2, any\), got",
            ),
            BadInput(
                call=lambda: kernels.basis_operations_2to2(jnp.ones((2, 2, 1)), mask=jnp.ones(3, bool)),
                error=ValueError,
                message=r"mask must have shape \(2\), got",
            ),
        ),
    ),
    Case(
        name="permutations.ego_maps",
        function=_ego,
        arguments=_ego_arguments,
        reference=_ego_reference,
        **_features(value=lambda found: jnp.concatenate([found.pairs.ravel(), found.centres.ravel()])),
        differentiable=(0, 1, 2, 3, 4, 5),
        bad_input=(
            BadInput(
                call=lambda: _bad_ego(coefficients={"0to1": jnp.ones((1, 1, 3, 2))}),
                error=ValueError,
                message="name in coefficients must be one of",
            ),
            BadInput(
                call=lambda: _bad_ego(coefficients={"1to1": jnp.ones((1, 2, 3, 2))}),
                error=ValueError,
                message="nodes must be given for the map '1to1'",
            ),
            BadInput(
                call=lambda: _bad_ego(coefficients={"2to2": jnp.ones((2, 15, 3, 2))}),
                error=ValueError,
                message=r"coefficients\['2to2'\] must have shape \(1, any, any, any\), got",
            ),
        ),
    ),
    Case(
        name="permutations.gather_rows",
        function=lambda table: kernels.gather_rows(table, SENT_TO[0], SENT_MASK[0]),
        arguments=lambda generator: (generator.normal(size=(3, 2)),),
        reference=lambda table: np.where(
            (SENT_MASK[0] & (SENT_TO[0] >= 0) & (SENT_TO[0] < 3))[..., None], table[SENT_TO[0] % 3], 0
        ),
        **FEATURES,
        empty=lambda: (np.zeros((0, 2)),),
        bad_input=(
            BadInput(
                call=lambda: kernels.gather_rows(jnp.ones((3, 2)), jnp.ones(2), jnp.ones(2, bool)),
                error=TypeError,
                message="index must hold integers",
            ),
            BadInput(
                call=lambda: kernels.gather_rows(jnp.ones(3), jnp.ones(2, int), jnp.ones(2, bool)),
                error=ValueError,
                message="table must have shape",
            ),
            BadInput(
                call=lambda: kernels.gather_rows(jnp.ones((3, 2)), jnp.ones(2, int), jnp.ones(3, bool)),
                error=ValueError,
                message=r"mask must have shape \(2\), got",
            ),
        ),
    ),
    Case(
        name="permutations.scatter_mean",
        function=lambda *values: kernels.scatter_mean(values, SENT_TO, SENT_MASK, num_rows=6),
        arguments=_sent,
        reference=_sent_reference,
        **_features(value=lambda found: found.mean),
        differentiable=(0, 1),
        bad_input=(
            BadInput(
                call=lambda: kernels.scatter_mean([jnp.ones((5, 2))], SENT_TO, SENT_MASK, num_rows=6),
                error=ValueError,
                message="values, index and mask must be as many, got 1, 2 and 2",
            ),
            BadInput(
                call=lambda: kernels.scatter_mean([jnp.ones((4, 2))], SENT_TO[1:], SENT_MASK[1:], num_rows=6),
                error=ValueError,
                message=r"values must have shape \(5, 2\), got \(4, 2\)",
            ),
        ),
    ),
    Case(
        name="permutations.graph_norm",
        function=lambda x, *vectors: kernels.graph_norm(x, GRAPH, *vectors, num_graphs=4, epsilon=0.1),
        arguments=_norm_arguments,
        reference=lambda x, *vectors: references.graph_norm(x, GRAPH, *vectors, epsilon=0.1),
        **_features(low_precision=1e-2),
        differentiable=(0, 1, 2, 3),
        bad_input=(
            BadInput(
                call=lambda: kernels.graph_norm(
                    jnp.ones((7, 2)), GRAPH, jnp.ones(2), jnp.ones(2), jnp.ones(3), num_graphs=3
                ),
                error=ValueError,
                message=r"shift must have shape \(2\), got \(3,\)",
            ),
            BadInput(
                call=lambda: kernels.graph_norm(
                    jnp.ones((7, 2)), GRAPH, jnp.ones(2), jnp.ones(2), jnp.ones(2), num_graphs=3, epsilon=0.0
                ),
                error=ValueError,
                message="epsilon must be >= 1e-12, got 0.0",
            ),
        ),
    ),
]
