"""Verbs that start the app: serve and demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dashboard.cli.frame import StoreOption, say, store_path

DEMO_STORE = Path(".demo/touchstone-store")

PortOption = Annotated[int, typer.Option("--port", help="The port on 127.0.0.1.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("serve")(serve)
    app.command("demo")(demo)


def serve(
    context: typer.Context,
    store: StoreOption = None,
    port: PortOption = 8501,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the dashboard on a store."""
    _serve(store_path(context, store), host, port, demo=False)


def demo(
    store: Annotated[Path, typer.Option("--store", help="Where the demo store stands.")] = DEMO_STORE,
    port: PortOption = 8501,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Put the old demo store aside and build a new one.")
    ] = False,
    build_only: Annotated[bool, typer.Option("--build-only", help="Build the store and stop.")] = False,
) -> None:
    """Build the demo store (simulated data) where there is none, and open the dashboard on it."""
    from dashboard.workflows import demo as demo_workflow

    keys = store.parent / "keys"
    if demo_workflow.prepare(store, keys_folder=keys, fresh=fresh):
        say(f"The demo store (simulated data) was built in {store}.")
    if not build_only:
        os.environ["TOUCHSTONE_KEYS"] = str(keys.absolute())
        _serve(store, "127.0.0.1", port, demo=True)


def _serve(store: Path, host: str, port: int, *, demo: bool) -> None:
    import uvicorn

    os.environ["TOUCHSTONE_STORE"] = str(store.absolute())
    os.environ["TOUCHSTONE_DEMO"] = "1" if demo else ""
    say(f"Touchstone is on http://{host}:{port} (Ctrl+C stops it)")
    uvicorn.run("dashboard.app:app", host=host, port=port, log_level="warning", access_log=False)
