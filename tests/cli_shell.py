"""Commands run in this process, as a script would run them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashboard.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Shell:
    """Runs commands in this process on the store of a folder, as the person `lena`."""

    folder: Path

    def __call__(self, *words: str, store: Path | None = None) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name in ("TOUCHSTONE_PROJECT", "TOUCHSTONE_USER"):
                patch.delenv(name, raising=False)
            patch.setenv("TOUCHSTONE_STORE", str(store or self.folder / "store"))
            patch.setenv("TOUCHSTONE_KEYS", str(self.folder / "keys"))
            patch.setenv("LOGNAME", "lena")
            patch.setattr(sys, "argv", ["touchstone", *words])
            patch.chdir(self.folder)
            with pytest.raises(SystemExit) as ended:
                main()
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def journal(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted((self.folder / "store" / "journal").iterdir()))


def two_sites(shell: Shell) -> None:
    """Another store, "sites": ten people of two sites who say different things about two items in three."""
    said = {0: "no", 1: "yes"}
    given = [f"i{i},a{p},{said[bool(i % 3) * (p < 5)]}" for i in range(30) for p in range(10)]
    (shell.folder / "sites.csv").write_text("\n".join(["item,annotator,label", *given]) + "\n")
    people = [f"a{person},{'north' if person < 5 else 'south'}" for person in range(10)]
    (shell.folder / "who.csv").write_text("\n".join(["annotator,site", *people]) + "\n")
    for words in (("import", "sites.csv", "--project", "sites"), ("attributes", "who.csv")):
        assert shell(*words, "--store", "sites").code == 0


def money(run: Callable[..., Any]) -> None:
    """What work is paid, and what it cost."""
    run("rates", "--basis", "annotation", "--amount", "0.05", "--currency", "EUR", "--from", "2020-01-01")
    run("cost", "--plan", "0.5", "--per", "label")
