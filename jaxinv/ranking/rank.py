"""Ranking models from a person's own files: features, labels and, optionally, source-class probabilities."""

import functools
import os
import pathlib
import time
import urllib.parse
from collections import Counter
from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh
from rich.console import Console

from jaxinv.ranking import processes
from jaxinv.ranking.agreement import agreement_with_truth
from jaxinv.ranking.environment import environment
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.feature_files import MatrixFile, open_matrix, split_member
from jaxinv.ranking.labels import Labels, read_column, read_labels
from jaxinv.ranking.model_data import stratified_rows
from jaxinv.ranking.pool_scores import score_pool
from jaxinv.ranking.reading import read_parts
from jaxinv.ranking.registry import choose_scores, takes_class_gram
from jaxinv.ranking.remarks import remarks
from jaxinv.ranking.results import RankingResult
from jaxinv.ranking.shares import Part, make_mesh, parts
from jaxinv.ranking.streaming import ModelFiles, default_chunk_rows, pass_result

PathLike = str | os.PathLike[str]


def rank_files(
    features: Sequence[PathLike],
    labels: PathLike,
    source_probabilities: Sequence[PathLike] = (),
    *,
    output: PathLike,
    names: Sequence[str] = (),
    scores: Sequence[str] | None = None,
    num_classes: int | None = None,
    truth: PathLike | None = None,
    max_samples: int = 2000,
    chunk_rows: int | None = None,
    seed: int = 0,
    mesh: Mesh | None = None,
    console: Console | None = None,
) -> RankingResult:
    """Scores models from their features on a labelled target set.

    Every file is read once, in chunks, with bounded memory; what was read is kept in the folder `output/state`, so that
    a run that was killed goes on where it was and a finished one is not repeated for other scores.

    Where `jax.distributed` runs, all its processes call this alike and share the files and `output` under one path.
    Each reads its share, and all return the same result.

    Args:
      features: one .npy, .npz or .safetensors file a model, (N, D) floats; D may differ between models.
      labels: (N,) integers 0..C-1, in .npy, .npz, .csv or .txt.
      source_probabilities: one file a model in the same order, (N, Cs): its own class probabilities of the same
        samples; needed by leep and nce.
      output: folder for the state.
      names: one a model; by default the names of the feature files.
      scores: names of scores; by default all that the input allows.
      num_classes: C, if classes may be absent from the labels.
      truth: a file with one true accuracy in [0, 1] a model, to judge the scores by.
      max_samples: rows, in class proportions, that the sample-based scores see.
      chunk_rows: rows that are read at a time; by default 8 MiB of them.
      seed: of the choice of these rows.
      mesh: with the axes `models` and `data` (`shares.make_mesh`), over which models and rows are spread; by default
        one device a process, each with its own models.
      console: for the progress bar and notices; by default there are none.

    Raises:
      InputError: a file or an argument cannot be used.
    """
    console = Console(quiet=True) if console is None else console
    started = time.perf_counter()
    for option, value, least in (("max_samples", max_samples, 2), ("chunk_rows", chunk_rows, 1)):
        if value is not None and value < least:
            raise InputError(f"{option}: must be at least {least}, got {value}")
    chosen = choose_scores(scores, source_probabilities=bool(source_probabilities))
    if not features:
        raise InputError("features: no file given")
    model_names = _model_names(features, names)
    target = read_labels(labels, num_classes=num_classes)
    matrices = [_open(path, "features", target) for path in features]
    if source_probabilities and len(source_probabilities) != len(features):
        raise InputError(f"source_probabilities: {len(source_probabilities)} files for {len(features)} models")
    sources = [_open(path, "probabilities", target) for path in source_probabilities] or [None] * len(features)
    accuracies = None if truth is None else _read_truth(truth, len(features))
    mesh = make_mesh() if mesh is None else mesh
    if mesh.shape["data"] > len(target.values):
        raise InputError(f"mesh: data={mesh.shape['data']} is more than the {len(target.values)} samples")

    _check_output(output)
    rows = stratified_rows(target.values, max_samples, seed=seed)
    files: list[list[ModelFiles]] = []
    for model, (name, matrix, source) in enumerate(zip(model_names, matrices, sources, strict=True)):
        width = matrix.shape[1]
        whole = functools.partial(
            ModelFiles,
            name=name,
            features=matrix,
            probabilities=source,
            labels=target,
            rows=rows,
            per_class_gram=takes_class_gram(
                chosen, num_classes=target.num_classes, width=width, asked=scores is not None
            ),
        )
        files.append(
            [
                whole(
                    part=part,
                    chunk_rows=_chunk_rows(chunk_rows or default_chunk_rows(width), part),
                    state_path=_state_path(output, name, part, len(target.values)),
                )
                for part in parts(mesh, model, len(target.values))
            ]
        )
    read_parts(files, console)
    processes.gather("")  # waits for the states of the other processes
    read = time.perf_counter()
    widths = [matrix.shape[1] for matrix in matrices]
    with console.status("Scoring"):
        pool = score_pool(
            lambda i: pass_result(files[i]), widths, target.values[rows], chosen, mesh=_scoring_mesh(mesh)
        )
    scored = time.perf_counter()

    notes = remarks(chosen, widths, num_sampled=len(rows), num_samples=len(target.values))
    return RankingResult(
        target=pathlib.Path(labels).stem,
        num_samples=len(target.values),
        num_classes=target.num_classes,
        models=model_names,
        widths=tuple(widths),
        scores=pool.scores,
        diagnostics=pool.diagnostics,
        truths={} if accuracies is None else {"given": accuracies},
        agreement={} if accuracies is None else {"given": agreement_with_truth(pool.scores, accuracies)},
        environment=environment(),
        timings={"reading and statistics": read - started, "scores": scored - read},
        notes=(*target.notes, *pool.notes, *notes),
    )


def _chunk_rows(wanted: int, part: Part) -> int:
    """Rows that are read at a time: no more than there are, and as many for each device."""
    devices = len(part.devices)
    return devices * -(-min(wanted, part.last - part.first) // devices)


def _state_path(output: PathLike, name: str, part: Part, num_samples: int) -> pathlib.Path:
    folder = pathlib.Path(output) / "state"
    if part.last - part.first < num_samples:
        folder = folder / f"rows {part.first}-{part.last}"
    return folder / f"{urllib.parse.quote(name, safe=' ')}.npz"


def _scoring_mesh(mesh: Mesh) -> Mesh | None:
    """One device of this process for each of its rows of the mesh; None on a CPU, whose devices share its cores."""
    devices = [device for device in mesh.devices[:, 0] if device.process_index == jax.process_index()]
    if len(devices) < 2 or devices[0].platform == "cpu":
        return None
    return Mesh(np.array(devices), ("models",))


def _model_names(features: Sequence[PathLike], names: Sequence[str]) -> tuple[str, ...]:
    if names and len(names) != len(features):
        raise InputError(f"names: {len(names)} names for {len(features)} feature files")
    given = tuple(names) or tuple(map(_default_name, features))
    for name, count in Counter(given).items():
        if count > 1:
            paths = ", ".join(str(path) for path, other in zip(features, given, strict=True) if other == name)
            raise InputError(
                f"{paths}: {count} models are called {name!r}. Rename a file, or give --names, one a model"
            )
    return given


def _default_name(path: PathLike) -> str:
    """The name of the file without what its kind adds, and that of the array in it where one is given."""
    file, member = split_member(pathlib.Path(path))
    return file.stem if member is None else f"{file.stem}:{member}"


def _open(path: PathLike, array_name: str, labels: Labels) -> MatrixFile:
    matrix = open_matrix(path, array_name=array_name)
    if matrix.shape[0] != len(labels.values):
        raise InputError(
            f"{path}: {matrix.shape[0]} rows, but {labels.path} has {len(labels.values)} labels. "
            "Both must hold the same samples in the same order"
        )
    return matrix


def _check_output(output: PathLike) -> None:
    try:
        pathlib.Path(output).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"output: {output} cannot be made a folder ({error.strerror}). Name another one") from error
    if not os.access(output, os.W_OK):
        raise InputError(f"output: {output} is not writable. Name another folder")


def _read_truth(path: PathLike, count: int) -> np.ndarray:
    values = read_column(path, array_name="accuracies")
    if values.dtype.kind not in "iuf" or not np.all((values >= 0) & (values <= 1)):
        raise InputError(f"{path}: accuracies must be numbers in [0, 1]. Divide percentages by 100")
    if len(values) != count:
        raise InputError(
            f"{path}: {len(values)} accuracies for {count} models. One a model, in the order of --features"
        )
    return values.astype(np.float64)
