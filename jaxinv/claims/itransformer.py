"""Tokens of whole series forecast better than tokens of times, and by more than each series tells (Liu, Hu et al.).

Employment in the United States, 23 sectors by month, is forecast half a year ahead from two years; what is known ends
after 84 of the 120 months. Then six series lead six others, which follow eight steps later: all of the followers'
future lies in the leaders' past, where no forecast of each series by itself can find it. iTransformer stands beside a
Transformer of the same widths on times, linear maps of each series by itself, and the last value repeated.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.data import us_employment
from jaxinv.kernels.permutations import Windows, repeat_last, sliding_windows, train_scale
from jaxinv.models import ITransformer, TimeTransformer
from jaxinv.nn import DLinear, RLinear
from jaxinv.training.forecasting import train_forecaster

INVERTED, TIMES, LINEAR, TWO_MAPS, LAST = "iTransformer", "tokens of times", "RLinear", "DLinear", "last value"
LEADERS, DELAY, LEAD_LAG_TIMES = 6, 8, 1492


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    steps: int = 800
    steps_a_look: int = 20
    width: int = 64
    heads: int = 4
    layers: int = 2


class _Task(NamedTuple):
    """Series of which the first times are known, and how they are cut."""

    series: np.ndarray
    num_train: int
    num_past: int
    num_future: int


class _Cut(NamedTuple):
    train: Windows
    selection: Windows
    test: Windows


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains and tests; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(steps=2, steps_a_look=1, width=4, heads=2, layers=1) if quick else _Size()
    tell = progress or (lambda text: None)
    employment = us_employment().values
    tasks: dict[str, Callable[[int], _Task]] = {
        "employment": lambda seed: _Task(employment, 84, 24, 6),
        "leaders and followers": lambda seed: _Task(lead_lag(seed), int(0.7 * LEAD_LAG_TIMES), 32, 8),
    }
    by_halves = tasks["employment"]
    if quick:
        # Trained on windows of one shape, which compiles once.
        by_halves = functools.partial(_cut_down, by_halves, 2 * LEADERS)
        tasks = {name: functools.partial(_cut_down, task, LEADERS) for name, task in tasks.items()}
    parts = [_one_task(name, task, seeds, size, tell) for name, task in tasks.items()]
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=(*(row for rows, _ in parts for row in rows), _unseen(by_halves, seeds, size, tell)),
        checks=tuple(check for _, checks in parts for check in checks),
    )


def _cut_down(task: Callable[[int], _Task], num_series: int, seed: int) -> _Task:
    return _Task(task(seed).series[:50, :num_series], 40, 24, 6)


def _one_task(name: str, task: Callable[[int], _Task], seeds: int, size: _Size, tell: Progress):
    errors = {one: np.zeros(seeds) for one in (INVERTED, TIMES, LINEAR, TWO_MAPS, LAST)}
    permuted, apart = np.zeros(seeds), np.zeros(seeds)
    for seed in range(seeds):
        given = task(seed)
        cut = _windows(given, given.series.shape[1])
        order = np.random.default_rng(seed).permutation(given.series.shape[1])
        for one, network in _networks(given, size).items():
            tell(f"{name}: training {one}, {size.steps} steps, seed {seed}")
            graphdef, params = _trained(network, cut, seed, size)
            found = _forecast(graphdef, params, cut.test.past)
            errors[one][seed] = _error(found, cut.test.future)
            if one == INVERTED:
                apart[seed] = np.max(np.abs(_forecast(graphdef, params, cut.test.past[..., order]) - found[..., order]))
            elif one == TIMES:
                shuffled = _forecast(graphdef, params, cut.test.past[..., order])
                permuted[seed] = _error(shuffled, cut.test.future[..., order])
        errors[LAST][seed] = _error(repeat_last(cut.test.past, num_future=given.num_future), cut.test.future)
    rows = [mean_row(f"{name}, squared error: {one}", values) for one, values in errors.items()]
    rows.append(mean_row(f"{name}, squared error: {TIMES}, series in another order", permuted))
    rows.append(mean_row(f"{name}, {INVERTED}: most that another order changes (1e-6)", 1e6 * apart))
    rivals = (LINEAR, TIMES, LAST)
    checks = [
        holds_in_every_seed(f"{name}: {INVERTED} is nearer than {one}", errors[one] - errors[INVERTED])
        for one in rivals
    ]
    checks.append(
        holds_in_every_seed(f"{name}: the order of the series changes nothing of {INVERTED}, to 1e-5", 1e-5 - apart)
    )
    return rows, checks


def _unseen(task: Callable[[int], _Task], seeds: int, size: _Size, tell: Progress):
    """Trained on half of the series, and tested on the others."""
    ratios = np.zeros(seeds)
    for seed in range(seeds):
        given = task(seed)
        num_series = given.series.shape[1]
        order = np.random.default_rng(seed).permutation(num_series)
        cut = _windows(given._replace(series=given.series[:, order]), num_series // 2)
        tell(f"training {INVERTED} on half of the series, {size.steps} steps, seed {seed}")
        graphdef, params = _trained(_networks(given, size)[INVERTED], cut, seed, size)
        past, future = (x[..., num_series // 2 :] for x in cut.test)
        last = repeat_last(past, num_future=given.num_future)
        ratios[seed] = _error(_forecast(graphdef, params, past), future) / _error(last, future)
    return mean_row(f"employment, {INVERTED} on sectors that training left out, error over that of the {LAST}", ratios)


def _networks(task: _Task, size: _Size) -> dict[str, Callable[[nnx.Rngs], nnx.Module]]:
    ends = task.num_past, task.num_future
    sizes: dict[str, Any] = {"width": size.width, "num_heads": size.heads}
    sizes |= {"num_layers": size.layers, "num_hidden": size.width}
    return {
        INVERTED: lambda rngs: ITransformer(*ends, **sizes, rngs=rngs),
        TIMES: lambda rngs: TimeTransformer(*ends, task.series.shape[1], **sizes, rngs=rngs),
        LINEAR: lambda rngs: RLinear(*ends, rngs=rngs),
        TWO_MAPS: lambda rngs: DLinear(*ends, rngs=rngs),
    }


def _windows(task: _Task, num_seen: int) -> _Cut:
    """Windows of what is known, the last sixth of them to select by, of the series seen; and what comes after."""
    scaled = train_scale(jnp.asarray(task.series), num_train=task.num_train).values
    ends = {"num_past": task.num_past, "num_future": task.num_future}
    known = sliding_windows(scaled[: task.num_train, :num_seen], **ends)
    num_fit = known.past.shape[0] - known.past.shape[0] // 6
    fit, selection = (Windows(*(x[part] for x in known)) for part in (slice(num_fit), slice(num_fit, None)))
    return _Cut(fit, selection, sliding_windows(scaled[task.num_train - task.num_past :], **ends))


def _trained(make: Callable[[nnx.Rngs], nnx.Module], cut: _Cut, seed: int, size: _Size):
    network = make(nnx.Rngs(seed))
    graphdef, params = nnx.split(network)
    options = {"num_steps": size.steps, "steps_a_look": size.steps_a_look}
    dropout = isinstance(network, ITransformer | TimeTransformer)
    params = train_forecaster(
        graphdef, params, cut.train, cut.selection, key=jax.random.key(seed), dropout=dropout, **options
    )
    return graphdef, params


@functools.partial(jax.jit, static_argnames=("graphdef",))
def _forecast(graphdef, params, past):
    return nnx.merge(graphdef, params)(past)


def _error(found, wanted) -> float:
    return float(np.mean((np.asarray(found) - np.asarray(wanted)) ** 2))


def lead_lag(seed: int) -> np.ndarray:
    """`(1492, 12)`: six oscillations, and the same six eight steps later with a little noise."""
    generator = np.random.default_rng(seed)
    warm = 100
    drawn = generator.normal(size=(warm + LEAD_LAG_TIMES + DELAY, LEADERS))
    for t in range(2, len(drawn)):
        drawn[t] += 1.6 * np.cos(0.25) * drawn[t - 1] - 0.72 * drawn[t - 2]
    leaders = drawn[warm:]
    followers = leaders[:-DELAY] + 0.1 * generator.normal(size=(LEAD_LAG_TIMES, LEADERS))
    return np.concatenate([leaders[DELAY:], followers], axis=1).astype(np.float32)


CLAIM = Claim(
    name="itransformer",
    title="iTransformer: Inverted Transformers Are Effective for Time Series Forecasting",
    reference="Liu, Hu, Zhang, Wu, Wang, Ma and Long, ICLR 2024, arXiv:2310.06625",
    statement="A Transformer whose tokens are whole series forecasts many series better than one whose tokens are "
    "times, and than linear maps of each series by itself; it follows every order and number of series.",
    experiment=run,
)
