"""Models on disk: their parameters, to go on with; and their function, to run where this library is not."""

import os
import pathlib
from typing import Any

import jax
from flax import nnx
from jax import export
from orbax import checkpoint


def save_model(folder: str | os.PathLike[str], model: nnx.Module) -> None:
    """Writes all variables of a model to a new folder.

    Raises:
      ValueError: the folder is there already.
    """
    path = pathlib.Path(folder).absolute()
    if path.exists():
        raise ValueError(f"folder: {folder} is there already")
    with checkpoint.StandardCheckpointer() as writer:
        writer.save(path, _named(nnx.state(model)))


def restore_model(folder: str | os.PathLike[str], model: nnx.Module) -> None:
    """Gives a model the variables that were saved, bit for bit; it was made by the same call as the one saved.

    Raises:
      ValueError: nothing was saved there, or variables of other names, shapes or dtypes.
    """
    path = pathlib.Path(folder).absolute()
    if not path.is_dir():
        raise ValueError(f"folder: there is no model in {folder}")
    state = nnx.state(model)
    wanted = _named(state)
    with checkpoint.StandardCheckpointer() as reader:
        metadata = reader.metadata(path)
        found = getattr(metadata, "item_metadata", metadata)
        found = _kinds(getattr(found, "tree", found))
        other = sorted(
            name for name in found.keys() | _kinds(wanted).keys() if found.get(name) != _kinds(wanted).get(name)
        )
        if other:
            raise ValueError(f"folder: {folder} holds another model, whose variables differ in {', '.join(other[:5])}")
        content = reader.restore(path, wanted)
    nnx.replace_by_pure_dict(state, nnx.restore_int_paths(content))
    nnx.update(model, state)


def _named(tree: Any) -> Any:
    """Nested dicts of a state's variables, the places in lists as text: orbax knows no other names."""
    tree = nnx.to_pure_dict(tree) if isinstance(tree, nnx.State) else tree
    return {str(name): _named(part) for name, part in tree.items()} if isinstance(tree, dict) else tree


def _kinds(tree: Any) -> dict[str, tuple[Any, ...]]:
    """Shape and dtype of each variable by its path."""
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {jax.tree_util.keystr(path): (tuple(leaf.shape), str(leaf.dtype)) for path, leaf in leaves}


def export_model(model: nnx.Module, *arguments: Any, platforms: tuple[str, ...] | None = None) -> bytes:
    """The function of a model for arguments of these shapes, with its parameters in it, as bytes for `load_exported`.

    Args:
      model: called with the arguments; results that are named tuples become dicts of their fields.
      arguments: arrays, or `jax.ShapeDtypeStruct`s.
      platforms: that it shall run on, such as `("cpu", "cuda")`; None: the one that is used here.

    Returns:
      Serialised StableHLO. It runs on this version of jax and, by jax's promise, on those of half a year after it.
    """
    graphdef, state = nnx.split(model)

    def function(*arguments: Any) -> Any:
        return _plain(nnx.merge(graphdef, state)(*arguments))

    return bytes(export.export(jax.jit(function), platforms=platforms)(*arguments).serialize())


def load_exported(content: bytes) -> Any:
    """The function that `export_model` wrote: `load_exported(content)(*arguments)`, also under jit."""
    return export.deserialize(bytearray(content)).call


def _plain(result: Any) -> Any:
    """Without the classes of this library, which the reader of an export does not have."""
    if hasattr(result, "_asdict"):
        return {name: _plain(value) for name, value in result._asdict().items()}
    return result
