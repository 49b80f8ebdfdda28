"""Edges of graphs: checks, and sums over them that never hold all messages at once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.experimental import checkify

from jaxinv.kernels.numerics.validation import require_integer, require_shape


def edges_present(
    senders: jax.Array,
    receivers: jax.Array,
    num_edges: int,
    num_senders: int,
    num_receivers: int,
    mask: jax.Array | None,
) -> jax.Array:
    """`(edges,)`: True where both ends are in range and the mask, if any, holds; checks shapes and dtypes."""
    for name, indices in (("senders", senders), ("receivers", receivers)):
        require_shape(name, indices, (num_edges,))
        require_integer(name, indices)
    there = (senders >= 0) & (senders < num_senders) & (receivers >= 0) & (receivers < num_receivers)
    if mask is None:
        return there
    mask = jnp.asarray(mask)
    require_shape("mask", mask, (num_edges,))
    if mask.dtype != jnp.bool:
        raise TypeError(f"mask must be boolean, got dtype {mask.dtype}")
    return there & mask


def sum_over_edges(
    message: Callable[..., jax.Array],
    total: jax.Array,
    x: jax.Array,
    edges: tuple[jax.Array, ...],
    most: int,
    sorted_receivers: bool,
) -> jax.Array:
    """`total` plus the messages of the edges at their receivers, `most` edges at a time.

    Args:
      message: of x, and of senders and features of some edges: `(edges, ...)`.
      total: `(receivers, ...)`.
      x: what senders are rows of.
      edges: senders, receivers and features, each with the edges in front.
      most: edges in a block, which reverse mode computes again.
      sorted_receivers: promises that receivers ascend.
    """

    def add(total, block):
        senders, receivers, *features = block
        found = jax.checkpoint(message)(x, senders, *features)
        return total.at[receivers].add(found, mode="drop", indices_are_sorted=sorted_receivers), None

    num_edges = edges[0].shape[0]
    num_blocks = -(-num_edges // most)
    if num_blocks <= 1:
        return add(total, edges)[0]
    rows = -(-num_edges // (8 * num_blocks)) * 8
    fill = num_blocks * rows - num_edges
    # Receivers beyond the end, which stay sorted and which the sum drops.
    ends = (0, total.shape[0], *(0,) * (len(edges) - 2))
    blocks = tuple(
        jnp.concatenate([array, jnp.full((fill, *array.shape[1:]), end, array.dtype)]).reshape(
            num_blocks, rows, *array.shape[1:]
        )
        for array, end in zip(edges, ends, strict=True)
    )
    return jax.lax.scan(add, total, blocks)[0]


def check_edges(
    senders: jax.Array,
    receivers: jax.Array,
    num_senders: int,
    *,
    num_receivers: int | None = None,
    mask: jax.Array | None = None,
    sorted_receivers: bool = False,
) -> None:
    """Errors for edges that convolutions over edges would leave out, or sum in a wrong order.

    Args:
      senders: `(edges,)`, integers.
      receivers: `(edges,)`, integers.
      num_senders: static, rows of the features.
      num_receivers: static, rows of the result; by default `num_senders`.
      mask: `(edges,)`, booleans: False for edges that pad, which may point anywhere.
      sorted_receivers: static; checks too that `receivers` ascends, pads included.

    For `checkify.checkify(check_edges)(...)`, also under jit; without checkify it works outside of jit only.
    Raises:
      checkify.JaxRuntimeError: thrown by `error.throw()`, naming the argument and the first edge at fault.
    """
    there = jnp.ones(senders.shape, bool) if mask is None else mask
    limits = (num_senders, num_senders if num_receivers is None else num_receivers)
    for name, indices, limit in zip(("senders", "receivers"), (senders, receivers), limits, strict=True):
        wrong = there & ((indices < 0) | (indices >= limit))
        first = jnp.argmax(wrong)
        checkify.check(
            ~jnp.any(wrong),
            f"{name} must be in 0 .. {limit - 1}, got {{index}} at edge {{edge}}",
            index=indices[first],
            edge=first,
        )
    if sorted_receivers:
        falls = receivers[1:] < receivers[:-1]
        message = "receivers must ascend where sorted_receivers is True, but edge {edge} goes below the one before it"
        checkify.check(~jnp.any(falls), message, edge=1 + jnp.argmax(jnp.append(falls, False)))
