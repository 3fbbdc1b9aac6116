"""Identifiers: those that sort by time (UUID version 7, RFC 9562), and the name of a key inside JSON."""

from __future__ import annotations

import os
import uuid
from datetime import datetime


def uuid7(moment: datetime) -> str:
    """A UUIDv7 text for `moment`: 48 bits of milliseconds, the rest random."""
    milliseconds = int(moment.timestamp() * 1000) & ((1 << 48) - 1)
    random_bits = int.from_bytes(os.urandom(10))
    value = (
        milliseconds << 80
        | 0x7 << 76
        | (random_bits >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | random_bits & ((1 << 62) - 1)
    )
    return str(uuid.UUID(int=value))


def json_pointer(key: str) -> str:
    """The JSON pointer (RFC 6901) of a key.

    >>> json_pointer("a/b~c")
    '/a~1b~0c'
    """
    return "/" + key.replace("~", "~0").replace("/", "~1")
