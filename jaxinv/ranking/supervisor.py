"""Work in a child process, because JAX ends a process by a signal where another one of the same job is gone."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable

GO_ON = "What has been read so far is kept: repeat the command in every process to go on"


def supervised(work: Callable[[], int]) -> int:
    """Runs `work` in a child process and returns its exit code.

    Call it before JAX is imported: a process with threads must not be forked. The child leaves at once after `work`,
    without the wait for the other processes that JAX would put there.

    Args:
      work: returns an exit code.

    Raises:
      ChildProcessError: the child was ended by a signal.
    """
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
        _leave_after(work)
    os.close(alive)
    status = _wait(child)
    os.close(held)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        reason = "another process of this run failed or was lost" if name == "SIGABRT" else "the system ended it"
        raise ChildProcessError(f"this process was ended by {name}: {reason}. {GO_ON}")
    return os.waitstatus_to_exitcode(status)


def _leave_after(work: Callable[[], int]) -> None:
    code = 1
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int:
    while True:
        try:
            return os.waitpid(child, 0)[1]
        except KeyboardInterrupt:  # the child has it as well, and says what it makes of it
            continue


def _end_with_parent(alive: int) -> None:
    """The parent holds the other end of the pipe for as long as it lives."""
    os.read(alive, 1)
    os._exit(1)
