"""The products by functions on the sphere: a line a kernel, each against the dense tensor of its paths."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import tensor_products as kernels
from jaxinv.kernels.harmonics.degrees import over_components
from jaxinv.kernels.tensor_products.coupling import real_wigner_3j
from jaxinv.kernels.tensor_products.path_coefficients import direct_tensor
from tests.duties import FEATURES, BadInput, Case

BOTH_HALVES: dict[str, Any] = FEATURES | {"value": lambda result: jnp.concatenate(result, axis=-1)}


def dense(kind: str, x1, x2, lmax_out: int, normalization: str = "component", balanced: bool = False) -> np.ndarray:
    """The product by its dense tensor, in float64."""
    lmax1, lmax2 = (int(x.shape[-1] ** 0.5) - 1 for x in (x1, x2))
    tensor = direct_tensor(kind, lmax1, lmax2, lmax_out, normalization, balanced)
    return np.einsum("...i,...j,ijk->...k", x1, x2, tensor)


def signals(*lmaxes: int, lead: tuple[int, ...] = (2,)) -> Callable[[np.random.Generator], tuple[np.ndarray, ...]]:
    """Coefficients of the given highest degrees."""
    return lambda generator: tuple(generator.normal(size=(*lead, (lmax + 1) ** 2)) for lmax in lmaxes)


def _nothing(*lmaxes: int) -> Callable[[], tuple[np.ndarray, ...]]:
    return lambda: signals(*lmaxes, lead=(0,))(np.random.default_rng(0))


def _bad(product: Callable[..., Any]) -> tuple[BadInput, ...]:
    """What every product of two signals refuses."""
    one, two = jnp.ones(4), jnp.ones(9)
    return (
        BadInput(
            call=lambda: product(jnp.ones((2, 5)), one), error=ValueError, message=r"x1 must have \(lmax \+ 1\)\^2"
        ),
        BadInput(call=lambda: product(one, jnp.ones(())), error=ValueError, message=r"x2 must have \(lmax \+ 1\)\^2"),
        BadInput(call=lambda: product(one, two, lmax_out=4), error=ValueError, message="lmax_out must be in 0 .. 3"),
        BadInput(call=lambda: product(one, two, lmax_out=-1), error=ValueError, message="lmax_out must be in 0"),
        BadInput(call=lambda: product(jnp.ones(4, int), one), error=TypeError, message="x1 must be floating point"),
        BadInput(
            call=lambda: product(one, one, normalization="max"), error=ValueError, message="normalization must be"
        ),
        BadInput(call=lambda: product(one, one, normalize="mean"), error=ValueError, message="normalize must be"),
    )


def _bad_weights(product: Callable[..., Any]) -> tuple[BadInput, ...]:
    one, two = jnp.ones(4), jnp.ones(9)
    return (
        BadInput(
            call=lambda: product(one, two, weights2=jnp.ones(2)),
            error=ValueError,
            message="weights2 must have 3 degrees",
        ),
        BadInput(
            call=lambda: product(one, two, weights_out=jnp.ones((2, 5))),
            error=ValueError,
            message="weights_out must have 4 degrees",
        ),
        BadInput(
            call=lambda: product(one, two, weights1=jnp.ones(2, int)),
            error=TypeError,
            message="weights1 must be floating",
        ),
    )


def _bad_method(product: Callable[..., Any]) -> BadInput:
    return BadInput(
        call=lambda: product(jnp.ones(4), jnp.ones(4), method="best"), error=ValueError, message="method must be one of"
    )


def _o3_reference(x1, x2):
    out = np.zeros((*x1.shape[:-1], 9))
    for a in (0, 1):
        for b in (0, 1):
            out[..., (a + b) % 2, :] += dense("gaunt", x1[..., a, :], x2[..., b, :], 2)
            out[..., (a + b + 1) % 2, :] += dense("poisson", x1[..., a, :], x2[..., b, :], 2)
    return out


def _power_reference(x, weights):
    square = dense("gaunt", x, x, 2)
    cube = dense("gaunt", dense("gaunt", x, x, 4), x, 2)
    return sum(over_components(w) * power for w, power in zip(weights, (x, square, cube), strict=True))


def _harmonics(vectors):
    """Degrees 0, 1, 2 in "component", written out; polar axis y."""
    x, y, z = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).T
    second = [x * z, x * y, (2 * y * y - x * x - z * z) / np.sqrt(12), y * z, (z * z - x * x) / 2]
    return np.stack([np.ones_like(x), *(np.sqrt(3) * np.array([x, y, z])), *(np.sqrt(15) * np.array(second))], axis=-1)


def _edge_reference(x, vectors, filters):
    return dense("gaunt", x, over_components(filters) * _harmonics(vectors), 3)


def _so2_reference(x, vectors, weights):
    harmonics, out = _harmonics(vectors), np.zeros((len(x), 9))
    for number, (l1, l2, l3) in enumerate(kernels.tensor_product_paths(1, 2, 2)):
        first, second, third = (slice(degree**2, (degree + 1) ** 2) for degree in (l1, l2, l3))
        path = np.einsum("ni,nj,ijk->nk", x[:, first], harmonics[:, second], real_wigner_3j(l1, l2, l3))
        out[:, third] += np.sqrt(2 * l3 + 1) * weights[:, number, None] * path
    return out


CASES = (
    Case(
        name="tensor_products.gaunt_tensor_product",
        function=lambda x1, x2: kernels.gaunt_tensor_product(x1, x2, lmax_out=3),
        arguments=signals(2, 3),
        reference=lambda x1, x2: dense("gaunt", x1, x2, 3),
        differentiable=(0, 1),
        empty=_nothing(2, 3),
        bad_input=(
            *_bad(kernels.gaunt_tensor_product),
            *_bad_weights(kernels.gaunt_tensor_product),
            _bad_method(kernels.gaunt_tensor_product),
            BadInput(
                call=lambda: kernels.gaunt_tensor_product(
                    jnp.ones(4, jnp.bfloat16), jnp.ones(4, jnp.bfloat16), method="fft"
                ),
                error=TypeError,
                message="fft.*grid",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.poisson_tensor_product",
        function=lambda x1, x2: kernels.poisson_tensor_product(x1, x2, lmax_out=3),
        arguments=signals(2, 3),
        reference=lambda x1, x2: dense("poisson", x1, x2, 3),
        differentiable=(0, 1),
        empty=_nothing(2, 3),
        bad_input=(
            *_bad(kernels.poisson_tensor_product),
            *_bad_weights(kernels.poisson_tensor_product),
            _bad_method(kernels.poisson_tensor_product),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.complete_tensor_product",
        function=lambda x1, x2: kernels.complete_tensor_product(x1, x2, lmax_out=3, balanced=True),
        arguments=signals(2, 3),
        reference=lambda x1, x2: np.concatenate(
            [dense("gaunt", x1, x2, 3), dense("poisson", x1, x2, 3, balanced=True)], axis=-1
        ),
        differentiable=(0, 1),
        empty=_nothing(2, 3),
        bad_input=(*_bad(kernels.complete_tensor_product), *_bad_weights(kernels.complete_tensor_product)),
        **BOTH_HALVES,
    ),
    Case(
        name="tensor_products.o3_tensor_product",
        function=lambda x1, x2: kernels.o3_tensor_product(x1, x2, lmax_out=2),
        arguments=signals(1, 2, lead=(3, 2)),
        reference=_o3_reference,
        differentiable=(0, 1),
        bad_input=(
            BadInput(
                call=lambda: kernels.o3_tensor_product(jnp.ones((3, 4)), jnp.ones((2, 4))),
                error=ValueError,
                message="x1 must have the 2 parity classes",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.gaunt_product",
        function=lambda *x: kernels.gaunt_product(x, lmax_out=2),
        arguments=signals(1, 2, 1),
        reference=lambda a, b, c: dense("gaunt", dense("gaunt", a, b, 3), c, 2),
        differentiable=(0, 1, 2),
        bad_input=(
            BadInput(
                call=lambda: kernels.gaunt_product([]), error=ValueError, message="signals must hold at least one"
            ),
            BadInput(
                call=lambda: kernels.gaunt_product([jnp.ones(4), jnp.ones(6)]),
                error=ValueError,
                message=r"signals\[1\]",
            ),
            BadInput(
                call=lambda: kernels.gaunt_product([jnp.ones(4)] * 3, lmax_out=4),
                error=ValueError,
                message="lmax_out must be in 0 .. 3",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.gaunt_power",
        function=kernels.gaunt_power,
        arguments=lambda generator: (generator.normal(size=(4, 9)), generator.normal(size=(3, 4, 3))),
        reference=_power_reference,
        differentiable=(0, 1),
        bad_input=(
            BadInput(
                call=lambda: kernels.gaunt_power(jnp.ones(4), jnp.ones(3)),
                error=ValueError,
                message="weights must have shape",
            ),
            BadInput(
                call=lambda: kernels.gaunt_power(jnp.ones(4), jnp.ones((2, 4))),
                error=ValueError,
                message="lmax_out must be in 0 .. 2",
            ),
            BadInput(
                call=lambda: kernels.gaunt_power(jnp.ones(4), jnp.ones((2, 3)), lmax_out=1),
                error=ValueError,
                message="weights must have 2 degrees",
            ),
            BadInput(
                call=lambda: kernels.gaunt_power(jnp.ones(4, int), jnp.ones((2, 3))),
                error=TypeError,
                message="x must be floating point",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.edge_convolution",
        function=kernels.edge_convolution,
        arguments=lambda generator: tuple(generator.normal(size=shape) for shape in ((3, 4), (3, 3), (3, 3))),
        reference=_edge_reference,
        differentiable=(0, 1, 2),
        bad_input=(
            BadInput(
                call=lambda: kernels.edge_convolution(jnp.ones(4), jnp.ones(2), jnp.ones(2)),
                error=ValueError,
                message="vectors must have",
            ),
            BadInput(
                call=lambda: kernels.edge_convolution(jnp.ones(4), jnp.ones(3), jnp.ones(())),
                error=ValueError,
                message="filters must have shape",
            ),
            BadInput(
                call=lambda: kernels.edge_convolution(jnp.ones(4), jnp.ones(3), jnp.ones(2, int)),
                error=TypeError,
                message="filters must be floating point",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="tensor_products.so2_convolution",
        function=lambda x, v, w: kernels.so2_convolution(x, v, w, lmax_filter=2, lmax_out=2),
        arguments=lambda generator: tuple(generator.normal(size=shape) for shape in ((3, 4), (3, 3), (3, 9))),
        reference=_so2_reference,
        differentiable=(0, 1, 2),
        bad_input=(
            BadInput(
                call=lambda: kernels.so2_convolution(jnp.ones(4), jnp.ones(3), jnp.ones(5), lmax_filter=2, lmax_out=2),
                error=ValueError,
                message="path_weights must have 9 paths",
            ),
            BadInput(
                call=lambda: kernels.so2_convolution(jnp.ones(4), jnp.ones(2), jnp.ones(9), lmax_filter=2, lmax_out=2),
                error=ValueError,
                message="vectors must have 3 components",
            ),
            BadInput(
                call=lambda: kernels.so2_convolution(jnp.ones(4), jnp.ones(3), jnp.ones(9), lmax_filter=-1),
                error=ValueError,
                message="lmax_filter must be >= 0",
            ),
        ),
        **FEATURES,
    ),
)
