"""Affine convolutions beside the dense convolution that they expand to, as XLA runs it."""

from typing import Any

import jax
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import group_convolutions as kernels
from jaxinv.kernels.lie_groups.sampling import sample_polar_pairs

FAMILY = "group_convolutions"
GROUP = "gl"
WIDTH = 60
TOLERANCE = 1e-4
SIZES = (
    {"pictures": 32, "pixels": 40, "size": 5, "channels": 16, "elements": 8},
    {"pictures": 32, "pixels": 20, "size": 5, "channels": 8, "elements": 8},
)
SMALL = {"pictures": 2, "pixels": 8, "size": 3, "channels": 3, "elements": 3}


def _draws(generator: np.random.Generator, sizes: Sizes, channels_in: int, features: int) -> tuple[Any, ...]:
    """Elements, inverses, and a network."""
    keys = jax.random.split(jax.random.key(int(generator.integers(1 << 30))), 2)
    samples = sample_polar_pairs(keys[0], sizes["elements"], group=GROUP, dtype=np.float32)
    fan_in = channels_in * sizes["size"] ** 2
    network = kernels.init_siren(
        keys[1], channels_in, sizes["channels"], num_features=features, fan_in=fan_in, width=WIDTH
    )
    return samples.element, samples.inverse, network


def _on_host(*arrays: Any) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(array) for array in arrays)


def _pictures(generator: np.random.Generator, sizes: Sizes, *axes: int) -> np.ndarray:
    shape = (sizes["pictures"], sizes["pixels"], sizes["pixels"], *axes)
    return generator.normal(size=shape).astype(np.float32)


def _lift_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Pictures, the bank for the peer, inverses, and the network's parameters."""
    _, inverse, network = _draws(generator, sizes, 1, 0)
    bank = kernels.lifting_bank(network, inverse, group=GROUP, size=sizes["size"])
    return _pictures(generator, sizes, 1), *_on_host(bank, inverse, *jax.tree.leaves(network))


def _convolution_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Features, the bank for the peer, elements, inverses, and the network's parameters."""
    channels, elements = sizes["channels"], sizes["elements"]
    element, inverse, network = _draws(generator, sizes, channels, kernels.num_group_features(GROUP))
    bank = kernels.convolution_bank(network, element, inverse, group=GROUP, size=sizes["size"])
    x = _pictures(generator, sizes, elements, channels)
    return x, *_on_host(bank, element, inverse, *jax.tree.leaves(network))


def _lift(x, bank, inverse, *leaves):
    network = kernels.Siren(leaves[0], None, *leaves[1:])
    return kernels.affine_lift(x, network, inverse, group=GROUP, size=bank.shape[0])


def _convolution(x, bank, element, inverse, *leaves):
    network = kernels.Siren(*leaves)
    return kernels.affine_convolution(x, network, element, inverse, group=GROUP, size=bank.shape[0])


def _dense(x, bank, *_):
    size, _, ins, channels_in, outs, channels_out = bank.shape
    y = jax.lax.conv_general_dilated(
        x.reshape(*x.shape[:3], ins * channels_in),
        bank.reshape(size, size, ins * channels_in, outs * channels_out),
        (1, 1),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=jax.lax.Precision.HIGHEST,
    )
    return y.reshape(*y.shape[:3], outs, channels_out)


def _work(*, lifts: bool) -> Any:
    """The sums over places and channels; pictures read and written once."""

    def work(sizes: Sizes) -> Work:
        outs = sizes["elements"] * sizes["channels"]
        ins = 1 if lifts else outs
        before, after = sizes["pixels"] ** 2, (sizes["pixels"] - sizes["size"] + 1) ** 2
        flops = 2.0 * sizes["pictures"] * after * sizes["size"] ** 2 * ins * outs
        return Work(flops=flops, bytes=4.0 * sizes["pictures"] * (before * ins + after * outs))

    return work


def _peer(kind: Any, name: str) -> Peer:
    return Peer(name=name, kind=kind, call=_dense, compiled=True, tolerance=TOLERANCE if kind == "dense" else None)


def _given(name: str, arguments: Any, *, lifts: bool) -> Case:
    """With the bank of kernels given, in the picture and the kernels."""

    def kernel(x, bank, *_):
        return kernels.affine_convolve(x[..., None, :] if lifts else x, bank)

    return Case(
        family=FAMILY,
        name=name,
        kernel=kernel,
        arguments=lambda generator, sizes: arguments(generator, sizes)[:2],
        sizes=SIZES,
        small=SMALL,
        work=_work(lifts=lifts),
        peers=(_peer("dense", "XLA's convolution"),),
        differentiable=(0, 1),
        large_result=True,
    )


def _generated(name: str, kernel: Any, arguments: Any, *, parameters: tuple[int, ...], lifts: bool) -> Case:
    """With the kernels from their network, in the picture and its parameters."""
    return Case(
        family=FAMILY,
        name=name,
        kernel=kernel,
        arguments=arguments,
        sizes=SIZES,
        small=SMALL,
        work=_work(lifts=lifts),
        peers=(_peer("floor", "XLA's convolution, its kernels given"),),
        differentiable=(0, *parameters),
        large_result=True,
    )


CASES = (
    _given("lift, kernels given", _lift_arguments, lifts=True),
    _generated("affine_lift", _lift, _lift_arguments, parameters=tuple(range(3, 9)), lifts=True),
    _given("convolution, kernels given", _convolution_arguments, lifts=False),
    _generated("affine_convolution", _convolution, _convolution_arguments, parameters=tuple(range(4, 11)), lifts=False),
)
