"""Notebooks as pages: each `notebooks/*.py` is executed, and what it printed and drew stands under its cells."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import tempfile

import jupytext
import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from traitlets.config import Config

ROOT = pathlib.Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
# Holds what was executed with these very sources: a page that is looked at twice need not run twice.
CACHE = ROOT / ".cache" / "notebooks"


def notebook_pages() -> dict[str, str | bytes]:
    """Markdown of every notebook, and its pictures, by their paths.

    Raises:
      CellExecutionError: a cell failed.
    """
    sources = sorted(NOTEBOOKS.glob("*.py"))
    library = _library_hash()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        executed = list(pool.map(lambda path: _executed(path, library), sources))
    pages: dict[str, str | bytes] = {}
    for path, notebook in zip(sources, executed, strict=True):
        text, resources = MarkdownExporter().from_notebook_node(notebook)
        for name, picture in resources["outputs"].items():
            pages[f"notebooks/{path.stem}/{name}"] = picture
            text = text.replace(f"({name})", f"({path.stem}/{name})")
        pages[f"notebooks/{path.stem}.md"] = text
    return pages


def _executed(path: pathlib.Path, library: str) -> nbformat.NotebookNode:
    kept = CACHE / f"{path.stem}-{hashlib.sha256(path.read_bytes() + library.encode()).hexdigest()[:16]}.ipynb"
    if kept.exists():
        return nbformat.read(kept, nbformat.NO_CONVERT)
    notebook = jupytext.read(path)
    where = {"metadata": {"path": ROOT}}
    # Over sockets in a folder of its own, not over TCP.
    with tempfile.TemporaryDirectory() as folder:
        config = Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"})
        NotebookClient(notebook, timeout=900, kernel_name="python3", resources=where, config=config).execute()
    CACHE.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, kept)
    return notebook


def _library_hash() -> str:
    """Of all sources that a notebook can import."""
    files = sorted(path for folder in ("kernels", "jaxinv") for path in (ROOT / folder).rglob("*.py"))
    return hashlib.sha256(json.dumps([path.read_text() for path in files]).encode()).hexdigest()
