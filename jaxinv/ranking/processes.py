"""Several processes, one a host, that rank together: how they meet, and how they pass each other short texts.

The statistics of the parts travel as state files in the folder that all processes share, not through collectives
between hosts: a collective hangs where a process is missing, and the files have to be written anyway for a run to be
taken up again. The texts go through the service by which JAX's processes know of each other.
"""

import itertools
from typing import Any

import jax
from jax._src import distributed  # no public name reaches the service's store of texts

from jaxinv.ranking.supervisor import GO_ON

MEETING_SECONDS = 300  # within which all processes must have been started
HEARTBEAT_SECONDS = 30  # after which a process that is not heard of ends all others
POLL_MILLISECONDS = 1000  # between them Ctrl-C is heard

_calls = itertools.count()


def join(coordinator: str, num_processes: int, process_id: int) -> None:
    """Meets the other processes; from here on JAX ends this process if one of them is gone.

    Args:
      coordinator: "host:port" of process 0.
      num_processes: how many there are.
      process_id: which of them this is, from 0.

    Raises:
      ConnectionError: some did not come in time.
    """
    jax.config.update("jax_enable_preemption_service", False)  # it would keep SIGTERM from ending the process
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            initialization_timeout=MEETING_SECONDS,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        )
    except jax.errors.JaxRuntimeError as error:
        raise ConnectionError(
            f"{num_processes} processes did not meet at {coordinator} within {MEETING_SECONDS} s ({error})"
        ) from error


def leave() -> None:
    """Waits until all processes are done, and parts."""
    jax.distributed.shutdown()


def gather(text: str) -> list[str]:
    """The texts of all processes, in their order; every process must call it, and waits until all have.

    Raises:
      ConnectionError: another process is gone. (JAX may end this one first.)
    """
    client = distributed.global_state.client
    if client is None:
        return [text]
    call = next(_calls)
    keys = [f"jaxinv/{call}/{process}" for process in range(jax.process_count())]
    try:
        client.key_value_set(keys[jax.process_index()], text)
        return [_wait_for(client, key) for key in keys]
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConnectionError(f"another process of this run failed or was lost ({reason}). {GO_ON}") from error


def _wait_for(client: Any, key: str) -> str:
    """The text, however long it takes: a process may be slow, and where one is gone JAX does not let this one wait."""
    while True:
        try:
            return client.blocking_key_value_get(key, POLL_MILLISECONDS)
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" not in str(error):
                raise
