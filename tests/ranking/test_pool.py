import dataclasses
import io
import re

import jax
import numpy as np
import pytest
from rich.console import Console

from jaxinv.data import rotate
from jaxinv.ranking import pool as pool_module
from jaxinv.ranking.pool import Pool, PoolSpec, represent, train_pool
from jaxinv.ranking.truth import TruthSpec, fine_tuned_accuracies, measure_truth, probe_accuracies, sensitivities
from tests.ranking.bars import SOURCES, bars

SPEC = PoolSpec(architectures=("perceptron",), sources=("mnist", "parity"), invariances=("none", "rotation"), steps=40)


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    """Small source tasks with 10 and 2 classes, under real names."""
    tasks = dict(SOURCES)
    monkeypatch.setattr(pool_module, "SOURCE_TASKS", tasks)
    return tasks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pool")


def train(folder, spec=SPEC) -> tuple[Pool, str]:
    out = io.StringIO()
    return train_pool(spec, cache=folder, console=Console(file=out, width=200)), out.getvalue()


def equal(first, second):
    return all(
        np.array_equal(x, y)
        for x, y in zip(jax.tree.leaves(first.ensembles), jax.tree.leaves(second.ensembles), strict=True)
    )


def test_networks_are_described_and_learn(folder):
    pool, _ = train(folder)
    assert [network.name for network in pool.networks] == [
        "perceptron mnist none",
        "perceptron parity none",
        "perceptron mnist rotation",
        "perceptron parity rotation",
    ]
    assert [network.num_source_classes for network in pool.networks] == [10, 2, 10, 2]
    assert {network.width for network in pool.networks} == {128}
    accuracies = [network.source_accuracy for network in pool.networks]
    assert accuracies[0] > 0.8
    assert accuracies[1] > 0.95
    assert accuracies[2] < accuracies[0]


def test_default_is_large_and_names_are_checked(monkeypatch):
    monkeypatch.undo()
    spec = PoolSpec()
    assert len(spec.architectures) * len(spec.sources) * len(spec.invariances) == 64
    with pytest.raises(ValueError, match=r"sources must be some of mnist, .*, got imagenet"):
        PoolSpec(sources=("imagenet",))
    with pytest.raises(ValueError, match=r"architectures must be some of .*, got none"):
        PoolSpec(architectures=())


def test_representations_use_the_first_outputs_only(folder):
    pool, _ = train(folder)
    images = bars(num_classes=10).test_images[:7]
    outputs = represent(pool, images)
    for network, output in zip(pool.networks, outputs, strict=True):
        assert output.features.shape == (7, network.width)
        assert output.source_probabilities.shape == (7, network.num_source_classes)
        np.testing.assert_allclose(output.source_probabilities.sum(1), 1.0, rtol=1e-5)


def test_equal_seeds_give_equal_pools_whatever_the_cache(folder, tmp_path):
    pool, _ = train(folder)
    cached, text = train(folder)
    fresh, fresh_text = train(tmp_path)
    assert equal(pool, cached)
    assert equal(pool, fresh)
    assert pool.networks == cached.networks == fresh.networks
    assert "Training" not in text
    assert "Training" in fresh_text
    other, _ = train(tmp_path, dataclasses.replace(SPEC, seed=1))
    assert not equal(pool, other)
    assert len(list(tmp_path.iterdir())) == 2


def test_stale_and_damaged_caches_are_trained_again_with_a_notice(tmp_path, sources):
    short = dataclasses.replace(SPEC, steps=2)
    pool, _ = train(tmp_path, short)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    again, text = train(tmp_path, short)
    assert re.search("damaged", text)
    assert equal(pool, again)
    _, text = train(tmp_path, dataclasses.replace(short, learning_rate=1e-3))
    assert re.search("other settings, data or code", text)
    sources["parity"] = lambda: bars(num_classes=2, name="parity", seed=5)
    _, text = train(tmp_path, dataclasses.replace(short, learning_rate=1e-3))
    assert re.search("other settings, data or code", text)


def test_a_killed_training_keeps_the_architectures_that_were_done(tmp_path, monkeypatch):
    spec = dataclasses.replace(SPEC, architectures=("perceptron", "patches"), invariances=("none",), steps=2)
    real = pool_module.train_ensemble
    trained = []

    def killed(ensemble, batches, **options):
        if trained:
            raise KeyboardInterrupt
        trained.append(None)
        return real(ensemble, batches, **options)

    monkeypatch.setattr(pool_module, "train_ensemble", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, spec)
    assert [path.name for path in tmp_path.iterdir()] == ["pool perceptron seed 0.npz"]
    monkeypatch.setattr(pool_module, "train_ensemble", real)
    pool, text = train(tmp_path, spec)
    assert "Training perceptron" not in text
    assert "Training patches" in text
    assert [network.width for network in pool.networks] == [128, 128, 96, 96]


def test_truth_is_measured_once(folder, tmp_path):
    pool, _ = train(folder)
    task = bars(num_classes=4, seed=3)
    spec = TruthSpec(steps=30, num_heads=2)
    first, again = (measure_truth(pool, task, spec, cache=tmp_path) for _ in range(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sensitivity bars seed 0.npz", "truth bars seed 0.npz"]
    assert set(first.accuracies) == {"linear probe", "fine-tuned"}
    for name, values in first.accuracies.items():
        assert values.shape == (4,)
        assert values.min() > 0.4
        assert np.array_equal(values, again.accuracies[name])
    assert set(first.sensitivity) == {"rotation", "translation", "contrast"}
    assert np.array_equal(first.accuracies["linear probe"], probe_accuracies(pool, task))
    fresh = fine_tuned_accuracies(pool, task, spec)
    assert np.array_equal(first.accuracies["fine-tuned"], fresh)


def test_heads_are_averaged_in_order(folder):
    pool, _ = train(folder)
    task = bars(num_classes=4, seed=3)
    one, two = (fine_tuned_accuracies(pool, task, TruthSpec(steps=5, num_heads=n)) for n in (1, 2))
    count = len(task.test_labels)
    # Twice the mean of two is a whole number of right answers more than that of the first head.
    second = 2 * two - one
    np.testing.assert_allclose(second * count, np.round(second * count), atol=1e-6 * count)
    assert np.all((second >= 0) & (second <= 1))


def test_sensitivity_tells_the_invariant_network(folder):
    pool, _ = train(folder, dataclasses.replace(SPEC, sources=("mnist",), steps=300))
    upright = bars(num_classes=10, seed=7)
    measured = sensitivities(pool, upright)
    assert all(np.all((values > 0) & (values < 2)) for values in measured.values())
    turned = rotate(upright.train_images, jax.random.key(0))
    assert not np.array_equal(turned, upright.train_images)
    plain, invariant = measured["rotation"]
    assert invariant < plain
