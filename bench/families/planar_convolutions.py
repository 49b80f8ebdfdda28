"""Group and steerable convolutions beside the dense convolution that they expand to, as XLA runs it.

Groups are given by `rotations` and `reflections` among the sizes.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels.group_convolutions.coset_fields import coset_pool
from jaxinv.kernels.group_convolutions.grid_banks import grid_convolution_bank, grid_lifting_bank
from jaxinv.kernels.group_convolutions.grid_convolutions import (
    grid_convolution,
    grid_lift,
    grid_separable_convolution,
)
from jaxinv.kernels.group_convolutions.irreps_nonlinearities import fourier_nonlinearity
from jaxinv.kernels.group_convolutions.planar_irreps import regular_irreps
from jaxinv.kernels.group_convolutions.point_groups import (
    PointGroup,
    cyclic,
    dihedral,
    inverse_table,
    multiplication_table,
    octahedral,
)
from jaxinv.kernels.group_convolutions.steerable_convolution import steerable_bank, steerable_convolution
from jaxinv.kernels.group_convolutions.steerable_kernels import SteerableKernels

FAMILY = "group_convolutions"
TOLERANCE = 1e-4
P4M = {"pictures": 8, "pixels": 32, "size": 5, "channels": 16, "rotations": 4, "reflections": 1}
P4 = {**P4M, "reflections": 0}
SIZES = (P4M, P4)
SMALL = {"pictures": 2, "pixels": 7, "size": 3, "channels": 3, "rotations": 4, "reflections": 0}
VOXELS = {"pictures": 2, "pixels": 16, "size": 3, "channels": 4}
SMALL_VOXELS = {"pictures": 1, "pixels": 4, "size": 3, "channels": 1}
STEERABLE = {"pictures": 8, "pixels": 32, "size": 5, "channels": 16, "rotations": 8, "reflections": 0}


def _group(sizes: Sizes) -> PointGroup:
    return (dihedral if sizes["reflections"] else cyclic)(sizes["rotations"])


def _cube(sizes: Sizes) -> PointGroup:
    del sizes
    return octahedral()


def _normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.normal(size=shape).astype(np.float32)


def _space(sizes: Sizes, group: PointGroup) -> tuple[int, ...]:
    return (sizes["pictures"], *(sizes["pixels"],) * group.dimension)


def _window(sizes: Sizes, group: PointGroup) -> tuple[int, ...]:
    return (sizes["size"],) * group.dimension


def _of_order(dimension: int, order: int) -> PointGroup:
    return octahedral() if dimension == 3 else {4: cyclic(4), 8: dihedral(4)}[order]


def _dense(x, bank, *_):
    dimension = bank.ndim - 4
    ins, channels_in, outs, channels_out = bank.shape[dimension:]
    space = x.shape[1 : 1 + dimension]
    letters = "DHW"[3 - dimension :]
    y = jax.lax.conv_general_dilated(
        x.reshape(-1, *space, ins * channels_in),
        bank.reshape(*bank.shape[:dimension], ins * channels_in, outs * channels_out),
        (1,) * dimension,
        "SAME",
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        precision=jax.lax.Precision.HIGHEST,
    )
    return y.reshape(*y.shape[:-1], outs, channels_out)


def _work(group_of: Callable[[Sizes], PointGroup], *, lifts: bool) -> Callable[[Sizes], Work]:
    """The sums over places, elements and channels; pictures read and written once."""

    def work(sizes: Sizes) -> Work:
        group = group_of(sizes)
        outs = group.order * sizes["channels"]
        ins = sizes["channels"] if lifts else outs
        places = float(np.prod(_space(sizes, group)))
        taps = float(sizes["size"] ** group.dimension)
        return Work(flops=2.0 * places * taps * ins * outs, bytes=4.0 * places * (ins + outs))

    return work


def _lift(x, bank):
    dimension = bank.ndim - 4
    kernels = bank[(*(slice(None),) * dimension, 0, slice(None), 0)]
    return grid_lift(x[..., 0, :], kernels, group=_of_order(dimension, bank.shape[-2]), padding="SAME")


def _convolution(x, bank):
    dimension = bank.ndim - 4
    return grid_convolution(x, bank[..., 0, :], group=_of_order(dimension, bank.shape[-2]), padding="SAME")


def _case(
    name: str,
    kernel: Any,
    group_of: Callable[[Sizes], PointGroup],
    sizes: tuple[Sizes, ...],
    small: Sizes,
    *,
    lifts: bool,
) -> Case:
    """From the kernels of the identity, which stand in the bank that the peer is given: the difference is expansion."""

    def arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
        group, channels = group_of(sizes), sizes["channels"]
        elements = () if lifts else (group.order,)
        kernels = _normal(generator, *_window(sizes, group), *elements, channels, channels)
        bank = (grid_lifting_bank if lifts else grid_convolution_bank)(jnp.asarray(kernels), group=group)
        return _normal(generator, *_space(sizes, group), *(elements or (1,)), channels), np.asarray(bank)

    peer = Peer(
        name="XLA's convolution, its kernels given", kind="dense", call=_dense, compiled=True, tolerance=TOLERANCE
    )
    return Case(
        family=FAMILY,
        name=name,
        kernel=kernel,
        arguments=arguments,
        sizes=sizes,
        small=small,
        work=_work(group_of, lifts=lifts),
        peers=(peer,),
        differentiable=(0, 1),
        large_result=True,
    )


def _bank_work(sizes: Sizes) -> Work:
    """Kernels read and written, and nothing computed."""
    order = _group(sizes).order
    one = sizes["size"] ** 2 * order * sizes["channels"] ** 2
    return Work(flops=0.0, bytes=4.0 * one * (1 + order))


def _bank_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    group, channels = _group(sizes), sizes["channels"]
    return (_normal(generator, *_window(sizes, group), group.order, channels, channels),)


def _bank(kernels):
    return grid_convolution_bank(kernels, group=_of_order(2, kernels.shape[2]))


def _turned_bank(kernels):
    """Each element by itself, as it is mostly written."""
    group = _of_order(2, kernels.shape[2])
    ratio = multiplication_table(group)[inverse_table(group)]
    moved = [
        jnp.rot90(jnp.flipud(kernels) if element >= 4 else kernels, element % 4)[:, :, ratio[element]]
        for element in range(group.order)
    ]
    return jnp.stack(moved, axis=-2)


def _separable_work(sizes: Sizes) -> Work:
    group = _group(sizes)
    wide = group.order * sizes["channels"]
    places = float(np.prod(_space(sizes, group)))
    return Work(flops=2.0 * places * wide * (wide + sizes["size"] ** 2), bytes=8.0 * places * wide)


def _separable_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    group, channels = _group(sizes), sizes["channels"]
    return (
        _normal(generator, *_space(sizes, group), group.order, channels),
        _normal(generator, group.order, channels, channels),
        _normal(generator, *_window(sizes, group), channels),
    )


def _separable(x, element, spatial):
    return grid_separable_convolution(x, element, spatial, group=_of_order(2, len(element)), padding="SAME")


def _separable_as_dense(x, element, spatial):
    kernels = spatial[:, :, None, None, :] * element[None, None]
    return _dense(x, grid_convolution_bank(kernels, group=_of_order(2, len(element))))


def _grouped(x, element, spatial):
    """XLA's convolution with as many groups as channels."""
    group = _of_order(2, len(element))
    order, _, channels_out = element.shape
    ratio = multiplication_table(group)[inverse_table(group)].T
    mixed = jnp.einsum("nhwsi,srio->nhwro", x, element[ratio], precision=jax.lax.Precision.HIGHEST)
    kernels = grid_lifting_bank(spatial[:, :, None], group=group)[:, :, 0]
    y = jax.lax.conv_general_dilated(
        mixed.reshape(*x.shape[:3], order * channels_out),
        kernels.reshape(*spatial.shape[:2], 1, order * channels_out),
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=order * channels_out,
        precision=jax.lax.Precision.HIGHEST,
    )
    return y.reshape(mixed.shape)


def _steerable_kernels(size: int) -> SteerableKernels:
    irreps = regular_irreps(cyclic(8))
    return SteerableKernels(group=cyclic(8), irreps_in=irreps, irreps_out=irreps, size=size)


def _steerable_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    kernels, channels = _steerable_kernels(sizes["size"]), sizes["channels"]
    coefficients = _normal(generator, kernels.num_basis, channels, channels)
    bank = steerable_bank(jnp.asarray(coefficients), kernels=kernels)
    return _normal(generator, *_space(sizes, cyclic(8)), 8, channels), np.asarray(bank), coefficients


def _steerable(x, bank, coefficients):
    return steerable_convolution(x, coefficients, kernels=_steerable_kernels(bank.shape[0]), padding="SAME")


def _steerable_bank(coefficients, size):
    return steerable_bank(coefficients, kernels=_steerable_kernels(size.shape[0]))


def _steerable_bank_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Coefficients, and an array as long as the kernels' side."""
    return _steerable_arguments(generator, sizes)[2], np.zeros(sizes["size"], np.float32)


def _dense_table_bank(coefficients, size):
    """All kernels in one table, one matrix product."""
    side = size.shape[0]
    kernels = _steerable_kernels(side)
    rows, start = [], [0, 0]
    for row in kernels.pairs:
        start[1] = 0
        for table in row:
            whole = np.zeros((len(table), side * side, 8, 8), np.float32)
            whole[:, :, start[0] : start[0] + table.shape[2], start[1] : start[1] + table.shape[3]] = table
            rows.append(whole)
            start[1] += table.shape[3]
        start[0] += row[0].shape[2]
    table = jnp.asarray(np.concatenate(rows))
    bank = jnp.einsum("bpij,bcd->picjd", table, coefficients, precision=jax.lax.Precision.HIGHEST)
    return bank.reshape(side, side, *bank.shape[1:])


def _steerable_bank_work(sizes: Sizes) -> Work:
    kernels = _steerable_kernels(sizes["size"])
    used = sum(np.count_nonzero(table) for row in kernels.pairs for table in row)
    square = float(sizes["channels"] ** 2)
    return Work(flops=2.0 * used * square, bytes=4.0 * square * (kernels.num_basis + 64 * sizes["size"] ** 2))


def _fourier(x):
    return fourier_nonlinearity(x, group=cyclic(8), samples=16)


def _pool(x):
    return coset_pool(x, group=dihedral(4), subgroup=dihedral(4))


def _field(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (_normal(generator, *_space(sizes, cyclic(1)), 8, sizes["channels"]),)


def _field_work(*, written: int, flops: int) -> Callable[[Sizes], Work]:
    """For each picture, pixel and channel."""

    def work(sizes: Sizes) -> Work:
        entries = float(sizes["pictures"] * sizes["pixels"] ** 2 * sizes["channels"])
        return Work(flops=flops * entries, bytes=4.0 * entries * (8 + written))

    return work


CASES = (
    _case("grid_lift", _lift, _group, SIZES, SMALL, lifts=True),
    _case("grid_convolution", _convolution, _group, SIZES, SMALL, lifts=False),
    _case("grid_convolution, voxels", _convolution, _cube, (VOXELS,), SMALL_VOXELS, lifts=False),
    Case(
        family=FAMILY,
        name="grid_convolution_bank",
        kernel=_bank,
        arguments=_bank_arguments,
        sizes=SIZES,
        small=SMALL,
        work=_bank_work,
        peers=(Peer(name="element by element", kind="dense", call=_turned_bank, compiled=True, tolerance=TOLERANCE),),
        differentiable=(0,),
    ),
    Case(
        family=FAMILY,
        name="grid_separable_convolution",
        kernel=_separable,
        arguments=_separable_arguments,
        sizes=SIZES,
        small=SMALL,
        work=_separable_work,
        peers=(
            Peer(name="as a whole kernel", kind="dense", call=_separable_as_dense, compiled=True, tolerance=TOLERANCE),
            Peer(name="XLA's grouped convolution", kind="dense", call=_grouped, compiled=True, tolerance=TOLERANCE),
        ),
        differentiable=(0, 1, 2),
        large_result=True,
    ),
    Case(
        family=FAMILY,
        name="steerable_convolution",
        kernel=_steerable,
        arguments=_steerable_arguments,
        sizes=(STEERABLE,),
        small={**STEERABLE, **SMALL, "rotations": 8},
        work=_work(lambda sizes: cyclic(8), lifts=False),
        peers=(Peer(name="XLA's convolution, its kernels given", kind="floor", call=_dense, compiled=True),),
        differentiable=(0, 2),
        large_result=True,
    ),
    Case(
        family=FAMILY,
        name="steerable_bank",
        kernel=_steerable_bank,
        arguments=_steerable_bank_arguments,
        sizes=(STEERABLE,),
        small={**STEERABLE, **SMALL, "rotations": 8},
        work=_steerable_bank_work,
        peers=(Peer(name="one dense table", kind="dense", call=_dense_table_bank, compiled=True, tolerance=TOLERANCE),),
        differentiable=(0,),
    ),
    Case(
        family=FAMILY,
        name="fourier_nonlinearity",
        kernel=_fourier,
        arguments=_field,
        sizes=(STEERABLE,),
        small=SMALL,
        work=_field_work(written=8, flops=2 * 2 * 8 * 16),
        differentiable=(0,),
        large_result=True,
    ),
    Case(
        family=FAMILY,
        name="coset_pool",
        kernel=_pool,
        arguments=_field,
        sizes=(P4M,),
        small=SMALL,
        work=_field_work(written=1, flops=8),
        differentiable=(0,),
    ),
)
