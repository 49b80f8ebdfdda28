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
    clebsch_gordan_tensor_product,
    gaunt_coefficient,
    gaunt_tensor_product,
    poisson_coefficient,
    poisson_tensor_product,
    real_wigner_3j,
    tensor_product_paths,
)

Product = Callable[..., jax.Array]
ONE_TENSOR, EACH_PATH = "one Clebsch-Gordan tensor", "each path by itself"
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
    sweeps: int = 1000
    starts: int = 4


class _Program(NamedTuple):
    """A compiled product and the seconds that it took to build."""

    run: Any
    seconds: float


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Times, fits and measures; see `Claim.run`."""
    start = time.perf_counter()
    small = _Size(degrees=(1, 2), most_paths=2, pairs=8, rounds=1, lmax=1, ranks=(1, 2), sweeps=20, starts=1)
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
    ratios = {ONE_TENSOR: {}, EACH_PATH: {}}
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
            jnp.einsum("bi,bj,ijk->bk", x1[:, degree_slice(l1)], x2[:, degree_slice(l2)], _tensor((l1, l2, l3)))
            for l1, l2, l3 in paths
        ]
        return jnp.concatenate(products, axis=-1)

    functions: dict[str, Product] = {
        "Gaunt": functools.partial(gaunt_tensor_product, lmax_out=degree),
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
    tell("fitting products to maps with free weights")
    paths = tensor_product_paths(size.lmax, size.lmax, size.lmax)
    random = [np.random.default_rng(seed).normal(size=len(paths)) for seed in range(seeds)]
    maps = np.stack([*random, np.ones(len(paths))])
    terms = _fits(maps, size)
    error = {
        rank: np.array([_distance(*pair, weights, size.lmax) for pair, weights in zip(found, maps, strict=True)])
        for rank, found in terms.items()
    }
    first, last = size.ranks[0], size.ranks[-1]
    equal = error[first][-1]
    error = {rank: found[:-1] for rank, found in error.items()}
    rows = [
        Row("paths of the maps", float(len(paths)), f"degrees up to {size.lmax}"),
        *(mean_row(f"error with {rank} Gaunt and {rank} Poisson products", found) for rank, found in error.items()),
        Row("error with 1 and 1 where all paths weigh the same", float(equal), "the weights that e3nn starts from"),
    ]
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


def _fits(maps: np.ndarray, size: _Size) -> dict[int, list[tuple[np.ndarray, np.ndarray]]]:
    """For each rank and map the Gaunt and the Poisson products: `(3, rank, lmax + 1)` weights of the degrees of both
    factors and of the result."""
    num_degrees = size.lmax + 1
    wanted, scale = np.zeros((2, 2, len(maps), *[num_degrees] * 3))
    for number, path in enumerate(tensor_product_paths(*[size.lmax] * 3)):
        half, coefficient = sum(path) % 2, (gaunt_coefficient, poisson_coefficient)[sum(path) % 2]
        wanted[half, :, *path] = maps[:, number] * np.sqrt(2 * path[2] + 1)
        scale[half, :, *path] = np.sqrt(4 * np.pi) * coefficient(*path)
    fitted = _low_rank(*(tables.reshape(-1, *[num_degrees] * 3) for tables in (wanted, scale)), size)
    return {
        rank: list(zip(*terms.swapaxes(0, 1).reshape(2, len(maps), 3, rank, num_degrees), strict=True))
        for rank, terms in fitted.items()
    }


def _low_rank(wanted: np.ndarray, scale: np.ndarray, size: _Size) -> dict[int, np.ndarray]:
    """Least squares of each `wanted` by `scale * sum over terms of an outer product`, for every rank.

    The best of several starts; one of them goes on from the terms of the rank before.

    Args:
      wanted: `(maps, degrees, degrees, degrees)`.
      scale: likewise; zero where there is no path.
      size: ranks, starts and sweeps.

    Returns:
      `(3, maps, rank, degrees)` for each rank.
    """
    generator = np.random.default_rng(0)
    num_maps, num_degrees = wanted.shape[:2]
    found, before = {}, np.zeros((3, num_maps, 0, num_degrees))
    for rank in size.ranks:
        new = 0.3 * generator.normal(size=(3, num_maps, rank - before.shape[2], num_degrees))
        starts = generator.normal(size=(3, size.starts, num_maps, rank, num_degrees))
        starts = np.concatenate([starts, np.concatenate([before, new], axis=2)[:, None]], axis=1)
        terms = _alternate(wanted, scale, starts, size.sweeps)
        left = np.sum((wanted - scale * np.einsum("smri,smrj,smrk->smijk", *terms)) ** 2, axis=(-3, -2, -1))
        found[rank] = before = terms[:, left.argmin(0), np.arange(num_maps)]
    return found


def _alternate(wanted: np.ndarray, scale: np.ndarray, terms: np.ndarray, sweeps: int) -> np.ndarray:
    """Least squares for one axis after the other; terms `(3, starts, maps, rank, degrees)`."""
    for _ in range(sweeps):
        for axis in range(3):
            first, second = (terms[other] for other in range(3) if other != axis)
            pairs = first[..., :, None] * second[..., None, :]
            columns = np.moveaxis(scale, 1 + axis, 1)[:, :, None] * pairs[:, :, None]
            columns = columns.reshape(*columns.shape[:4], -1)
            gram = columns @ columns.swapaxes(-1, -2)
            aims = columns @ np.moveaxis(wanted, 1 + axis, 1).reshape(*wanted.shape[:2], -1, 1)
            # Terms may be as good as parallel, and degrees without a path have a Gram matrix of zeros.
            ridge = 1e-10 * np.trace(gram, axis1=-2, axis2=-1).max(-1)[..., None, None, None] + 1e-12
            solved = np.linalg.solve(gram + ridge * np.eye(gram.shape[-1]), aims)[..., 0]
            terms[axis] = solved.swapaxes(-1, -2)
        # The scale of a term may lie on any axis: shared out, none grows without bound.
        lengths = np.linalg.norm(terms, axis=-1, keepdims=True)
        terms *= np.cbrt(np.prod(lengths, axis=0)) / np.maximum(lengths, 1e-12)
    return terms


def _distance(even: np.ndarray, odd: np.ndarray, path_weights: np.ndarray, lmax: int) -> float:
    """Of the sum of the kernels' products from the map, relative to the map's length."""
    wanted = _map(path_weights, lmax)
    found = _summed(gaunt_tensor_product, even, lmax) + _summed(poisson_tensor_product, odd, lmax)
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def _summed(product: Product, terms: np.ndarray, lmax: int) -> np.ndarray:
    """The sum of products with `(3, rank, lmax + 1)` weights, on all pairs of unit vectors."""
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
