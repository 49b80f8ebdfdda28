"""Products of functions on the sphere replace Clebsch-Gordan products: faster, and what it costs (Luo et al.).

Three experiments. Scaling: the time of a Clebsch-Gordan product over that of the Gaunt product, as degrees grow.
Expressivity: which bilinear equivariant maps are Gaunt products between linear layers, which need the Poisson product
too. Rank: how many products with weights of the degrees it takes to stand for a map with a free weight on each path.
"""

import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.kernels.harmonics.degrees import degree_slice, num_components
from jaxinv.kernels.tensor_products import (
    DegreeWeights,
    clebsch_gordan_tensor_product,
    gaunt_tensor_product,
    low_rank_path_weights,
    poisson_tensor_product,
    real_wigner_3j,
    tensor_product_paths,
)

Product = Callable[..., jax.Array]
KERNEL, ONE_TENSOR, EACH_PATH = "the suite's Clebsch-Gordan kernel", "one Clebsch-Gordan tensor", "each path by itself"
REACHED = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    degrees: tuple[int, ...] = (2, 4, 6, 8)
    most_paths: int = 6
    """The highest degree at which each path is computed by itself: beyond, compiling takes a minute."""
    pairs: int = 512
    rounds: int = 9
    lmax: int = 4
    ranks: tuple[int, ...] = (1, 2, 3, 4)
    starts: int = 8


class _Program(NamedTuple):
    """A compiled product and the seconds that it took to build."""

    run: Any
    seconds: float


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Times, fits and measures; see `Claim.run`."""
    start = time.perf_counter()
    small = _Size(degrees=(1, 2), most_paths=2, pairs=8, rounds=1, lmax=1, ranks=(1, 2), starts=1)
    size = small if quick else _Size()
    tell = progress or (lambda text: None)
    parts = (_scaling(seeds, size, tell), _expressivity(seeds, size, tell), _rank(seeds, size, tell))
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=tuple(row for rows, _ in parts for row in rows),
        checks=tuple(check for _, checks in parts for check in checks),
    )


# --- Scaling.


def _scaling(seeds: int, size: _Size, tell: Progress):
    """The ratio of times at each degree, in every seed; compilation apart."""
    ratios: dict[str, dict[int, list[float]]] = {KERNEL: {}, ONE_TENSOR: {}, EACH_PATH: {}}
    rows = []
    for degree in size.degrees:
        tell(f"timing products of degree {degree}")
        programs = _programs(degree, size)
        for seed in range(seeds):
            generator = np.random.default_rng(seed)
            x1, x2 = (
                jnp.asarray(generator.normal(size=(size.pairs, num_components(degree))), jnp.float32) for _ in range(2)
            )
            times = _times([program.run for program in programs.values()], (x1, x2), size.rounds)
            for name, taken in zip(programs, times, strict=True):
                if name in ratios:
                    ratios[name].setdefault(degree, []).append(taken / times[0])
        rows += [
            Row(f"seconds to compile, degree {degree}: {name}", program.seconds, "tracing, lowering and compiling")
            for name, program in programs.items()
            if degree == min(size.degrees[-1], size.most_paths)
        ]
    rows += [
        mean_row(f"time over that of the Gaunt product, degree {degree}: {name}", values)
        for name, found in ratios.items()
        for degree, values in found.items()
    ]
    checks = []
    for name, found in ratios.items():
        first, last = min(found), max(found)
        growth = np.log2(found[last]) - np.log2(found[first])
        checks += [
            holds_in_every_seed(
                f"scaling: {name} falls behind from degree {first} to {last} (growth of the ratio, in doublings)",
                growth,
            ),
            holds_in_every_seed(
                f"scaling: {name} is slower at degree {last} (ratio, in doublings)", np.log2(found[last])
            ),
        ]
    return rows, checks


def _programs(degree: int, size: _Size) -> dict[str, _Program]:
    """The Gaunt product first; all take (pairs, components) twice, and go to the degrees of the factors."""
    paths = tensor_product_paths(degree, degree, degree)
    whole = np.zeros((num_components(degree),) * 3, np.float32)
    for path in paths:
        whole[tuple(map(degree_slice, path))] = _tensor(path)

    def one_tensor(x1, x2):
        return jnp.einsum("bi,bj,ijk->bk", x1, x2, whole, precision="highest")

    def each_path(x1, x2):
        products = [
            jnp.einsum("bi,bj,ijk->bk", *pair, _tensor(path), precision="highest")
            for path in paths
            for pair in [(x1[:, degree_slice(path[0])], x2[:, degree_slice(path[1])])]
        ]
        return jnp.concatenate(products, axis=-1)

    functions: dict[str, Product] = {
        "Gaunt": functools.partial(gaunt_tensor_product, lmax_out=degree),
        KERNEL: functools.partial(clebsch_gordan_tensor_product, lmax_out=degree),
        ONE_TENSOR: one_tensor,
    }
    if degree <= size.most_paths:
        functions[EACH_PATH] = each_path
    shape = jax.ShapeDtypeStruct((size.pairs, num_components(degree)), jnp.float32)
    return {name: _compiled(function, shape) for name, function in functions.items()}


def _tensor(path: tuple[int, int, int]) -> np.ndarray:
    return (np.sqrt(2 * path[2] + 1) * real_wigner_3j(*path)).astype(np.float32)


def _compiled(function: Product, shape: jax.ShapeDtypeStruct) -> _Program:
    start = time.perf_counter()
    program = jax.jit(function).lower(shape, shape).compile()
    return _Program(program, time.perf_counter() - start)


def _times(programs: Sequence[Any], arguments: tuple[jax.Array, jax.Array], rounds: int) -> np.ndarray:
    """Median seconds of each program, which take turns.

    On the host of processor time, which neighbours disturb less; on an accelerator of the clock.
    """
    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter

    def once(program, calls):
        start = clock()
        for _ in range(calls):
            jax.block_until_ready(program(*arguments))
        return (clock() - start) / calls

    calls = [int(np.clip(5e-3 / max(once(program, 2), 1e-6), 1, 100)) for program in programs]
    taken = [[once(program, count) for program, count in zip(programs, calls, strict=True)] for _ in range(rounds)]
    return np.maximum(np.median(taken, axis=0), 1e-9)


# --- Expressivity.


def _expressivity(seeds: int, size: _Size, tell: Progress):
    """Bilinear maps as tensors: their distance is that of the maps over inputs of independent, unit components."""
    tell("fitting maps by products between linear layers")
    even = _between_linear_layers(gaunt_tensor_product, size.lmax)
    odd = _between_linear_layers(poisson_tensor_product, size.lmax)
    paths = np.array(tensor_product_paths(size.lmax, size.lmax, size.lmax))
    is_even, vectors = paths.sum(1) % 2 == 0, np.all(paths == 1, axis=1)
    by_gaunt, odd_by_gaunt, by_both = ([] for _ in range(3))
    for seed in range(seeds):
        weights = np.random.default_rng(seed).normal(size=len(paths))
        by_gaunt.append(_residual(even, _map(weights * is_even, size.lmax)))
        odd_by_gaunt.append(_explained(even, _map(weights * ~is_even, size.lmax)))
        by_both.append(_residual(np.concatenate([even, odd]), _map(weights, size.lmax)))
    cross = _map(vectors.astype(float), size.lmax)
    cross_by_gaunt = _explained(even, cross)
    cross_by_both = _residual(np.concatenate([even, odd]), cross)
    rows = [
        _small_row("random even maps: share left by Gaunt products", by_gaunt),
        _small_row("random odd maps: share explained by Gaunt products", odd_by_gaunt),
        _small_row("the cross product: share explained by Gaunt products", [cross_by_gaunt]),
        _small_row("the cross product: share left by Gaunt and Poisson products", [cross_by_both]),
        _small_row("random maps: share left by Gaunt and Poisson products", by_both),
    ]
    cross_by_gaunt, cross_by_both = (np.full(seeds, value) for value in (cross_by_gaunt, cross_by_both))
    checks = [
        _nothing("expressivity: Gaunt products give every even map", by_gaunt),
        _nothing("expressivity: Gaunt products give nothing of odd maps", odd_by_gaunt),
        _nothing("expressivity: Gaunt products give nothing of the cross product", cross_by_gaunt),
        _nothing("expressivity: with Poisson products, the cross product", cross_by_both),
        _nothing("expressivity: with Poisson products, every map", by_both),
    ]
    return rows, checks


def _map(path_weights: np.ndarray, lmax: int) -> np.ndarray:
    """`(n, n, n)`: a map with these weights on its paths, on all pairs of unit vectors."""
    unit = jnp.eye(num_components(lmax), dtype=jnp.float32)
    weights = jnp.asarray(path_weights, jnp.float32)
    found = clebsch_gordan_tensor_product(unit[:, None], unit[None], weights, lmax_out=lmax)
    return np.asarray(found, np.float64)


def _between_linear_layers(product: Product, lmax: int) -> np.ndarray:
    """`(products, n, n, n)`: one for each choice of a degree of either factor, which is what linear layers can do."""
    unit = jnp.eye(num_components(lmax), dtype=jnp.float32)
    chosen = jnp.eye(lmax + 1, dtype=jnp.float32)
    first, second = chosen[:, None, None, None], chosen[None, :, None, None]
    found = product(unit[:, None], unit[None], lmax_out=lmax, weights1=first, weights2=second)
    return np.asarray(found, np.float64).reshape(-1, *[num_components(lmax)] * 3)


def _residual(products: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the squared length that least squares over the layer after the products leaves."""
    left = 0.0
    for degree in range(int(np.sqrt(wanted.shape[-1]))):
        part = degree_slice(degree)
        columns, target = products[..., part].reshape(len(products), -1).T, wanted[..., part].ravel()
        # Products that are zero but for rounding must not be blown up.
        inverse = np.linalg.pinv(columns.T @ columns, rcond=1e-8, hermitian=True)
        left += np.sum((columns @ (inverse @ (columns.T @ target)) - target) ** 2)
    return float(left / np.sum(wanted**2))


def _explained(products: np.ndarray, wanted: np.ndarray) -> float:
    return 1 - _residual(products, wanted)


def _small_row(label: str, values: Sequence[float]) -> Row:
    return Row(label, float(np.mean(values)), f"at most {np.max(values):.1e}")


def _nothing(statement: str, values: Sequence[float] | np.ndarray, limit: float = 1e-8):
    """A check that shares are zero but for float32's rounding."""
    below = np.log10(limit / np.maximum(np.abs(values), 1e-16))
    return holds_in_every_seed(f"{statement} (decades below a share of {limit:.0e})", below)


# --- Rank.


def _rank(seeds: int, size: _Size, tell: Progress):
    """Random maps with a weight on each path, by more and more products with weights on the degrees."""
    paths = tensor_product_paths(size.lmax, size.lmax, size.lmax)
    error = {rank: np.zeros(seeds) for rank in size.ranks}
    for seed in range(seeds):
        tell(f"fitting products to the map of seed {seed + 1} of {seeds}")
        weights = np.random.default_rng(seed).normal(size=len(paths))
        for rank in size.ranks:
            error[rank][seed] = _error_of_rank(weights, rank, size)
    equal = _error_of_rank(np.ones(len(paths)), 1, size)
    rows = [
        Row("paths of the maps", float(len(paths)), f"degrees up to {size.lmax}"),
        *(mean_row(f"error with {rank} Gaunt and {rank} Poisson products", found) for rank, found in error.items()),
        Row("error with 1 and 1 where all paths weigh the same", equal, "the weights that e3nn starts from"),
    ]
    first, last = size.ranks[0], size.ranks[-1]
    # Where a map is reached but for rounding, more products change nothing.
    steps = [
        np.where(error[fewer] > REACHED, error[fewer] - error[more], np.inf)
        for fewer, more in itertools.pairwise(size.ranks)
    ]
    checks = [
        holds_in_every_seed("rank: more products lower the error (smallest step)", np.min(steps, axis=0)),
        holds_in_every_seed("rank: one of each leaves an error above 0.1 (excess)", error[first] - 0.1),
        holds_in_every_seed(
            f"rank: {last} of each leave an error below {REACHED:g} (decades)", np.log10(REACHED / error[last])
        ),
    ]
    return rows, checks


def _error_of_rank(path_weights: np.ndarray, rank: int, size: _Size) -> float:
    """Distance of the map from the nearest sum of products that was found, relative to its length."""
    fitted = low_rank_path_weights(
        path_weights, *[size.lmax] * 3, rank_even=rank, rank_odd=rank, balanced=True, num_starts=size.starts
    )
    wanted = _map(path_weights, size.lmax)
    found = _summed(gaunt_tensor_product, fitted.even, size.lmax)
    found += _summed(functools.partial(poisson_tensor_product, balanced=True), fitted.odd, size.lmax)
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def _summed(product: Product, terms: DegreeWeights, lmax: int) -> np.ndarray:
    """The sum of products with these weights, on all pairs of unit vectors."""
    unit = jnp.eye(num_components(lmax), dtype=jnp.float32)
    first, second, out = (jnp.asarray(weights, jnp.float32)[:, None, None] for weights in terms)
    products = product(unit[:, None], unit[None], lmax_out=lmax, weights1=first, weights2=second, weights_out=out)
    return np.asarray(products, np.float64).sum(0)


CLAIM = Claim(
    name="gaunt-tensor-product",
    title="Enabling Efficient Equivariant Operations in the Fourier Basis via Gaunt Tensor Products",
    reference="Luo, Chen and Krishnapriyan, ICLR 2024, arXiv:2401.10216",
    statement="Multiplying functions on the sphere is a tensor product of irreps that costs ever less than "
    "Clebsch-Gordan products as degrees grow; it holds every even path with tied weights, and no odd one.",
    experiment=run,
)
