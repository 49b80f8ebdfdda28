"""Path weights of a Clebsch-Gordan product as a few Gaunt and Poisson products with a weight for every degree.

In harmonics of "component" normalisation, one Gaunt product with degree weights a, b, c takes an even path with
`a_l1 b_l2 c_l3 sqrt(4 pi) C(l1, l2, l3)` times the Wigner 3j tensor, and one Poisson product takes an odd path with
`sqrt(4 pi) D(l1, l2, l3)` (balanced: times `(l (l + 1))^(-1/3)` of its three degrees) in place of it. The
Clebsch-Gordan product takes a path of weight w with `w sqrt(2 l3 + 1)` ("component") or `w sqrt((2 l1 + 1)(2 l2 + 1))`
("norm"). A sum of R terms equals it where `sum_r a_r b_r c_r` is the quotient of the two on every path: a tensor of
rank R that is known on the allowed paths and free elsewhere.
"""

from typing import NamedTuple

import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least, require_choice
from jaxinv.kernels.tensor_products.coupling import tensor_product_paths
from jaxinv.kernels.tensor_products.path_coefficients import path_coefficients

_STEPS = 200
_EXACT = 1e-12


class DegreeWeights(NamedTuple):
    """Weights of the degrees for R products whose results are summed; float64.

    Attributes:
      weights1: `(R, lmax1 + 1)`, of the degrees of x1.
      weights2: `(R, lmax2 + 1)`, of the degrees of x2.
      weights_out: `(R, lmax_out + 1)`, of the degrees of the result.
    """

    weights1: np.ndarray
    weights2: np.ndarray
    weights_out: np.ndarray


class LowRankPathWeights(NamedTuple):
    """A Clebsch-Gordan product as a sum of Gaunt and Poisson products, and how far from it the sum is.

    Attributes:
      even: for `gaunt_tensor_product`, of the paths with an even sum of degrees.
      odd: for `poisson_tensor_product` with the same `balanced`, of those with an odd sum.
      path_weights: `(num_paths,)`, the weights that the sum has.
      worst_error: largest difference of `path_weights` from those wanted, relative to the largest one wanted.
      error: norm of the differences, relative to the norm of those wanted.
    """

    even: DegreeWeights
    odd: DegreeWeights
    path_weights: np.ndarray
    worst_error: float
    error: float


def low_rank_path_weights(
    path_weights: np.ndarray,
    lmax1: int,
    lmax2: int,
    lmax_out: int,
    *,
    rank_even: int,
    rank_odd: int,
    normalization: str = "component",
    balanced: bool = True,
    num_starts: int = 8,
    seed: int = 0,
) -> LowRankPathWeights:
    """Degree weights of `rank_even` Gaunt and `rank_odd` Poisson products whose sum is nearest to given path weights.

    Least squares over the path weights, by Levenberg and Marquardt from several starts; the best is a local minimum,
    hence an upper bound of the error. Uniform weights (e3nn's) are exact at L = 3 with three Gaunt and two Poisson
    products. Runs in numpy, ahead of the kernels that use its weights.

    Args:
      path_weights: `(num_paths,)`, in the order of `tensor_product_paths(lmax1, lmax2, lmax_out)`.
      lmax1: highest degree of x1.
      lmax2: highest degree of x2.
      lmax_out: highest degree of the result.
      rank_even: number of Gaunt products.
      rank_odd: number of Poisson products.
      normalization: of the path weights, as for `clebsch_gordan_tensor_product`.
      balanced: of the Poisson products, as for `poisson_tensor_product`.
      num_starts: number of starts.
      seed: of the random starts; the same seed gives the same weights.

    Returns:
      LowRankPathWeights; both products in "component" normalisation of the harmonics, whatever `normalization` is.
      Degrees without a path have weight 0.

    Raises:
      ValueError: as many weights as there are no paths, a negative rank or degree, no start, unknown normalisation.
    References: Xie et al., arXiv:2602.21466; Heyraud, Weller-Davies, Tilly, arXiv:2603.08630.

    Examples:
      >>> import numpy as np
      >>> from jaxinv.kernels import tensor_products as tp
      >>> uniform = np.ones(len(tp.tensor_product_paths(3, 3, 3)))
      >>> exact = tp.low_rank_path_weights(uniform, 3, 3, 3, rank_even=3, rank_odd=2)
      >>> exact.worst_error < 1e-6
      True
      >>> exact.even.weights1.shape, exact.odd.weights1.shape
      ((3, 4), (2, 4))
    """
    paths = tensor_product_paths(lmax1, lmax2, lmax_out)
    wanted = np.asarray(path_weights, np.float64)
    if wanted.shape != (len(paths),):
        raise ValueError(f"path_weights must have shape ({len(paths)}), one a path, got {wanted.shape}")
    require_choice("normalization", normalization, ("component", "norm"))
    require_at_least("rank_even", rank_even, 0)
    require_at_least("rank_odd", rank_odd, 0)
    require_at_least("num_starts", num_starts, 1)
    generator = np.random.default_rng(seed)
    reached, halves = np.zeros(len(paths)), []
    for kind, rank in (("gaunt", rank_even), ("poisson", rank_odd)):
        coefficients = path_coefficients(kind, lmax1, lmax2, lmax_out, "component", balanced and kind == "poisson")
        taken = [number for number, path in enumerate(paths) if path in coefficients]
        degrees = np.array([paths[number] for number in taken], int).reshape(-1, 3)
        unit = 2 * degrees[:, 2] + 1 if normalization == "component" else np.prod(2 * degrees[:, :2] + 1, axis=1)
        scale = np.array([coefficients[paths[number]] for number in taken]) / np.sqrt(unit)
        sizes = (lmax1 + 1, lmax2 + 1, lmax_out + 1)
        starts = (_fit(scale, degrees, wanted[taken], _start(sizes, rank, generator)) for _ in range(num_starts))
        factors, reached[taken] = min(starts, key=lambda fit: float(np.sum((fit[1] - wanted[taken]) ** 2)))
        halves.append(DegreeWeights(*_with_equal_norms(factors, degrees)))
    difference = reached - wanted
    return LowRankPathWeights(
        even=halves[0],
        odd=halves[1],
        path_weights=reached,
        worst_error=float(np.max(np.abs(difference)) / max(np.max(np.abs(wanted)), np.finfo(float).tiny)),
        error=float(np.linalg.norm(difference) / max(np.linalg.norm(wanted), np.finfo(float).tiny)),
    )


def _start(sizes, rank, generator):
    """Random factors about a uniform first term."""
    factors = [generator.normal(scale=0.5, size=(rank, size)) for size in sizes]
    for factor in factors:
        factor[:1] += 1.0
    return factors


def _fit(scale, degrees, wanted, factors):
    """Factors that make `scale sum_r a_r b_r c_r` the nearest to `wanted` in the neighbourhood, and its values."""

    def values(factors):
        return scale * np.prod([factor[:, of] for factor, of in zip(factors, degrees.T, strict=True)], axis=0).sum(0)

    found = values(factors)
    if found.size == 0 or factors[0].size == 0:
        return factors, found
    damping, cost = 1.0, np.sum((found - wanted) ** 2)
    for _ in range(_STEPS):
        jacobian = _jacobian(scale, degrees, factors)
        gradient = jacobian.T @ (found - wanted)
        normal = jacobian.T @ jacobian + damping * np.eye(jacobian.shape[1])
        step = np.split(np.linalg.solve(normal, gradient), np.cumsum([factor.size for factor in factors])[:-1])
        trial = [factor - part.reshape(factor.shape) for factor, part in zip(factors, step, strict=True)]
        trial_values = values(trial)
        trial_cost = np.sum((trial_values - wanted) ** 2)
        if trial_cost < cost:
            factors, found, cost, damping = trial, trial_values, trial_cost, max(damping / 5, 1e-12)
        else:
            damping = min(damping * 4, 1e12)
        if cost <= _EXACT**2 * np.sum(wanted**2):
            break
    return factors, found


def _jacobian(scale, degrees, factors):
    """`(paths, entries of the three factors)`."""
    blocks = []
    for axis, factor in enumerate(factors):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        others = scale * factors[first][:, degrees[:, first]] * factors[second][:, degrees[:, second]]
        chosen = degrees[:, axis, None] == np.arange(factor.shape[1])
        blocks.append((others.T[:, :, None] * chosen[:, None, :]).reshape(len(scale), factor.size))
    return np.concatenate(blocks, axis=1)


def _with_equal_norms(factors, degrees):
    """The same terms, each with three factors of the same norm, and 0 for degrees without a path."""
    factors = [factor * np.isin(np.arange(factor.shape[1]), of) for factor, of in zip(factors, degrees.T, strict=True)]
    norms = np.array([np.linalg.norm(factor, axis=1) for factor in factors])
    mean = np.cbrt(np.prod(norms, axis=0))
    return [
        factor * (mean / np.where(norm > 0, norm, 1.0))[:, None] for factor, norm in zip(factors, norms, strict=True)
    ]
