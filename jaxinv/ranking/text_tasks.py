"""Targets of short English texts: from the documentation of packages that this library needs, so that it is there.

The labels are facts about where a text stood. The texts follow the installed versions.
"""

import ast
import dataclasses
import importlib.metadata
import importlib.util
import itertools
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import numpy as np

from jaxinv.ranking.model_data import stratified_rows

SUBJECTS = ("interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "spatial", "stats")
FOLDERS: Mapping[str, tuple[str, ...] | None] = MappingProxyType(
    {"scipy": SUBJECTS, "numpy": ("fft", "lib", "linalg", "ma", "polynomial"), "flax": None, "optax": None}
)
"""By package: which of its folders are read, None for all."""
SECTIONS = ("Parameters", "Returns", "Notes")
SHORTEST, LONGEST = 20, 300  # characters


@dataclasses.dataclass(frozen=True, eq=False)
class TextTask:
    """A classification task on texts with its own split.

    Attributes:
      name: of the task.
      num_classes: C.
      train_texts, test_texts: (N,) and (K,) strings, all different.
      train_labels, test_labels: int32 in 0..C-1.
    """

    name: str
    num_classes: int
    train_texts: np.ndarray
    train_labels: np.ndarray
    test_texts: np.ndarray
    test_labels: np.ndarray


def text_tasks(*, seed: int, num_train: int = 600, num_test: int = 800) -> tuple[TextTask, ...]:
    """Three tasks.

    | task | classes | texts |
    | --- | --- | --- |
    | subjects | 8, of scipy: linear algebra, optimisation, statistics, ... | what a function or class does |
    | packages | 4: scipy, numpy, flax, optax | the same |
    | sections | 3: a parameter, a result, a note | the first words of the section |

    Args:
      seed: of the split.
      num_train: most training samples, every class in its share; no class has more than `(num_train + num_test) / C`
        texts in all.
      num_test: most test samples, likewise.
    """
    read = {package: list(docstrings(package, folders)) for package, folders in FOLDERS.items()}
    subjects = ((folder, _summary(text)) for folder, text in read["scipy"])
    packages = ((package, _summary(text)) for package, found in read.items() for _, text in found)
    sections = (found for package in ("scipy", "numpy") for _, text in read[package] for found in _sections(text))
    wanted = (("subjects", subjects), ("packages", packages), ("sections", sections))
    return tuple(_split(name, found, seed, num_train, num_test) for name, found in wanted)


def versions() -> dict[str, str]:
    """Of the packages that are read."""
    return {package: importlib.metadata.version(package) for package in FOLDERS}


def docstrings(package: str, folders: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    """(folder, docstring) of every function and class in the source files of a package, which is not imported."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    root = pathlib.Path(spec.submodule_search_locations[0])
    for path in sorted(root.rglob("*.py")):
        folder, *inner = path.relative_to(root).parts
        test = "tests" in inner or path.stem.endswith("_test")
        if test or (folders is not None and folder not in folders):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (text := ast.get_docstring(node)):
                yield folder, text


def _summary(text: str) -> str:
    return text.split("\n\n")[0]


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """(section, its first words): of a list, what is said about the first entry."""
    parts = re.split(r"\n([A-Z][A-Za-z ]+)\n-{3,}\n", text)
    for name, content in zip(parts[1::2], parts[2::2], strict=True):
        if name in SECTIONS:
            first = content.strip("\n").split("\n\n")[0]
            if name != "Notes":
                first = "\n".join(itertools.takewhile(lambda line: line.startswith(" "), first.split("\n")[1:]))
            yield name, first


def _split(name: str, found: Iterable[tuple[str, str]], seed: int, num_train: int, num_test: int) -> TextTask:
    """The task of (class, text), of which each text is used once, and one of several classes not at all."""
    classes: dict[str, set[str]] = {}
    for label, text in found:
        plain = " ".join(text.split())
        if SHORTEST <= len(plain) <= LONGEST:
            classes.setdefault(plain, set()).add(label)
    alone = {text: next(iter(labels)) for text, labels in classes.items() if len(labels) == 1}
    names, labels = np.unique(list(alone.values()), return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    most = (num_train + num_test) // len(names)
    kept = np.concatenate([shuffled[labels[shuffled] == label][:most] for label in range(len(names))])
    texts, labels = np.array(list(alone))[kept], labels[kept].astype(np.int32)
    train = np.zeros(len(texts), bool)
    train[stratified_rows(labels, num_train, seed=seed)] = True
    rest = np.flatnonzero(~train)
    test = rest[stratified_rows(labels[rest], num_test, seed=seed)]
    return TextTask(name, len(names), texts[train], labels[train], texts[test], labels[test])
