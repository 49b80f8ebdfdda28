"""Each transformation against its definition, the identity, and the values at singular parameters."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from jaxinv.kernels.simulators import (
    TRANSFORMATIONS,
    apply_corruption,
    apply_geometric,
    apply_photometric,
    identity_transformation,
    pixel_grid,
    render_object,
    sample_transformation,
    sprite_params,
    transformation_mask,
)

X64 = jnp.result_type(float).itemsize == 8
EXACT = 1e-10 if X64 else 1e-5
KEY = jax.random.key(2)
RENDER = jax.jit(render_object, static_argnames="size")
IDENTITY = identity_transformation()


def picture(size=12):
    return jax.random.uniform(KEY, (size, size, 3))


def photometric(rgb, **fields):
    return apply_photometric(rgb, IDENTITY._replace(**{name: jnp.asarray(value) for name, value in fields.items()}))


def corrupted(rgb, **fields):
    return apply_corruption(KEY, rgb, IDENTITY._replace(**{name: jnp.asarray(value) for name, value in fields.items()}))


def test_identity_changes_nothing():
    rgb = picture()
    np.testing.assert_allclose(apply_geometric(pixel_grid(12), IDENTITY), pixel_grid(12), EXACT)
    np.testing.assert_allclose(apply_photometric(rgb, IDENTITY), rgb, EXACT)
    np.testing.assert_allclose(apply_corruption(KEY, rgb, IDENTITY), rgb, EXACT)


def test_an_empty_mask_draws_the_identity():
    drawn = sample_transformation(KEY, transformation_mask([]))
    jax.tree.map(np.testing.assert_array_equal, drawn, IDENTITY)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotation_by_quarter_turns_is_array_rotation(turns):
    """y points down, so that a positive angle turns clockwise and np.rot90 counterclockwise."""
    for seed in range(3):
        params = sprite_params(jax.random.key(seed))
        turned = RENDER(KEY, params, IDENTITY._replace(angle=jnp.asarray(-turns * np.pi / 2)), size=16)
        straight = RENDER(KEY, params, IDENTITY, size=16)
        for got, expected in zip(turned, straight, strict=True):
            np.testing.assert_allclose(got, jnp.rot90(expected, turns), atol=EXACT)


@pytest.mark.parametrize(("flips", "axis"), [((-1.0, 1.0), 1), ((1.0, -1.0), 0)])
def test_flips_are_array_flips(flips, axis):
    params = sprite_params(KEY)
    flipped = RENDER(KEY, params, IDENTITY._replace(flips=jnp.array(flips)), size=16)
    for got, expected in zip(flipped, RENDER(KEY, params, IDENTITY, size=16), strict=True):
        np.testing.assert_allclose(got, jnp.flip(expected, axis), atol=EXACT)


def test_translation_by_whole_pixels_is_array_roll():
    params = sprite_params(KEY)
    moved, _ = RENDER(KEY, params, IDENTITY._replace(translation=jnp.array([2 / 8, -3 / 8])), size=16)
    straight, _ = RENDER(KEY, params, IDENTITY, size=16)
    np.testing.assert_allclose(moved[:13, 2:], straight[3:, :14], atol=EXACT)


def test_half_scale_is_every_second_pixel():
    params = sprite_params(KEY)
    half, _ = RENDER(KEY, params, IDENTITY._replace(scale=jnp.asarray(0.5)), size=8)
    full, _ = RENDER(KEY, params, IDENTITY, size=4)
    np.testing.assert_allclose(half[2:6, 2:6], full, atol=EXACT)


def test_hue_by_a_third_of_a_turn_permutes_the_channels():
    rgb = picture()
    np.testing.assert_allclose(photometric(rgb, hue=2 * np.pi / 3), jnp.roll(rgb, 1, axis=-1), atol=EXACT)


def test_hue_turns_the_hue_of_a_pale_colour():
    """Near grey nothing is clipped: the mean of the channels stays, and HSV's hue moves by the angle for pure hues."""
    pale = jnp.broadcast_to(jnp.array([0.6, 0.5, 0.5]), (2, 2, 3))
    turned = photometric(pale, hue=np.pi)
    np.testing.assert_allclose(jnp.mean(turned), jnp.mean(pale), EXACT)
    assert colorsys.rgb_to_hsv(*np.asarray(turned[0, 0], float))[0] == pytest.approx(0.5, abs=1e-6)


def test_brightness_contrast_grayscale_invert_posterize():
    rgb = picture()
    luminance = np.asarray(rgb) @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(photometric(rgb, brightness=1.7), np.clip(1.7 * np.asarray(rgb), 0, 1), atol=EXACT)
    mean = luminance.mean()
    expected = np.clip(mean + 0.4 * (np.asarray(rgb) - mean), 0, 1)
    np.testing.assert_allclose(photometric(rgb, contrast=0.4), expected, atol=EXACT)
    expected = np.repeat(luminance[..., None], 3, axis=-1)
    np.testing.assert_allclose(photometric(rgb, grayscale=1.0), expected, atol=EXACT)
    np.testing.assert_allclose(photometric(rgb, invert=1.0), 1 - rgb, atol=EXACT)
    np.testing.assert_allclose(photometric(rgb, posterize=1.0), np.floor(2 * np.asarray(rgb)) / 2, atol=EXACT)


def test_blur_is_the_cut_gaussian():
    """scipy's filter on an impulse far from the border, with the same cut-off."""
    impulse = jnp.zeros((15, 15, 3)).at[7, 7].set(1.0)
    expected = scipy.ndimage.gaussian_filter(np.asarray(impulse, float), (1.2, 1.2, 0), radius=(3, 3, 0))
    np.testing.assert_allclose(corrupted(impulse, blur=1.2), expected, atol=EXACT)


def test_pixelate_takes_block_means():
    rgb = jax.random.uniform(KEY, (10, 10, 3))
    blocks = [slice(0, 4), slice(4, 7), slice(7, 10)]
    expected = np.zeros((10, 10, 3))
    for rows in blocks:
        for columns in blocks:
            expected[rows, columns] = np.asarray(rgb)[rows, columns].mean(axis=(0, 1))
    np.testing.assert_allclose(corrupted(rgb, pixelate=1.0), expected, EXACT)


def test_erase_blackens_one_square():
    rgb = picture(16) + 0.0
    erased = corrupted(rgb, erase=1.0, erase_corner=np.array([1.0, 0.0]))
    expected = np.asarray(rgb).copy()
    expected[:7, 9:] = 0
    np.testing.assert_allclose(erased, expected, atol=EXACT)


def test_noise_only_brightens_half_of_the_pixels():
    rgb = jnp.full((40, 40, 3), 0.2)
    noisy = np.asarray(corrupted(rgb, noise=1.0))
    assert noisy.min() == pytest.approx(0.2)
    assert noisy.max() == 1.0
    assert np.mean(noisy > 0.2) == pytest.approx(0.5, abs=0.03)


def test_a_key_draws_the_same_amounts_under_every_mask():
    everything = sample_transformation(KEY, transformation_mask(TRANSFORMATIONS))
    some = sample_transformation(KEY, transformation_mask(["rotate", "hue", "flip_vertical"]))
    assert some.angle == everything.angle
    assert some.hue == everything.hue
    assert some.flips[1] == everything.flips[1]
    assert some.scale == 1.0


def test_draws_stay_in_their_ranges_and_fill_them():
    draws = jax.vmap(lambda key: sample_transformation(key, transformation_mask(TRANSFORMATIONS)))(
        jax.random.split(KEY, 2000)
    )
    limit = np.tan(np.deg2rad(50))
    ranges = {
        "translation": (-0.4, 0.4),
        "angle": (0, 2 * np.pi),
        "scale": (0.4, 1),
        "shear": (-limit, limit),
        "hue": (0, 2 * np.pi),
        "brightness": (0, 2),
        "contrast": (0, 2),
        "blur": (0.1, 1.5),
        "erase_corner": (0, 1),
    }
    for name, values in draws._asdict().items():
        values = np.asarray(values)
        if name in ranges:
            low, high = ranges[name]
            assert low <= values.min() < low + 0.02 * (high - low)
            assert high - 0.02 * (high - low) < values.max() <= high
        else:
            assert set(np.unique(values)) == ({-1.0, 1.0} if name == "flips" else {0.0, 1.0})
            assert np.mean(values == values.max()) == pytest.approx(0.5, abs=0.05)


def test_singular_parameters_stay_finite():
    singular = IDENTITY._replace(scale=jnp.zeros(()), shear=jnp.ones(2), blur=jnp.asarray(1e-30))

    def total(transformation):
        alpha, rgb = RENDER(KEY, sprite_params(KEY), transformation, size=9)
        return jnp.sum(alpha) + jnp.sum(rgb)

    for leaf in jax.tree.leaves(jax.jit(jax.value_and_grad(total))(singular)):
        assert jnp.all(jnp.isfinite(leaf))


def test_bad_input():
    with pytest.raises(ValueError, match=r"names must be one of 'translate'.*got 'spin'"):
        transformation_mask(["spin"])
    with pytest.raises(ValueError, match=r"mask must have shape \(16\), got \(3,\)"):
        sample_transformation(KEY, jnp.ones(3))
    with pytest.raises(TypeError, match="mask must be floating point"):
        sample_transformation(KEY, jnp.ones(16, jnp.int32))
