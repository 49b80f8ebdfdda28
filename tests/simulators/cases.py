"""The simulators' parts against float64 numpy: a line a kernel."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import simulators as kernels
from tests.duties import BadInput, Case

KEY = jax.random.key(2)
CENTRES = (2 * np.arange(4) + 1) / 4 - 1
GRID = np.stack(np.meshgrid(CENTRES, CENTRES), axis=-1)


def _identity(**fields: Any) -> kernels.Transformation:
    # In the dtype of the given fields, so that a float32 picture stays float32 under x64.
    dtype = jnp.result_type(*fields.values())
    plain = jax.tree.map(lambda field: field.astype(dtype), kernels.identity_transformation())
    return plain._replace(**fields)


def sprite(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Amplitudes, phases, colours, stripes and a grid that is slightly off the centre."""
    return (
        generator.uniform(-0.35, 0.35, 5),
        generator.uniform(0, 2 * np.pi, 5),
        generator.uniform(size=(2, 3)),
        generator.uniform(-2, 2, 2),
        GRID + 0.01,
    )


def sprite_reference(amplitudes, phases, colours, stripes, grid) -> np.ndarray:
    """Opacity and colours, stacked."""
    x, y = grid[..., 0], grid[..., 1]
    order = np.arange(1, 6)
    radius = 0.6 + 0.5 * np.cos(np.arctan2(y, x)[..., None] * order + phases) @ amplitudes
    alpha = 1 / (1 + np.exp(-25 * (radius - np.hypot(x, y))))
    second = np.sin(3 * stripes[0] * x + 2 * stripes[1] * y) <= 0
    return np.concatenate([alpha[..., None], colours[second.astype(int)]], axis=-1)


def geometry(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A grid, translation, angle, scale and shear."""
    return (
        GRID,
        generator.uniform(-0.4, 0.4, 2),
        generator.uniform(0, 6, ()),
        generator.uniform(0.4, 1, ()),
        (generator.uniform(-0.7, 0.7, 2)),
    )


def geometry_reference(grid, translation, angle, scale, shear) -> np.ndarray:
    """The inverse of the forward matrix: translate o scale o rotate o shear."""
    c, s = np.cos(angle), np.sin(angle)
    forward = scale * np.array([[c, -s], [s, c]]) @ np.array([[1, shear[0]], [shear[1], 1]])
    return (grid - translation) @ np.linalg.inv(forward).T


def colours(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A pale picture, that nothing clips, with brightness, contrast and hue."""
    rgb = generator.uniform(0.4, 0.6, (4, 4, 3))
    return rgb, generator.uniform(0.9, 1.1, ()), generator.uniform(0.5, 1.5, ()), generator.uniform(0, 6, ())


def colours_reference(rgb, brightness, contrast, hue) -> np.ndarray:
    """Rotation about the grey axis by the matrix exponential's closed form on the two other axes."""
    rgb = rgb * brightness
    mean = (rgb @ [0.299, 0.587, 0.114]).mean()
    rgb = mean + contrast * (rgb - mean)
    u, v = np.array([2, -1, -1]) / np.sqrt(6), np.array([0, 1, -1]) / np.sqrt(2)
    grey = rgb.mean(axis=-1, keepdims=True)
    a, b = rgb @ u, rgb @ v
    turned = np.stack([np.cos(hue) * a - np.sin(hue) * b, np.sin(hue) * a + np.cos(hue) * b], axis=-1)
    return grey + turned[..., :1] * u + turned[..., 1:] * v


def blurred(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A picture and the width of the blur."""
    return generator.uniform(0.1, 0.9, (6, 6, 3)), generator.uniform(0.5, 1.5, ())


def blur_reference(rgb, sigma) -> np.ndarray:
    """Weighted means over the 7 x 7 neighbours that are inside the picture, pixel by pixel."""
    out = np.zeros_like(rgb)
    for row in range(6):
        for column in range(6):
            rows, columns = np.mgrid[max(row - 3, 0) : min(row + 4, 6), max(column - 3, 0) : min(column + 4, 6)]
            weight = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
            out[row, column] = np.tensordot(weight, rgb[rows, columns], 2) / weight.sum()
    return out


def planted_reference(signal) -> np.ndarray:
    """The signal, times the label, in the one patch that the key draws."""
    drawn = kernels.dynamic_signal(KEY, jnp.ones(5), num_samples=6, num_patches=3, noise=0.0)
    patches = np.zeros((6, 3, 5))
    for sample, (label, position) in enumerate(zip(drawn.labels, drawn.positions, strict=True)):
        patches[sample, int(position)] = float(label) * signal
    return patches


def log_odds_reference(patches, signal) -> np.ndarray:
    """Bayes' rule: the likelihoods of both labels, as sums over the place of the signal."""
    likelihood = {}
    for label in (1, -1):
        places = []
        for place in range(patches.shape[1]):
            rest = patches.copy()
            rest[:, place] -= label * signal
            places.append(np.exp(-np.sum(rest**2, axis=(1, 2)) / (2 * 0.5**2)))
        likelihood[label] = np.mean(places, axis=0)
    return np.log(likelihood[1] / likelihood[-1])


CASES = [
    Case(
        name="simulators.dynamic_signal",
        function=lambda signal: kernels.dynamic_signal(KEY, signal, num_samples=6, num_patches=3, noise=0.0),
        value=lambda result: result.patches,
        arguments=lambda generator: (generator.normal(size=5),),
        reference=planted_reference,
        second_order=True,
        empty=lambda: (np.zeros(0),),
        low_precision=4e-3,
        low_result=jnp.bfloat16,
        bad_input=(
            BadInput(
                call=lambda: kernels.dynamic_signal(KEY, jnp.ones(2), num_samples=-1, num_patches=3, noise=1.0),
                error=ValueError,
                message="num_samples must be >= 0, got -1",
            ),
            BadInput(
                call=lambda: kernels.dynamic_signal(KEY, jnp.ones(2), num_samples=1, num_patches=0, noise=1.0),
                error=ValueError,
                message="num_patches must be >= 1, got 0",
            ),
            BadInput(
                call=lambda: kernels.dynamic_signal(KEY, jnp.ones(2), num_samples=1, num_patches=3, noise=-1.0),
                error=ValueError,
                message="noise must be >= 0, got -1.0",
            ),
            BadInput(
                call=lambda: kernels.dynamic_signal(KEY, jnp.ones(2, int), num_samples=1, num_patches=3, noise=1.0),
                error=TypeError,
                message="signal must be floating point",
            ),
            BadInput(
                call=lambda: kernels.static_signal(
                    KEY, jnp.ones(2), num_samples=1, num_patches=3, noise=1.0, position=3
                ),
                error=ValueError,
                message="position must be one of 3 patches, got 3",
            ),
            BadInput(
                call=lambda: kernels.static_signal(KEY, jnp.ones((2, 2)), num_samples=1, num_patches=3, noise=1.0),
                error=ValueError,
                message=r"signal must have shape \(any\), got \(2, 2\)",
            ),
        ),
    ),
    Case(
        name="simulators.odd_threshold",
        function=kernels.odd_threshold,
        value=lambda result: result,
        arguments=lambda generator: (generator.normal(size=(4, 3)), generator.uniform(0.2, 0.8, ())),
        reference=lambda x, threshold: np.sign(x) * np.maximum(np.abs(x) - threshold, 0),
        differentiable=(0, 1),
        second_order=True,
        empty=lambda: (np.zeros(0), np.ones(())),
        # A difference of rounded numbers.
        low_precision=1e-2,
        low_result=jnp.bfloat16,
        bad_input=(
            BadInput(
                call=lambda: kernels.odd_threshold(jnp.ones(3), jnp.ones(3)),
                error=ValueError,
                message=r"threshold must have shape \(\), got \(3,\)",
            ),
            BadInput(
                call=lambda: kernels.odd_threshold(jnp.ones(3, int), jnp.ones(())),
                error=TypeError,
                message="x must be floating point",
            ),
        ),
    ),
    Case(
        name="simulators.signal_log_odds",
        function=lambda patches, signal: kernels.signal_log_odds(patches, signal, noise=0.5),
        value=lambda result: result,
        arguments=lambda generator: (generator.normal(size=(4, 3, 5)) / 2, generator.normal(size=5) / 2),
        reference=log_odds_reference,
        differentiable=(0, 1),
        second_order=True,
        empty=lambda: (np.zeros((0, 3, 5)), np.ones(5)),
        low_precision=4e-3,
        low_result=jnp.bfloat16,
        bad_input=(
            BadInput(
                call=lambda: kernels.signal_log_odds(jnp.ones((4, 3, 5)), jnp.ones(4), noise=1.0),
                error=ValueError,
                message="patches must have shape",
            ),
            BadInput(
                call=lambda: kernels.signal_log_odds(jnp.ones((4, 3, 5)), jnp.ones(5), noise=0.0),
                error=ValueError,
                message="noise must be >= 1e-06, got 0.0",
            ),
            BadInput(
                call=lambda: kernels.signal_log_odds(jnp.ones((4, 3, 5), int), jnp.ones(5), noise=1.0),
                error=TypeError,
                message="patches must be floating point",
            ),
        ),
    ),
    Case(
        name="simulators.render_sprite",
        function=lambda *fields: kernels.render_sprite(kernels.SpriteParams(*fields[:4]), fields[4]),
        value=lambda result: jnp.concatenate([result[0][..., None], result[1]], axis=-1),
        arguments=sprite,
        reference=sprite_reference,
        # In the grid the outline is too sharp for finite differences; its gradient is tested by itself.
        differentiable=(0, 1, 2, 3),
        second_order=True,
        empty=lambda: (np.ones(5), np.ones(5), np.ones((2, 3)), np.ones(2), np.zeros((0, 0, 2))),
        low_precision=None,
        bad_input=(
            BadInput(
                call=lambda: kernels.render_sprite(kernels.sprite_params(KEY), jnp.zeros((4, 4, 3))),
                error=ValueError,
                message=r"grid must have shape \(any, any, 2\), got \(4, 4, 3\)",
            ),
        ),
    ),
    Case(
        name="simulators.apply_geometric",
        function=lambda grid, translation, angle, scale, shear: kernels.apply_geometric(
            grid, _identity(translation=translation, angle=angle, scale=scale, shear=shear)
        ),
        value=lambda result: result,
        arguments=geometry,
        reference=geometry_reference,
        differentiable=(0, 1, 2, 3, 4),
        second_order=True,
        low_precision=None,
        bad_input=(
            BadInput(
                call=lambda: kernels.apply_geometric(jnp.ones((4, 3)), kernels.identity_transformation()),
                error=ValueError,
                message="grid must hold points of 2 coordinates on its last axis, got shape",
            ),
        ),
    ),
    Case(
        name="simulators.apply_photometric",
        function=lambda rgb, brightness, contrast, hue: kernels.apply_photometric(
            rgb, _identity(brightness=brightness, contrast=contrast, hue=hue)
        ),
        value=lambda result: result,
        arguments=colours,
        reference=colours_reference,
        differentiable=(0, 1, 2, 3),
        second_order=True,
        low_precision=None,
        bad_input=(
            BadInput(
                call=lambda: kernels.apply_photometric(jnp.ones((4, 4)), kernels.identity_transformation()),
                error=ValueError,
                message=r"rgb must have shape \(any, any, 3\), got \(4, 4\)",
            ),
        ),
    ),
    Case(
        name="simulators.apply_corruption",
        function=lambda rgb, blur: kernels.apply_corruption(KEY, rgb, _identity(blur=blur)),
        value=lambda result: result,
        arguments=blurred,
        reference=blur_reference,
        differentiable=(0, 1),
        second_order=True,
        low_precision=None,
        bad_input=(
            BadInput(
                call=lambda: kernels.apply_corruption(KEY, jnp.ones((4, 5, 3)), kernels.identity_transformation()),
                error=ValueError,
                message=r"rgb must have shape \(4, 4, 3\), got \(4, 5, 3\)",
            ),
        ),
    ),
]
