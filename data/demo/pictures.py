"""Small ink drawings as PNG files, without an imaging library."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from data.synthetic import Floats

SIDE = 160
"""Width and height of a drawn picture in pixels."""

_PAPER, _INK = (250, 247, 240), (28, 38, 66)
_SHADES = 16
_FAINT_INK = 0.35


def draw_pngs(ink: Floats, faint: NDArray[np.bool_]) -> list[bytes]:
    """(I, 8, 8) ink in [0, 1] as PNGs of 160 x 160: smoothly enlarged, with an edge of paper, dark blue ink.

    Args:
        ink: 0 is paper, 1 is full ink.
        faint: (I,) which pictures are drawn with little ink.
    """
    framed = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    enlarge = _cubic(framed.shape[1], SIDE)
    drawn = np.einsum("sa,iab,tb->ist", enlarge, framed, enlarge, optimize=True)
    # A steep smooth step makes a pen's stroke of blurred dots; below its start there is clean paper.
    step = ((drawn - 0.3) / 0.42).clip(0.0, 1.0)
    strength = np.where(faint, _FAINT_INK, 1.0)[:, None, None]
    shades = np.rint(step * step * (3.0 - 2.0 * step) * strength * (_SHADES - 1)).astype(np.uint8)
    palette = np.rint(np.linspace(_PAPER, _INK, _SHADES)).astype(np.uint8).tobytes()
    return [_png(picture, palette) for picture in shades]


def _png(shades: NDArray[np.uint8], palette: bytes) -> bytes:
    """A PNG (ISO/IEC 15948) of 4 bits a pixel: header, palette, and rows that begin with filter 0."""
    height, width = shades.shape
    packed = (shades[:, 0::2] << 4) | shades[:, 1::2]
    rows = np.zeros((height, 1 + width // 2), np.uint8)
    rows[:, 1:] = packed
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _cubic(n_from: int, n_to: int) -> Floats:
    """(n_to, n_from) weights of cubic convolution (Keys 1981, a = -1/2), edges repeated."""
    centres = (np.arange(n_to) + 0.5) * n_from / n_to - 0.5
    first = np.floor(centres).astype(np.int64) - 1
    weights = np.zeros((n_to, n_from))
    for step in range(4):
        source = first + step
        x = np.abs(centres - source)
        near = 1.5 * x**3 - 2.5 * x**2 + 1.0
        far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
        np.add.at(weights, (np.arange(n_to), source.clip(0, n_from - 1)), np.where(x <= 1.0, near, far))
    return weights
