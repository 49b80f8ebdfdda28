"""Which samples count in a score of features and labels, and the checks that all such scores share."""

import jax

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape


def counted_samples(
    features: jax.Array,
    labels: jax.Array,
    num_classes: int,
    sample_weight: jax.Array | None,
    *,
    name: str = "sample_weight",
) -> jax.Array:
    """Weight of each sample `(N,)`, in float32 at least; 0 for labels outside `0 .. num_classes - 1`.

    Args:
      features: `(N, any)`, floating point.
      labels: `(N,)` integers.
      num_classes: static, >= 1.
      sample_weight: `(N,)` numbers or bool, or None for 1.
      name: of that argument in the caller.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    """
    require_floating("features", features)
    require_shape("features", features, (None, None))
    require_integer("labels", labels)
    require_shape("labels", labels, features.shape[:1])
    require_at_least("num_classes", num_classes, 1)
    valid = ((labels >= 0) & (labels < num_classes)).astype(accumulation_dtype(features))
    if sample_weight is None:
        return valid
    require_shape(name, sample_weight, labels.shape)
    return valid * sample_weight.astype(valid.dtype)
