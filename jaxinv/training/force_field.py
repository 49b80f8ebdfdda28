"""Trains a force field on the energies and forces of one molecule, within a budget of time or of steps.

    python -m jaxinv.training.force_field --data FILE --product gaunt --minutes 30 --output DIR

A run that was killed goes on where it last saved its state when the command is repeated. With a budget of steps its
result is the same, bit for bit, as if it had not been killed.
"""

import contextlib
import dataclasses
import functools
import json
import math
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from flax import nnx
from orbax import checkpoint
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from jaxinv.data.molecules import ELEMENTS, Molecules, load_molecules
from jaxinv.models.force_field import ForceField, all_pairs, energy_and_forces
from jaxinv.models.ponita_force_field import PonitaForceField
from jaxinv.training.force_field_steps import OPTIMISER, Arrays, Fit, State, predictions, train_steps
from jaxinv.training.molecular_dynamics import (
    energy_drift,
    jacobian_asymmetry,
    thermal_velocities,
    velocity_verlet,
)
from jaxinv.training.parity import errors_of, write_parity_plots

_STEPS_AT_ONCE = 20
_WARM_UP = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Trains a force field on the energies and forces of one molecule.

    Writes parity plots, results.json and its state; repeated, it goes on from there.
    """

    output: pathlib.Path
    """Folder for what is written."""
    data: pathlib.Path | None = None
    """File of molecules; by default what JAXINV_MOLECULES names."""
    product: Literal["gaunt", "complete", "path_weighted", "ponita"] = "gaunt"
    """What multiplies the features of an atom; "ponita": none does, features are functions of an orientation."""
    minutes: float = 30.0
    """Budget of time, compilation included, evaluation not."""
    steps: int | None = None
    """Budget of steps, in place of time."""
    seed: int = 0
    """Of the parameters and of the order of the configurations."""
    num_channels: int = 32
    """Channels of features."""
    lmax: int = 2
    """Highest degree of features, where there is a product."""
    num_layers: int = 2
    """Layers, each of which carries on what atoms within the cutoff know."""
    cutoff: float = 5.0
    """Å."""
    batch_size: int = 2
    """Configurations a step."""
    learning_rate: float = 0.01
    """At first; it falls as a cosine to 0 at the end of the budget."""
    energy_weight: float = 300.0
    """Of the squared error of the energy per atom, in eV, against that of a component of the forces, in eV/Å."""
    num_validation: int = 50
    """Training configurations, the last ones, that are only watched."""
    save_every: int = 500
    """Steps from one saved state to the next."""
    dynamics_steps: int = 2000
    """Steps of half a femtosecond by which the result is judged."""

    def __post_init__(self):
        for name in ("minutes", "steps", "batch_size", "learning_rate", "save_every"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive, got {value}")


# What may differ when a run goes on.
_FREE = ("output", "data", "minutes", "dynamics_steps")


class Result(NamedTuple):
    """A trained force field.

    Attributes:
      model: with the averaged parameters.
      state: the last.
      energy_offset: eV, what is to be added to the model's energies.
      summary: what results.json holds.
    """

    model: ForceField | PonitaForceField
    state: State
    energy_offset: float
    summary: dict[str, Any]


def train(settings: Settings, molecules: Molecules, *, console: Console | None = None) -> Result:
    """Trains within the budget, goes on from a state in `settings.output` if there is one, judges and writes.

    Raises:
      ValueError: the folder holds a run of other settings; fewer configurations than a batch.
    """
    num_train = len(molecules.train) - settings.num_validation
    if not settings.batch_size <= num_train or settings.num_validation < 1:
        raise ValueError(
            f"num_validation must be positive and leave a batch of {settings.batch_size}, "
            f"got {settings.num_validation} of {len(molecules.train)} configurations"
        )
    _claim_folder(settings)
    known, watched = molecules.train[:num_train], molecules.train[num_train:]
    offset = float(known.energies.mean())
    graphdef, params = nnx.split(_new_model(settings, known))
    fit = Fit(graphdef, tuple(molecules.species.tolist()), settings.batch_size, settings.energy_weight, settings.seed)
    energies = (known.energies - offset).astype(np.float32)
    arrays = Arrays(*map(jnp.asarray, (known.positions, energies, known.forces)))
    # The average gets arrays of its own: the state is donated at every step.
    state = State(params, jax.tree.map(jnp.copy, params), OPTIMISER.init(params), jnp.zeros((), jnp.int32))
    history: list[dict[str, float]] = []
    options = checkpoint.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    folder = (settings.output / "states").resolve()
    with checkpoint.CheckpointManager(folder, options=options) as manager, _bar(console) as show:
        state, clock = _restored(manager, state)
        while not _spent(settings, int(state.step), clock.seconds()):
            step, seconds = int(state.step), clock.seconds()
            to_save = settings.save_every - step % settings.save_every
            left = math.inf if settings.steps is None else settings.steps - step
            count = int(min(_STEPS_AT_ONCE, to_save, left))
            rates = _rates(settings, step, seconds)
            state, error = train_steps(fit, state, arrays, rates, count)
            force_error = 1e3 * math.sqrt(float(error) / count)
            history.append({"step": int(state.step), "seconds": clock.seconds(), "train_force_rmse": force_error})
            show(_fraction(settings, int(state.step), clock.seconds()), int(state.step), force_error)
            if int(state.step) % settings.save_every == 0:
                _save(manager, state, clock)
        if manager.latest_step() != int(state.step):
            _save(manager, state, clock)
    trained = clock.seconds()
    model = nnx.merge(graphdef, state.average)
    errors, predicted = {}, None
    for name, part in (("validation", watched), ("test", molecules.test)):
        predicted = predictions(fit, state.average, part.positions)
        errors[name] = errors_of(part, predicted[0] + offset, predicted[1])._asdict()
    assert predicted is not None
    write_parity_plots(molecules.test, predicted[0] + offset, predicted[1], settings.output)
    summary = {
        "settings": _plain(settings),
        "errors_mev": errors,
        "steps": int(state.step),
        "epochs": int(state.step) * settings.batch_size / num_train,
        "seconds": trained,
        "num_parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
        "energy_offset_ev": offset,
        **_judged_by_dynamics(model, molecules, settings),
        "history": history,
    }
    text = json.dumps(summary, indent=1, allow_nan=False)
    (settings.output / "results.json").write_text(text + "\n", encoding="utf-8")
    return Result(model, state, offset, summary)


def _new_model(settings, known):
    force = float(np.sqrt(np.mean(known.forces.astype(np.float64) ** 2)))
    if settings.product == "ponita":
        return PonitaForceField(
            len(ELEMENTS),
            num_channels=settings.num_channels,
            num_layers=settings.num_layers,
            cutoff=settings.cutoff,
            scale=force,
            rngs=nnx.Rngs(settings.seed),
        )
    return ForceField(
        len(ELEMENTS),
        product=settings.product,
        num_channels=settings.num_channels,
        lmax=settings.lmax,
        lmax_between=min(1, settings.lmax),
        num_layers=settings.num_layers,
        cutoff=settings.cutoff,
        num_neighbours=_mean_neighbours(known.positions, settings.cutoff),
        scale=force,
        rngs=nnx.Rngs(settings.seed),
    )


def _mean_neighbours(positions, cutoff):
    """Other atoms within the cutoff of an atom, on average."""
    distances = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    return float(np.mean(np.sum(distances < cutoff, axis=-1) - 1))


def _fraction(settings, step, seconds):
    """Of the budget, spent."""
    return seconds / (60 * settings.minutes) if settings.steps is None else step / settings.steps


def _spent(settings, step, seconds):
    return _fraction(settings, step, seconds) >= 1


def _rates(settings, step, seconds):
    """`(_STEPS_AT_ONCE,)`, of the steps to come: of their number alone where the budget is one of steps."""
    steps = step + np.arange(_STEPS_AT_ONCE)
    fractions = np.minimum(1.0, [_fraction(settings, one, seconds) for one in steps])
    warm = np.minimum(1.0, (steps + 1) / _WARM_UP)
    return jnp.asarray(settings.learning_rate * warm * (1 + np.cos(np.pi * fractions)) / 2, jnp.float32)


def _judged_by_dynamics(model, molecules, settings):
    """Energy drift from the first test configuration at 300 K, and asymmetry of the force Jacobian there."""
    if settings.dynamics_steps < 2:
        return {}
    positions, timestep = jnp.asarray(molecules.test.positions[0]), 0.5
    species, edges = jnp.asarray(molecules.species), all_pairs(len(molecules.species))
    masses = jnp.asarray(molecules.masses, positions.dtype)

    def potential(positions):
        return energy_and_forces(model, positions, species, edges)

    velocities = thermal_velocities(jax.random.key(settings.seed), masses, 300.0)
    trajectory = velocity_verlet(
        potential, positions, velocities, masses, timestep=timestep, num_steps=settings.dynamics_steps
    )
    drift = 1e3 * energy_drift(trajectory, timestep)
    return {
        # A field that is not trained may explode; JSON has no number for it.
        "energy_drift_mev_per_atom_and_ps": drift if math.isfinite(drift) else None,
        "force_jacobian_asymmetry": float(jax.jit(functools.partial(jacobian_asymmetry, potential))(positions)),
    }


# The folder and the states in it


def _plain(settings):
    return {name: str(value) if isinstance(value, pathlib.Path) else value for name, value in vars(settings).items()}


def _claim_folder(settings):
    """Writes the settings down, or compares them with those of the run that goes on."""
    file = settings.output / "settings.json"
    wanted = {name: value for name, value in _plain(settings).items() if name not in _FREE}
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        other = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        if other:
            raise ValueError(
                f"output: {settings.output} holds a run of other settings ({', '.join(other)}): take another folder"
            )
        return
    settings.output.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


class _Clock:
    """Seconds of the run, those before a kill included."""

    def __init__(self, before: float):
        self._start = time.monotonic() - before

    def seconds(self) -> float:
        return time.monotonic() - self._start


def _save(manager, state, clock):
    content = {"state": state, "seconds": np.float64(clock.seconds())}
    manager.save(int(state.step), args=checkpoint.args.StandardSave(content))


def _restored(manager, state):
    """The last saved state and its clock; where there is none, the given one."""
    if manager.latest_step() is None:
        return state, _Clock(0.0)
    wanted = {"state": state, "seconds": np.float64(0.0)}
    content = manager.restore(manager.latest_step(), args=checkpoint.args.StandardRestore(wanted))
    return content["state"], _Clock(float(content["seconds"]))


# What a user sees


@contextlib.contextmanager
def _bar(console: Console | None) -> Iterator[Callable[[float, int, float], None]]:
    """Yields the function that shows the spent fraction of the budget, the step and the error of the forces."""
    if console is None:
        yield lambda fraction, step, error: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("compiling", total=1.0)
        yield lambda fraction, step, error: bar.update(
            task, completed=fraction, description=f"step {step}, forces off by {error:.1f} meV/Å"
        )


def main() -> None:
    """Runs the command line; bad input ends with one sentence and exit code 2."""
    settings = tyro.cli(Settings, prog="python -m jaxinv.training.force_field")
    notices, console = Console(stderr=True), Console()
    try:
        result = train(settings, load_molecules(settings.data), console=notices)
    except (ValueError, OSError, ImportError) as error:
        notices.print(str(error), soft_wrap=True, highlight=False, markup=False, style="red")
        sys.exit(2)
    for part, errors in result.summary["errors_mev"].items():
        console.print(
            f"{part}: energy RMSE {errors['energy_rmse']:.2f} meV (MAE {errors['energy_mae']:.2f}), "
            f"forces RMSE {errors['force_rmse']:.2f} meV/Å (MAE {errors['force_mae']:.2f})",
            highlight=False,
        )
    console.print(f"wrote {settings.output}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
