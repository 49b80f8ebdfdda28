"""The command `jaxinv`. Everything heavy is imported where it is used, so that `jaxinv --help` is quick."""

import abc
import dataclasses
import importlib.metadata
import importlib.util
import pathlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table
from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional, subcommand

from jaxinv.ranking import InputError, RankingResult
from jaxinv.terminal import console, default_sort, print_claim, print_league, print_ranking

EXTRAS = {
    "images": ("sklearn", "skimage", "mlxtend"),
    "series": ("vega_datasets", "erfa"),
    "plots": ("matplotlib",),
    "bench": (
        "sklearn",
        "matplotlib",
        "threadpoolctl",
        "e3nn_jax",
        "cuequivariance_jax",
        "s2fft",
        "jaxlie",
        "ott",
        "ot",
    ),
    "onnx": ("onnxruntime", "rapidocr_onnxruntime", "mtcnn", "joblib", "lz4"),
    "e3nn": ("e3nn_jax",),
}
FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130  # exit codes
notices = Console(stderr=True)


@dataclasses.dataclass(kw_only=True)
class _Command(abc.ABC):
    debug: bool = False
    """Show where in the program an error arose."""

    @abc.abstractmethod
    def run(self) -> None:
        """Does what the command says."""


@dataclasses.dataclass(kw_only=True)
class Rank(_Command):
    """Rank pretrained models for a target task, best first.

    With --features and --labels: your own models, from the features that each gives on the labelled target set.
    Without: a built-in pool of small networks on seven sets of real images, trained on the first call (some minutes);
    where the extra "onnx" is installed, one of pretrained networks; and where the weights of a sentence encoder are,
    one on texts. Prints how well each score ordered them.

    Writes ranking.json, ranking.csv and report.html, for the pools also league.md and league.json. A run that was
    killed goes on where it was when it is repeated.
    """

    features: tuple[pathlib.Path, ...] = ()
    """One .npy, .npz or .safetensors file a model: a float matrix (samples, dimensions; these may differ)."""
    labels: pathlib.Path | None = None
    """Class of each sample, 0..C-1: .npy, .npz, .csv or .txt."""
    source_probabilities: tuple[pathlib.Path, ...] = ()
    """One file a model, in the order of --features: its own class probabilities (samples, source classes)."""
    names: tuple[str, ...] = ()
    """One name a model, in the order of --features. Default: the names of the files."""
    num_classes: int | None = None
    """Number of classes, needed only if some are absent from the labels."""
    truth: pathlib.Path | None = None
    """True accuracy in [0, 1] of each model, in the order of --features, to judge the scores by."""
    scores: tuple[str, ...] = ()
    """Which scores to compute, e.g. logme h_score tmi. Default: all that the input allows."""
    sort_by: str | None = None
    """Score that orders the table. Default: logme, or the first one computed."""
    max_samples: int = 2000
    """Samples, in class proportions, that sample-based scores (tmi, knn, leep, ...) see."""
    chunk_rows: int | None = None
    """Rows read at a time. Default: about 8 MiB of them."""
    seed: int = 0
    """Of the choice of these samples; for the built-in pool, of everything."""
    mesh: str | None = None
    """Spread models and rows over devices, e.g. models=2,data=4. Default: one device in each process."""
    coordinator: str | None = None
    """HOST:PORT of process 0, where several hosts rank together: the same command on each but for --process-id."""
    num_processes: int | None = None
    """How many processes there are."""
    process_id: int | None = None
    """Which of them this is: 0, 1, ..."""
    output: pathlib.Path = pathlib.Path("results")
    """Folder for what is written; several hosts must share it."""

    def run(self) -> None:
        """Ranks, prints, writes."""
        self._check_files()
        self._check_processes()
        if self.coordinator is None:
            self._rank()
            return
        from jaxinv.ranking.supervisor import supervised

        if code := supervised(lambda: _guarded(self._rank_together, debug=self.debug)):
            sys.exit(code)

    def _rank_together(self) -> None:
        from jaxinv.ranking import processes

        assert self.coordinator is not None
        assert self.num_processes is not None
        assert self.process_id is not None
        processes.join(self.coordinator, self.num_processes, self.process_id)
        self._rank()
        processes.leave()

    def _check_files(self) -> None:
        if self.features:
            if self.labels is None:
                raise InputError("labels: --features needs --labels, a file with the class of each sample")
            return
        needing = ("labels", "source_probabilities", "names", "truth", "mesh", "coordinator")
        foreign = [name for name in needing if getattr(self, name)]
        if foreign:
            option = foreign[0].replace("_", "-")
            raise InputError(f"{option}: --{option} is given without --features, one file a model")

    def _check_processes(self) -> None:
        """Before JAX sees them: it would wait, or end the process."""
        given = {"coordinator": self.coordinator, "num-processes": self.num_processes, "process-id": self.process_id}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == len(given):
            return
        if missing:
            raise InputError(f"{missing[0]}: --coordinator, --num-processes and --process-id go together")
        if re.fullmatch(r".+:[0-9]+", str(self.coordinator)) is None:
            raise InputError(f"coordinator: {self.coordinator!r} is not of the form HOST:PORT")
        if self.process_id not in range(self.num_processes or 0):
            raise InputError(f"process-id: must be in 0..{(self.num_processes or 0) - 1}, got {self.process_id}")

    def _rank(self) -> None:
        self._check_sort_by()
        results = self._rank_built_in_pool() if self.labels is None else [self._rank_files(self.labels)]
        if self.process_id:
            notices.print(f"process {self.process_id}: done; process 0 writes the results", highlight=False)
            return
        from jaxinv.ranking.league import leagues

        tables = leagues(results)
        for table in tables:
            print_league(table)
        for result in () if tables else results:
            print_ranking(result, self.sort_by or default_sort(result))
        for path in self._write(results, tables):
            console.print(f"wrote {path}", soft_wrap=True, highlight=False)

    def _check_sort_by(self) -> None:
        """Before the work, not after it."""
        if self.sort_by is None:
            return
        from jaxinv.ranking.registry import choose_scores

        possible = choose_scores(self.scores or None, source_probabilities=bool(self.source_probabilities))
        choose_scores((self.sort_by,), source_probabilities=bool(self.source_probabilities))
        if self.sort_by not in possible:
            raise InputError(f"sort-by: {self.sort_by} is not among --scores {' '.join(possible)}")

    def _rank_built_in_pool(self) -> list[RankingResult]:
        from jaxinv.data import MissingPackage
        from jaxinv.ranking.built_in_pool import rank_built_in_pool
        from jaxinv.ranking.pretrained_pool import rank_pretrained_pool
        from jaxinv.ranking.text_pool import rank_text_pool

        options: dict[str, Any] = {"scores": self.scores or None, "seed": self.seed, "console": notices}
        results = rank_built_in_pool(output=self.output, **options)
        for what, rank in (("pretrained networks", rank_pretrained_pool), ("a sentence encoder", rank_text_pool)):
            try:
                results += rank(output=self.output, **options)
            except MissingPackage as error:
                notices.print(f"without the pool of {what}: {error}", highlight=False, markup=False)
        return results

    def _rank_files(self, labels: pathlib.Path) -> RankingResult:
        from jaxinv.ranking.rank import rank_files
        from jaxinv.ranking.shares import read_mesh

        return rank_files(
            self.features,
            labels,
            self.source_probabilities,
            output=self.output,
            names=self.names,
            scores=self.scores or None,
            num_classes=self.num_classes,
            truth=self.truth,
            max_samples=self.max_samples,
            chunk_rows=self.chunk_rows,
            seed=self.seed,
            mesh=None if self.mesh is None else read_mesh(self.mesh),
            console=notices,
        )

    def _write(self, results: Sequence[RankingResult], tables: Sequence[Any]) -> list[pathlib.Path]:
        paths = []
        for result in results:
            stem = "ranking" if len(results) == 1 else f"ranking {result.target}"
            paths.append(result.to_json(self.output / f"{stem}.json"))
            paths.append(result.to_csv(self.output / f"{stem}.csv", score=self.sort_by or default_sort(result)))
        from jaxinv.ranking.league import write_json
        from jaxinv.ranking.league_markdown import write_markdown
        from jaxinv.report import write_report

        if tables:
            made = f"Made by `jaxinv rank --seed {self.seed}`, " + ", ".join(
                f"{name} {results[0].environment[name]}" for name in ("jaxinv", "jax", "precision", "devices")
            )
            paths.append(write_markdown(tables, self.output / "league.md", remarks=[made]))
            paths.append(write_json(tables, self.output / "league.json"))
        try:
            paths.append(write_report(results, self.output / "report.html", leagues=tables))
        except ImportError as error:
            notices.print(f"no report.html: {error}", highlight=False, markup=False)
        return paths


@dataclasses.dataclass(kw_only=True)
class Claims(_Command):
    """Re-run what a paper claims, small: measured numbers, checks, and a verdict.

    `jaxinv claims` lists the papers; `jaxinv claims run NAME` runs one.
    """

    action: Positional[Literal["list", "run"]] = "list"
    """What to do."""
    name: Positional[str | None] = None
    """Which paper, as in the list."""
    seeds: int = 3
    """Independent repetitions."""
    output: pathlib.Path | None = None
    """Also write the result as JSON here."""

    def run(self) -> None:
        """Lists or runs."""
        from jaxinv import claims

        if self.action == "list":
            table = Table("name", "paper", "claim")
            for name, claim in claims.CLAIMS.items():
                table.add_row(name, f"{claim.title}\n{claim.reference}", claim.statement)
            console.print(table)
            return
        if self.name is None:
            raise InputError(f"name: say which claim to run. The claims are: {', '.join(claims.CLAIMS)}")
        if self.seeds < 1:
            raise InputError(f"seeds: at least 1 is needed, got {self.seeds}")
        with notices.status(f"Running {self.name}") as status:
            result = claims.run_claim(self.name, seeds=self.seeds, progress=status.update)
        print_claim(claims.CLAIMS[self.name], result)
        if self.output is not None:
            console.print(f"wrote {result.to_json(self.output)}", soft_wrap=True, highlight=False)


@dataclasses.dataclass(kw_only=True)
class Bench(_Command):
    """Time the kernels on this device, beside their peers and the device's own limit.

    Prints a table (losing rows in red) and writes <device>.jsonl and <device>.html. Each case is kept once measured.
    """

    family: str | None = None
    """Only this family of kernels."""
    case: str | None = None
    """Only the case of this name or, if there is none, cases whose name contains this."""
    quick: bool = False
    """Small sizes and no sweeps: a look of a minute or two, not a measurement."""
    huge_pages: bool = False
    """Only cases with large results, with the allocator asked for huge pages (Linux)."""
    seconds: float = 3.0
    """Of rounds for a row."""
    output: pathlib.Path = pathlib.Path("bench-results")
    """Folder for what is written."""
    baseline: pathlib.Path | None = None
    """Do not record: measure the rows of this baseline.json anew, and fail where a ratio got worse."""
    update_baseline: bool = False
    """Write what is reached into --baseline instead."""

    def run(self) -> None:
        """Measures, prints, writes."""
        try:
            from jaxinv.bench.run import chosen, guard, run
        except ModuleNotFoundError as error:
            raise ImportError(f"{error.name} is missing: pip install 'jaxinv[bench]'") from error
        cases = chosen(self.family, self.case)
        if self.update_baseline and self.baseline is None:
            raise InputError("baseline: --update-baseline needs --baseline, the file to write")
        if self.baseline is not None and not self.update_baseline:
            if not guard(cases, self.baseline, quick=self.quick, seconds=self.seconds, console=console):
                sys.exit(FAILED)
            return
        options: dict[str, Any] = {"quick": self.quick, "huge_pages": self.huge_pages, "seconds": self.seconds}
        for path in run(cases, self.output, console=console, baseline=self.baseline, **options):
            console.print(f"wrote {path}", soft_wrap=True, highlight=False)


@dataclasses.dataclass(kw_only=True)
class Info(_Command):
    """Show versions, devices, and which optional parts are installed."""

    def run(self) -> None:
        """Prints."""
        from jaxinv.ranking.environment import environment

        table = Table(show_header=False, box=None)
        versions = {name: importlib.metadata.version(name) for name in ("jaxlib", "flax", "optax", "orbax-checkpoint")}
        for name, value in (environment() | versions).items():
            table.add_row(name, value)
        for extra, modules in EXTRAS.items():
            missing = [module for module in modules if importlib.util.find_spec(module) is None]
            state = f"missing ({', '.join(missing)}): pip install 'jaxinv\\[{extra}]'" if missing else "installed"
            table.add_row(f"extra {extra}", state)
        console.print(table)


@dataclasses.dataclass(kw_only=True)
class Completion(_Command):
    """Print a script that completes commands and options in your shell.

    For bash: `jaxinv completion bash > ~/.local/share/bash-completion/completions/jaxinv`, then open a new shell.
    """

    shell: Positional[Literal["bash", "zsh"]]
    """Which shell."""

    def run(self) -> None:
        """Prints."""
        _parse(("--tyro-print-completion", self.shell))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; bad input ends with one sentence and exit code 2."""
    command = _parse(arguments)
    if code := _guarded(command.run, debug=command.debug):
        sys.exit(code)


def _parse(arguments: Sequence[str] | None) -> _Command:
    return tyro.cli(
        Annotated[Rank, subcommand("rank")]
        | Annotated[Claims, subcommand("claims")]
        | Annotated[Bench, subcommand("bench")]
        | Annotated[Info, subcommand("info")]
        | Annotated[Completion, subcommand("completion")],
        prog="jaxinv",
        description="Kernels for symmetry and transfer in JAX: rank models, re-run published claims, time the kernels.",
        args=arguments,
        config=(OmitArgPrefixes, FlagCreatePairsOff),
    )


def _guarded(work: Callable[[], None], *, debug: bool) -> int:
    """Does `work` and gives the exit code, after one sentence where something outside the program was wrong."""
    try:
        work()
    except KeyboardInterrupt:
        notices.print("interrupted; repeat the command to go on")
        return INTERRUPTED
    except (InputError, ImportError, OSError) as error:
        if debug:
            raise
        notices.print(f"jaxinv: {error}", soft_wrap=True, highlight=False, markup=False, style="red")
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    return 0
