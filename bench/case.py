"""A row of the benchmark before it is measured: a kernel, its sizes, its peers, and the least work it takes."""

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

Sizes = Mapping[str, int]
Arguments = tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What any algorithm must at least do, by a lower bound of our own count.

    Attributes:
      flops: multiplications and additions.
      bytes: read or written once.
    """

    flops: float
    bytes: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peer:
    """Something beside our kernel.

    Attributes:
      name: with its setting.
      kind: "library" (people use it for this), "dense" (the plain form of the same thing), "floor" (a part of the work
        that no algorithm can leave out: not the same answer), or "another map" (people use it in this place, but it
        computes something else: neither won nor lost against).
      call: takes the kernel's arguments; numpy arrays on the host, jax arrays if `compiled`.
      compiled: whether XLA compiles and runs it on the device, as it does the kernel.
      modules: packages that must be installed.
      tolerance: of the answer, relative to its largest entry; None where it computes something else.
      models: for a pool, how many models it is run on; its time is scaled to the pool.
      slow: left out of sweeps.
    """

    name: str
    kind: Literal["library", "dense", "floor", "another map"]
    call: Callable[..., Any]
    compiled: bool = False
    modules: tuple[str, ...] = ()
    tolerance: float | None = None
    models: int | None = None
    slow: bool = False

    @property
    def installed(self) -> bool:
        """Whether its packages are."""
        return all(importlib.util.find_spec(module) is not None for module in self.modules)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A kernel and how it is measured.

    Attributes:
      family: folder of the kernel.
      name: unique in the family.
      kernel: arrays in, any pytree out.
      arguments: example arguments of given sizes, floats in float32.
      sizes: one row each.
      small: sizes for a quick look, and for the test that our answer equals the peers'.
      work: at given sizes.
      value: the part of the result that the peers compute too, a float array.
      peers: beside it.
      differentiable: positions of arguments; empty where no derivative is measured. Compiled peers that are no floors
        are differentiated beside ours.
      derivatives_at_every_size: derivatives are measured at all of `sizes`, not at the first alone.
      dtypes: of the floating arguments; peers run beside float32 only.
      sweep: sizes to vary one at a time from the first of `sizes`, past the size of the caches.
      donated: whether the result may take the place of the first argument, and is then measured that way too.
      large_result: whether fresh memory for the result costs page faults, so that huge pages tell.
    """

    family: str
    name: str
    kernel: Callable[..., Any]
    arguments: Callable[[np.random.Generator, Sizes], tuple[Any, ...]]
    sizes: tuple[Sizes, ...]
    small: Sizes
    work: Callable[[Sizes], Work]
    value: Callable[[Any], Any] = lambda result: result
    peers: tuple[Peer, ...] = ()
    differentiable: tuple[int, ...] = ()
    derivatives_at_every_size: bool = False
    dtypes: tuple[str, ...] = ("float32",)
    sweep: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    donated: bool = False
    large_result: bool = False
