"""Identifiers of imported annotations: made from what they say, so that the same file again brings nothing new."""

from __future__ import annotations

import duckdb
import polars as pl

_STATEMENT = """
    WITH counted AS (
        SELECT "row", item_id, annotator_id, label, labelled_at, active_seconds, source_id,
            row_number() OVER (
                PARTITION BY item_id, annotator_id, label, labelled_at, active_seconds, source_id ORDER BY "row"
            ) AS occurrence
        FROM incoming
    )
    SELECT "row", md5(concat_ws(chr(31), $project_id, item_id, annotator_id, label,
        coalesce(epoch_us(labelled_at)::VARCHAR, '-'), coalesce(active_seconds::VARCHAR, '-'), coalesce(source_id, '-'),
        occurrence::VARCHAR)) AS annotation_id
    FROM counted ORDER BY "row"
"""


def annotation_ids(annotations: pl.DataFrame, *, project_id: str) -> pl.Series:
    """One id for each row of `annotations` (columns of an importer's `Parsed.annotations`), in the order of `row`.

    Rows that say exactly the same are told apart by their running number in the file.
    """
    connection = duckdb.connect(config={"enable_external_access": "false"})
    try:
        connection.register("incoming", annotations.to_arrow())
        return connection.execute(_STATEMENT, {"project_id": project_id}).pl()["annotation_id"]
    finally:
        connection.close()
