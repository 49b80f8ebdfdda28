"""The public names and their signatures, as `tests/public_names.txt` has them: a change of it is a decision.

`python -m tests.public_names` writes the file; `tests/test_public_names.py` compares.
"""

import importlib
import inspect
import pathlib
import pkgutil
import types
from collections.abc import Iterator

from jaxinv import kernels

LISTED = pathlib.Path(__file__).with_suffix(".txt")
FAMILIES = sorted(found.name for found in pkgutil.iter_modules(kernels.__path__) if found.name != "numerics")
PACKAGES = ("nn", "models", "data", "training", "ranking", "claims", "report")


def public_names() -> list[str]:
    """A line a name: functions with arguments and defaults, classes with fields or methods; no annotations."""
    packages = [f"jaxinv.kernels.{family}" for family in FAMILIES] + [f"jaxinv.{name}" for name in PACKAGES]
    return [line for name in packages for line in _lines(importlib.import_module(name), name)]


def _lines(module: types.ModuleType, prefix: str) -> Iterator[str]:
    for name in sorted(getattr(module, "__all__", None) or _own_names(module)):
        value = getattr(module, name)
        if inspect.ismodule(value):
            yield from _lines(value, f"{prefix}.{name}")
        elif inspect.isclass(value):
            yield f"{prefix}.{name}{_signature(value)}"
            yield from (f"{prefix}.{name}.{method}{_signature(call)}" for method, call in _methods(value))
        elif callable(value):
            yield f"{prefix}.{name}{_signature(value)}"
        else:
            yield f"{prefix}.{name}"


def _own_names(module: types.ModuleType) -> list[str]:
    """What a module without a list of exports defines itself."""
    named = [(name, value) for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    return [name for name, value in named if value.__module__ == module.__name__]


def _methods(kind: type) -> list[tuple[str, object]]:
    """What the class itself defines, named without an underscore, and how it is called."""
    named = [(name, value) for name, value in vars(kind).items() if inspect.isroutine(value)]
    return sorted((name, value) for name, value in named if name == "__call__" or not name.startswith("_"))


def _signature(value: object) -> str:
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    try:
        signature = inspect.signature(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return ""
    plain = [_plain(parameter) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    parameter = parameter.replace(annotation=inspect.Parameter.empty)
    if callable(parameter.default) and parameter.default is not inspect.Parameter.empty:
        return parameter.replace(
            default=_Named(getattr(parameter.default, "__name__", type(parameter.default).__name__))
        )
    return parameter


class _Named:
    """Stands for a default whose own text holds an address."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return self.name


if __name__ == "__main__":
    LISTED.write_text("".join(f"{line}\n" for line in public_names()))
