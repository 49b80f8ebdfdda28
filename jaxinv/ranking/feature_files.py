"""Matrices in .npy, .npz and .safetensors files, read in row chunks with bounded memory whatever the size of the file.

Data that lies in a file as it is (.npy, .safetensors and members of an uncompressed .npz) is memory-mapped, one fresh
window per chunk, because pages of a mapping that were touched count as resident until the mapping is dropped. A
compressed member is decompressed chunk by chunk; in Fortran order, where a chunk of rows is spread over the whole
member, it is first decompressed into a temporary file.
"""

import contextlib
import dataclasses
import os
import pathlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

import jax.numpy as jnp
import numpy as np

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.safetensors_header import read_safetensors_header

MAP_COLUMNS = 256  # columns of a Fortran-ordered file that are mapped at a time
COPY_BYTES = 1 << 20
LOCAL_HEADER_BYTES = 30  # of a zip member, before its name and extra field
READ_ERRORS = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


@dataclasses.dataclass(frozen=True)
class MatrixFile:
    """A floating-point matrix in a file, opened by `open_matrix`; nothing but its header has been read.

    Attributes:
      path: the file.
      member: name inside a .npz or .safetensors, None for a .npy.
      shape: (N, D).
      dtype: as stored.
      fortran_order: columns lie together, not rows.
      offset: byte where the data starts in `path`; None if it must be decompressed.
    """

    path: pathlib.Path
    member: str | None
    shape: tuple[int, int]
    dtype: np.dtype
    fortran_order: bool
    offset: int | None

    def chunks(self, chunk_rows: int, *, start: int = 0) -> Iterator[np.ndarray]:
        """Yields rows `start`, `start + chunk_rows`, ... as arrays (chunk_rows, D); the last may be shorter."""
        try:
            if self.offset is not None:
                yield from self._mapped_chunks(self.path, self.offset, chunk_rows, start)
            elif self.fortran_order:
                yield from self._unpacked_chunks(chunk_rows, start)
            else:
                yield from self._streamed_chunks(chunk_rows, start)
        except InputError:
            raise
        except READ_ERRORS as error:
            raise InputError(f"{self.path}: reading stopped with: {error}. If it is damaged, write it again") from error

    def _mapped_chunks(self, path: pathlib.Path, offset: int, chunk_rows: int, start: int) -> Iterator[np.ndarray]:
        rows, columns = self.shape
        for first in range(start, rows, chunk_rows):
            size = min(chunk_rows, rows - first)
            chunk = np.empty((size, columns), self.dtype)
            if self.fortran_order:
                for left in range(0, columns, MAP_COLUMNS):
                    width = min(MAP_COLUMNS, columns - left)
                    skip = offset + left * rows * self.dtype.itemsize
                    window = np.memmap(path, self.dtype, "r", skip, shape=(rows, width), order="F")
                    chunk[:, left : left + width] = window[first : first + size]
                    del window
            else:
                skip = offset + first * columns * self.dtype.itemsize
                chunk[:] = np.memmap(path, self.dtype, "r", skip, shape=(size, columns))
            yield chunk

    def _streamed_chunks(self, chunk_rows: int, start: int) -> Iterator[np.ndarray]:
        rows, columns = self.shape
        with self._open_member() as stream:
            _skip(stream, start * columns * self.dtype.itemsize)
            for first in range(start, rows, chunk_rows):
                chunk = np.empty((min(chunk_rows, rows - first), columns), self.dtype)
                _read_exactly(stream, memoryview(chunk.data).cast("B"))
                if first + len(chunk) == rows:
                    stream.read(1)  # the zip member's checksum is verified at its end
                yield chunk

    def _unpacked_chunks(self, chunk_rows: int, start: int) -> Iterator[np.ndarray]:
        with tempfile.NamedTemporaryFile(prefix="jaxinv-") as unpacked:
            with self._open_member() as stream:
                while block := stream.read(COPY_BYTES):
                    unpacked.write(block)
            unpacked.flush()
            yield from self._mapped_chunks(pathlib.Path(unpacked.name), 0, chunk_rows, start)

    @contextlib.contextmanager
    def _open_member(self) -> Iterator[IO[bytes]]:
        """The member's data, decompressed, after its header."""
        assert self.member is not None
        with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
            _read_header(stream)
            yield stream


def open_matrix(path: str | os.PathLike[str], *, array_name: str) -> MatrixFile:
    """Opens a floating-point matrix without reading its data.

    Args:
      path: a .npy file, or a .npz or .safetensors file with an array called `array_name` or only one matrix; another
        one is taken by its name after a colon, "file.safetensors:name".
      array_name: what the file holds, in the words of the messages: "features" or "probabilities".
    Raises:
      InputError: the file is missing, foreign or truncated, or does not hold a floating-point matrix (N, D) with
        N, D >= 1.
    """
    path, name = split_member(pathlib.Path(path))
    if path.is_dir() or not path.exists():
        what = "is a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}; give a .npy, .npz or .safetensors file")
    try:
        with path.open("rb") as file:
            magic = file.read(9)
        if magic[:6] == np.lib.format.MAGIC_PREFIX and name is None:
            return _open_npy(path, array_name)
        if magic[:4] == b"PK\x03\x04":
            return _open_npz(path, array_name, name)
        if magic[8:] == b"{":
            return _open_safetensors(path, array_name, name)
    except InputError:
        raise
    except READ_ERRORS as error:
        raise InputError(f"{path}: truncated or damaged ({error}). Write it again") from error
    kinds = "neither .npy nor .npz nor .safetensors" if name is None else "neither .npz nor .safetensors"
    raise InputError(f"{path}: {kinds}. Save the {array_name} with np.save({path.stem!r}, array)")


def split_member(path: pathlib.Path) -> tuple[pathlib.Path, str | None]:
    """The file, and the name of an array in it where one is given ("file.npz:name")."""
    file, colon, name = str(path).rpartition(":")
    if colon and not path.exists() and pathlib.Path(file).is_file():
        return pathlib.Path(file), name
    return path, None


def _open_npy(path: pathlib.Path, array_name: str) -> MatrixFile:
    with path.open("rb") as file:
        shape, fortran_order, dtype = _read_header(file)
        offset = file.tell()
    _check_matrix(str(path), array_name, shape, dtype)
    matrix = MatrixFile(path, None, (shape[0], shape[1]), dtype, fortran_order, offset)
    _check_size(matrix, path.stat().st_size - offset)
    return matrix


def _open_npz(path: pathlib.Path, array_name: str, name: str | None) -> MatrixFile:
    with zipfile.ZipFile(path) as archive:
        headers = {}
        for info in archive.infolist():
            if info.filename.endswith(".npy"):
                with archive.open(info) as stream:
                    headers[info.filename.removesuffix(".npy")] = _read_header(stream)
        chosen = _choose(path, array_name, name, {key: shape for key, (shape, _, _) in headers.items()})
        shape, fortran_order, dtype = headers[chosen]
        _check_matrix(f"{path}, array {chosen!r}", array_name, shape, dtype)
        member = f"{chosen}.npy"
        info = archive.getinfo(member)
        with archive.open(info) as stream:
            _read_header(stream)
            header_bytes = stream.tell()
    offset = None
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as file:
            file.seek(info.header_offset)
            local = file.read(LOCAL_HEADER_BYTES)
        names = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        offset = info.header_offset + LOCAL_HEADER_BYTES + names + header_bytes
    matrix = MatrixFile(path, member, (shape[0], shape[1]), dtype, fortran_order, offset)
    _check_size(matrix, info.file_size - header_bytes)
    return matrix


def _open_safetensors(path: pathlib.Path, array_name: str, name: str | None) -> MatrixFile:
    tensors = read_safetensors_header(path)
    chosen = _choose(path, array_name, name, {key: tensor.shape for key, tensor in tensors.items()})
    tensor = tensors[chosen]
    where = f"{path}, tensor {chosen!r}"
    if tensor.dtype is None:
        raise InputError(f"{where}: {array_name} must be F16, BF16, F32 or F64, got {tensor.stored_dtype}")
    _check_matrix(where, array_name, tensor.shape, tensor.dtype)
    matrix = MatrixFile(path, chosen, (tensor.shape[0], tensor.shape[1]), tensor.dtype, False, tensor.offset)
    _check_size(matrix, min(tensor.size, path.stat().st_size - tensor.offset))
    return matrix


def _choose(path: pathlib.Path, array_name: str, name: str | None, shapes: dict[str, tuple[int, ...]]) -> str:
    """The array of the given name, else the one called `array_name`, else the only matrix."""
    found = ", ".join(f"{key} {shape}" for key, shape in shapes.items()) or "nothing"
    if name is not None:
        if name not in shapes:
            raise InputError(f"{path}: no array called {name!r} in it (it holds {found})")
        return name
    if array_name in shapes:
        return array_name
    matrices = [key for key, shape in shapes.items() if len(shape) == 2]
    if len(matrices) != 1:
        raise InputError(
            f"{path}: no array called {array_name!r} and not exactly one matrix in it (it holds {found}). "
            f"Call it {array_name!r}, or give {path}:NAME"
        )
    return matrices[0]


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f".npy format {version} is for structured arrays only")


def _check_matrix(where: str, array_name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if len(shape) != 2:
        raise InputError(
            f"{where}: {array_name} must be a matrix (samples, dimensions), got shape {shape}. "
            "Pool or reshape it to (samples, -1) first"
        )
    if dtype != jnp.bfloat16 and (dtype.kind != "f" or dtype.itemsize > 8):
        hint = " (bfloat16 has no type of its own in .npy)" if dtype.kind == "V" else ""
        raise InputError(
            f"{where}: {array_name} must be float16, float32 or float64, got {dtype}{hint}. "
            "Save array.astype(np.float32)"
        )
    if 0 in shape:
        raise InputError(f"{where}: {array_name} is empty, shape {shape}. At least one row and one column are needed")


def _check_size(matrix: MatrixFile, available: int) -> None:
    needed = matrix.shape[0] * matrix.shape[1] * matrix.dtype.itemsize
    if available < needed:
        raise InputError(
            f"{matrix.path}: truncated, its header promises {matrix.shape[0]} x {matrix.shape[1]} {matrix.dtype} = "
            f"{needed} bytes of data but {max(available, 0)} are there. Write or copy the file again"
        )


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0:
        block = stream.read(min(size, COPY_BYTES))
        if not block:
            raise EOFError("unexpected end of the data")
        size -= len(block)


def _read_exactly(stream: IO[bytes], buffer: memoryview) -> None:
    filled = 0
    while filled < len(buffer):
        block = stream.read(min(len(buffer) - filled, COPY_BYTES))
        if not block:
            raise EOFError("unexpected end of the data")
        buffer[filled : filled + len(block)] = block
        filled += len(block)
