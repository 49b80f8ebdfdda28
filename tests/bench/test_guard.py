"""The guard must bark: a planted slowdown fails, the same kernel does not."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.bench.case import Case, Peer, Work
from jaxinv.bench.guard import Guarded, check, judge, reached, read_baseline, write_baseline
from jaxinv.bench.measure import Settings, forward
from tests.bench.test_cases import RATES

SETTINGS = Settings(seconds=0.2, run={"device": "a test", "rates": RATES})
SIZES = {"side": 128}


def product(x):
    return jnp.matmul(x, x, precision="highest")


def far_slower(x):
    return jax.lax.fori_loop(0, 999, lambda _, y: product(x) + 0 * y, product(x))


def case(kernel):
    return Case(
        family="test",
        name="product",
        kernel=kernel,
        arguments=lambda generator, sizes: (generator.normal(size=(sizes["side"],) * 2).astype(np.float32),),
        sizes=(SIZES,),
        small=SIZES,
        work=lambda sizes: Work(flops=2 * sizes["side"] ** 3, bytes=8 * sizes["side"] ** 2),
        # Run by XLA like the kernel: two libraries' thread pools suffer unequally from a neighbour.
        peers=(Peer(name="plain", kind="dense", call=product, compiled=True, tolerance=1e-5),),
    )


def test_a_planted_slowdown_fails_and_says_both_figures(tmp_path):
    path = tmp_path / "baseline.json"
    write_baseline(path, "a test", [forward(case(product), SIZES, SETTINGS)])
    baseline = read_baseline(path, "a test")
    (row,) = baseline
    # Equal code has the ratio 1. A neighbour can slow threads that wait for each other ten times, in one of two calls;
    # a factor of a thousand stands out all the same.
    baseline = {row: baseline[row]._replace(ratio=1.0, band=0.75)}
    said = []
    (slow,) = check([case(far_slower)], baseline, SETTINGS, report=said.append)
    assert slow.worse
    assert said == [slow]
    assert str(slow).startswith(f"WORSE: {row} against plain: {slow.found:.3g}, baseline {slow.wanted:.3g}")


def test_judgement_by_the_band():
    record = forward(case(product), SIZES, SETTINGS)
    guarded = reached(record)
    assert guarded.against == "plain"
    assert guarded.band >= 0.25
    assert not judge(record.row, guarded, record).worse
    assert not judge(record.row, guarded._replace(ratio=guarded.ratio / (1 - guarded.band) * 0.99), record).worse
    assert judge(record.row, guarded._replace(ratio=guarded.ratio / (1 - guarded.band) * 1.01), record).worse


def test_rows_without_a_peer_are_held_to_the_limit():
    record = dataclasses.replace(forward(case(product), SIZES, SETTINGS), peers=())
    assert reached(record).against == "limit"
    assert judge("row", Guarded("limit", 2.1 * record.limit_share, 0.5), record).worse


def test_a_baseline_holds_ratios_by_device_and_keeps_the_others(tmp_path):
    path = tmp_path / "baseline.json"
    record = forward(case(product), SIZES, SETTINGS)
    write_baseline(path, "one", [record])
    write_baseline(path, "another", [record, dataclasses.replace(record, axis="side")])
    assert read_baseline(path, "one") == read_baseline(path, "another")
    assert read_baseline(path, "a third") == {}
    assert "_ms" not in path.read_text()


@pytest.mark.parametrize("quick", [True, False])
def test_unguarded_rows_are_passed_over(quick):
    assert check([case(product)], {}, dataclasses.replace(SETTINGS, quick=quick)) == []
