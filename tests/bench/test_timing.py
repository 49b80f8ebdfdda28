"""What is timed is what was asked for: every repetition runs, and ratios are of the right clock."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.bench.timing import BUSY, Rounds, compiled, interleaved, repeated


@pytest.mark.parametrize("repeats", [1, 7])
def test_every_repetition_runs_and_changes_nothing(repeats):
    calls = []

    def counted(x):
        jax.debug.callback(lambda: calls.append(1))
        return {"twice": 2 * x, "number": jnp.arange(3)}

    x = jnp.arange(4.0, dtype=jnp.float32)
    found = compiled(repeated(counted, repeats), (x,)).on((x,))()
    jax.effects_barrier()
    assert len(calls) == repeats
    np.testing.assert_array_equal(found["twice"], 2 * x)


def test_each_repetition_needs_the_one_before_in_every_argument():
    """Else XLA may compute one result for all: an infinite one must spoil the arguments of the next."""
    given = (
        jnp.ones(4, jnp.float32),
        {"other": jnp.ones((2, 2), jnp.float32), "number": jnp.int32(3), "truth": jnp.array([True, True])},
    )

    def infinite(x, others):
        return {"x": x / 0, **others}

    with jax.debug_nans(False), jax.debug_infs(False):
        once, twice = (jax.tree.map(np.asarray, compiled(repeated(infinite, n), given).on(given)()) for n in (1, 2))
    assert np.all(np.isinf(once["x"]))
    assert np.all(np.isfinite(once["other"]))
    assert np.isnan(twice["x"][0])
    assert np.isnan(twice["other"][0, 0])
    assert (once["number"], twice["number"]) == (3, 4)
    assert (once["truth"].tolist(), twice["truth"].tolist()) == ([True, True], [False, True])


def test_calls_take_turns_and_factors_scale():
    order = []
    rounds = interleaved([lambda: order.append("a"), lambda: order.append("b")], seconds=0.0, least=8)
    turns = [tuple(order[i : i + 2]) for i in range(0, len(order), 2)]
    assert len(turns) == len(rounds.wall) + 1
    # Both in every round, and each of them the first in some.
    assert set(turns) == {("a", "b"), ("b", "a")}
    assert rounds.wall.shape == rounds.cpu.shape
    assert rounds.time(1, 10.0).median_ms == pytest.approx(10 * rounds.time(1).median_ms)


def test_a_busy_machine_is_judged_by_cpu_time():
    wall, cpu = np.array([[1.0, 3.0]] * 5), np.array([[1.0, 2.0]] * 5)
    assert Rounds(wall, cpu, BUSY / 2).ratio(1)[0] == 3.0
    assert Rounds(wall, cpu, 2 * BUSY).ratio(1, 0.5)[0] == 1.0
