"""Sprites: twins by construction, values, transformations of JAX, and that no transformation set recompiles."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.simulators import (
    PHOTOMETRIC,
    TRANSFORMATIONS,
    background,
    identity_transformation,
    pixel_grid,
    render_object,
    render_sprite,
    sample_transformation,
    sprite_params,
    transformation_mask,
    transforms2d_batch,
    twin_batches,
)

X64 = jnp.result_type(float).itemsize == 8
EXACT = 1e-10 if X64 else 1e-5
KEY = jax.random.key(1)
RENDER = jax.jit(render_object, static_argnames="size")
OBJECTS = jax.vmap(sprite_params)(jax.random.split(jax.random.key(0), 4))


def test_background_is_a_dimmed_bilinear_picture():
    picture = background(KEY, size=5)
    np.testing.assert_allclose(picture, 0.8 * jax.random.uniform(KEY, (5, 5, 3)), EXACT)
    fine = background(KEY, size=15)
    np.testing.assert_allclose(fine[1::3, 1::3], picture, EXACT)
    np.testing.assert_allclose(fine[2, 1], picture[0, 0] * 2 / 3 + picture[1, 0] / 3, EXACT)


def test_photometric_twins_differ_only_inside_the_object():
    """Without a geometric transformation both twins have the object's own opacity, which bounds the difference."""
    twins = twin_batches(KEY, OBJECTS, 60, transformation_mask([*PHOTOMETRIC, "noise", "erase"]))
    alpha = jax.vmap(lambda params: render_sprite(params, pixel_grid(16))[0])(OBJECTS)[twins.labels]
    difference = jnp.abs(twins.first - twins.second)
    assert jnp.all(difference <= alpha[..., None] + EXACT)
    assert jnp.all(jnp.max(difference, axis=(1, 2, 3)) > 0.05)


def test_geometric_twins_differ_only_inside_the_two_objects():
    params = jax.tree.map(lambda field: field[0], OBJECTS)
    backdrop = background(KEY, size=16)
    pictures, alphas = [], []
    for key in jax.random.split(KEY):
        alpha, rgb = render_object(
            key, params, sample_transformation(key, transformation_mask(TRANSFORMATIONS)), size=16
        )
        alphas.append(alpha)
        pictures.append(backdrop + alpha[..., None] * (rgb - backdrop))
    difference = jnp.abs(pictures[0] - pictures[1])
    assert jnp.all(difference <= (alphas[0] + alphas[1])[..., None] + EXACT)
    assert jnp.any(difference > 0.1)


def test_another_transform_key_changes_the_transformations_alone():
    mask = transformation_mask(["translate", "scale"])
    images, labels = transforms2d_batch(KEY, OBJECTS, 60, mask)
    twins, twin_labels = transforms2d_batch(KEY, OBJECTS, 60, mask, jax.random.key(9))
    np.testing.assert_array_equal(labels, twin_labels)
    assert jnp.all(jnp.max(jnp.abs(images - twins), axis=(1, 2, 3)) > 0.05)
    plain, _ = transforms2d_batch(KEY, OBJECTS, 60, transformation_mask([]))
    again, _ = transforms2d_batch(KEY, OBJECTS, 60, transformation_mask([]), jax.random.key(9))
    np.testing.assert_array_equal(plain, again)


def test_a_batch_is_composed_of_its_parts():
    """One picture taken apart: the object over the background, with the label's parameters."""
    images, labels = transforms2d_batch(KEY, OBJECTS, 7, transformation_mask([]), size=8)
    background_key = jax.random.split(KEY, 3)[1]
    for i in range(7):
        params = jax.tree.map(lambda field, i=i: field[labels[i]], OBJECTS)
        alpha, rgb = render_sprite(params, pixel_grid(8))
        backdrop = background(jax.random.split(background_key, 7)[i], size=8)
        np.testing.assert_allclose(images[i], backdrop + alpha[..., None] * (rgb - backdrop), atol=EXACT)
    assert not jnp.array_equal(labels, jnp.arange(7) % 4)


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_each_transformation_really_changes_the_picture(name):
    """A third of the pictures at least (some are drawn with probability 1/2; an erased square can miss the object)."""
    plain, _ = transforms2d_batch(KEY, OBJECTS, 60, transformation_mask([]))
    images, _ = transforms2d_batch(KEY, OBJECTS, 60, transformation_mask([name]))
    changed = jnp.mean(jnp.max(jnp.abs(images - plain), axis=(1, 2, 3)) > 0.02)
    assert changed > 0.3


def test_values_and_labels():
    images, labels = transforms2d_batch(KEY, OBJECTS, 202, transformation_mask(TRANSFORMATIONS))
    assert images.shape == (202, 16, 16, 3)
    assert images.dtype == jnp.result_type(float)
    assert 0 <= jnp.min(images) <= jnp.max(images) <= 1
    assert labels.dtype == jnp.int32
    np.testing.assert_array_equal(np.sort(np.bincount(labels)), [50, 50, 51, 51])


def test_classes_can_be_told_apart_and_are_not_the_background():
    """Nearest class mean on untransformed pictures: the objects carry the label."""
    images, labels = transforms2d_batch(KEY, OBJECTS, 60, transformation_mask([]))
    means = jnp.stack([jnp.mean(images[labels == label], axis=0).ravel() for label in range(4)])
    fresh, fresh_labels = transforms2d_batch(jax.random.key(77), OBJECTS, 60, transformation_mask([]))
    distances = jnp.linalg.norm(fresh.reshape(60, 1, -1) - means[None], axis=-1)
    assert jnp.mean(jnp.argmin(distances, axis=1) == fresh_labels) > 0.95


def test_every_transformation_set_runs_the_same_program(caplog):
    transforms2d_batch(KEY, OBJECTS, 5, transformation_mask([]), size=6)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        for name in TRANSFORMATIONS:
            transforms2d_batch(KEY, OBJECTS, 5, transformation_mask([name]), size=6)
    assert "transforms2d_batch" not in caplog.text


def test_jit_and_vmap():
    mask = transformation_mask(TRANSFORMATIONS)
    params = jax.tree.map(lambda field: field[0], OBJECTS)
    transformation = sample_transformation(KEY, mask)
    eager = render_object(KEY, params, transformation, size=8)
    jitted = RENDER(KEY, params, transformation, size=8)
    for got, expected in zip(jitted, eager, strict=True):
        np.testing.assert_allclose(got, expected, atol=EXACT)

    masks = jnp.stack([mask, transformation_mask(["rotate"])])
    batched, _ = jax.vmap(lambda m: transforms2d_batch(KEY, OBJECTS, 5, m, size=6))(masks)
    for i in range(2):
        np.testing.assert_allclose(batched[i], transforms2d_batch(KEY, OBJECTS, 5, masks[i], size=6)[0], atol=EXACT)


def test_more_pictures_than_one_chunk_agree_with_one_by_one():
    images, labels = transforms2d_batch(KEY, OBJECTS, 501, transformation_mask(["hue"]), size=4)
    assert images.shape[0] == 501
    assert jnp.max(images[500]) > 0
    assert int(labels[500]) in range(4)


def test_empty_batch():
    images, labels = transforms2d_batch(KEY, OBJECTS, 0, transformation_mask([]))
    assert images.shape == (0, 16, 16, 3)
    assert labels.shape == (0,)


def test_gradients_are_finite():
    """An odd grid has a pixel in the very centre, where the angle is singular."""

    def total(objects):
        images, _ = transforms2d_batch(KEY, objects, 6, transformation_mask(TRANSFORMATIONS), size=7)
        return jnp.sum(images**2)

    for leaf in jax.tree.leaves(jax.grad(total)(OBJECTS)):
        assert jnp.all(jnp.isfinite(leaf))
    params = jax.tree.map(lambda field: field[0], OBJECTS)
    for leaf in jax.tree.leaves(jax.grad(lambda grid: jnp.sum(render_sprite(params, grid)[0]))(pixel_grid(7))):
        assert jnp.all(jnp.isfinite(leaf))


def test_gradient_in_the_grid():
    """Against central differences of step 1e-6, which the sharp outline needs."""
    if not X64:
        pytest.skip("finite differences need float64")
    params = jax.tree.map(lambda field: field[0], OBJECTS)

    def alpha(grid):
        return render_sprite(params, grid)[0]

    grid, direction = pixel_grid(4) + 0.01, jax.random.normal(KEY, (4, 4, 2))
    _, tangent = jax.jvp(alpha, (grid,), (direction,))
    differences = (alpha(grid + 1e-6 * direction) - alpha(grid - 1e-6 * direction)) / 2e-6
    assert jnp.max(jnp.abs(tangent)) > 0.1
    np.testing.assert_allclose(tangent, differences, atol=1e-6)


def test_bad_input():
    mask = transformation_mask([])
    with pytest.raises(ValueError, match="size must be >= 1, got 0"):
        transforms2d_batch(KEY, OBJECTS, 3, mask, size=0)
    with pytest.raises(ValueError, match="num_images must be >= 0, got -1"):
        transforms2d_batch(KEY, OBJECTS, -1, mask)
    with pytest.raises(ValueError, match=r"mask must have shape \(16\), got \(15,\)"):
        transforms2d_batch(KEY, OBJECTS, 3, mask[1:])
    with pytest.raises(ValueError, match="number of objects must be >= 1"):
        transforms2d_batch(KEY, jax.tree.map(lambda field: field[:0], OBJECTS), 3, mask)
    with pytest.raises(ValueError, match="size must be >= 1"):
        render_object(KEY, sprite_params(KEY), identity_transformation(), size=0)
