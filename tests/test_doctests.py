"""The examples of docstrings give what they say."""

import doctest
import importlib
import pathlib
import re

import pytest

from tests.duties import X64

ROOT = pathlib.Path(__file__).parents[1]
FILES = [
    path for folder in ("kernels", "jaxinv") for path in (ROOT / folder).rglob("*.py") if ">>>" in path.read_text()
]
MODULES = sorted(
    re.sub(r"^kernels", "jaxinv.kernels", ".".join(path.relative_to(ROOT).with_suffix("").parts))
    for path in FILES
    if path.relative_to(ROOT).parts[:2] not in (("jaxinv", "kernels"), ("jaxinv", "bench"))
)


@pytest.mark.skipif(X64, reason="the examples show float32")
@pytest.mark.parametrize("module", MODULES)
def test_examples_of_docstrings(module: str):
    result = doctest.testmod(importlib.import_module(module.removesuffix(".__init__")))
    assert result.attempted
    assert not result.failed
