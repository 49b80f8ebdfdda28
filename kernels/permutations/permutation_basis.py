"""All linear maps between tensors of any order that no numbering of the nodes changes, by orbits of index tuples."""

import functools

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least


@functools.lru_cache(maxsize=64)
def equality_patterns(order: int) -> tuple[tuple[int, ...], ...]:
    """Which of `order` indices are equal: the partitions of `range(order)`, on the host.

    Args:
      order: of the tensor, 0 at least.

    Returns:
      One tuple for each partition, the block of each index; blocks are numbered as they appear. There are as many as
      the Bell number: 1, 1, 2, 5, 15, 52, 203.

    Raises:
      ValueError: a negative order.
    References: Maron et al., Invariant and equivariant graph networks, arXiv:1812.09902, section 3.
    """
    require_at_least("order", order, 0)
    if order == 0:
        return ((),)
    return tuple(
        (*pattern, block) for pattern in equality_patterns(order - 1) for block in range(max(pattern, default=-1) + 2)
    )


def permutation_basis(order_in: int, order_out: int, num_nodes: int) -> np.ndarray:
    """A basis of the equivariant linear maps between tensors over the nodes, on the host.

    Index tuples of result and input together fall into orbits of the renumberings, one for each equality pattern of at
    most `num_nodes` blocks; a map is equivariant where it is constant on each.

    Args:
      order_in: of the input, 0 at least.
      order_out: of the result, 0 at least; with `order_in` 0 the biases.
      num_nodes: n, 1 at least.

    Returns:
      `(B, n^order_out, n^order_in)` float64, indicators of the orbits, with disjoint support: of order 2 to 2 B is
      1, 8, 14, 15, 15 for n = 1 to 5. It takes `8 B n^(order_in + order_out)` bytes.

    Raises:
      ValueError: a negative order, or no nodes.
    References: Maron et al., Invariant and equivariant graph networks, arXiv:1812.09902, section 3.

    Examples:
      >>> from jaxinv.kernels import permutations
      >>> permutations.permutation_basis(2, 2, 4).shape
      (15, 16, 16)
      >>> permutations.permutation_basis(1, 1, 3).tolist()[0]  # the identity; the other map is the sum over other nodes
      [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    for name, order in (("order_in", order_in), ("order_out", order_out)):
        require_at_least(name, order, 0)
    require_at_least("num_nodes", num_nodes, 1)
    order = order_out + order_in
    index = np.indices((num_nodes,) * order).reshape(order, num_nodes**order)
    # The pattern of a tuple, as the first index that each one equals.
    equal = index[:, None] == index[None]
    first = np.argmax(equal, axis=1) if order else np.zeros_like(index)
    patterns = [pattern for pattern in equality_patterns(order) if max(pattern, default=-1) < num_nodes]
    firsts = np.array([[pattern.index(block) for block in pattern] for pattern in patterns], int)
    basis = np.all(firsts.reshape(len(patterns), order, 1) == first[None], axis=1)
    return basis.reshape(len(patterns), num_nodes**order_out, num_nodes**order_in).astype(float)
