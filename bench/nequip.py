"""A NequIP-like network on e3nn_jax alone and with jaxinv's drop-ins: times to compile and to run, side by side.

`python -m jaxinv.bench.nequip` prints energy, forces and a training step. Compiling is timed as seconds of the process
on all cores, which neighbours on a shared machine change less than the clock.
"""

import time
from typing import Any, NamedTuple

import jax
import numpy as np
import rich
from rich.table import Column, Table

from jaxinv.bench.nequip_network import DROP_INS, E3NN, Network, programs, random_graph
from jaxinv.bench.timing import interleaved


class _Compiled(NamedTuple):
    run: Any
    seconds: float


def main() -> None:
    """Prints the table."""
    graph, cutoff = random_graph(3)
    networks = [Network(functions, cutoff=cutoff) for functions in (E3NN, DROP_INS)]
    # Before the clock starts, as this fills both libraries' tables of Clebsch-Gordan coefficients.
    parameters, _ = (jax.jit(network.init)(jax.random.key(0), graph) for network in networks)
    sizes = f"{len(graph.positions)} atoms, {len(graph.senders)} edges, {networks[0].num_channels} channels"
    columns = [
        Column(name, justify="right") for name in ("e3nn_jax", "drop-ins", "ratio", "e3nn_jax", "drop-ins", "ratio")
    ]
    shown = Table("", *columns, title=f"{sizes}: CPU seconds to trace and compile, then milliseconds to run")
    for name in programs(networks[0]):
        ours = [_compiled(programs(network)[name], parameters, graph) for network in networks]
        calls = [lambda one=one: jax.block_until_ready(one.run(parameters, graph)) for one in ours]
        wall = 1e3 * np.median(interleaved(calls, seconds=3.0).wall, axis=0)
        seconds = [one.seconds for one in ours]
        cells = [f"{seconds[0]:.2f}", f"{seconds[1]:.2f}", f"{seconds[1] / seconds[0]:.2f}"]
        shown.add_row(name, *cells, f"{wall[0]:.2f}", f"{wall[1]:.2f}", f"{wall[1] / wall[0]:.2f}")
    rich.print(shown)


def _compiled(function, *arguments) -> _Compiled:
    start = time.process_time()
    run = jax.jit(function).lower(*arguments).compile()
    return _Compiled(run, time.process_time() - start)


if __name__ == "__main__":
    main()
