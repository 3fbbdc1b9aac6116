"""Delivery of alerts to a real server: signed, again after waits while it fails, and every attempt on the record."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dashboard.workflows import alert_addresses, alert_delivery
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.alert_steps import PROJECT, figure, one, opened


@dataclass
class Receiver:
    """A web server that keeps what it was sent; answers `status`, after `wait` seconds."""

    status: int = 200
    wait: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((dict(self.headers), body))
            time.sleep(kept.wait)
            self.send_response(kept.status)
            if kept.status == 302:
                self.send_header("Location", kept.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()
