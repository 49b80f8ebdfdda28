"""Every case at its small size: our answer is each peer's, and the records of a quick run are well formed."""

import warnings

import jax
import numpy as np
import pytest

from jaxinv.bench.families import FAMILIES
from jaxinv.bench.measure import Settings, difference, example, measure
from jaxinv.bench.record import from_line, keep, read, to_line

RATES = {"matmul_float32": 1e11, "matmul_bfloat16": 1e11, "matmul_float64": 1e10, "copy": 1e10}
SETTINGS = Settings(seconds=0.0, quick=True, run={"device": "a test", "rates": RATES})
CASES = [case for family in FAMILIES.values() for case in family]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_our_answer_is_the_peers(case):
    host = example(case, case.small)
    ours = jax.jit(case.kernel)(*jax.tree.map(jax.numpy.asarray, host))
    compared = [peer for peer in case.peers if peer.tolerance is not None and peer.installed]
    for peer in compared:
        # How a library computes is not ours to judge.
        with (
            jax.debug_nans(False),
            jax.debug_infs(False),
            jax.numpy_rank_promotion("allow"),
            warnings.catch_warnings(action="ignore"),
        ):
            theirs = np.asarray((jax.jit(peer.call) if peer.compiled else peer.call)(*host))
        found = difference(case, ours, theirs)
        assert found <= peer.tolerance, f"{peer.name}: {found}"
        assert difference(case, ours, theirs * (1 + 3 * peer.tolerance)) > peer.tolerance


def test_names_are_unique_and_every_library_is_compared_or_says_why():
    keys = [(case.family, case.name) for case in CASES]
    assert len(set(keys)) == len(keys)
    not_the_same = ("floor", "another map")
    peers = [peer for case in CASES for peer in case.peers]
    assert all(peer.tolerance is None for peer in peers if peer.kind in not_the_same)
    uncompared = {peer.name for peer in peers if peer.kind not in not_the_same and peer.tolerance is None}
    # The leave-one-out error of the one is another number than ours; the other says of itself what it loses.
    assert uncompared == {"scikit-learn RidgeCV, 25 ridges", "sphericart (numpy), high orders lost"}


@pytest.mark.parametrize("name", ["leep", "update with class Grams"])
def test_records_survive_their_file(name, tmp_path):
    (case,) = (case for case in CASES if case.name == name)
    records = list(measure(case, SETTINGS))
    modes = {(record.mode, record.variant) for record in records}
    assert modes == (
        {("forward", "fresh"), ("vjp", "fresh"), ("forward+vjp", "fresh")}
        if case.differentiable
        else {("forward", "fresh"), ("forward", "donated")}
    )
    for record in records:
        assert from_line(to_line(record)) == record
        assert record.compile_ms > 0
        assert record.lower_ms > 0
        assert record.time.low_ms <= record.time.median_ms <= record.time.high_ms
        assert record.peak_bytes is not None
    forward = records[0]
    assert forward.error is not None
    assert forward.error < 1e-4
    assert {peer.name for peer in forward.peers} == {peer.name for peer in case.peers if peer.installed}
    path = tmp_path / "device.jsonl"
    keep(path, records)
    keep(path, records[:1])
    assert sorted(record.key for record in read(path)) == sorted(record.key for record in records)


def test_a_line_that_is_no_record_is_named():
    with pytest.raises(ValueError, match="not a benchmark record"):
        from_line('{"case": "half')
