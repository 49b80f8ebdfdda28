"""The Clebsch-Gordan product's ways, each against a sum over paths with e3nn's tensors: a line a way."""

from typing import Any

import e3nn_jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice
from jaxinv.kernels.tensor_products.clebsch_gordan import clebsch_gordan_tensor_product
from jaxinv.kernels.tensor_products.coupling import tensor_product_paths
from tests.duties import BadInput, Case

LMAX1, LMAX2, LMAX_OUT = 2, 1, 2
PATHS = tensor_product_paths(LMAX1, LMAX2, LMAX_OUT)


def path_results(x1: np.ndarray, x2: np.ndarray, paths, normalization: str = "component") -> list[np.ndarray]:
    """`(..., 2 l3 + 1)` of every path, by e3nn's tensors."""
    results = []
    for path in paths:
        l1, l2, l3 = path
        unit = 2 * l3 + 1 if normalization == "component" else (2 * l1 + 1) * (2 * l2 + 1)
        tensor = np.sqrt(unit) * np.asarray(e3nn_jax.clebsch_gordan(*path), np.float64)
        left, right = x1[..., degree_slice(l1)], x2[..., degree_slice(l2)]
        results.append(np.einsum("...i,...j,ijk->...k", left, right, tensor))
    return results


def product(x1: np.ndarray, x2: np.ndarray, weights: np.ndarray, paths=PATHS) -> np.ndarray:
    """The weighted sum over paths."""
    total = [0.0] * (1 + max(path[2] for path in paths))
    for number, (path, result) in enumerate(zip(paths, path_results(x1, x2, paths), strict=True)):
        total[path[2]] = total[path[2]] + weights[..., number, None] * result
    return np.concatenate(total, axis=-1)


def _arguments(lead: tuple[int, ...], weights_lead: tuple[int, ...]):
    def draw(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        x1 = generator.normal(size=(*lead, (LMAX1 + 1) ** 2))
        x2 = generator.normal(size=(*lead, (LMAX2 + 1) ** 2))
        return x1, x2, generator.normal(size=(*weights_lead, len(PATHS)))

    return draw


def _call(x1: Any, x2: Any, weights: Any = None, **options: Any):
    return clebsch_gordan_tensor_product(x1, x2, weights, **{"lmax_out": LMAX_OUT, **options})


def _bad(error: type[Exception], message: str, *arguments: Any, **options: Any) -> BadInput:
    return BadInput(call=lambda: _call(*arguments, **options), error=error, message=message)


_X1, _X2 = jnp.ones((3, 9)), jnp.ones((3, 4))
_BAD = (
    _bad(
        ValueError, r"x1 must have \(lmax \+ 1\)\^2 = 1, 4, 9, ... components on its last axis", jnp.ones((3, 8)), _X2
    ),
    _bad(ValueError, r"x2 must have \(lmax \+ 1\)\^2", _X1, jnp.ones(())),
    _bad(ValueError, r"lmax_out must be in 0 \.\. 3.*got 4", _X1, _X2, lmax_out=4),
    _bad(ValueError, r"path_weights must have 9 numbers .* got shape \(8,\)", _X1, _X2, jnp.ones(8)),
    _bad(TypeError, "x1 must be floating point", jnp.ones((3, 9), int), _X2),
    _bad(TypeError, "path_weights must be floating point", _X1, _X2, jnp.ones(9, int)),
    _bad(
        ValueError,
        "normalization must be one of 'component', 'norm', got 'integral'",
        _X1,
        _X2,
        normalization="integral",
    ),
    _bad(ValueError, "method must be one of 'auto', 'dense', 'sparse', 'paths', got 'fft'", _X1, _X2, method="fft"),
    _bad(ValueError, "method must be 'auto' or 'paths' where", _X1, _X2, method="sparse", sum_paths=False),
    _bad(ValueError, "[Ii]ncompatible shapes", _X1, jnp.ones((2, 4))),
)


def _case(way: str, weights_lead: tuple[int, ...], reference=product, **options: Any) -> Case:
    return Case(
        name=f"tensor_products.clebsch_gordan_tensor_product{way}",
        function=lambda x1, x2, weights: _call(x1, x2, weights, **options),
        arguments=_arguments((3,), weights_lead),
        reference=reference,
        value=lambda result: result,
        differentiable=(0, 1, 2),
        second_order=True,
        tolerance=(1e-5, 1e-12),
        empty=lambda: _arguments((0,), weights_lead and (0,))(np.random.default_rng(0)),
        bad_input=_BAD,
        low_precision=4e-3,
        low_result=jnp.bfloat16,
    )


def _every_path(x1: np.ndarray, x2: np.ndarray, weights: np.ndarray) -> np.ndarray:
    results = path_results(x1, x2, PATHS)
    return np.concatenate([weights[..., number, None] * result for number, result in enumerate(results)], axis=-1)


CASES = [
    _case("", ()),
    _case("[dense]", (3,), method="dense"),
    _case("[sparse]", (3,), method="sparse"),
    _case("[paths]", (3,), method="paths"),
    _case("[sum_paths=False]", (), _every_path, sum_paths=False),
]
