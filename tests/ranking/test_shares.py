"""Meshes from texts, and what each process reads."""

import dataclasses

import jax
import pytest

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.shares import make_mesh, parts, read_mesh

NUM_SAMPLES = 11


@dataclasses.dataclass(frozen=True)
class Device:
    process_index: int
    id: int


def job(monkeypatch, processes, devices):
    """As if so many processes with so many devices each were together."""
    every = [Device(p, p * devices + d) for p in range(processes) for d in range(devices)]
    monkeypatch.setattr(jax, "devices", lambda: every)
    monkeypatch.setattr(jax, "process_count", lambda: processes)


def test_by_default_one_device_of_each_process_has_models_of_its_own(monkeypatch):
    job(monkeypatch, 3, 4)
    mesh = make_mesh()
    assert dict(mesh.shape) == {"models": 3, "data": 1}
    found = [parts(mesh, model, NUM_SAMPLES) for model in range(4)]
    assert [[(p.first, p.last, p.process) for p in model] for model in found] == [
        [(0, 11, 0)],
        [(0, 11, 1)],
        [(0, 11, 2)],
        [(0, 11, 0)],
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("models=2, data=4", [(0, 11, 0, 4)]),  # a row of the mesh in each process
        ("data=8", [(0, 5, 0, 4), (5, 11, 1, 4)]),  # one row of the mesh across both
        ("models=1,data=2", [(0, 5, 0, 1), (5, 11, 1, 1)]),
        ("models=4", [(0, 11, 0, 1)]),
    ],
)
def test_rows_are_dealt_to_the_processes_of_a_models_row(monkeypatch, text, wanted):
    job(monkeypatch, 2, 4)
    found = parts(read_mesh(text), 0, NUM_SAMPLES)
    assert [(p.first, p.last, p.process, len(p.devices)) for p in found] == wanted


def test_every_row_is_read_once(monkeypatch):
    job(monkeypatch, 4, 3)
    for text in ("models=2,data=6", "models=4,data=3", "models=1,data=12", "models=12"):
        mesh = read_mesh(text)
        for model in range(13):
            rows = [row for p in parts(mesh, model, NUM_SAMPLES) for row in range(p.first, p.last)]
            assert rows == list(range(NUM_SAMPLES))


@pytest.mark.parametrize("text", ["", "2x4", "models=2 data=4", "rows=2", "models=0", "data=-1", "models=2,", "data"])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match=r"mesh: .* is not of the form models=2,data=4"):
        read_mesh(text)


def test_devices_that_are_not_there_are_refused(monkeypatch):
    job(monkeypatch, 2, 4)
    with pytest.raises(InputError, match=r"models=1,data=3 is 3 devices, which 2 processes cannot share evenly"):
        read_mesh("data=3")
    with pytest.raises(InputError, match=r"models=2,data=5 needs 5 devices in each process, but process 0 has 4"):
        read_mesh("models=2,data=5")
