"""Opening alerts from figures that are given, and a real web server that keeps what it was sent."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl

from dashboard.workflows import alert_limits, alert_opening, alerts, ingest
from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from data.database import Reader
from data.records import Draft
from tests import stores

PROJECT = stores.PROJECT


def figure(**values: object) -> pl.DataFrame:
    """One figure as a measurement: by default a distance of labels that is over its limit."""
    row: dict[str, object] = {
        "key": "drift_total_variation", "group_kind": "", "group_id": "", "value": 0.2, "low": 0.1, "high": 0.3, "n": 2000,
        "undefined": None, "unit": "share", "detail": "{}", **values,
    }  # fmt: skip
    return pl.DataFrame([row], schema=MEASUREMENT)


def opened(store: Store, figures: pl.DataFrame, alarm: dict[str, object] | None = None) -> int:
    """Open what a measurement of these figures would; how many that were."""
    found: list[dict[str, object]] = []

    def plan(reader: Reader) -> Draft | None:
        run = alert_opening.Measured("run", store.head, datetime(2026, 10, 1, tzinfo=UTC))
        rows = alert_opening.of_drift(reader, PROJECT, run, figures, alarm, sentence="Cats grew more")
        found[:] = rows.get("alert", [])
        return Draft("drift_measured", PROJECT, "run", {"rows": rows}) if rows else None

    store.submit(plan, by="lena", request={"verb": "test", "at": time.time_ns()})
    return len(found)


def one(store: Store) -> dict[str, object]:
    """The newest alert."""
    return alerts.alerts(store, project_id=PROJECT, by=stores.RITA).row(0, named=True)


def limit(store: Store, key: str, value: float | None, **more: object) -> None:
    """Set a limit, with a reason."""
    options: dict[str, object] = {"reason": "Our contract says so", **more}
    alert_limits.set_limit(store, project_id=PROJECT, by=stores.LENA, key=key, limit=value, **options)  # type: ignore[arg-type]  # by name


def settle(store: Store, code: str = "fixed", reason: str = "Mended") -> str:
    """Take and close the newest alert; its id."""
    alert_id = str(one(store)["alert_id"])
    alerts.own(store, project_id=PROJECT, by=stores.LENA, alert_id=alert_id)
    alerts.close(store, project_id=PROJECT, by=stores.LENA, alert_id=alert_id, code=code, reason=reason)
    return alert_id


def bring(store: Store, *, seed: int, n_items: int = 3) -> None:
    """Import annotations of other items by other people."""
    parsed = stores.parsed_crowd(n_items=n_items, seed=seed, name=f"more-{seed}.csv")
    item = pl.format("more-{}-{}", pl.lit(seed), "item_id").alias("item_id")
    person = pl.format("b{}-{}", pl.lit(seed), "annotator_id").alias("annotator_id")
    more = replace(
        parsed, annotations=parsed.annotations.with_columns(item, person), items=parsed.items.with_columns(item),
        annotators=parsed.annotators.clear(), predictions=parsed.predictions.clear(),
    )  # fmt: skip
    ingest.import_parsed(
        store, parsed=more, project_id=PROJECT, by=stores.LENA, request=ingest.ImportRequest()
    )


@dataclass
class Receiver:
    """A web server that keeps what it was sent; answers `status`, after `wait` seconds, dripping its headers where `drip` is set."""

    status: int = 200
    wait: float = 0.0
    drip: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Such a server for as long as the block runs; with a context it speaks https."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((dict(self.headers), body))
            time.sleep(kept.wait)
            try:
                while kept.drip:
                    self.wfile.write(b"H")
                    time.sleep(kept.drip)
                self.send_response(kept.status)
                if kept.status == 302:
                    self.send_header("Location", kept.url + "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        kept.drip = 0.0
        server.shutdown()
        thread.join()
        server.server_close()
