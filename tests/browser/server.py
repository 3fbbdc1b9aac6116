"""A real server on a port of its own, for tests and for the pictures of the docs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address, the store it serves and the file that its log goes to."""

    url: str
    store: Path
    keys: Path
    log: Path

    def page(self, path: str, **params: str) -> str:
        """The address of a page."""
        return f"{self.url}/{path}" + (f"?{urlencode(params)}" if params else "")

    def environment(self) -> Mapping[str, str]:
        """What a command on the same store needs."""
        return environment(self.store, self.keys)


def environment(store: Path, keys: Path) -> Mapping[str, str]:
    """This process's environment with that store in it."""
    return {
        **os.environ,
        "TOUCHSTONE_STORE": str(store),
        "TOUCHSTONE_KEYS": str(keys),
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def serving(store: Path, keys: Path, *, pick_person: bool = True) -> Iterator[Server]:
    """Serve a store; with `pick_person` whoever looks picks who they are, as in the demo."""
    port = _free_port()
    log = store.parent / f"server-{port}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "uvicorn",
                "dashboard.app:app",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            ],
            env={**environment(store, keys), "TOUCHSTONE_DEMO": "1" if pick_person else ""},
            cwd=ROOT,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        server = Server(f"http://127.0.0.1:{port}", store, keys, log)
        try:
            _wait(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"The server stopped at once:\n{server.log.read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The server did not answer in {START_SECONDS} s:\n{server.log.read_text()[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
