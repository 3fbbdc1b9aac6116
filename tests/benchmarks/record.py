"""`make bench`: how fast we are next to the peers, written to docs/benchmarks.json and docs/benchmarks.md.

    python -m tests.benchmarks.record [--quick]

Runs `tests.benchmarks.agreement`, `consensus`, `suspects`, `training` and `uncertainty`, peer and ours in the same run, up to ten
million annotations or items; `--quick` stops at a hundred thousand, to see that everything runs. Takes about a quarter
of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import agreement, card, consensus, suspects, training, uncertainty
from tests.browser.server import ROOT

AGREEMENT = ("point", "interval", "pairs", "weighted-pairs", "sets")
SMALL, LARGE = "100000", "1000000,10000000"
CONSENSUS = (
    (("glad", "mace", "crowdlab"), SMALL, "100000"),
    (("dawid-skene",), f"{SMALL},{LARGE}", "1000000"),
    (("crowdlab", "weighted-vote", "contributions"), LARGE, "0"),
)
"""Models, sizes, and the largest size at which a peer is asked: at a million annotations some need minutes, or more memory
than there is."""

HEAD = """# How fast, next to the peers

Made by `make bench` on {date}, on {machine} with {cores} cores, load {load} when it began. Peer and ours run in the same run, each side in
a process of its own; medians; importing, compiling and making the work are left out for everyone. Generated work: 5 annotations an item,
10 labels, 500 annotators up to a million annotations and 5,000 beyond. Machines differ and are shared: trust the ratios, not the seconds.
A peer that would take minutes is timed on a part and multiplied (10 of 1,000 replicates, 1,500 of the pairs); GLAD is one iteration of
the peer's against the whole of our fit. Uncertainty counts items instead, of 10 labels each; its peer works out one of our six figures.
Training counts items too; its peer fits one model after another, of which a part is timed and multiplied.
An empty cell: no peer, or none that finishes.

| task | annotations or items | peer | peer s | ours s | ratio | our peak MB | device |
|---|---|---|---|---|---|---|---|
"""

CARD = """
## On a card

Made by `python -m tests.benchmarks.card` on {date}, on one {card} with torch {torch}: the data lie on the card already,
except where a row is about bringing them. A plain copy on the same card in the same run is the memory bandwidth that a task
names its share of.

| task | annotations or items | peer | peer s | ours s | ratio | our peak MB | device |
|---|---|---|---|---|---|---|---|
"""

Line = Mapping[str, object]


def main(*, quick: bool) -> None:
    """Measure everything, then write both files."""
    head = HEAD.format(
        date=datetime.now(UTC).date(),
        machine=platform.machine(),
        cores=os.cpu_count(),
        load=f"{os.getloadavg()[0]:.1f}",
    )
    rows = [
        *_agreement(quick),
        *_consensus(quick),
        *_suspects(quick),
        *_uncertainty(quick),
        *_training(quick),
    ]
    made, on_card = _card()
    rows += on_card
    lines = "\n".join(_line(row) for row in rows[: len(rows) - len(on_card)])
    folder = Path(tempfile.mkdtemp()) if quick else ROOT / "docs"
    (folder / "benchmarks.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (folder / "benchmarks.md").write_text(f"{head}{lines}\n{made}", encoding="utf-8")
    print(f"Written to {folder}.")


def _agreement(quick: bool) -> Iterator[Line]:
    sizes = [100_000] if quick else [1_000_000, 10_000_000]
    for row in agreement.main(list(AGREEMENT), sizes, 1 if quick else 3):
        theirs = row.theirs.seconds if row.theirs else None
        yield _row(f"alpha, {row.task}" if row.task in ("point", "interval") else row.task, row.size, row.peer, theirs,
                   row.ours.seconds, row.ours.gigabytes)  # fmt: skip


def _consensus(quick: bool) -> Iterator[Line]:
    for models, sizes, peer_up_to in CONSENSUS:
        asked = [
            *models,
            "--sizes",
            SMALL if quick else sizes,
            "--rounds",
            "1" if quick else "5",
            "--peer-up-to",
            peer_up_to,
        ]
        for row in consensus.main(consensus.options(asked)):
            yield _row(row.task, row.size, row.peer, row.peer_seconds, row.our_seconds, row.our_peak_gb)


def _suspects(quick: bool) -> Iterator[Line]:
    for row in suspects.main(suspects.options(["--sizes", "10000", "--rounds", "1"] if quick else [])):
        yield _row(row.task, row.size, row.peer, row.peer_seconds, row.our_seconds, row.our_peak_gb)


def _uncertainty(quick: bool) -> Iterator[Line]:
    asked = ["--items", "10000", "--rounds", "3"] if quick else []
    for row in uncertainty.main(uncertainty.options(asked)):
        yield _row(
            row.task,
            row.size,
            row.peer,
            row.peer_seconds,
            row.our_seconds,
            row.our_peak_mb / 1000,
            row.device,
        )


def _training(quick: bool) -> Iterator[Line]:
    asked = ["--items", "2000", "--rounds", "1"] if quick else []
    for row in training.main(training.options(asked)):
        yield _row(
            row.task,
            row.size,
            row.peer,
            row.peer_seconds,
            row.our_seconds,
            row.our_peak_mb / 1000,
            row.device,
        )


def _card() -> tuple[str, list[Line]]:
    """The part of the page that a card's rows are, and the rows; measured before, on a machine that has one."""
    found = json.loads(card.FILE.read_text(encoding="utf-8"))
    rows = [
        _row(
            row["task"],
            row["size"],
            row["peer"],
            row["peer_seconds"],
            row["our_seconds"],
            row["our_peak_mb"] / 1000,
            row["device"],
        )
        for row in found["rows"]
    ]
    return CARD.format(**found) + "\n".join(_line(row) for row in rows) + "\n", rows


def _row(
    task: str, size: int, peer: str, theirs: float | None, ours: float, gigabytes: float, device: str = "cpu"
) -> Line:
    return {
        "task": task, "size": size, "peer": peer, "peer_seconds": None if theirs is None else round(theirs, 4),
        "our_seconds": round(ours, 4), "ratio": None if theirs is None else round(theirs / ours, 1),
        "our_peak_mb": round(gigabytes * 1000), "device": device,
    }  # fmt: skip


def _line(row: Line) -> str:
    theirs = "" if row["peer_seconds"] is None else f"{row['peer_seconds']:.3g}"
    ratio = "" if row["ratio"] is None else f"{row['ratio']:,.0f}×"
    return (
        f"| {row['task']} | {row['size']:,} | {row['peer']} | {theirs} | {row['our_seconds']:.3g} | {ratio} "
        f"| {row['our_peak_mb']:,} | {row['device']} |"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, written to a temporary folder")
    main(quick=parser.parse_args(sys.argv[1:]).quick)
