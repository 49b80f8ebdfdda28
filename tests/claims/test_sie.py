"""Views that are linear in the pose: for which turns one linear map predicts those of all objects."""

import pytest

from jaxinv.claims.sie import linear_error


@pytest.mark.parametrize(
    ("relation", "latent", "one_object", "exact"),
    [
        ("world", "products", False, True),
        ("body", "matrix", True, True),
        ("body", "matrix", False, False),
        ("world", "quaternion", False, False),
    ],
)
def test_linear_views(relation, latent, one_object, exact):
    error = linear_error(0, relation, latent, one_object, num_pairs=300)
    assert error < 1e-12 if exact else error > 0.1
