"""The complete product under O(3): features of both parity classes in, features of both parity classes out."""

import functools

import jax
import jax.numpy as jnp
from jax.lax import PrecisionLike

from jaxinv.kernels.tensor_products.arguments import checked
from jaxinv.kernels.tensor_products.poisson import complete_tensor_product


@functools.partial(jax.jit, static_argnames=("lmax_out", "normalization", "normalize", "balanced", "precision"))
def o3_tensor_product(
    x1: jax.Array,
    x2: jax.Array,
    *,
    lmax_out: int | None = None,
    normalization: str = "component",
    normalize: str | None = None,
    balanced: bool = False,
    precision: PrecisionLike = None,
) -> jax.Array:
    """Every path between irreps of both parities, by Gaunt and Poisson products on one grid.

    Features of O(3) are two signals: class 0 holds irreps of parity `(-1)^l` (0e, 1o, 2e, ...), as functions on the
    sphere have them, class 1 those of parity `-(-1)^l` (0o, 1e, 2o, ...). Gaunt products of classes a and b fall into
    class a + b modulo 2, Poisson products into the other:

    `out_0 = g(00) + g(11) + p(01) + p(10)`, `out_1 = g(01) + g(10) + p(00) + p(11)`.

    Args:
      x1: `(..., 2, (lmax1 + 1)^2)`, floating point, the two classes; zeros where a class has no irrep. Leading axes
        broadcast against those of x2.
      x2: `(..., 2, (lmax2 + 1)^2)`.
      lmax_out: static, at most `lmax1 + lmax2`, which is the default.
      normalization: static, of the harmonics: "component", "norm" or "integral".
      normalize: static; as in `gaunt_tensor_product`, for each half.
      balanced: static; as in `poisson_tensor_product`.
      precision: static, of matrix products; default the highest.

    Returns:
      `(..., 2, (lmax_out + 1)^2)` in the dtype of x1 and x2.

    Raises:
      TypeError, ValueError: as `complete_tensor_product`; also where the last axis but one is not 2.

    Equivariant under O(3): a vector of class 0 turns to `-x` under inversion, one of class 1 stays.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `complete_tensor_product`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> x1, x2 = jnp.zeros((2, 2, 4)).at[:, 0, 1:].set(jnp.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))  # polar vectors
      >>> product = tp.o3_tensor_product(x1, x2, lmax_out=1)
      >>> bool(jnp.allclose(product[0], 0, atol=1e-5))  # no scalar, no polar vector
      True
      >>> bool(jnp.allclose(product[1], jnp.array([0, 0, 0, 3**0.5]), atol=1e-5))  # the axial cross product
      True
    """
    x1, x2 = (_two_classes(name, x) for name, x in (("x1", x1), ("x2", x2)))
    gaunt, poisson = complete_tensor_product(
        x1[..., :, None, :],
        x2[..., None, :, :],
        lmax_out=lmax_out,
        normalization=normalization,
        normalize=normalize,
        balanced=balanced,
        precision=precision,
    )
    same, other = (lambda p: p[..., 0, 0, :] + p[..., 1, 1, :]), (lambda p: p[..., 0, 1, :] + p[..., 1, 0, :])
    return jnp.stack([same(gaunt) + other(poisson), other(gaunt) + same(poisson)], axis=-2)


def _two_classes(name: str, x: jax.Array) -> jax.Array:
    x, _ = checked(name, x)
    if x.ndim < 2 or x.shape[-2] != 2:
        raise ValueError(f"{name} must have the 2 parity classes on its last axis but one, got {x.shape}")
    return x
