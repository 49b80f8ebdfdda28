"""Inner tensors of an ONNX network as its outputs, without the package onnx.

An ONNX file is one protobuf message. Protobuf merges a message that is written twice: lists of both are joined. So a
second graph that holds nothing but outputs, written after the file, adds them to the network.
"""

from collections.abc import Sequence

GRAPH, OUTPUT, NAME = 7, 12, 1  # field numbers in ModelProto, GraphProto and ValueInfoProto
LENGTH_DELIMITED = 2


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The ONNX file `model` with the tensors `names` as further outputs; their types are left for the runtime to find.

    References: the specification of ONNX (onnx.proto); Protocol Buffers, Encoding, "Last One Wins".
    """
    outputs = b"".join(_field(OUTPUT, _field(NAME, name.encode())) for name in names)
    return model + _field(GRAPH, outputs)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that another follows."""
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
