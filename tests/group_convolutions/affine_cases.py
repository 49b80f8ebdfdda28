"""Affine convolutions beside loops over group elements, channels and pixels, in float64 numpy."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.kernels.group_convolutions import Siren
from tests.duties import FEATURES, BadInput, Case

SIZE = 3
WIDTH = 4
FREQUENCY = 10.0
CHANNELS = (2, 3)


def matrices(generator, count, group):
    """Elements of the group, without its library: the exponential of a symmetric matrix times a rotation."""
    symmetric = generator.normal(size=(count, 2, 2)) * 0.1
    symmetric = symmetric + symmetric.transpose(0, 2, 1)
    trace = np.trace(symmetric, axis1=1, axis2=2)[:, None, None] / 2 * np.eye(2)
    symmetric = {"gl": symmetric, "sl": symmetric - trace, "sim": trace, "so": 0 * symmetric}[group]
    values, vectors = np.linalg.eigh(symmetric)
    stretch = (vectors * np.exp(values)[:, None, :]) @ vectors.transpose(0, 2, 1)
    angle = generator.uniform(-3.0, 3.0, size=count)
    return stretch @ rotation(angle)


def rotation(angle):
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)


def coordinates(matrix, group):
    """The orthonormal ones of the logarithms of the polar factors, by a singular value decomposition; angle last."""
    left, values, right = np.linalg.svd(matrix)
    turn = left @ right
    log = left @ np.diag(np.log(values)) @ left.T
    angle = np.sqrt(2) * np.arctan2(turn[1, 0], turn[0, 0])
    return np.array(
        {
            "gl": [log[0, 0], np.sqrt(2) * log[0, 1], log[1, 1], angle],
            "sl": [(log[0, 0] - log[1, 1]) / np.sqrt(2), np.sqrt(2) * log[0, 1], angle],
            "sim": [np.trace(log) / np.sqrt(2), angle],
            "so": [angle],
        }[group]
    )


def kernel_value(network, place, group, between=None):
    """`(channels_in, channels_out)`: the kernel at one place of the plane and one coordinate vector of the group."""
    inputs, first, whole = place, network.space, place
    if between is not None:
        angle = between[-1] / np.sqrt(2)
        inputs = np.concatenate([place, between[:-1], [np.cos(angle), np.sin(angle)]])
        first = np.concatenate([network.space, network.group])
        whole = np.concatenate([place, between])
    hidden = np.sin(FREQUENCY * (inputs @ first + network.bias))
    for weight, bias in zip(network.hidden, network.hidden_bias, strict=True):
        hidden = np.sin(FREQUENCY * (hidden @ weight + bias))
    if group in ("sl", "so"):
        mask = float(np.linalg.norm(place) <= 1)
    else:
        mask = 1 / (1 + np.exp(-2 * (1 - np.linalg.norm(whole))))
    return mask * (np.einsum("w,wcd->cd", hidden, network.last) + network.last_bias)


def places(size):
    """(row, column) of each pixel of a kernel, and its (x, y)."""
    centres = [(2 * i + 1 - size) / size for i in range(size)]
    return [((i, j), np.array([centres[j], centres[i]])) for i in range(size) for j in range(size)]


def reference_lift(network, inverse, group, size=SIZE):
    bank = np.zeros((size, size, 1, network.last.shape[1], len(inverse), network.last.shape[2]))
    for out, moved in enumerate(inverse):
        for (i, j), place in places(size):
            bank[i, j, 0, :, out] = abs(np.linalg.det(moved)) * kernel_value(network, moved @ place, group)
    return bank


def reference_convolution(network, element, inverse, log_weight, group, size=SIZE):
    weight = np.exp(log_weight) / np.sum(np.exp(log_weight))
    shape = (size, size, len(element), network.last.shape[1], len(inverse), network.last.shape[2])
    bank = np.zeros(shape)
    for out, moved in enumerate(inverse):
        for into, matrix in enumerate(element):
            between = coordinates(moved @ matrix, group)
            for (i, j), place in places(size):
                value = kernel_value(network, moved @ place, group, between)
                bank[i, j, into, :, out] = weight[into] / abs(np.linalg.det(matrix)) * value
    return bank


def reference_projection(network, inverse, log_weight, group, size=SIZE):
    weight = np.exp(log_weight) / np.sum(np.exp(log_weight))
    bank = np.zeros((size, size, len(inverse), network.last.shape[1], 1, network.last.shape[2]))
    for into, moved in enumerate(inverse):
        for (i, j), place in places(size):
            value = kernel_value(network, moved @ place, group)
            bank[i, j, into, :, 0] = weight[into] * abs(np.linalg.det(moved)) * value
    return bank


def reference_convolve(x, bank):
    """Without padding."""
    size, _, _, _, outs, channels_out = bank.shape
    batch, height, width = x.shape[0], x.shape[1] - size + 1, x.shape[2] - size + 1
    y = np.zeros((batch, height, width, outs, channels_out))
    for i, j, into, c, out, d in np.ndindex(bank.shape):
        y[:, :, :, out, d] += bank[i, j, into, c, out, d] * x[:, i : i + height, j : j + width, into, c]
    return y


def parameters(generator, group, *, features):
    """Leaves of a network, as the duties' arguments."""
    num = {"gl": 5, "sl": 4, "sim": 3, "so": 2}[group] if features else 0
    shapes = [(2, WIDTH), *([(num, WIDTH)] if num else []), (WIDTH,), (1, WIDTH, WIDTH), (1, WIDTH)]
    small = [0.05 * generator.normal(size=shape) for shape in shapes]
    return (*small, generator.normal(size=(WIDTH, *CHANNELS)), generator.normal(size=CHANNELS))


def network(leaves):
    """From `parameters`."""
    return Siren(*leaves) if len(leaves) == 7 else Siren(leaves[0], None, *leaves[1:])


def moved_inverses(generator, count, group):
    return np.linalg.inv(matrices(generator, count, group))


def lift_arguments(group, count=2):
    def arguments(generator):
        x = generator.normal(size=(1, 4, 5, CHANNELS[0]))
        return x, moved_inverses(generator, count, group), *parameters(generator, group, features=False)

    return arguments


def convolution_arguments(group):
    def arguments(generator):
        return (
            generator.normal(size=(1, 4, 5, 3, CHANNELS[0])),
            matrices(generator, 3, group),
            moved_inverses(generator, 2, group),
            generator.normal(size=3),
            *parameters(generator, group, features=True),
        )

    return arguments


def projection_arguments(group):
    def arguments(generator):
        return (
            generator.normal(size=(1, 4, 5, 3, CHANNELS[0])),
            moved_inverses(generator, 3, group),
            generator.normal(size=3),
            *parameters(generator, group, features=False),
        )

    return arguments


def without_picture(arguments):
    return lambda generator: arguments(generator)[1:]


def without_pictures(arguments):
    """The same with no picture at all."""

    def empty():
        x, *others = arguments(np.random.default_rng(0))
        return x[:0], *others

    return empty


def zeros(*shape):

    return jnp.zeros(shape)


def plain_network(features=0):

    return kernels.init_siren(jax.random.key(0), 2, 3, num_features=features, fan_in=1.0, width=WIDTH)


def rejects(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


LIFT, CONVOLUTION, PROJECTION = lift_arguments("gl"), convolution_arguments("gl"), projection_arguments("sim")
DISC = lift_arguments("sl")
OPTIONS = {"group": "gl", "size": SIZE}
SIM = {"group": "sim", "size": SIZE}

CASES = [
    Case(
        name="group_convolutions.lifting_bank",
        function=lambda inverse, *leaves: kernels.lifting_bank(network(leaves), inverse, group="sl", size=SIZE),
        arguments=without_picture(DISC),
        reference=lambda inverse, *leaves: reference_lift(network(leaves), inverse, "sl"),
        differentiable=tuple(range(7)),
        bad_input=(
            rejects(
                lambda: kernels.lifting_bank(plain_network(), zeros(3, 2, 2), group="so3", size=3), "group must be one"
            ),
            rejects(lambda: kernels.lifting_bank(plain_network(), zeros(3, 2, 2), group="gl", size=0), "size must be"),
            rejects(
                lambda: kernels.lifting_bank(plain_network(), zeros(3, 3, 3), **OPTIONS), "inverse must have shape"
            ),
            rejects(
                lambda: kernels.lifting_bank(plain_network(5), zeros(3, 2, 2), **OPTIONS),
                "network must read 0 features of the group, got one that reads 5",
            ),
            rejects(
                lambda: kernels.lifting_bank(plain_network(), zeros(3, 2, 2).astype(int), **OPTIONS),
                "inverse must be floating",
                TypeError,
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.convolution_bank",
        function=lambda element, inverse, log_weight, *leaves: kernels.convolution_bank(
            network(leaves), element, inverse, log_weight, **OPTIONS
        ),
        arguments=without_picture(CONVOLUTION),
        reference=lambda element, inverse, log_weight, *leaves: reference_convolution(
            network(leaves), element, inverse, log_weight, "gl"
        ),
        differentiable=tuple(range(10)),
        bad_input=(
            rejects(
                lambda: kernels.convolution_bank(plain_network(), zeros(3, 2, 2), zeros(3, 2, 2), **OPTIONS),
                "network must read 5 features of the group, got one that reads 0",
            ),
            rejects(
                lambda: kernels.convolution_bank(plain_network(5), zeros(3, 2), zeros(3, 2, 2), **OPTIONS),
                "element must have shape",
            ),
            rejects(
                lambda: kernels.convolution_bank(plain_network(5), zeros(3, 2, 2), zeros(3, 2), **OPTIONS),
                "inverse must have shape",
            ),
            rejects(
                lambda: kernels.convolution_bank(plain_network(5), zeros(3, 2, 2), zeros(2, 2, 2), zeros(2), **OPTIONS),
                "log_weight must have shape",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.projection_bank",
        function=lambda inverse, log_weight, *leaves: kernels.projection_bank(
            network(leaves), inverse, log_weight, **SIM
        ),
        arguments=without_picture(PROJECTION),
        reference=lambda inverse, log_weight, *leaves: reference_projection(
            network(leaves), inverse, log_weight, "sim"
        ),
        differentiable=tuple(range(8)),
        bad_input=(
            rejects(
                lambda: kernels.projection_bank(plain_network(3), zeros(3, 2, 2), **SIM), "network must read 0 features"
            ),
            rejects(
                lambda: kernels.projection_bank(plain_network(), zeros(3, 2, 2), zeros(2), **SIM),
                "log_weight must have",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.affine_convolve",
        function=kernels.affine_convolve,
        arguments=lambda generator: (
            generator.normal(size=(2, 4, 5, 4, 2)),
            generator.normal(size=(SIZE, SIZE, 4, 2, 2, 3)),
        ),
        reference=reference_convolve,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 4, 5, 4, 2)), np.zeros((SIZE, SIZE, 4, 2, 2, 3))),
        bad_input=(
            rejects(
                lambda: kernels.affine_convolve(zeros(2, 4, 4, 3, 2), zeros(3, 3, 3, 2, 1, 1), padding="ZEROS"),
                "padding must be one of",
            ),
            rejects(
                lambda: kernels.affine_convolve(zeros(2, 4, 4, 3, 2), zeros(3, 3, 2, 2, 1, 1)), r"x must have shape"
            ),
            rejects(lambda: kernels.affine_convolve(zeros(2, 4, 4, 3, 2), zeros(3, 3, 3, 2)), "bank must have shape"),
            rejects(
                lambda: kernels.affine_convolve(zeros(2, 4, 2, 3, 2), zeros(3, 3, 3, 2, 1, 1)),
                "kernels within the picture of 4 x 2 pixels, got 3 x 3",
            ),
            rejects(
                lambda: kernels.affine_convolve(zeros(2, 4, 4, 3, 2).astype(int), zeros(3, 3, 3, 2, 1, 1)),
                "x must be floating",
                TypeError,
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.affine_lift",
        function=lambda x, inverse, *leaves: kernels.affine_lift(x, network(leaves), inverse, **OPTIONS),
        arguments=LIFT,
        reference=lambda x, inverse, *leaves: reference_convolve(
            x[..., None, :], reference_lift(network(leaves), inverse, "gl")
        ),
        differentiable=(0, 6),
        empty=without_pictures(LIFT),
        bad_input=(
            rejects(
                lambda: kernels.affine_lift(zeros(4, 4, 3), plain_network(), zeros(3, 2, 2), **OPTIONS),
                "x must have shape",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.affine_convolution",
        function=lambda x, element, inverse, log_weight, *leaves: kernels.affine_convolution(
            x, network(leaves), element, inverse, log_weight, **OPTIONS
        ),
        arguments=CONVOLUTION,
        reference=lambda x, element, inverse, log_weight, *leaves: reference_convolve(
            x, reference_convolution(network(leaves), element, inverse, log_weight, "gl")
        ),
        # In the picture and the last layer: in the rest the bank's derivatives are its own case's.
        differentiable=(0, 9),
        empty=without_pictures(CONVOLUTION),
        bad_input=(
            rejects(
                lambda: kernels.affine_convolution(
                    zeros(4, 4, 2, 2), plain_network(5), zeros(3, 2, 2), zeros(3, 2, 2), **OPTIONS
                ),
                "x must have shape",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.affine_to_plane",
        function=lambda x, inverse, log_weight, *leaves: kernels.affine_to_plane(
            x, network(leaves), inverse, log_weight, **SIM
        ),
        arguments=PROJECTION,
        reference=lambda x, inverse, log_weight, *leaves: reference_convolve(
            x, reference_projection(network(leaves), inverse, log_weight, "sim")
        )[..., 0, :],
        differentiable=(0, 7),
        empty=without_pictures(PROJECTION),
        bad_input=(
            rejects(
                lambda: kernels.affine_to_plane(zeros(4, 4, 2, 2), plain_network(), zeros(3, 2, 2), **SIM),
                "x must have shape",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.group_pool",
        function=lambda x, log_weight: kernels.group_pool(x, log_weight, pool="mean"),
        arguments=lambda generator: (generator.normal(size=(2, 3, 4, 2)), generator.normal(size=4)),
        reference=lambda x, log_weight: np.einsum("...mc,m->...c", x, np.exp(log_weight) / np.sum(np.exp(log_weight))),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 3, 4, 2)), np.zeros(4)),
        bad_input=(
            rejects(lambda: kernels.group_pool(zeros(2, 3), pool="sum"), "pool must be one of"),
            rejects(lambda: kernels.group_pool(zeros(3)), "x must have shape"),
            rejects(lambda: kernels.group_pool(zeros(0, 3)), "x must have shape"),
            rejects(lambda: kernels.group_pool(zeros(2, 3), zeros(2)), "log_weight has no part in a maximum"),
            rejects(lambda: kernels.group_pool(zeros(2, 3), zeros(3), pool="mean"), "log_weight must have shape"),
            rejects(lambda: kernels.group_pool(zeros(2, 3).astype(int)), "x must be floating", TypeError),
        ),
        **FEATURES,
    ),
]
