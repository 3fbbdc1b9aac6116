"""Numbered SQL files, each applied once, in a transaction."""

from __future__ import annotations

from importlib.resources import files

import duckdb

_LEDGER = "CREATE TABLE IF NOT EXISTS migration (number INTEGER, name VARCHAR)"


def migrate(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Bring the database to the newest form; returns the names of the migrations that were applied."""
    connection.execute(_LEDGER)
    done = {row[0] for row in connection.execute("SELECT number FROM migration").fetchall()}
    applied: list[str] = []
    for number, name, statements in _migrations():
        if number in done:
            continue
        connection.begin()
        try:
            connection.execute(statements)
            connection.execute("INSERT INTO migration VALUES (?, ?)", [number, name])
            connection.commit()
        except duckdb.Error:
            connection.rollback()
            raise
        applied.append(name)
    return tuple(applied)


def _migrations() -> list[tuple[int, str, str]]:
    folder = files("data").joinpath("migrations")
    found = [
        (int(entry.name.split("_", 1)[0]), entry.name, entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)
