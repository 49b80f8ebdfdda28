"""Kernels on subsets before their duties, beside loops over samples and elements in numpy."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit, log_ndtr

from jaxinv.kernels import permutations as kernels
from tests.duties import FEATURES, FLOAT, BadInput, Case

ELEMENTS, WIDTH, HIDDEN, TOLD, SAMPLES = 4, 3, 5, 2, 3
MASK = np.array([True, True, False, True])
KEY = jax.random.key(3)
SUBSETS = (np.random.default_rng(5).random((SAMPLES, ELEMENTS)) < 0.5).astype(float)
EACH = (np.random.default_rng(6).random((SAMPLES, ELEMENTS, ELEMENTS)) < 0.5).astype(float)
CHOSEN = np.array([True, False, False, False])
# Logits and utilities are sums over layers, in float32 at least.
SUMS: dict[str, Any] = FEATURES | {"low_result": jnp.float32}
MARGINALS: dict[str, Any] = SUMS | {"value": lambda result: result.probabilities}
CHOICES: dict[str, Any] = FEATURES | {"second_order": False, "differentiable": ()}


# --- In numpy.


def numpy_utility(params, sums, statistic=None):
    """Layer by layer."""
    x = sums @ params.kernels[0] + params.biases[0]
    if statistic is not None:
        x = x + statistic @ params.statistic
    for kernel, bias in zip(params.kernels[1:], params.biases[1:], strict=True):
        x = np.maximum(x, 0) @ kernel + bias
    return x[..., 0]


def numpy_logits(utility, h, samples, mask):
    """Two subsets for each sample and element, as index sets; `utility` takes one sum."""
    logits = np.full(len(h), -1e4)
    for i in np.flatnonzero(mask):
        added = []
        for sample in samples:
            own = sample[i] if samples.ndim == 3 else sample
            others = [j for j in np.flatnonzero(mask) if j != i and own[j]]
            added.append(utility(h[[*others, i]].sum(0)) - utility(h[others].sum(0)))
        logits[i] = np.mean(added)
    return logits


def numpy_mean(utility, h, q):
    """Over all subsets."""
    total = 0.0
    for subset in itertools.product([0, 1], repeat=len(q)):
        chance = np.prod([p if taken else 1 - p for p, taken in zip(q, subset, strict=True)])
        total += chance * utility(np.array(subset) @ h)
    return total


def numpy_smooth(sums):
    """A utility that is no sum over elements."""
    return np.tanh(sums).sum(-1) + sums[..., 0] * sums[..., 1]


def smooth(sums):
    """The same."""
    return jnp.sum(jnp.tanh(sums), axis=-1) + sums[..., 0] * sums[..., 1]


def numpy_entropy(logits, mask=MASK):
    q = expit(logits)[mask]
    return -np.sum(q * np.log(q) + (1 - q) * np.log(1 - q))


def _numpy_copula(logits, std, factors):
    own_key, common_key = jax.random.split(KEY)
    own = np.asarray(jax.random.normal(own_key, (SAMPLES, ELEMENTS), FLOAT), float)
    common = np.asarray(jax.random.normal(common_key, (SAMPLES, factors.shape[1]), FLOAT), float)
    g = (own * std + common @ factors.T) / np.sqrt(std**2 + np.sum(factors**2, axis=1))
    return expit(logits + log_ndtr(g) - log_ndtr(-g)) * MASK


# --- Arguments, flat, as the duties take them.


def utility_arrays(generator, told=TOLD):
    shapes = (WIDTH, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1), (HIDDEN,), (HIDDEN,), (1,), (told, HIDDEN)
    return tuple(generator.normal(size=shape) / shape[0] ** 0.5 for shape in shapes)


def utility_params(arrays):
    return kernels.SetUtilityParams(tuple(arrays[:3]), tuple(arrays[3:6]), arrays[6])


def elements(generator):
    return generator.normal(size=(ELEMENTS, WIDTH))


def _told(generator):
    return generator.normal(size=TOLD)


def _probabilities(generator):
    return generator.uniform(0.1, 0.9, ELEMENTS)


@jax.jit
def _folded(h, statistic, *arrays):
    projected, rest = kernels.fold_utility(utility_params(arrays), h, statistic)
    return rest(kernels.subset_sums(projected, jnp.asarray(SUBSETS, projected.dtype), mask=jnp.asarray(MASK)))


@jax.jit
def _logits(h):
    return kernels.marginal_logits(smooth, h, jnp.asarray(SUBSETS, h.dtype), mask=jnp.asarray(MASK))[MASK]


@jax.jit
def _step(h, q):
    return kernels.mean_field_step(smooth, h, q, KEY, num_samples=SAMPLES, mask=jnp.asarray(MASK))


def _drawn(key, q, shared, mask=MASK):
    shape = (SAMPLES, ELEMENTS) if shared else (SAMPLES, ELEMENTS, ELEMENTS)
    return ((np.asarray(jax.random.uniform(key, shape, FLOAT)) < q) & mask).astype(float)


@jax.jit
def _steps(h, q):
    options = {"num_steps": 2, "num_samples": SAMPLES, "mask": jnp.asarray(MASK), "shared_draw": True}
    return kernels.mean_field(smooth, h, KEY, q=q, **options)


def _numpy_steps(h, q):
    for key in jax.random.split(KEY, 2):
        q = expit(numpy_logits(numpy_smooth, h, _drawn(key, q.astype(FLOAT), True), MASK))
    return q


def _wrong(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


H, Q, WHOLE = jnp.ones((ELEMENTS, WIDTH)), jnp.full(ELEMENTS, 0.5), jnp.ones((ELEMENTS, WIDTH), int)
THREE = jnp.ones(3)
PARAMS = jax.tree.map(jnp.asarray, utility_params(utility_arrays(np.random.default_rng(0))))

CASES = [
    Case(
        name="permutations.subset_sums",
        function=lambda h, s: kernels.subset_sums(h, s, mask=jnp.asarray(MASK)),
        arguments=lambda generator: (elements(generator), generator.normal(size=(SAMPLES, ELEMENTS))),
        reference=lambda h, s: s[:, MASK] @ h[MASK],
        **SUMS,
        differentiable=(0, 1),
        bad_input=(
            _wrong(lambda: kernels.subset_sums(WHOLE, Q), "h must be floating point", TypeError),
            _wrong(lambda: kernels.subset_sums(H[:0], Q), "h must have shape"),
            _wrong(lambda: kernels.subset_sums(H, THREE), r"subsets must have shape \(..., 4\)"),
            _wrong(lambda: kernels.subset_sums(H, Q, mask=Q), "mask must be boolean", TypeError),
            _wrong(lambda: kernels.subset_sums(H, Q, mask=jnp.ones(3, bool)), "mask must have shape"),
        ),
    ),
    Case(
        name="permutations.superset_statistic",
        function=lambda h: kernels.superset_statistic(h, mask=jnp.asarray(MASK), pooling="root"),
        arguments=lambda generator: (elements(generator),),
        reference=lambda h: h[MASK].sum(0) / 3**0.5,
        **SUMS,
        bad_input=(_wrong(lambda: kernels.superset_statistic(H, pooling="max"), "pooling must be one of"),),
    ),
    Case(
        name="permutations.set_utility",
        function=lambda sums, told, *arrays: kernels.set_utility(utility_params(arrays), sums, told),
        arguments=lambda generator: (
            generator.normal(size=(2, SAMPLES, WIDTH)),
            _told(generator),
            *utility_arrays(generator),
        ),
        reference=lambda sums, told, *arrays: numpy_utility(utility_params(arrays), sums, told),
        **SUMS,
        differentiable=tuple(range(9)),
        bad_input=(
            _wrong(lambda: kernels.set_utility(PARAMS, WHOLE, jnp.ones(2)), "h must be floating point", TypeError),
            _wrong(lambda: kernels.set_utility(PARAMS, H[:, :2], jnp.ones(2)), r"params.kernels\[0\] must have shape"),
            _wrong(lambda: kernels.set_utility(PARAMS, H), "statistic must be given if"),
            _wrong(
                lambda: kernels.set_utility(PARAMS._replace(statistic=None), H, THREE), "statistic must be given if"
            ),
            _wrong(lambda: kernels.set_utility(PARAMS, H, THREE), "params.statistic must have shape"),
            _wrong(lambda: kernels.set_utility(PARAMS._replace(biases=()), H, THREE), "as many kernels as biases"),
        ),
    ),
    Case(
        name="permutations.fold_utility",
        function=_folded,
        arguments=lambda generator: (elements(generator), _told(generator), *utility_arrays(generator)),
        reference=lambda h, told, *arrays: numpy_utility(utility_params(arrays), SUBSETS[:, MASK] @ h[MASK], told),
        **SUMS,
        differentiable=tuple(range(9)),
        bad_input=(_wrong(lambda: kernels.fold_utility(PARAMS, H), "statistic must be given if"),),
    ),
    Case(
        name="permutations.sample_subsets",
        function=lambda q: kernels.sample_subsets(KEY, q, num_samples=SAMPLES, mask=jnp.asarray(MASK)),
        arguments=lambda generator: (_probabilities(generator),),
        reference=lambda q: _drawn(KEY, q.astype(FLOAT), False),
        **CHOICES | {"low_result": jnp.float32},
        bad_input=(
            _wrong(lambda: kernels.sample_subsets(KEY, H, num_samples=1), "q must have shape"),
            _wrong(lambda: kernels.sample_subsets(KEY, Q, num_samples=0), "num_samples must be"),
        ),
    ),
    Case(
        name="permutations.marginal_logits",
        function=_logits,
        arguments=lambda generator: (elements(generator),),
        reference=lambda h: numpy_logits(numpy_smooth, h, SUBSETS, MASK)[MASK],
        **SUMS,
        bad_input=(
            _wrong(lambda: kernels.marginal_logits(smooth, H, jnp.ones((2, 3))), "samples must have shape"),
            _wrong(lambda: kernels.marginal_logits(smooth, H, jnp.ones((2, 3, 4))), "samples must have shape"),
            _wrong(lambda: kernels.marginal_logits(smooth, H, jnp.ones((2, 4), int)), "samples must be", TypeError),
        ),
    ),
    Case(
        name="permutations.mean_field_step",
        function=_step,
        arguments=lambda generator: (elements(generator), _probabilities(generator)),
        reference=lambda h, q: expit(numpy_logits(numpy_smooth, h, _drawn(KEY, q.astype(FLOAT), False), MASK)),
        **MARGINALS,
        bad_input=(_wrong(lambda: kernels.mean_field_step(smooth, H, THREE, KEY), "q must have shape"),),
    ),
    Case(
        name="permutations.mean_field",
        function=_steps,
        arguments=lambda generator: (elements(generator), _probabilities(generator)),
        reference=_numpy_steps,
        **MARGINALS,
        # Of the last step alone, which finite differences see too, but where a draw of it changes.
        bad_input=(
            _wrong(lambda: kernels.mean_field(smooth, H, KEY, num_steps=0), "num_steps must be"),
            _wrong(lambda: kernels.mean_field(smooth, H, KEY, q=THREE), "q must have shape"),
        ),
    ),
    Case(
        name="permutations.multilinear_exact",
        function=jax.jit(lambda h, q: kernels.multilinear_exact(smooth, h, q)),
        arguments=lambda generator: (elements(generator), _probabilities(generator)),
        reference=lambda h, q: numpy_mean(numpy_smooth, h, q),
        **SUMS,
        differentiable=(0, 1),
        bad_input=(
            _wrong(lambda: kernels.multilinear_exact(smooth, H, THREE), "q must have shape"),
            _wrong(lambda: kernels.multilinear_exact(smooth, jnp.ones((13, 2)), jnp.ones(13)), "at most 12"),
        ),
    ),
    Case(
        name="permutations.sample_bernoulli",
        function=lambda logits: kernels.sample_bernoulli(
            KEY, logits, num_samples=SAMPLES, mask=jnp.asarray(MASK), temperature=0.5, straight_through=False
        ),
        arguments=lambda generator: (generator.normal(size=ELEMENTS),),
        reference=lambda logits: (
            MASK * expit((logits + np.asarray(jax.random.logistic(KEY, (SAMPLES, ELEMENTS), FLOAT), float)) / 0.5)
        ),
        **SUMS,
        bad_input=(
            _wrong(lambda: kernels.sample_bernoulli(KEY, H, num_samples=1), "logits must have shape"),
            _wrong(lambda: kernels.sample_bernoulli(KEY, Q, num_samples=0), "num_samples must be"),
            _wrong(lambda: kernels.sample_bernoulli(KEY, Q, num_samples=1, temperature=0.0), "temperature must be"),
        ),
    ),
    Case(
        name="permutations.sample_bernoulli_copula",
        function=lambda *arguments: kernels.sample_bernoulli_copula(
            KEY, *arguments, num_samples=SAMPLES, mask=jnp.asarray(MASK), temperature=1.0, straight_through=False
        ),
        arguments=lambda generator: (
            generator.normal(size=ELEMENTS),
            generator.uniform(0.5, 1.5, ELEMENTS),
            generator.uniform(-1, 1, (ELEMENTS, 2)),
        ),
        reference=_numpy_copula,
        **SUMS,
        differentiable=(0, 1, 2),
        bad_input=(
            _wrong(lambda: kernels.sample_bernoulli_copula(KEY, Q, THREE, H, num_samples=1), "std must have shape"),
            _wrong(lambda: kernels.sample_bernoulli_copula(KEY, Q, Q, H[1:], num_samples=1), "factors must have shape"),
            _wrong(lambda: kernels.sample_bernoulli_copula(KEY, Q, Q, H, num_samples=0), "num_samples must be"),
        ),
    ),
    Case(
        name="permutations.bernoulli_entropy",
        function=lambda logits: kernels.bernoulli_entropy(logits, mask=jnp.asarray(MASK)),
        arguments=lambda generator: (2 * generator.normal(size=ELEMENTS),),
        reference=numpy_entropy,
        **SUMS,
        bad_input=(_wrong(lambda: kernels.bernoulli_entropy(H), "logits must have shape"),),
    ),
    Case(
        name="permutations.elbo",
        function=jax.jit(lambda h, logits, s: kernels.elbo(smooth, h, logits, s, mask=jnp.asarray(MASK))),
        arguments=lambda generator: (
            elements(generator),
            generator.normal(size=ELEMENTS),
            generator.random((SAMPLES, ELEMENTS)),
        ),
        reference=lambda h, logits, s: numpy_smooth(s[:, MASK] @ h[MASK]).mean() + numpy_entropy(logits),
        **SUMS,
        differentiable=(0, 1, 2),
        bad_input=(
            _wrong(lambda: kernels.elbo(smooth, H, Q, Q), "subsets must have shape"),
            _wrong(lambda: kernels.elbo(smooth, H, THREE, H.T), "logits must have shape"),
        ),
    ),
    Case(
        name="permutations.subset_nll",
        function=lambda logits, weight: kernels.subset_nll(logits, jnp.asarray(CHOSEN), weight),
        arguments=lambda generator: (generator.normal(size=ELEMENTS), generator.random(ELEMENTS)),
        reference=lambda x, weight: -np.sum(weight * np.log(np.where(CHOSEN, expit(x), 1 - expit(x)))),
        **SUMS,
        differentiable=(0, 1),
        bad_input=(
            _wrong(lambda: kernels.subset_nll(Q, Q), "subset must be boolean", TypeError),
            _wrong(lambda: kernels.subset_nll(Q, jnp.ones(3, bool)), "subset must have shape"),
            _wrong(lambda: kernels.subset_nll(Q, jnp.ones(4, bool), THREE), "weight must have shape"),
        ),
    ),
    Case(
        name="permutations.balanced_weight",
        # The only element left beside the subset must be the negative.
        function=lambda x: kernels.balanced_weight(KEY, x > 0, mask=jnp.asarray(MASK)).astype(x.dtype),
        arguments=lambda generator: (np.array([1.0, 1.0, -1.0, -1.0]) * generator.uniform(1, 2, ELEMENTS),),
        reference=lambda x: MASK * 1.0,
        **CHOICES,
        bad_input=(
            _wrong(lambda: kernels.balanced_weight(KEY, Q), "subset must be boolean", TypeError),
            _wrong(lambda: kernels.balanced_weight(KEY, jnp.ones(4, bool), num_negatives=0), "num_negatives must be"),
        ),
    ),
    Case(
        name="permutations.topk_subset",
        function=lambda x: kernels.topk_subset(x, 2, mask=jnp.asarray(MASK)).astype(x.dtype),
        arguments=lambda generator: (generator.normal(size=ELEMENTS),),
        reference=lambda x: ((x >= np.sort(x[MASK])[-2]) & MASK) * 1.0,
        **CHOICES,
        bad_input=(
            _wrong(lambda: kernels.topk_subset(Q, 5), "k must be at most the 4 elements"),
            _wrong(lambda: kernels.topk_subset(Q, 1.5), "k must be one integer", TypeError),  # pyright: ignore[reportArgumentType]
            _wrong(lambda: kernels.topk_subset(jnp.ones(4, int), 1), "scores must be floating", TypeError),
        ),
    ),
    *(
        Case(
            name=f"permutations.{name}",
            function=lambda x, y, kernel=kernel: kernel(x > 0, y > 0).astype(x.dtype),
            arguments=lambda generator: (generator.normal(size=(5, 3)), generator.normal(size=(5, 3))),
            reference=lambda x, y, reduce=reduce: reduce(
                [len(a & b) / len(a | b) if a | b else 1 for a, b in zip(_sets(x), _sets(y), strict=True)]
            ),
            **CHOICES,
            bad_input=(
                _wrong(lambda kernel=kernel: kernel(Q, Q > 0), "found must be boolean", TypeError),
                _wrong(lambda kernel=kernel: kernel(Q > 0, THREE > 0), "wanted must have shape"),
            ),
        )
        for name, kernel, reduce in (
            ("jaccard", kernels.jaccard, np.array),
            ("mean_jaccard", kernels.mean_jaccard, np.mean),
        )
    ),
]


def _sets(x):
    return [set(np.flatnonzero(row > 0).tolist()) for row in x]
