"""In which dtype sums are taken, and contractions that never fall to TF32 or bfloat16 passes."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


def accumulation_dtype(*arrays: jax.Array) -> jnp.dtype:
    """The dtype in which sums over `arrays` are taken: their common dtype, but float32 at least.

    float64 stays float64; bfloat16 and float16 are accumulated in float32.
    """
    return jnp.promote_types(jnp.result_type(*arrays), jnp.float32)


def contract(subscripts: str, *operands: jax.Array, dtype: DTypeLike | None = None) -> jax.Array:
    """`jnp.einsum` at the highest precision, accumulated and returned in `dtype`.

    Args:
      subscripts: as for `jnp.einsum`.
      *operands: arrays of any floating dtype; bfloat16 operands are multiplied as they are and summed in `dtype`.
      dtype: of the result; by default `accumulation_dtype(*operands)`.
    """
    dtype = accumulation_dtype(*operands) if dtype is None else dtype
    return jnp.einsum(subscripts, *operands, precision=jax.lax.Precision.HIGHEST, preferred_element_type=dtype)
