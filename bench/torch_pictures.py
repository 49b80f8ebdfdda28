"""Convolutions of pictures that move with a group: ours, escnn's and the dense ones of both frameworks."""

import functools
import importlib
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.torch_contest import Contestant, of_jax, of_torch, tensor, torch
from jaxinv.kernels.group_convolutions.grid_banks import grid_convolution_bank
from jaxinv.kernels.group_convolutions.grid_convolutions import grid_convolution
from jaxinv.kernels.group_convolutions.planar_irreps import regular_irreps
from jaxinv.kernels.group_convolutions.point_groups import PointGroup
from jaxinv.kernels.group_convolutions.steerable_convolution import steerable_bank, steerable_convolution
from jaxinv.kernels.group_convolutions.steerable_kernels import SteerableKernels, basis_by_input

PICTURES, PIXELS, SIZE = 8, 32, 5
# torch's default, and what it is faster in on many devices.
_FORMATS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def contest(group: PointGroup, fields: int) -> list[Contestant]:
    """From so many regular fields to as many, 5 x 5 kernels; ours also with the pictures on all devices of the host.

    Fields of C_4 and D_4 are kept by element, those of other groups by irrep, a change of basis by an orthogonal
    matrix. escnn has kernels of its own for them, smooth ones: its map is another one of the same size.
    """
    generator = np.random.default_rng(0)
    x, cotangent = _normal(generator, 2, PICTURES, PIXELS, PIXELS, group.order, fields)
    steers = group.rotations not in (1, 2, 4)
    convolve, expand, number, built_ms = (_steerable if steers else _exact)(group)
    parameters = _normal(generator, *number, fields, fields)
    bank = np.asarray(jax.jit(expand)(parameters))
    name = "steerable_convolution" if steers else "grid_convolution"
    ours = functools.partial(
        of_jax, function=convolve, compared=_value_and_first, parameters=parameters.size, built_ms=built_ms
    )
    entrants = [ours(name, arguments=(x, parameters), cotangent=cotangent)]
    if len(jax.devices()) > 1:
        entrants.append(_sharded(ours, f"{name}, {len(jax.devices())} devices", x, parameters, cotangent))
    return [
        *entrants,
        of_jax("XLA dense", _xla_dense, (x, bank), cotangent, compared=_value_and_first, parameters=bank.size),
        *_torch_dense(x, bank, cotangent),
        *_escnn_convolutions(group, fields, x, cotangent),
    ]


def _normal(generator, *shape):
    return generator.normal(size=shape).astype(np.float32)


def _value_and_first(value, gradient, *_):
    return value, gradient


def _channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x.reshape(*x.shape[:3], -1), -1, 1))


def _torch_bank(bank):
    size, _, ins, channels_in, outs, channels_out = bank.shape
    return np.ascontiguousarray(bank.reshape(size, size, ins * channels_in, outs * channels_out).transpose(3, 2, 0, 1))


def _xla_dense(x, bank):
    size, _, ins, channels_in, outs, channels_out = bank.shape
    y = jax.lax.conv_general_dilated(
        x.reshape(*x.shape[:3], ins * channels_in),
        bank.reshape(size, size, ins * channels_in, outs * channels_out),
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=jax.lax.Precision.HIGHEST,
    )
    return y.reshape(*x.shape[:3], outs, channels_out)


def _twice(build: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What it builds, and milliseconds of the first and the second time."""
    taken, built = [], None
    for _ in range(2):
        start = time.perf_counter()
        built = build()
        taken.append(1e3 * (time.perf_counter() - start))
    return built, (taken[0], taken[1])


def _exact(group: PointGroup) -> tuple[Any, ...]:
    """Convolution, expansion, shape of the parameters, and the time to trace the expansion, its tables included."""
    expand = functools.partial(grid_convolution_bank, group=group)
    shape = (SIZE, SIZE, group.order)
    _, built_ms = _twice(lambda: jax.eval_shape(expand, jax.ShapeDtypeStruct((*shape, 1, 1), jnp.float32)))
    return functools.partial(grid_convolution, group=group, padding="SAME"), expand, shape, built_ms


def _steerable(group: PointGroup) -> tuple[Any, ...]:
    """Likewise, and the time to make the kernels' tables."""
    irreps = regular_irreps(group)

    def build():
        kernels = SteerableKernels(group=group, irreps_in=irreps, irreps_out=irreps, size=SIZE)
        basis_by_input(kernels)
        return kernels

    kernels, built_ms = _twice(build)
    convolve = functools.partial(steerable_convolution, kernels=kernels, padding="SAME")
    return convolve, functools.partial(steerable_bank, kernels=kernels), (kernels.num_basis,), built_ms


def _sharded(ours: Callable[..., Contestant], name: str, x: Any, parameters: Any, cotangent: Any) -> Contestant:
    """The pictures cut into as many parts as the host has devices, the parameters on all."""
    mesh = jax.make_mesh((len(jax.devices()),), ("pictures",), axis_types=(jax.sharding.AxisType.Auto,))
    cut = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("pictures"))
    whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    arguments = jax.device_put(x, cut), jax.device_put(parameters, whole)
    return ours(name, arguments=arguments, cotangent=jax.device_put(cotangent, cut))


def _torch_dense(x: Any, bank: Any, cotangent: Any) -> list[Contestant]:
    order = x.shape[-2]

    def compared(value, of_x, *_):
        return [array.movedim(1, -1).unflatten(-1, (order, -1)) for array in (value, of_x)]

    return [
        of_torch(
            f"torch dense, {name}",
            lambda x, bank: torch.nn.functional.conv2d(x, bank, padding="same"),
            [tensor(array, memory_format=kind) for array in (_channels_first(x), _torch_bank(bank))],
            tensor(_channels_first(cotangent), leaf=False, memory_format=kind),
            compared=compared,
            parameters=bank.size,
        )
        for name, kind in _FORMATS.items()
    ]


def _escnn_convolutions(group: PointGroup, fields: int, x: Any, cotangent: Any) -> list[Contestant]:
    escnn = _escnn()

    def build():
        plane = (escnn.gspaces.flipRot2dOnR2 if group.reflections else escnn.gspaces.rot2dOnR2)(group.rotations)
        fields_of = escnn.nn.FieldType(plane, fields * [plane.regular_repr])
        return escnn.nn.R2Conv(fields_of, fields_of, SIZE, padding=SIZE // 2, bias=False)

    layer, built_ms = _twice(build)
    pictures = {name: tensor(_channels_first(x), memory_format=kind) for name, kind in _FORMATS.items()}
    layer = layer.to(pictures["channels first"].device)
    weights = tuple(layer.parameters())

    def convolve(x, *_):
        # It reads its own weights, whose gradients are asked for by name.
        return layer(escnn.nn.GeometricTensor(x, layer.in_type)).tensor

    return [
        of_torch(
            f"escnn R2Conv, {name}",
            convolve,
            (pictures[name], *weights),
            tensor(_channels_first(cotangent), leaf=False, memory_format=kind),
            compared=None,
            parameters=sum(one.numel() for one in weights),
            built_ms=built_ms,
        )
        for name, kind in _FORMATS.items()
    ]


@functools.cache
def _escnn() -> Any:
    """escnn, as it can be had beside a new numpy.

    It imports a package for rotations of space that has no build for numpy 2, and hands numpy's matrices to
    scikit-learn, which takes them no more: nothing here calls the one, and it goes without the other.
    """
    missing: Any = types.ModuleType("lie_learn.representations.SO3.wigner_d")
    missing.wigner_D_matrix = None
    sys.modules[missing.__name__] = missing
    with warnings.catch_warnings(action="ignore"):
        escnn: Any = importlib.import_module("escnn")
        importlib.import_module("escnn.nn")
    escnn.group._numerical.randomized_svd = None
    return escnn
