"""The symmetric contraction against e3nn's dense tensors."""

import math

import e3nn_jax as e3nn
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice
from jaxinv.kernels.tensor_products.symmetric_basis import monomials, symmetric_basis, symmetric_contraction_paths
from jaxinv.kernels.tensor_products.symmetric_contraction import symmetric_contraction
from tests.duties import FEATURES, BadInput, Case

LMAX, ORDER, LMAX_OUT = 1, 3, 2
SPECIES, NODES, CHANNELS = 3, 4, 2


def e3nn_basis(lmax: int, nu: int, lmax_out: int) -> dict[int, np.ndarray]:
    """By degree, `(maps, 2 l + 1, components, .., components)`, where e3nn has any."""
    kept = e3nn.s2_irreps(lmax_out)
    basis = e3nn.reduced_symmetric_tensor_product_basis(e3nn.s2_irreps(lmax), nu, keep_ir=kept)
    return {
        ir.l: np.moveaxis(np.asarray(chunk, np.float64), (-2, -1), (0, 1))
        for (_, ir), chunk in zip(basis.irreps, basis.chunks, strict=True)
    }


def overlaps(lmax: int, nu: int, degree: int, tensors: np.ndarray) -> np.ndarray:
    """`(our maps, their maps)` inner products over all components of the result: 2 l + 1 for a map with itself."""
    ours = symmetric_basis(lmax, nu, degree)[degree]
    places = tuple(np.array(monomials(lmax, nu)).T)
    return np.einsum("pkm,qkm->pq", ours, tensors[(slice(None), slice(None), *places)])


def dense(x: np.ndarray, weights: tuple[np.ndarray, ...], species: np.ndarray, lmax_out: int) -> np.ndarray:
    """Every map as a tensor with all its axes, in e3nn's basis, to which the weights are turned."""
    lmax = math.isqrt(x.shape[-1]) - 1
    result = np.zeros((*x.shape[:-1], (lmax_out + 1) ** 2))
    for nu, weight in enumerate(weights, 1):
        paths = np.array(symmetric_contraction_paths(lmax, nu, lmax_out)[nu - 1])
        for degree, tensors in e3nn_basis(lmax, nu, lmax_out).items():
            values = np.broadcast_to(tensors, (*x.shape[:-1], *tensors.shape))
            for _ in range(nu):
                values = np.einsum("nc...i,nci->nc...", values, x)
            theirs = np.einsum("spc,pq->sqc", weight[:, paths == degree], overlaps(lmax, nu, degree, tensors))
            result[..., degree_slice(degree)] += np.einsum("nqc,ncqk->nck", theirs[species], values) / (2 * degree + 1)
    return result


def arguments(generator: np.random.Generator, num_nodes: int = NODES):
    paths = symmetric_contraction_paths(LMAX, ORDER, LMAX_OUT)
    weights = (generator.normal(size=(SPECIES, len(some), CHANNELS)) / len(some) for some in paths)
    x = generator.normal(size=(num_nodes, CHANNELS, (LMAX + 1) ** 2))
    return x, *weights, generator.integers(0, SPECIES, num_nodes).astype(np.int32)


def _contract(x, *rest, lmax_out: int = LMAX_OUT):
    *weights, species = rest
    return symmetric_contraction(x, tuple(weights), species, lmax_out=lmax_out)


_X, _S = jnp.ones((4, 2, 4)), jnp.zeros(4, jnp.int32)
_W = tuple(jnp.ones((3, len(some), 2)) for some in symmetric_contraction_paths(LMAX, ORDER, LMAX_OUT))


def _bad(error: type[Exception], message: str, x, weights, species, **options) -> BadInput:
    return BadInput(
        call=lambda: symmetric_contraction(x, weights, species, **{"lmax_out": LMAX_OUT, **options}),
        error=error,
        message=message,
    )


CASES = [
    Case(
        name="tensor_products.symmetric_contraction",
        function=_contract,
        arguments=arguments,
        reference=lambda x, *rest: dense(x, rest[:-1], rest[-1], LMAX_OUT),
        differentiable=(0, 1, 2, 3),
        empty=lambda: arguments(np.random.default_rng(0), 0),
        bad_input=(
            _bad(TypeError, "x must be floating point", _X.astype(int), _W, _S),
            _bad(ValueError, r"x must have \(lmax \+ 1\)\^2", _X[..., :3], _W, _S),
            _bad(ValueError, r"x must have shape \(\.\.\., nodes, channels", _X[0], _W, _S),
            _bad(ValueError, "weights must hold one array an order", _X, (), _S),
            _bad(TypeError, "weights must be a tuple or list", _X, _W[0], _S),
            _bad(TypeError, r"weights\[1\] must be floating", _X, (_W[0], _W[1].astype(int), _W[2]), _S),
            _bad(
                ValueError,
                r"weights\[0\] must have shape \(any, 2, 2\), got \(3, 1, 2\)",
                _X,
                (_W[0][:, :1],),
                _S,
                lmax_out=1,
            ),
            _bad(
                ValueError, r"weights\[0\] must have shape \(any, 2, 2\), got \(\)", _X, (jnp.ones(()),), _S, lmax_out=1
            ),
            _bad(
                ValueError,
                r"weights\[1\] must have shape \(3, 4, 2\), got \(2, 4, 2\)",
                _X,
                (_W[0], _W[1][:2], _W[2]),
                _S,
            ),
            _bad(
                ValueError,
                r"weights\[2\] must have shape \(3, 5, 2\), got \(3, 5, 1\)",
                _X,
                (*_W[:2], _W[2][..., :1]),
                _S,
            ),
            _bad(TypeError, "species must hold integers", _X, _W, _S.astype(float)),
            _bad(ValueError, r"species must have shape \(4\), got \(3,\)", _X, _W, _S[:3]),
            _bad(ValueError, r"lmax_out must be in 0 \.\. 3", _X, _W, _S, lmax_out=4),
        ),
        **FEATURES,
    ),
]
