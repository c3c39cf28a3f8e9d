"""Frames: how arrays travel between processes. A JSON header, then raw bytes; nothing in them can be executed.

b"A3F1" | header length, 4 bytes | header: {"values": {...}, "arrays": [[name, dtype, shape], ...]} | array bytes
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

MAGIC = b"A3F1"
MAX_HEADER = 256 * 1024
MAX_ARRAYS = 256
MAX_DIMENSIONS = 8
DTYPES = {"|b1", "|u1", "|i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}\Z", re.ASCII)


class FrameError(ValueError):
    """The bytes are no frame."""


def encode(contents: Mapping[str, Any]) -> bytes:
    """contents: names with arrays, numbers, strings, None, or lists and dicts of those that JSON can hold."""
    values, arrays, blocks = {}, [], []
    for name, value in contents.items():
        if isinstance(value, np.ndarray):
            block = np.array(value, order="C", copy=None, subok=False)
            block = block.astype(block.dtype.newbyteorder("<"), copy=False)
            if block.dtype.str not in DTYPES:
                raise FrameError(f"expected {name} of a plain numeric dtype, got {value.dtype}: convert it first")
            arrays.append([name, block.dtype.str, list(block.shape)])
            blocks.append(block.tobytes())
        else:
            values[name] = value.item() if isinstance(value, np.generic) else value
    header = json.dumps({"values": values, "arrays": arrays}).encode()
    if len(header) > MAX_HEADER:
        raise FrameError(f"expected at most {MAX_HEADER} bytes of text, got {len(header)}")
    return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *blocks])


def decode(data: bytes) -> dict[str, Any]:
    """The contents of exactly one frame, as plain ndarrays of one's own and plain values. Raises FrameError."""
    if data[:4] != MAGIC or len(data) < 8:
        raise FrameError("expected a frame, got something else")
    length = int.from_bytes(data[4:8], "little")
    if length > MAX_HEADER or 8 + length > len(data):
        raise FrameError("expected a whole header, got part of one or too long a one")
    try:
        header = json.loads(data[8 : 8 + length])
        contents, arrays = dict(header["values"]), list(header["arrays"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FrameError("expected a header in JSON, got something else") from None
    if len(arrays) > MAX_ARRAYS:
        raise FrameError(f"expected at most {MAX_ARRAYS} arrays, got {len(arrays)}")
    start = 8 + length
    for entry in arrays:
        name, dtype, shape = _checked(entry)
        end = start + math.prod(shape) * np.dtype(dtype).itemsize
        if name in contents or end > len(data):
            raise FrameError(f"expected {name} once and whole, got it twice or cut short")
        contents[name] = np.frombuffer(memoryview(data)[start:end], dtype=dtype).reshape(shape).copy()
        start = end
    if start != len(data):
        raise FrameError(f"expected the frame to end, got {len(data) - start} more bytes")
    return contents


def _checked(entry: object) -> tuple[str, str, list[int]]:
    if not (isinstance(entry, list) and len(entry) == 3):
        raise FrameError("expected name, dtype and shape of each array, got something else")
    name, dtype, shape = entry
    if not (isinstance(name, str) and NAME.match(name)):
        raise FrameError("expected a plain name, got something else")
    if not (isinstance(dtype, str) and dtype in DTYPES):
        raise FrameError(f"expected {name} of a plain numeric dtype, got another")
    if not (
        isinstance(shape, list)
        and len(shape) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size < 2**31 for size in shape)
    ):
        raise FrameError(f"expected a shape of at most {MAX_DIMENSIONS} sizes for {name}, got something else")
    return name, dtype, shape
