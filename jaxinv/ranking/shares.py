"""Who reads what: models and rows dealt to the devices of a mesh with the axes `models` and `data`."""

import itertools
import re
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxinv.ranking.errors import InputError

AXES = ("models", "data")


class Part(NamedTuple):
    """Rows `first .. last - 1` of a model's files, which one process reads for some of its devices."""

    first: int
    last: int
    process: int
    devices: tuple[Any, ...]  # of type jax.Device, which is no name for type checkers

    @property
    def mesh(self) -> Mesh:
        """The devices as a mesh with the one axis `data`."""
        return Mesh(np.array(self.devices), AXES[1:])


def make_mesh(*, models: int | None = None, data: int = 1) -> Mesh:
    """A mesh over the devices of all processes, as many of each; a row of it lies in one process where it can.

    Args:
      models: how many models are read at once; by default one a process.
      data: over how many devices the rows of a model are spread.

    Raises:
      InputError: the processes have not got so many devices, or cannot share them evenly.
    """
    processes = jax.process_count()
    models = processes if models is None else models
    text = f"mesh: models={models},data={data}"
    wanted, rest = divmod(models * data, processes)
    if wanted < 1 or rest:
        raise InputError(f"{text} is {models * data} devices, which {processes} processes cannot share evenly")
    devices = []
    for process in range(processes):
        own = [device for device in jax.devices() if device.process_index == process]
        if len(own) < wanted:
            raise InputError(f"{text} needs {wanted} devices in each process, but process {process} has {len(own)}")
        devices += own[:wanted]
    return Mesh(np.array(devices).reshape(models, data), AXES)


def read_mesh(text: str) -> Mesh:
    """The mesh that a text such as "models=2,data=4" describes; an axis that is not named is 1.

    Raises:
      InputError: the text is something else, or the devices are not there.
    """
    sizes: dict[str, int] = dict.fromkeys(AXES, 1)
    for word in text.split(","):
        match = re.fullmatch(rf"({'|'.join(AXES)})=([1-9][0-9]*)", word.strip())
        if match is None:
            raise InputError(f"mesh: {text!r} is not of the form models=2,data=4")
        sizes[match[1]] = int(match[2])
    return make_mesh(**sizes)


def parts(mesh: Mesh, model: int, num_samples: int) -> list[Part]:
    """The parts of model number `model`: contiguous rows, one part for each process of the model's row of the mesh."""
    row = mesh.devices[model % len(mesh.devices)]
    count = len(row)
    found, place = [], 0
    for process, group in itertools.groupby(row, key=lambda device: device.process_index):
        devices = tuple(group)
        first, place = place, place + len(devices)
        found.append(Part(num_samples * first // count, num_samples * place // count, process, devices))
    return found
