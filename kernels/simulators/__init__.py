"""Worlds to test on: simulators whose every factor of variation is known."""

from jaxinv.kernels.simulators.sprites import (
    SpriteParams,
    Twins,
    background,
    pixel_grid,
    render_object,
    render_sprite,
    sprite_params,
    transforms2d_batch,
    twin_batches,
)
from jaxinv.kernels.simulators.transformations import (
    CORRUPTIONS,
    GEOMETRIC,
    PHOTOMETRIC,
    TRANSFORMATIONS,
    Transformation,
    apply_corruption,
    apply_geometric,
    apply_photometric,
    identity_transformation,
    sample_transformation,
    transformation_mask,
)

__all__ = [
    "CORRUPTIONS",
    "GEOMETRIC",
    "PHOTOMETRIC",
    "TRANSFORMATIONS",
    "SpriteParams",
    "Transformation",
    "Twins",
    "apply_corruption",
    "apply_geometric",
    "apply_photometric",
    "background",
    "identity_transformation",
    "pixel_grid",
    "render_object",
    "render_sprite",
    "sample_transformation",
    "sprite_params",
    "transformation_mask",
    "transforms2d_batch",
    "twin_batches",
]
