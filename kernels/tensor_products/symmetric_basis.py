"""Symmetric equivariant maps: an orthonormal basis of all polynomials of one feature that turn with it, and a short way
to evaluate them.

A symmetric map of nu copies of a feature is a homogeneous polynomial of degree nu in its components. It is kept by its
coefficients of the monomials, which are sorted tuples of components in lexicographic order. The polynomials with the
same degrees among their factors, such as (0, 2, 2), are spanned by those with the last factor left out times that
factor, coupled by the real Wigner 3j symbols: so each order follows from the one before it.

To evaluate all of them, another basis of the same spaces takes a tenth of the work. The polynomials of one degree are a
module over the ring of invariant polynomials: sums of a few generators, each times a polynomial in a few invariants.
With s, v and Q of degrees 0, 1, 2 and three factors, the generators are 1, then v, Qv, QQv, then the traceless parts of
Q, vv, QQ, vQv; the invariants are s, v.v, Q.Q, v.Qv, tr Q^3.
"""

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice, num_components
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.tensor_products.coupling import path_tensor

# Of a map of norm 1: what is left of a dependent one is rounding, what is new is well above this.
_DEPENDENT = 1e-6

Monomial = tuple[int, ...]


@functools.lru_cache
def symmetric_contraction_paths(lmax: int, order: int, lmax_out: int) -> tuple[tuple[int, ...], ...]:
    """For each order 1 .. `order`, the degrees of all its maps: the order of the weights of `symmetric_contraction`.

    Degrees ascend; maps of one degree are sorted by the degrees of their factors. A map of nu factors is counted if its
    parity is natural: the sum of the degrees of its factors is even where that of its result is.

    Args:
      lmax: highest degree of the feature.
      order: highest number of factors.
      lmax_out: highest degree of the result.

    Returns:
      For each order a tuple of the degrees of its maps: entry nu - 1 has the length of the paths' axis of
      `weights[nu - 1]`.

    Raises:
      ValueError: a negative degree, an order below 1.

    Examples:
      >>> from jaxinv.kernels import tensor_products as tp
      >>> tp.symmetric_contraction_paths(1, 2, 1)  # x; then s s, v.v and s v, of a scalar s and a vector v
      ((0, 1), (0, 0, 1))
    """
    for name, value, least in (("lmax", lmax, 0), ("order", order, 1), ("lmax_out", lmax_out, 0)):
        require_at_least(name, value, least)
    return tuple(
        tuple(degree for degree, maps in enumerate(symmetric_basis(lmax, nu, lmax_out)) for _ in maps)
        for nu in range(1, order + 1)
    )


@functools.lru_cache(maxsize=32)
def symmetric_basis(lmax: int, nu: int, lmax_out: int) -> tuple[np.ndarray, ...]:
    """All symmetric maps of natural parity from nu copies of degrees 0 .. lmax to each degree 0 .. lmax_out.

    Returns:
      For each degree l, `(maps, 2 l + 1, monomials)` float64, read-only: coefficients of `monomials(lmax, nu)`. As
      tensors with nu axes, all components of all maps are orthonormal, as in e3nn's
      `reduced_symmetric_tensor_product_basis`.
    """
    position = {monomial: number for number, monomial in enumerate(monomials(lmax, nu))}
    maps: list[list[np.ndarray]] = [[] for _ in range(lmax_out + 1)]
    for factors in itertools.combinations_with_replacement(range(lmax + 1), nu):
        columns = [position[monomial] for monomial in _monomials_of(factors)]
        for degree, found in _maps_of(factors, lmax_out).items():
            if (degree + sum(factors)) % 2 == 0:
                wide = np.zeros((*found.shape[:2], len(position)))
                wide[..., columns] = found
                maps[degree].append(wide)
    result = tuple(
        np.concatenate(found) if found else np.zeros((0, 2 * degree + 1, len(position)))
        for degree, found in enumerate(maps)
    )
    for table in result:
        table.flags.writeable = False
    return result


@functools.lru_cache(maxsize=32)
def monomials(lmax: int, nu: int) -> tuple[Monomial, ...]:
    """The components of the nu factors of every monomial, ascending, in lexicographic order."""
    return tuple(itertools.combinations_with_replacement(range(num_components(lmax)), nu))


@functools.lru_cache(maxsize=1024)
def _monomials_of(factors: tuple[int, ...]) -> tuple[Monomial, ...]:
    """Those with factors of these degrees, which ascend."""
    components = (range(num_components(degree))[degree_slice(degree)] for degree in factors)
    return tuple(sorted({tuple(sorted(monomial)) for monomial in itertools.product(*components)}))


@functools.lru_cache(maxsize=1024)
def _maps_of(factors: tuple[int, ...], highest: int) -> dict[int, np.ndarray]:
    """`(maps, 2 l + 1, monomials)` of both parities, for every degree l up to `highest` that has a map."""
    if len(factors) == 1:
        return {factors[0]: np.eye(2 * factors[0] + 1)[None]} if factors[0] <= highest else {}
    *_, last = factors
    before, now = _monomials_of(factors[:-1]), _monomials_of(factors)
    position = {monomial: number for number, monomial in enumerate(now)}
    places = [position[tuple(sorted((*m, c)))] for m in before for c in range(last**2, (last + 1) ** 2)]
    collect = (np.array(places)[:, None] == np.arange(len(now))).astype(float)
    candidates: dict[int, list[np.ndarray]] = {}
    for l1, maps in _maps_of(factors[:-1], highest + last).items():
        for degree in range(abs(l1 - last), min(l1 + last, highest) + 1):
            tensor = path_tensor((l1, last, degree), "component")
            products = np.einsum("pia,ijk->pkaj", maps, tensor, optimize=True)
            candidates.setdefault(degree, []).append(products.reshape(*products.shape[:2], -1) @ collect)
    norms = np.sqrt([_arrangements(monomial) for monomial in now])
    found = {degree: _orthonormal(np.concatenate(some) / norms) * norms for degree, some in candidates.items()}
    return {degree: maps for degree, maps in sorted(found.items()) if len(maps)}


def _arrangements(monomial):
    """Entries of a symmetric tensor that share the monomial's coefficient."""
    return math.factorial(len(monomial)) / math.prod(math.factorial(monomial.count(c)) for c in set(monomial))


def _orthonormal(candidates):
    """Those independent of the ones before them, made orthonormal to these.

    By Schur's lemma, maps with orthogonal sums over components are orthogonal component by component.
    """
    span = _Span(candidates[0].size)
    for candidate in candidates:
        span.grows_by(candidate)
    return math.sqrt(candidates.shape[1]) * span.kept.reshape(-1, *candidates.shape[1:])


# Their evaluation


class Generator(NamedTuple):
    """A degree of x, or its product with another generator.

    Attributes:
      degree: its own.
      natural: whether its parity is.
      order: its number of factors.
      factor: the degree of x in the product.
      other: the number of the other generator; None for x itself.
    """

    degree: int
    natural: bool
    order: int
    factor: int
    other: int | None


class Term(NamedTuple):
    """A polynomial: a generator times invariants.

    Attributes:
      degree: of the result.
      invariants: numbers of generators of degree 0, ascending, as often as they occur.
      generator: its number; None where the invariants are all.
    """

    degree: int
    invariants: tuple[int, ...]
    generator: int | None


class Plan(NamedTuple):
    """How to evaluate all maps of all orders.

    Attributes:
      generators: each after those it is made of; not all are needed.
      terms: a basis, each of one order.
      matrix: `(maps, terms)`, maps in the order of `symmetric_contraction_paths`, order after order: what each is.
    """

    generators: tuple[Generator, ...]
    terms: tuple[Term, ...]
    matrix: np.ndarray


@functools.lru_cache(maxsize=32)
def evaluation_plan(lmax: int, order: int, lmax_out: int) -> Plan:
    """Generators and terms, found order by order from values at random points.

    Products of known generators and invariants come first, then x times generators of one factor less, those of natural
    parity and low degree before others, each kept if it is independent of the ones before it. With generators of both
    parities these span everything: x times (an invariant times a generator) is the invariant times (x times it), which
    lower orders hold already.
    """
    bases = [symmetric_basis(lmax, nu, lmax_out) for nu in range(1, order + 1)]
    num_points = 32 + 2 * max(len(maps) for maps in bases[-1])
    points = np.random.default_rng(0).normal(size=(num_points, num_components(lmax)))
    generators = [Generator(degree, True, 1, degree, None) for degree in range(lmax + 1)]
    values = [points[:, degree_slice(degree)].T for degree in range(lmax + 1)]
    terms = [Term(degree, (), degree) if degree else Term(0, (0,), None) for degree in range(min(lmax, lmax_out) + 1)]

    def value(term):
        factors = [values[number] for number in term.invariants]
        return math.prod(factors, start=1.0 if term.generator is None else values[term.generator])

    blocks = [(0, list(terms))]
    for nu in range(2, order + 1):
        of_order: list[Term] = []
        known = tuple(generators)
        highest = lmax_out + (order - nu) * lmax
        for degree, natural in itertools.product(range(highest + 1), (True, False)):
            wanted = len(bases[nu - 1][degree]) if natural and degree <= lmax_out else None
            if wanted is None and nu == order:
                continue
            span, found = _Span(num_points * (2 * degree + 1)), []
            for term in _products(known, nu, degree, natural):
                if span.grows_by(value(term)):
                    found.append(term)
            for factor, other in _couplings(known, nu, degree, natural):
                if len(found) == wanted:
                    break
                tensor = path_tensor((factor, known[other].degree, degree), "component")
                product = np.einsum("ijk,in,jn->kn", tensor, values[factor], values[other], optimize=True)
                if span.grows_by(product):
                    number = len(generators)
                    generators.append(Generator(degree, natural, nu, factor, other))
                    values.append(product)
                    alone = degree == 0 and natural
                    found.append(Term(0, (number,), None) if alone else Term(degree, (), number))
            if wanted is not None:
                assert len(found) == wanted
                of_order.extend(found)
        blocks.append((nu - 1, of_order))
    return _with_matrix(generators, blocks, bases, points, lmax, value)


def _with_matrix(generators, blocks, bases, points, lmax, value):
    """The plan, whose matrix solves for the maps of each order and degree by themselves."""
    num_terms = sum(len(terms) for _, terms in blocks)
    matrix, start = np.zeros((num_terms, num_terms)), 0
    for number, terms in blocks:
        monomial_values = points[:, np.array(monomials(lmax, number + 1))].prod(-1)
        for degree, maps in enumerate(bases[number]):
            of_degree = [np.ravel(value(term)) for term in terms if term.degree == degree]
            if of_degree:
                wanted = np.einsum("pkm,nm->pkn", maps, monomial_values, optimize=True).reshape(len(maps), -1)
                solved = np.linalg.lstsq(np.array(of_degree).T, wanted.T, rcond=None)[0].T
                place = slice(start, start + len(maps))
                matrix[place, place] = solved
                start += len(maps)
    matrix.flags.writeable = False
    return Plan(tuple(generators), tuple(term for _, terms in blocks for term in terms), matrix)


def _products(generators, nu, degree, natural):
    """Terms of two or more generators with nu factors in all, from fewer factors each."""
    ring = [n for n, generator in enumerate(generators) if generator.degree == 0 and generator.natural]
    alone = degree == 0 and natural
    heads = [n for n, generator in enumerate(generators) if (generator.degree, generator.natural) == (degree, natural)]
    for head in (None,) if alone else heads:
        left = nu if head is None else nu - generators[head].order
        for count in range(2 if alone else 1, left + 1):
            for invariants in itertools.combinations_with_replacement(ring, count):
                if sum(generators[number].order for number in invariants) == left:
                    yield Term(degree, invariants, head)


def _couplings(generators, nu, degree, natural):
    """Degrees of x and generators of one factor less that couple to this, in the order in which they are preferred."""
    found = []
    for number, other in enumerate(generators):
        for factor in range(max(generator.factor for generator in generators) + 1):
            even = (factor + other.degree + degree) % 2 == 0
            allowed = abs(factor - other.degree) <= degree <= factor + other.degree
            if other.order == nu - 1 and allowed and even == (other.natural == natural):
                found.append((not other.natural, factor + other.degree, factor, number))
    return [(factor, number) for _, _, factor, number in sorted(found)]


class _Span:
    """What vectors span, one joining after another."""

    def __init__(self, size):
        self.kept = np.zeros((0, size))

    def grows_by(self, vector):
        """Takes the vector in if it is independent of the others, and says so."""
        vector = vector.ravel()
        length = np.linalg.norm(vector)
        for _ in range(2):  # Once more, against the rounding of the first time.
            vector = vector - self.kept.T @ (self.kept @ vector)
        rest = np.linalg.norm(vector)
        if rest <= _DEPENDENT * max(length, 1.0):
            return False
        self.kept = np.concatenate([self.kept, vector[None] / rest])
        return True
