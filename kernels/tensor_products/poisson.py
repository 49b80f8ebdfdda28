"""The Poisson tensor product: the bracket of two functions on the sphere, and both halves of the product at once."""

import functools
from typing import NamedTuple

import jax
from jax.lax import PrecisionLike

from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.tensor_products.arguments import factors, finished
from jaxinv.kernels.tensor_products.direct import direct_product
from jaxinv.kernels.tensor_products.grid_products import bracketed, multiplied

METHODS = ("auto", "grid", "direct")


class CompleteProduct(NamedTuple):
    """Both halves of a product.

    Attributes:
      gaunt: `(..., (lmax_out + 1)^2)`, the paths with an even sum of degrees; parity `p1 p2 (-1)^l`.
      poisson: `(..., (lmax_out + 1)^2)`, those with an odd sum; parity `-p1 p2 (-1)^l`.
    """

    gaunt: jax.Array
    poisson: jax.Array


@functools.partial(
    jax.jit, static_argnames=("lmax_out", "normalization", "normalize", "balanced", "method", "precision")
)
def poisson_tensor_product(
    x1: jax.Array,
    x2: jax.Array,
    *,
    lmax_out: int | None = None,
    weights1: jax.Array | None = None,
    weights2: jax.Array | None = None,
    weights_out: jax.Array | None = None,
    normalization: str = "component",
    normalize: str | None = None,
    balanced: bool = False,
    method: str = "auto",
    precision: PrecisionLike = None,
) -> jax.Array:
    """The odd half of the Clebsch-Gordan product, with tied weights: cross products of vectors and their like.

    The coefficients of the bracket `{f, g} = r . (grad f x grad g)` of two functions on the sphere:
    `out_l3 = w_l3 sum over odd l1 + l2 + l3 of w_l1 w_l2 D(l1, l2, l3) W (x1_l1, x2_l2)`, W the real Wigner 3j tensor
    and D > 0 the `poisson_coefficient`. With the Gaunt product it reaches every path. Degree 0 takes no part. Where x1
    and x2 hold irreps of parity `p1 (-1)^l` and `p2 (-1)^l`, the result has parity `-p1 p2 (-1)^l`.

    Args:
      x1: `(..., (lmax1 + 1)^2)`, floating point; leading axes broadcast against those of x2.
      x2: `(..., (lmax2 + 1)^2)`.
      lmax_out: static, at most `lmax1 + lmax2`, which is the default.
      weights1: `(..., lmax1 + 1)`, of the degrees of x1; leading axes broadcast. Default 1.
      weights2: `(..., lmax2 + 1)`, of the degrees of x2.
      weights_out: `(..., lmax_out + 1)`, of the degrees of the result.
      normalization: static, of the harmonics: "component", "norm" or "integral".
      normalize: static; "variance" scales each degree of the result such that independent components of unit variance
        give components of unit variance, before `weights_out`.
      balanced: static; scales the degrees of x1, x2 and the result by `(l (l + 1))^(-1/3)`, so that all paths weigh
        about the same. The raw bracket weighs high degrees up to 100 times more.
      method: static; "grid" (five matrix products with the gradients at Lebedev's points), which is "auto", or "direct"
        (the dense tensor: the reference).
      precision: static, of matrix products; default the highest.

    Returns:
      `(..., (lmax_out + 1)^2)` in the dtype of x1 and x2; bfloat16 is multiplied and summed in float32. Vectors give
      `sqrt(3) (a x b)` in "component".

    Raises:
      TypeError: a factor that is not floating point.
      ValueError: a trailing size that is no square, lmax_out beyond lmax1 + lmax2, weights of a wrong size, or an
        unknown option.

    Equivariant under rotations and, with the parity above, inversion; antisymmetric. The raw bracket obeys Jacobi's and
    Leibniz's identities.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: ours; for integral forms of the odd paths see Xie et al., arXiv:2602.21466, and Heyraud, Weller-Davies,
    Tilly, arXiv:2603.08630.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> a, b = jnp.array([0.0, 1.0, 2.0, 3.0]), jnp.array([0.0, 4.0, 5.0, 6.0])  # two vectors
      >>> product = tp.poisson_tensor_product(a, b, lmax_out=1)
      >>> bool(jnp.allclose(product[1:], 3**0.5 * jnp.cross(a[1:], b[1:]), atol=1e-5))
      True
    """
    require_choice("method", method, METHODS)
    pair = factors(x1, x2, lmax_out, weights1, weights2)
    if method == "direct":
        found = direct_product("poisson", pair, normalization, balanced=balanced, precision=precision)
    else:
        found = bracketed(pair, normalization, precision, balanced=balanced)
    return finished(found, pair, "poisson", weights_out, normalization, normalize, balanced=balanced)


@functools.partial(jax.jit, static_argnames=("lmax_out", "normalization", "normalize", "balanced", "precision"))
def complete_tensor_product(
    x1: jax.Array,
    x2: jax.Array,
    *,
    lmax_out: int | None = None,
    weights1: jax.Array | None = None,
    weights2: jax.Array | None = None,
    weights_out: jax.Array | None = None,
    normalization: str = "component",
    normalize: str | None = None,
    balanced: bool = False,
    precision: PrecisionLike = None,
) -> CompleteProduct:
    """The Gaunt and the Poisson product of two signals on one grid: all selection rules of Clebsch-Gordan.

    Args:
      x1: `(..., (lmax1 + 1)^2)`, floating point; leading axes broadcast against those of x2.
      x2: `(..., (lmax2 + 1)^2)`.
      lmax_out: static, at most `lmax1 + lmax2`, which is the default.
      weights1: `(..., lmax1 + 1)`, of the degrees of x1, for both halves alike; so are the next two. Default 1.
      weights2: `(..., lmax2 + 1)`, of the degrees of x2.
      weights_out: `(..., lmax_out + 1)`, of the degrees of both results.
      normalization: static, of the harmonics: "component", "norm" or "integral".
      normalize: static; "variance" as in `gaunt_tensor_product`, for each half.
      balanced: static, of the Poisson half, as in `poisson_tensor_product`.
      precision: static, of matrix products; default the highest.

    Returns:
      CompleteProduct, in the dtype of x1 and x2; bfloat16 is multiplied and summed in float32.

    Raises:
      TypeError, ValueError: as `poisson_tensor_product`.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `gaunt_tensor_product` and `poisson_tensor_product`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> x1, x2 = jnp.ones((2, 8, 16))  # 8 channels, degrees 0 to 3
      >>> product = tp.complete_tensor_product(x1, x2, lmax_out=3)
      >>> product.gaunt.shape, product.poisson.shape
      ((8, 16), (8, 16))
    """
    pair = factors(x1, x2, lmax_out, weights1, weights2)
    even = multiplied(pair, normalization, precision)
    odd = bracketed(pair, normalization, precision, balanced=balanced)
    return CompleteProduct(
        finished(even, pair, "gaunt", weights_out, normalization, normalize),
        finished(odd, pair, "poisson", weights_out, normalization, normalize, balanced=balanced),
    )
