"""Writes small databases in MaxMind's format, as its specification has it: a binary tree, then the records."""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

MARKER = b"\xab\xcd\xefMaxMind.com"
TEXT, DOUBLE, MAP, UINT16, UINT32, UINT64, ARRAY = 2, 3, 7, 5, 6, 9, 11
BYTE_STRING_SIZES = 29


class Integer(NamedTuple):
    """A whole number, in the kind and the bytes that its place asks for."""

    kind: int
    size: int
    number: int


def _head(kind: int, size: int) -> bytes:
    """Return the control bytes of a value."""
    extended = bytes([kind - 7]) if kind > MAP else b""
    first = (0 if extended else kind) << 5
    if size < BYTE_STRING_SIZES:
        return bytes([first | size]) + extended
    return bytes([first | BYTE_STRING_SIZES]) + extended + bytes([size - BYTE_STRING_SIZES])


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        return _head(TEXT, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _head(DOUBLE, 8) + struct.pack(">d", value)
    if isinstance(value, Integer):
        return _head(value.kind, value.size) + value.number.to_bytes(value.size, "big")
    if isinstance(value, Mapping):
        return _head(MAP, len(value)) + b"".join(_encoded(name) + _encoded(each) for name, each in value.items())
    return _head(ARRAY, len(value)) + b"".join(_encoded(each) for each in value)


class Tree:
    """A tree over the bits of addresses of version 6, in which those of version 4 lie under ::/96."""

    def __init__(self) -> None:
        self.nodes: list[list[int | tuple[int]]] = [[-1, -1]]
        self.data = b""

    def add(self, network: str, record: Mapping[str, Any]) -> None:
        """Put a record on a network."""
        result = ipaddress.ip_network(network)
        bits = result.prefixlen + (96 if result.version == 4 else 0)
        number = int(result.network_address)
        path = [(number >> (127 - place)) & 1 for place in range(bits)]
        node = 0
        for bit in path[:-1]:
            following = self.nodes[node][bit]
            if not isinstance(following, int) or following < 0:
                self.nodes.append([-1, -1])
                following = self.nodes[node][bit] = len(self.nodes) - 1
            node = following
        self.nodes[node][path[-1]] = (len(self.data),)
        self.data += _encoded(record)

    def written(self) -> bytes:
        """Return the file."""
        count = len(self.nodes)

        def pointer(each: int | tuple[int]) -> bytes:
            if isinstance(each, tuple):
                return (count + 16 + each[0]).to_bytes(3, "big")
            return (each if each >= 0 else count).to_bytes(3, "big")

        tree = b"".join(pointer(remaining) + pointer(right) for remaining, right in self.nodes)
        about = {
            "node_count": Integer(UINT32, 4, count), "record_size": Integer(UINT16, 2, 24),
            "ip_version": Integer(UINT16, 2, 6), "binary_format_major_version": Integer(UINT16, 2, 2),
            "binary_format_minor_version": Integer(UINT16, 2, 0), "build_epoch": Integer(UINT64, 8, 1),
            "database_type": "Test-City", "languages": ["en"], "description": {"en": "made up"},
        }  # fmt: skip
        return tree + b"\0" * 16 + self.data + MARKER + _encoded(about)


def write(path: Path, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a database of networks, in one step that readers of the old file do not notice."""
    tree = Tree()
    for network, record in records.items():
        tree.add(network, record)
    extra = path.with_suffix(".new")
    extra.write_bytes(tree.written())
    extra.replace(path)
