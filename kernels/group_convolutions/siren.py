"""Kernels of convolutions as small networks with sines, whose inputs are a place in the plane and one in a group.

The first layer is linear before its sine, so the two inputs go through it apart, and their sines and cosines meet by
the addition theorem: for k^2 places and m^2 group elements it takes k^2 + m^2 products and sines, not k^2 m^2.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_at_least

FREQUENCY = 10.0


class Siren(NamedTuple):
    """Parameters of a network with sines: `sin(FREQUENCY (W x + b))` again and again, and a linear layer at the end.

    Attributes:
      space: `(2, width)`, of the first layer, for the place in the plane.
      group: `(features, width)`, of the first layer, for the group; None where the kernel does not depend on it.
      bias: `(width,)`, of the first layer.
      hidden: `(layers, width, width)`, of the layers after it.
      hidden_bias: `(layers, width)`.
      last: `(width, channels_in, channels_out)`.
      last_bias: `(channels_in, channels_out)`.
    """

    space: jax.Array
    group: jax.Array | None
    bias: jax.Array
    hidden: jax.Array
    hidden_bias: jax.Array
    last: jax.Array
    last_bias: jax.Array


def init_siren(
    key: jax.Array,
    channels_in: int,
    channels_out: int,
    *,
    num_features: int,
    fan_in: float,
    width: int = 60,
    num_hidden: int = 2,
    dtype: jnp.dtype = jnp.float32,
) -> Siren:
    """Draws the parameters so that the network's values have a variance of about `1 / fan_in`.

    Args:
      key: of the draw.
      channels_in: of the kernel.
      channels_out: of the kernel.
      num_features: static, of the group; 0 for a kernel that does not depend on it.
      fan_in: what the kernel sums over: channels, places and, where they are averaged, 1 / (group elements).
      width: static, of each layer of sines.
      num_hidden: static, layers of sines after the first.
      dtype: of the parameters.

    Returns:
      The parameters: uniform within `1 / inputs` in the first layer, `sqrt(6 / width) / FREQUENCY` in the next ones,
      `sqrt(6 / (width fan_in))` in the last; biases beyond the first are 0.

    Raises:
      ValueError: a width or number of channels below 1, or a negative number of features or layers.
    References: Sitzmann et al., Implicit neural representations with periodic activation functions, arXiv:2006.09661.
    """
    for name, value, least in (
        ("channels_in", channels_in, 1),
        ("channels_out", channels_out, 1),
        ("num_features", num_features, 0),
        ("width", width, 1),
        ("num_hidden", num_hidden, 0),
    ):
        require_at_least(name, value, least)
    keys = jax.random.split(key, 5)

    def uniform(key, shape, bound):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    first = 1 / (2 + num_features)
    return Siren(
        space=uniform(keys[0], (2, width), first),
        group=uniform(keys[1], (num_features, width), first) if num_features else None,
        bias=uniform(keys[2], (width,), first),
        hidden=uniform(keys[3], (num_hidden, width, width), math.sqrt(6 / width) / FREQUENCY),
        hidden_bias=jnp.zeros((num_hidden, width), dtype),
        last=uniform(keys[4], (width, channels_in, channels_out), math.sqrt(6 / (width * fan_in))),
        last_bias=jnp.zeros((channels_in, channels_out), dtype),
    )


def siren_features(network: Siren, space: jax.Array, group: jax.Array | None) -> jax.Array:
    """What the last layer reads, at all places with all group elements.

    Args:
      network: the parameters.
      space: `(places, ins, outs, 2)`; ins and outs may be 1, and then broadcast.
      group: `(ins, outs, features)`; None if the network has no part for it.

    Returns:
      `(places, ins, outs, width)`.
    """
    angle = FREQUENCY * (contract("piod,dw->piow", space, network.space) + network.bias[None, None, None])
    if network.group is None or group is None:
        hidden = jnp.sin(angle)
    else:
        other = FREQUENCY * contract("iof,fw->iow", group, network.group)[None]
        hidden = jnp.sin(angle) * jnp.cos(other) + jnp.cos(angle) * jnp.sin(other)
    for weight, bias in zip(network.hidden, network.hidden_bias, strict=True):
        hidden = jnp.sin(FREQUENCY * (contract("piov,vw->piow", hidden, weight) + bias[None, None, None]))
    return hidden
