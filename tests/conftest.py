"""The suite's strictness: rank promotion raises, warnings are errors, NaN and Inf debugging on, two host devices."""

import gc
import itertools
import os
import pathlib

os.environ.setdefault("MPLBACKEND", "Agg")
# Most of the suite's time is compilation of programs that run once. XLA's older emitters take a third of the time of
# the newer ones, with one module a program a quarter; without the costly optimisations it is a third less again.
# Commands that tests start inherit the flags.
os.environ["XLA_FLAGS"] = " ".join(
    (
        os.environ.get("XLA_FLAGS", ""),
        "--xla_cpu_use_fusion_emitters=false",
        "--xla_cpu_parallel_codegen_split_count=1",
    )
)

import hypothesis
import jax
import pytest

from tests import marks

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_disable_most_optimizations", True)
# One folder a worker: entries are not written atomically, and reading half of one can crash the process.
CACHE = pathlib.Path(__file__).parents[1] / ".cache" / "xla" / os.environ.get("PYTEST_XDIST_WORKER", "main")
jax.config.update("jax_compilation_cache_dir", str(CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, max_examples=15)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def debug_nans(request):
    on = request.node.get_closest_marker("allow_nans") is None
    with jax.debug_nans(on), jax.debug_infs(on):
        yield


@pytest.fixture
def full_precision():
    """Networks multiply in the device's own precision; where two ways are compared, in full precision."""
    with jax.default_matmul_precision("highest"):
        yield


_TESTS_BETWEEN_CLEARINGS = 40


@pytest.fixture(autouse=True, scope="session")
def tests_done():
    return itertools.count(1)


@pytest.fixture(autouse=True)
def bounded_executables(tests_done):
    """Drops compiled programs now and then.

    A test leaves about 200 memory mappings in compiled programs; where a process holds 65 530 of them, Linux grants no
    more and the compiler crashes.
    """
    yield
    if next(tests_done) % _TESTS_BETWEEN_CLEARINGS == 0:
        jax.clear_caches()
        gc.collect()


def pytest_collection_modifyitems(items):
    if jax.default_backend() == "gpu":
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no CUDA device here"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test with the marker `proves` leaves the marks of its kernels where it passed."""
    report = yield
    marker = item.get_closest_marker("proves")
    if report.when == "call" and marker is not None:
        duty, *kernels = marker.args
        values = getattr(item, "callspec", None)
        for kernel in kernels:
            marks.leave(kernel.format(**_names(values.params if values else {})), duty, passed=report.passed)
    return report


def _names(values):
    return {name: getattr(value, "__name__", value) for name, value in values.items()}
