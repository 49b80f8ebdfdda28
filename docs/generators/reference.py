"""Reference pages: a family of kernels or a package of layers each, its docstrings put there by mkdocstrings."""

import importlib
import inspect
import pkgutil
import types
from typing import Any

from jaxinv import kernels

FAMILIES = sorted(found.name for found in pkgutil.iter_modules(kernels.__path__) if found.name != "numerics")
PACKAGES = ("nn", "models", "data", "training", "ranking", "claims")


def reference_pages() -> dict[str, str]:
    """Markdown of each page, by the page's path."""
    pages = {family: page(importlib.import_module(f"jaxinv.kernels.{family}")) for family in FAMILIES}
    pages |= {name: page(importlib.import_module(f"jaxinv.{name}")) for name in PACKAGES}
    pages["numerics"] = modules_page("jaxinv.kernels.numerics")
    return {f"reference/{name.replace('_', '-')}.md": text for name, text in pages.items()}


def page(package: types.ModuleType) -> str:
    """What a package exports: its docstring, its functions, its classes, then the modules among its names."""
    functions, classes, modules, plain, foreign = [], [], [], [], []
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.ismodule(value):
            modules.append(value.__name__)
        elif not getattr(value, "__module__", "").startswith("jaxinv."):
            plain.append(name)
        elif not f"{value.__module__}.".startswith(f"{package.__name__}."):
            foreign.append(_where_defined(value))
        elif inspect.isclass(value):
            classes.append(_where_defined(value))
        elif callable(value):
            functions.append(_where_defined(value))
        else:
            plain.append(name)
    text = f"# {package.__name__}\n\n{inspect.getdoc(package)}\n"
    text += "".join(f"\n::: {name}\n    options:\n      heading_level: 2\n" for name in functions + classes)
    text += "".join(f"\n## {name.rpartition('.')[2]}\n\n::: {name}\n{MODULE}" for name in modules)
    if foreign:
        # By the cross-references of mkdocstrings.
        text += "\n## Also exported here\n\n" + ", ".join(f"[`{name}`][{name}]" for name in foreign) + "\n"
    if plain:
        text += "\n## Constants and types\n\n" + ", ".join(f"`{name}`" for name in plain) + "\n"
    return text


def _where_defined(value: Any) -> str:
    """Not where it is exported: there a module may have the same name."""
    return f"{value.__module__}.{value.__qualname__}"


def modules_page(package: str) -> str:
    """A package that exports nothing by itself: module after module."""
    found = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(found.__path__))
    text = f"# {package}\n\n{inspect.getdoc(found)}\n"
    return text + "".join(f"\n## {name}\n\n::: {package}.{name}\n{MODULE}" for name in names)


MODULE = "    options:\n      heading_level: 3\n      show_root_heading: false\n      show_root_toc_entry: false\n"
