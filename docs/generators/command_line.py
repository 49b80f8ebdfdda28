"""The page of the command `jaxinv`: what each `--help` prints."""

import os
import subprocess
import sys

COMMANDS = ((), ("rank",), ("claims",), ("bench",), ("info",), ("completion",))
HEAD = """# The command line

What `jaxinv ... --help` prints. Bad input ends with one sentence and exit code 2, other failures outside the program
with 1, an interrupt with 130; `--debug` shows where in the program an error arose.
"""


def command_line_page() -> str:
    """Markdown."""
    return HEAD + "".join(f"\n## {' '.join(('jaxinv', *words))}\n\n```\n{_help(words)}```\n" for words in COMMANDS)


def _help(words: tuple[str, ...]) -> str:
    plain = os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "jaxinv", *words, "--help"]
    return subprocess.run(command, env=plain, check=True, capture_output=True, text=True).stdout
