"""Each floor imports only from floors below it, and the kernels stay light."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FLOORS = {
    "jaxinv.kernels.numerics": 0,
    "jaxinv.kernels": 1,
    "jaxinv.nn": 2,
    "jaxinv.models": 3,
    "jaxinv.data": 3,
    "jaxinv.training": 3,
    "jaxinv.claims": 4,
    "jaxinv.ranking": 4,
    "jaxinv.report": 5,
    "jaxinv.bench": 5,
    "jaxinv.cli": 5,
    "jaxinv.terminal": 5,
    "jaxinv.__main__": 5,
}
HEAVY = ("flax", "optax", "matplotlib", "rich", "tyro")


def floor(module: str) -> int | None:
    """The floor of a module: that of the longest listed name above it."""
    names = [name for name in FLOORS if module == name or module.startswith(name + ".")]
    return FLOORS[max(names, key=len)] if names else None


def sources():
    for path in sorted([*ROOT.glob("kernels/**/*.py"), *ROOT.glob("bench/**/*.py"), *ROOT.glob("jaxinv/**/*.py")]):
        relative = path.relative_to(ROOT)
        if relative.parts[:2] not in (("jaxinv", "kernels"), ("jaxinv", "bench")):
            parts = relative.with_suffix("").parts
            yield path, ".".join(("jaxinv", *parts) if parts[0] != "jaxinv" else parts).removesuffix(".__init__")


def imports(path: pathlib.Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def upward(module: str, imported: str) -> bool:
    here, there = floor(module), floor(imported)
    return here is not None and there is not None and there > here


@pytest.mark.parametrize(("path", "module"), list(sources()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_downward(path: pathlib.Path, module: str):
    wrong = [name for name in imports(path) if upward(module, name)]
    assert not wrong, f"{module} (floor {floor(module)}) imports {wrong}"


def test_the_rule_catches_an_upward_import():
    assert upward("jaxinv.kernels.numerics.safe", "jaxinv.kernels.transferability.statistics_scores.logme")
    assert upward("jaxinv.kernels.transferability", "jaxinv.nn.layers")
    assert not upward("jaxinv.cli", "jaxinv.ranking.rank")


def test_every_room_has_a_floor():
    assert [module for _, module in sources() if floor(module) is None] == ["jaxinv"]


def test_importing_the_kernels_stays_light():
    code = (
        "import pkgutil, importlib, sys, jaxinv.kernels\n"
        "for found in pkgutil.walk_packages(jaxinv.kernels.__path__, 'jaxinv.kernels.'):\n"
        "    importlib.import_module(found.name)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_folder_is_not_a_top_level_package():
    done = subprocess.run(
        [sys.executable, "-c", "import kernels"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "import jaxinv.kernels, not kernels" in done.stderr
