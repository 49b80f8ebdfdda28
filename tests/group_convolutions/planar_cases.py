"""Convolutions equivariant to finite groups beside loops over elements, places and channels, in float64 numpy."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.coset_fields import coset_pool
from jaxinv.kernels.group_convolutions.field_normalization import irreps_normalization, regular_normalization
from jaxinv.kernels.group_convolutions.grid_convolutions import (
    grid_convolution,
    grid_lift,
    grid_separable_convolution,
)
from jaxinv.kernels.group_convolutions.irreps_nonlinearities import (
    fourier_nonlinearity,
    gated_nonlinearity,
    norm_nonlinearity,
)
from jaxinv.kernels.group_convolutions.planar_irreps import PlanarIrrep
from jaxinv.kernels.group_convolutions.point_groups import O2, SO2, cyclic, dihedral
from jaxinv.kernels.group_convolutions.steerable_convolution import steerable_convolution
from jaxinv.kernels.group_convolutions.steerable_kernels import SteerableKernels
from tests.duties import FEATURES, BadInput, Case

P4, P4M, P2 = cyclic(4), dihedral(4), cyclic(2)


def rejects(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


def zeros(*shape):
    return jnp.zeros(shape)


def turned(array, rotations, element):
    """The first two axes moved by an element of C_n or D_n, n = 1, 2, 4."""
    mirror, turn = divmod(element, rotations)
    return np.rot90(np.flipud(array) if mirror else array, turn * 4 // rotations)


def labels(rotations, reflections):
    """Elements as pairs (turns, mirrored)."""
    return [(turn, mirror) for mirror in range(1 + reflections) for turn in range(rotations)]


def ratio(rotations, first, second):
    """The label of `first^-1 second`, by what it does to a corner of a polygon and a direction around it."""

    def apply(label, state):
        corner, direction = state
        turn, mirror = label
        corner, direction = (-corner, -direction) if mirror else (corner, direction)
        return (corner + turn) % rotations, direction

    target = apply(second, (0, 1))
    (found,) = (
        (turn, mirror)
        for mirror in (0, 1)
        for turn in range(rotations)
        if apply(first, apply((turn, mirror), (0, 1))) == target
    )
    return found


def reference_lifting_bank(kernels, rotations, reflections):
    order = rotations * (1 + reflections)
    moved = [turned(kernels, rotations, element) for element in range(order)]
    return np.stack(moved, -2)[:, :, None]


def reference_bank(kernels, rotations, reflections):
    names = labels(rotations, reflections)
    size, _, order, channels_in, channels_out = kernels.shape
    bank = np.zeros((size, size, order, channels_in, order, channels_out))
    for r, first in enumerate(names):
        for s, second in enumerate(names):
            at = names.index(ratio(rotations, first, second))
            bank[:, :, s, :, r] = turned(kernels[:, :, at], rotations, r)
    return bank


def reference_convolve(x, bank, stride=1, dilation=1, padding="VALID"):
    """One product at a time of kernels with shifted pictures."""
    size, reach = bank.shape[0], dilation * (bank.shape[0] - 1)
    if padding != "VALID":
        around = (reach // 2, reach - reach // 2)
        mode = "wrap" if padding == "CIRCULAR" else "constant"
        x = np.pad(x, ((0, 0), around, around, (0, 0), (0, 0)), mode=mode)
    height, width = x.shape[1] - reach, x.shape[2] - reach
    y = np.zeros((x.shape[0], height, width, *bank.shape[4:]))
    for i, j in np.ndindex(size, size):
        a, b = dilation * i, dilation * j
        y += np.einsum("nhwsi,siro->nhwro", x[:, a : a + height, b : b + width], bank[i, j])
    return y[:, ::stride, ::stride]


def reference_pool(x):
    """Of D_4 by its mirror: rotations alone and after the mirror."""
    return np.stack([(x[..., turn, :] + x[..., 4 + turn, :]) / 2 for turn in range(4)], -2)


def reference_steerable(x, coefficients, bias, kernels):
    """Sums over the tables of kernels; `test_planar_steerable` shows that these are right."""
    starts_in = np.cumsum([0, *(row[0].shape[2] for row in kernels.pairs)])
    starts_out = np.cumsum([0, *(table.shape[3] for table in kernels.pairs[0])])
    bank = np.zeros((9, starts_in[-1], coefficients.shape[1], starts_out[-1], coefficients.shape[2]))
    at = 0
    for a, row in enumerate(kernels.pairs):
        for b, table in enumerate(row):
            for kernel in table:
                for p, i, j in np.ndindex(kernel.shape):
                    bank[p, starts_in[a] + i, :, starts_out[b] + j] += kernel[p, i, j] * coefficients[at]
                at += 1
    assert at == len(coefficients)
    y = reference_convolve(x, bank.reshape(3, 3, *bank.shape[1:]))
    y[..., 2, :] += bias[0]
    return y


def reference_norm(x, bias):
    """Of irreps of dimension 1 and 2."""
    y = np.array(x)
    for irrep, components in enumerate(([0], [1, 2])):
        norm = np.sqrt(sum(x[..., c, :] ** 2 for c in components))
        for c in components:
            y[..., c, :] *= np.tanh(norm + bias[irrep]) / norm
    return y


def reference_gated(x, gates):
    gate = 1 / (1 + np.exp(-gates))
    return x * np.stack([gate[..., 0, :], gate[..., 1, :], gate[..., 1, :]], -2)


def reference_fourier(x):
    """D_3: values at six rotations and mirrored rotations, from the entries of its irreps' matrices."""
    y = np.zeros_like(x)
    for turn in range(6):
        for sign in (1, -1):
            c, s = np.cos(turn * np.pi / 3), np.sin(turn * np.pi / 3)
            entries = np.array([1, sign, *np.sqrt(2) * np.array([c, s, -s * sign, c * sign])])
            value = np.einsum("d,...dc->...c", entries, x) / np.sqrt(6)
            y += np.sqrt(6) / 12 * entries[:, None] * np.tanh(value)[..., None, :]
    return y


def reference_regular_normalization(x, scale, bias):
    """Of all channels together."""
    y = np.empty_like(x)
    for at in range(len(x)):
        y[at] = (x[at] - x[at].mean()) / np.sqrt(x[at].var() + 0.1) * scale + bias
    return y


def reference_irreps_normalization(x, scale, bias):
    """Of a vector, then a scalar, whose mean alone is taken away; channel by channel."""
    y = np.empty_like(x)
    for at, channel in np.ndindex(len(x), x.shape[-1]):
        field = np.array(x[at, ..., channel])
        field[..., 2] -= field[..., 2].mean()
        field /= np.sqrt(np.mean(field**2) + 0.1)
        field *= scale[[0, 0, 1], channel]
        field[..., 2] += bias[0, channel]
        y[at, ..., channel] = field
    return y


SCALAR, SIGN, VECTOR = PlanarIrrep(0), PlanarIrrep(0, 1), PlanarIrrep(1)
STEERABLE = SteerableKernels(group=O2, irreps_in=(SCALAR, VECTOR), irreps_out=(VECTOR, SCALAR, SIGN), size=3)
BOTH = {"group": cyclic(5), "irreps": (SCALAR, VECTOR)}

CASES = [
    Case(
        name="group_convolutions.grid_lift",
        function=lambda x, kernels: grid_lift(x, kernels, group=P4M, stride=2, padding="SAME"),
        arguments=lambda generator: (generator.normal(size=(1, 5, 3, 2)), generator.normal(size=(3, 3, 2, 1))),
        reference=lambda x, kernels: reference_convolve(
            x[..., None, :], reference_lifting_bank(kernels, 4, 1), stride=2, padding="SAME"
        ),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 5, 3, 2)), np.zeros((3, 3, 2, 1))),
        bad_input=(
            rejects(
                lambda: grid_lift(zeros(5, 5, 2), zeros(3, 3, 2, 1), group=cyclic(8)),
                "group must map the grid of pixels to itself, which 8 rotations do not",
            ),
            rejects(lambda: grid_lift(zeros(5, 5, 2), zeros(3, 3, 2, 1), group=SO2), "group must be finite here"),
            rejects(lambda: grid_lift(zeros(5, 5, 2), zeros(3, 2, 2, 1), group=P4), "kernels must have shape"),
            rejects(lambda: grid_lift(zeros(5, 5, 3), zeros(3, 3, 2, 1), group=P4), "x must have 1 fields of 2"),
            rejects(lambda: grid_lift(zeros(5, 5), zeros(3, 3, 2, 1), group=P4), "x must have at least 3 axes"),
            rejects(
                lambda: grid_lift(zeros(5, 5, 2), zeros(3, 3, 2, 1).astype(int), group=P4),
                "kernels must be floating",
                TypeError,
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.grid_convolution",
        function=lambda x, kernels: grid_convolution(x, kernels, group=P4, dilation=2, padding="CIRCULAR"),
        arguments=lambda generator: (generator.normal(size=(1, 5, 6, 4, 2)), generator.normal(size=(3, 3, 4, 2, 1))),
        reference=lambda x, kernels: reference_convolve(
            x, reference_bank(kernels, 4, 0), dilation=2, padding="CIRCULAR"
        ),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 5, 5, 4, 2)), np.zeros((3, 3, 4, 2, 1))),
        bad_input=(
            rejects(
                lambda: grid_convolution(zeros(5, 5, 8, 2), zeros(3, 3, 4, 2, 1), group=P4), "x must have 4 fields of 2"
            ),
            rejects(
                lambda: grid_convolution(zeros(5, 5, 4, 2), zeros(3, 3, 3, 2, 1), group=P4), "kernels must have shape"
            ),
            rejects(
                lambda: grid_convolution(zeros(5, 5, 4, 2), zeros(3, 3, 4, 2, 1), group=P4, padding="ZEROS"),
                "padding must be one of",
            ),
            rejects(
                lambda: grid_convolution(zeros(5, 5, 4, 2), zeros(3, 3, 4, 2, 1), group=P4, stride=0),
                "stride must be >= 1",
            ),
            rejects(
                lambda: grid_convolution(zeros(5, 5, 4, 2), zeros(3, 3, 4, 2, 1), group=P4, dilation=3),
                "kernels must lie within the picture of 5 x 5 pixels, got size 3 with dilation 3",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.grid_separable_convolution",
        function=lambda x, element, spatial: grid_separable_convolution(x, element, spatial, group=P2),
        arguments=lambda generator: (
            generator.normal(size=(1, 4, 3, 2, 2)),
            generator.normal(size=(2, 2, 3)),
            generator.normal(size=(3, 3, 3)),
        ),
        reference=lambda x, element, spatial: reference_convolve(
            x, reference_bank(spatial[:, :, None, None] * element, 2, 0)
        ),
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, 4, 4, 2, 2)), np.zeros((2, 2, 3)), np.zeros((3, 3, 3))),
        bad_input=(
            rejects(
                lambda: grid_separable_convolution(zeros(4, 4, 2, 2), zeros(4, 2, 3), zeros(3, 3, 3), group=P2),
                "element_kernels must have shape",
            ),
            rejects(
                lambda: grid_separable_convolution(zeros(4, 4, 2, 2), zeros(2, 2, 3), zeros(3, 3, 2), group=P2),
                "spatial_kernels must have shape",
            ),
            rejects(
                lambda: grid_separable_convolution(zeros(4, 4, 2, 2), zeros(2, 2, 3), zeros(3, 2, 3), group=P2),
                "spatial_kernels must have kernels of equal sides, got 3 x 2",
            ),
            rejects(
                lambda: grid_separable_convolution(zeros(4, 4, 2, 3), zeros(2, 2, 3), zeros(3, 3, 3), group=P2),
                "x must have 2 elements of 2 channels",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.coset_pool",
        function=lambda x: coset_pool(x, group=P4M, subgroup=dihedral(1), pool="mean"),
        arguments=lambda generator: (generator.normal(size=(2, 8, 3)),),
        reference=reference_pool,
        empty=lambda: (np.zeros((0, 8, 3)),),
        bad_input=(
            rejects(lambda: coset_pool(zeros(4, 3), group=P4, subgroup=cyclic(3)), "subgroup must lie in the group"),
            rejects(lambda: coset_pool(zeros(4, 3), group=P4, subgroup=dihedral(1)), "subgroup must lie in the group"),
            rejects(lambda: coset_pool(zeros(8, 3), group=P4, subgroup=P4), "x must have shape"),
            rejects(lambda: coset_pool(zeros(4, 3), group=P4, subgroup=P4, pool="sum"), "pool must be one of"),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.steerable_convolution",
        function=lambda x, coefficients, bias: steerable_convolution(x, coefficients, bias, kernels=STEERABLE),
        arguments=lambda generator: (
            generator.normal(size=(1, 4, 3, 3, 2)),
            generator.normal(size=(STEERABLE.num_basis, 2, 1)),
            generator.normal(size=(1, 1)),
        ),
        reference=lambda x, coefficients, bias: reference_steerable(x, coefficients, bias, STEERABLE),
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, 4, 3, 3, 2)), np.zeros((STEERABLE.num_basis, 2, 1)), np.zeros((1, 1))),
        bad_input=(
            rejects(
                lambda: steerable_convolution(zeros(4, 4, 3, 2), zeros(1, 2, 1), kernels=STEERABLE),
                "coefficients must have shape",
            ),
            rejects(
                lambda: steerable_convolution(
                    zeros(4, 4, 3, 2), zeros(STEERABLE.num_basis, 2, 1), zeros(3, 1), kernels=STEERABLE
                ),
                "bias must have shape",
            ),
            rejects(
                lambda: SteerableKernels(group=SO2, irreps_in=(SCALAR,), irreps_out=(VECTOR,), size=2),
                "size must be odd",
            ),
            rejects(
                lambda: SteerableKernels(group=SO2, irreps_in=(SCALAR,), irreps_out=(VECTOR,), size=1),
                "size 1 has no kernel between irreps_in",
            ),
            rejects(
                lambda: SteerableKernels(group=cyclic(4), irreps_in=(SCALAR,), irreps_out=(PlanarIrrep(3),), size=3),
                "irreps_out must have frequencies from 0 to 2, half of the rotations, got 3",
            ),
            rejects(
                lambda: SteerableKernels(group=SO2, irreps_in=(SIGN,), irreps_out=(VECTOR,), size=3),
                "irreps_in must have parity 0",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.regular_normalization",
        function=lambda x, scale, bias: regular_normalization(
            x, scale, bias, group=P2, across_channels=True, epsilon=0.1
        ),
        arguments=lambda generator: (generator.normal(size=(2, 3, 2, 2, 2)), *generator.normal(size=(2, 2))),
        reference=reference_regular_normalization,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, 3, 2, 2, 2)), np.zeros(2), np.zeros(2)),
        bad_input=(
            rejects(
                lambda: regular_normalization(zeros(3, 3, 2, 2), zeros(2), zeros(2), group=P4),
                r"x must have shape \(..., space of 2 axes, 4, channels\)",
            ),
            rejects(
                lambda: regular_normalization(zeros(3, 3, 4, 2), zeros(4, 2), zeros(2), group=P4),
                "scale must have shape",
            ),
            rejects(
                lambda: regular_normalization(zeros(3, 3, 4, 2), zeros(2), zeros(1), group=P4), "bias must have shape"
            ),
            rejects(
                lambda: regular_normalization(zeros(3, 3, 4, 2).astype(int), zeros(2), zeros(2), group=P4),
                "x must be floating",
                TypeError,
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.irreps_normalization",
        function=lambda x, scale, bias: irreps_normalization(
            x, scale, bias, group=SO2, irreps=(VECTOR, SCALAR), epsilon=0.1
        ),
        arguments=lambda generator: (
            generator.normal(size=(2, 3, 2, 3, 2)),
            generator.normal(size=(2, 2)),
            generator.normal(size=(1, 2)),
        ),
        reference=reference_irreps_normalization,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, 3, 2, 3, 2)), np.zeros((2, 2)), np.zeros((1, 2))),
        bad_input=(
            rejects(
                lambda: irreps_normalization(zeros(3, 3, 4, 2), zeros(2, 2), zeros(1, 2), **BOTH), "x must have shape"
            ),
            rejects(
                lambda: irreps_normalization(zeros(3, 3, 3, 2), zeros(1, 2), zeros(1, 2), **BOTH),
                "scale must have shape",
            ),
            rejects(
                lambda: irreps_normalization(zeros(3, 3, 3, 2), zeros(2, 2), zeros(2, 2), **BOTH),
                "bias must have shape",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.norm_nonlinearity",
        function=lambda x, bias: norm_nonlinearity(x, bias, jnp.tanh, **BOTH),
        arguments=lambda generator: (generator.normal(size=(2, 3, 2)), generator.normal(size=(2, 2))),
        reference=reference_norm,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 3, 2)), np.zeros((2, 2))),
        bad_input=(
            rejects(lambda: norm_nonlinearity(zeros(2, 4, 2), zeros(2, 2), **BOTH), "x must have shape"),
            rejects(lambda: norm_nonlinearity(zeros(2, 3, 2), zeros(2), **BOTH), "bias must have shape"),
            rejects(
                lambda: norm_nonlinearity(zeros(2, 3, 2), zeros(2, 2), group=P4, irreps=()), "irreps must hold at least"
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.gated_nonlinearity",
        function=lambda x, gates: gated_nonlinearity(x, gates, **BOTH),
        arguments=lambda generator: (generator.normal(size=(2, 3, 2)), generator.normal(size=(2, 2, 2))),
        reference=reference_gated,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 3, 2)), np.zeros((0, 2, 2))),
        bad_input=(
            rejects(lambda: gated_nonlinearity(zeros(2, 3, 2), zeros(2, 3, 2), **BOTH), "gates must have shape"),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.fourier_nonlinearity",
        function=lambda x: fourier_nonlinearity(x, jnp.tanh, group=dihedral(3), samples=6),
        arguments=lambda generator: (generator.normal(size=(2, 6, 2)),),
        reference=reference_fourier,
        empty=lambda: (np.zeros((0, 6, 2)),),
        bad_input=(
            rejects(
                lambda: fourier_nonlinearity(zeros(4, 2), jax.nn.relu, group=P4, samples=6),
                "samples must be a multiple of the 4 rotations",
            ),
            rejects(
                lambda: fourier_nonlinearity(zeros(5, 2), jax.nn.relu, group=SO2, max_frequency=2, samples=4),
                "samples must be >= 5",
            ),
            rejects(lambda: fourier_nonlinearity(zeros(5, 2), jax.nn.relu, group=SO2, samples=4), "max_frequency must"),
        ),
        **FEATURES,
    ),
]
