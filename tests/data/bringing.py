"""Bringing files into a store, and looking at what came in."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl

from dashboard.workflows import ingest
from dashboard.workflows.ingest import ImportOptions, ImportRequest, ImportSummary
from dashboard.workflows.opening import Store
from tests import stores

ROWS = [("i1", "ann", "cat"), ("i1", "ben", "dog"), ("i2", "ann", "cat"), ("i2", "ben", "cät; really")]


def bring(
    store: Store, path: Path, *, format: str = "auto", options: ImportOptions | None = None,
    request: ImportRequest | None = None, request_id: str | None = None,
) -> ImportSummary:  # fmt: skip
    return ingest.import_file(
        store, path=path, project_id="p", by=stores.LENA, format=format, options=options, request=request,
        request_id=request_id,
    )  # fmt: skip


def stored(store: Store) -> list[tuple[object, ...]]:
    """(item, annotator, label) of every annotation, sorted."""
    cursor = store._database.connection.cursor()
    return sorted(
        cursor.execute(
            "SELECT item_id, annotator_id, json_extract_string(label_json, '$') FROM annotation "
            "JOIN item USING (project_id, item_code) JOIN annotator USING (annotator_code)"
        ).fetchall()
    )


def csv_text(delimiter: str = ",", end: str = "\n") -> str:
    lines = [("item", "annotator", "label"), *ROWS]
    return "".join(delimiter.join(f'"{cell}"' for cell in line) + end for line in lines)


def write(folder: Path, form: str) -> Path:
    """The rows in one of the forms in which people have them."""
    frame = pl.DataFrame(ROWS, schema=["item", "annotator", "label"], orient="row")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in frame.to_dicts())
    contents: dict[str, bytes] = {
        "plain.csv": csv_text().encode(),
        "windows.csv": csv_text(end="\r\n").encode(),
        "bom.csv": csv_text(end="\r\n").encode("utf-8-sig"),
        "excel.csv": ("sep=;\r\n" + csv_text(";", "\r\n")).encode("utf-8-sig"),
        "semicolon.csv": csv_text(";").encode(),
        "tabs.tsv": csv_text("\t").encode(),
        "utf16.csv": csv_text().encode("utf-16"),
        "old.csv": csv_text().encode("cp1252"),
        "lines.jsonl": lines.encode(),
        "packed.csv.gz": gzip.compress(csv_text().encode()),
        "packed.jsonl.gz": gzip.compress(lines.encode()),
    }
    path = folder / form
    if form == "table.parquet":
        frame.write_parquet(path)
    else:
        path.write_bytes(contents[form])
    return path
