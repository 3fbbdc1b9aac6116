from __future__ import annotations

import json
import struct
import zlib
from datetime import UTC, datetime

import numpy as np
import polars as pl
from sklearn.datasets import load_digits

from data.demo import demo_projects
from data.demo.pictures import SIDE
from tests.data import demo_models

DIGITS, MESSAGES = demo_projects(datetime(2026, 11, 24, 9, 30, tzinfo=UTC))


def decoded(png: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """(160, 160) palette places of a 4-bit PNG; every chunk's checksum is verified on the way."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + content)
        chunks[kind] = content
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (SIDE, SIDE, 4, 3, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(SIDE, 1 + SIDE // 2)
    assert (rows[:, 0] == 0).all()
    return np.stack([rows[:, 1:] >> 4, rows[:, 1:] & 15], axis=-1).reshape(SIDE, SIDE)


def test_digits_pictures_are_png_files_that_show_the_pixels() -> None:
    assert set(DIGITS.image_png) == set(DIGITS.items["item_id"])
    assert MESSAGES.image_png == {}
    pixels = load_digits(return_X_y=True)[0].reshape(-1, 8, 8)
    table = pl.read_csv(
        demo_models.FOLDER / "digits.tsv", separator="\t", schema_overrides={"pixels": pl.String}
    )
    for item_id, row in table.select("item_id", "source_row").head(40).iter_rows():
        shades = decoded(DIGITS.image_png[item_id])
        cells = shades.reshape(10, 16, 10, 16).mean(axis=(1, 3))
        assert np.corrcoef(cells[1:-1, 1:-1].ravel(), pixels[row].ravel())[0, 1] > 0.9


def test_faint_pictures_have_less_ink() -> None:
    quality = DIGITS.items["attributes"].map_elements(
        lambda text: json.loads(text)["quality"], return_dtype=pl.String
    )
    darkest = [int(decoded(png).max()) for png in DIGITS.image_png.values()]
    table = pl.DataFrame({"quality": quality, "darkest": darkest}).group_by("quality")
    ranges = {
        name: (low, high) for name, low, high in table.agg(pl.min("darkest"), high=pl.max("darkest")).rows()
    }
    assert ranges["faint"][1] < ranges["clear"][0]
    assert 0.1 < (quality == "faint").sum() / 600 < 0.25
