"""A linear map of each sample's own, whose matrix is linear in a latent vector."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape


@jax.jit
def hyper_linear_apply(
    weights: Float[Array, "p n_in n_out"], z: Float[Array, "*batch p"], x: Float[Array, "*batch n_in"]
) -> Float[Array, "*batch n_out"]:
    """`y = x A(z)` with `A(z) = sum_p z_p W_p`, which is never written.

    The products of z and x are, `p * n_in` numbers a sample in place of the `n_in * n_out` of a matrix; one product of
    matrices does the rest, in `O(p n_in n_out)` a sample. The map is linear in z and in x: `A(0) = 0`, `A(-z) = -A(z)`,
    so that no matrix but 0 is right for all z, and z cannot be ignored. Biases of the network that makes A, and of the
    layer, are a 1 appended to z and to x; with them it can.

    Args:
      weights: `(p, n_in, n_out)`.
      z: `(..., p)`, what each sample's matrix is made from.
      x: `(..., n_in)`, the same samples.

    Returns:
      `(..., n_out)`, in the common dtype of the arguments, summed in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: Garrido, Najman and LeCun, ICML 2023, arXiv:2302.10283, section 4.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> weights = jnp.stack([jnp.eye(2), jnp.array([[0.0, 1.0], [-1.0, 0.0]])])
      >>> representations.hyper_linear_apply(weights, jnp.array([3.0, 1.0]), jnp.array([1.0, 2.0]))
      Array([1., 7.], dtype=float32)
    """
    for name, array in (("weights", weights), ("z", z), ("x", x)):
        require_floating(name, array)
    require_shape("weights", weights, (None, None, None))
    num_latent, num_in, num_out = weights.shape
    require_shape("z", z, (*z.shape[:-1], num_latent))
    require_shape("x", x, (*z.shape[:-1], num_in))
    dtype = accumulation_dtype(weights, z, x)
    products = z.astype(dtype)[..., :, None] * x.astype(dtype)[..., None, :]
    flat = products.reshape(*z.shape[:-1], num_latent * num_in)
    y = contract("...i,io->...o", flat, weights.reshape(num_latent * num_in, num_out), dtype=dtype)
    return y.astype(jnp.result_type(weights, z, x))
