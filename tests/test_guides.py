"""The documentation's code runs as it stands; what is fenced as `py` is shown only."""

import pathlib
import re

import pytest

GUIDES = sorted((pathlib.Path(__file__).parents[1] / "docs").rglob("*.md"))
BLOCKS = [(path.name, block) for path in GUIDES for block in re.findall(r"```python\n(.*?)```", path.read_text(), re.S)]


@pytest.mark.parametrize(("name", "block"), BLOCKS)
def test_python_block_runs(name: str, block: str, capsys):
    exec(compile(block, name, "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_shown_blocks_are_python(path: pathlib.Path):
    for block in re.findall(r"```py\n(.*?)```", path.read_text(), re.S):
        compile(block, path.name, "exec")


def test_there_are_examples():
    assert BLOCKS
