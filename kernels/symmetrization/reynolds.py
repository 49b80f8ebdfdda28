"""Reynolds' operator on linear maps: the mean over a finite group, which is a projector."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.small_matrices import inverse, square_argument
from jaxinv.kernels.numerics.validation import require_floating


@jax.jit
def reynolds_project(weight: jax.Array, rho_in: jax.Array, rho_out: jax.Array) -> jax.Array:
    """The mean of `rho_out(g)^-1 W rho_in(g)`: the equivariant part of a linear map.

    Args:
      weight: `(..., outputs, inputs)`, floating point.
      rho_in: `(G, inputs, inputs)`, all elements of a finite group as they act on inputs.
      rho_out: `(G, outputs, outputs)`, the same elements in the same order on outputs.

    Returns:
      `(..., outputs, inputs)` in the dtype of the weight; the sum over elements at the highest precision. For
      orthogonal representations the nearest equivariant map in the Frobenius norm.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order. Averages of functions: `frame_average` over `group_frames`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> shifts = jnp.stack([jnp.roll(jnp.eye(3), k, axis=0) for k in range(3)])
      >>> symmetrization.reynolds_project(jnp.diag(jnp.array([3.0, 6.0, 0.0])), shifts, shifts)  # a circulant matrix
      Array([[3., 0., 0.],
             [0., 3., 0.],
             [0., 0., 3.]], dtype=float32)
    """
    weight = jnp.asarray(weight)
    require_floating("weight", weight)
    rho_in, rho_out = square_argument("rho_in", rho_in), square_argument("rho_out", rho_out)
    if rho_in.ndim != 3 or rho_out.ndim != 3 or rho_in.shape[0] != rho_out.shape[0] or rho_in.shape[0] == 0:
        raise ValueError(
            f"rho_in and rho_out must hold as many elements (G, n, n), got {rho_in.shape}, {rho_out.shape}"
        )
    if weight.shape[-2:] != (rho_out.shape[-1], rho_in.shape[-1]):
        raise ValueError(f"weight must have shape (..., {rho_out.shape[-1]}, {rho_in.shape[-1]}), got {weight.shape}")
    dtype = accumulation_dtype(weight, rho_in, rho_out)
    back = inverse(rho_out.astype(dtype))
    mean = contract("gij,...jk,gkl->...il", back, weight, rho_in, dtype=dtype) / rho_in.shape[0]
    return mean.astype(weight.dtype)
