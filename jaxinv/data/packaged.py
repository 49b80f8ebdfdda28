"""Files that lie inside installed packages, read without importing the package."""

import gzip
import hashlib
import importlib.metadata
import importlib.util
import pathlib


class MissingPackage(ImportError):
    """The package that holds a data set is not installed; the message says how to install it."""


class ChangedFile(OSError):
    """A packaged file is absent or not the one this library knows; the message says which version to install."""


def packaged_file(
    module: str, path: str, *, distribution: str, known_version: str, sha256: str, extra: str = "images"
) -> bytes:
    """The content of a file in the folder of an installed package; a name that ends in .gz is decompressed.

    Args:
      module: what one would import.
      path: of the file, relative to the package's folder.
      distribution: what one would `pip install`.
      known_version: a version of it that holds this file, for the advice.
      sha256: hexadecimal, of the content (after decompression).
      extra: of jaxinv, that has the distribution.

    Raises:
      MissingPackage: the package is not installed.
      ChangedFile: the file is absent or has another content.
    """
    # find_spec on a name without a dot looks, and imports nothing.
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage(f"{distribution} is not installed: install it with pip install 'jaxinv[{extra}]'")
    advice = f"install a version that is known to hold it: pip install '{distribution}=={known_version}'"
    file = pathlib.Path(spec.submodule_search_locations[0], path)
    installed = f"{distribution} {importlib.metadata.version(distribution)}"
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise ChangedFile(f"{installed} has no readable file {path} ({error}); {advice}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ChangedFile(f"{path} of {installed} has SHA-256 {found}, not {sha256}; {advice}")
    return content
