"""The Gaunt tensor product: two functions on the sphere, multiplied."""

import functools

import jax
import jax.numpy as jnp
from jax.lax import PrecisionLike
from scipy.fft import next_fast_len

from jaxinv.kernels.harmonics.sphere_grid import from_sphere_grid, sphere_grid, to_sphere_grid
from jaxinv.kernels.harmonics.torus import from_torus, to_torus
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.tensor_products.arguments import Factors, factors, finished
from jaxinv.kernels.tensor_products.direct import direct_product
from jaxinv.kernels.tensor_products.grid_products import multiplied

METHODS = ("auto", "grid", "separable", "fft", "direct")
_SMALLEST_SEPARABLE = 14


@functools.partial(jax.jit, static_argnames=("lmax_out", "normalization", "normalize", "method", "precision"))
def gaunt_tensor_product(
    x1: jax.Array,
    x2: jax.Array,
    *,
    lmax_out: int | None = None,
    weights1: jax.Array | None = None,
    weights2: jax.Array | None = None,
    weights_out: jax.Array | None = None,
    normalization: str = "component",
    normalize: str | None = None,
    method: str = "auto",
    precision: PrecisionLike = None,
) -> jax.Array:
    """The even half of the Clebsch-Gordan product, with tied weights; two vectors (1 x 1 -> 1) give exactly 0 here.

    x1 and x2 are coefficients of two functions on the sphere; the result are those of their product, up to lmax_out:
    `out_l3 = w_l3 sum over even l1 + l2 + l3 of w_l1 w_l2 C(l1, l2, l3) W (x1_l1, x2_l2)`, W the real Wigner 3j tensor
    and C the `gaunt_coefficient`. Every path with an even sum of degrees takes part, none with an odd one: for those
    see `poisson_tensor_product`. Where x1 and x2 hold irreps of parity `p1 (-1)^l` and `p2 (-1)^l`, the result has
    parity `p1 p2 (-1)^l`.

    Args:
      x1: `(..., (lmax1 + 1)^2)`, floating point; leading axes broadcast against those of x2.
      x2: `(..., (lmax2 + 1)^2)`.
      lmax_out: static, at most `lmax1 + lmax2`, which is the default.
      weights1: `(..., lmax1 + 1)`, of the degrees of x1; leading axes broadcast. Default 1.
      weights2: `(..., lmax2 + 1)`, of the degrees of x2.
      weights_out: `(..., lmax_out + 1)`, of the degrees of the result.
      normalization: static, of the harmonics: "component" (the constant function 1 is the identity), "norm" or
        "integral"; see `harmonics.degrees`.
      normalize: static; "variance" scales each degree of the result such that independent components of unit variance
        give components of unit variance, before `weights_out`.
      method: static; see the table. "auto" takes "grid" up to lmax 13, then "separable".
      precision: static, of matrix products; default the highest. TF32 loses equivariance beyond 1e-3.

    | method | how | cost for degrees L |
    | --- | --- | --- |
    | "grid" | three matrix products with the values at Lebedev's points | L^4 |
    | "separable" | Legendre functions, then a Fourier transform of the azimuth | L^3 |
    | "fft" | product of Fourier series on the torus, as published; complex numbers inside | L^3 |
    | "direct" | the dense tensor: the reference | L^6 |

    Returns:
      `(..., (lmax_out + 1)^2)` in the dtype of x1 and x2; bfloat16 is multiplied and summed in float32.

    Raises:
      TypeError: a factor that is not floating point; "fft" with a dtype below float32.
      ValueError: a trailing size that is no square, lmax_out beyond lmax1 + lmax2, weights of a wrong size, or an
        unknown option.

    Equivariant under rotations and, with the parity above, inversion; commutative. Float32 error of "grid", against the
    largest component: 4e-7 to lmax 6, 1.3e-6 at lmax 8, whose points have some negative weights.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Luo, Chen, Krishnapriyan, Enabling efficient equivariant operations in the Fourier basis via Gaunt
    tensor products, ICLR 2024 (arXiv:2401.10216); Xie et al., The price of freedom, ICML 2025 (arXiv:2506.13523).

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> a, b = jnp.array([0.0, 1.0, 2.0, 3.0]), jnp.array([0.0, 4.0, 5.0, 6.0])  # two vectors
      >>> product = tp.gaunt_tensor_product(a, b)
      >>> product.shape  # degrees 0 to 2
      (9,)
      >>> bool(jnp.allclose(product[0], a @ b)), bool(jnp.allclose(product[1:4], 0, atol=1e-5))
      (True, True)
    """
    require_choice("method", method, METHODS)
    pair = factors(x1, x2, lmax_out, weights1, weights2)
    if method == "auto":
        method = _fastest(pair)
    found = _PRODUCTS[method](pair, normalization, precision)
    return finished(found, pair, "gaunt", weights_out, normalization, normalize)


def _fastest(pair: Factors) -> str:
    return "separable" if max(pair.lmax1, pair.lmax2, pair.lmax_out) >= _SMALLEST_SEPARABLE else "grid"


def _separable(pair, normalization, precision):
    grid = sphere_grid(pair.lmax1 + pair.lmax2 + pair.lmax_out)
    first, second = (to_sphere_grid(x, grid, normalization=normalization, method="separable") for x in pair[:2])
    return from_sphere_grid(first * second, grid, pair.lmax_out, normalization=normalization, method="separable")


def _fft(pair, normalization, precision):
    del precision  # Of the transforms on the torus, which are at the highest.
    if pair.dtype.itemsize < 4:
        raise TypeError(f'method "fft" needs float32 or float64, got {pair.dtype}: take method "grid"')
    band = pair.lmax1 + pair.lmax2
    size = int(next_fast_len(2 * band + 1, real=True))  # pyright: ignore[reportArgumentType]
    first, second = (_torus_values(to_torus(x, normalization=normalization), size) for x in pair[:2])
    series = jnp.fft.fftshift(jnp.fft.rfft2(first * second), axes=-2)
    middle = size // 2
    series = series[..., middle - band : middle + band + 1, : band + 1] / size**2
    return from_torus(series, pair.lmax_out, normalization=normalization)


def _torus_values(series, size):
    """Fourier coefficients of orders -b .. b and 0 .. b to values at `size x size` points."""
    band, middle = series.shape[-1] - 1, size // 2
    before, after = middle - band, size - middle - band - 1
    padding = [(0, 0)] * (series.ndim - 2) + [(before, after), (0, size // 2 - band)]
    return jnp.fft.irfft2(jnp.fft.ifftshift(jnp.pad(series, padding), axes=-2), s=(size, size)) * size**2


def _direct(pair, normalization, precision):
    return direct_product("gaunt", pair, normalization, balanced=False, precision=precision)


_PRODUCTS = {"grid": multiplied, "separable": _separable, "fft": _fft, "direct": _direct}
