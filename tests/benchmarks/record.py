"""`make bench`: how fast we are next to the peers, written to docs/benchmarks.json and docs/benchmarks.md.

    python -m tests.benchmarks.record [--quick] [--only PART …]

Runs `tests.benchmarks.agreement`, `bias`, `effects`, `consensus`, `drift`, `suspects`, `training` and `uncertainty`, peer and ours
in the same run, up to ten million annotations or items; `--quick` stops at a hundred thousand, to see that everything runs. Takes
about half an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import agreement, bias, card, consensus, drift, effects, suspects, training, uncertainty
from tests.benchmarks.rows import HEAD as TABLE
from tests.benchmarks.rows import Row
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

"""

AGAIN = "Measured by themselves on {date}, load {load} at the end: {parts}."

CARD = """
## On a card

Made by `python -m tests.benchmarks.card` on {date}, on one {card} with torch {torch}: the data lie on the card already,
except where a row is about bringing them. A plain copy on the same card in the same run is the memory bandwidth that a task
names its share of.

"""


def main(*, quick: bool, only: Sequence[str] = ()) -> None:
    """Measure everything, or what `only` names, then write both files."""
    head = HEAD.format(
        date=datetime.now(UTC).date(),
        machine=platform.machine(),
        cores=os.cpu_count(),
        load=f"{os.getloadavg()[0]:.1f}",
    )
    parts: dict[str, Callable[[], Iterable[Row]]] = {
        "agreement": lambda: _agreement(quick),
        "consensus": lambda: _consensus(quick),
        "suspects": lambda: suspects.main(
            suspects.options(["--sizes", "10000", "--rounds", "1"] if quick else [])
        ),
        "uncertainty": lambda: uncertainty.main(
            uncertainty.options(["--items", "10000", "--rounds", "3"] if quick else [])
        ),
        "bias": lambda: [
            *bias.main(bias.options(["--items", "4000", "--rounds", "1"] if quick else [])),
            *effects.main(effects.options(["--items", "4000", "--rounds", "1"] if quick else [])),
        ],
        "drift": lambda: drift.main(
            drift.options(["--annotations", "100000", "--peer-rows", "2000"] if quick else [])
        ),
        "training": lambda: training.main(
            training.options(["--items", "2000", "--rounds", "1"] if quick else [])
        ),
    }
    folder = Path(tempfile.mkdtemp()) if quick else ROOT / "docs"
    if not only:
        write(head, [row for part in parts.values() for row in part()], folder)
        return
    fresh = [row for name in only for row in parts[name]()]
    # What this run did not measure stays as it was, and the page says which part is younger.
    kept = [row for row in _written() if row.task not in {row.task for row in fresh}]
    old_head = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").split(TABLE)[0]
    again = AGAIN.format(
        parts=", ".join(only), date=datetime.now(UTC).date(), load=f"{os.getloadavg()[0]:.1f}"
    )
    write(f"{old_head.rstrip()}\n\n{again}\n\n", [*kept, *fresh], folder)


def _written() -> list[Row]:
    """The rows of the processor as they stand in docs/benchmarks.json."""
    held = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    names = ("task", "size", "peer", "peer_seconds", "our_seconds", "our_peak_mb", "device")
    return [Row(**{name: row[name] for name in names}) for row in held if row["device"] == "cpu"]


def write(head: str, rows: Sequence[Row], folder: Path) -> None:
    """Both files, the rows of the card behind the others."""
    about, on_card = card.read()
    everything = [row.document() for row in (*rows, *on_card)]
    (folder / "benchmarks.json").write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    page = [
        head + TABLE,
        *(row.line() for row in rows),
        CARD.format(**about) + TABLE,
        *(row.line() for row in on_card),
    ]
    (folder / "benchmarks.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print(f"Written to {folder}.")


def _agreement(quick: bool) -> Iterator[Row]:
    sizes = [100_000] if quick else [1_000_000, 10_000_000]
    for row in agreement.main(list(AGREEMENT), sizes, 1 if quick else 3):
        theirs = row.theirs.seconds if row.theirs else None
        task = f"alpha, {row.task}" if row.task in ("point", "interval") else row.task
        yield Row(task, row.size, row.peer, theirs, row.ours.seconds, row.ours.gigabytes * 1000)


def _consensus(quick: bool) -> Iterator[Row]:
    for models, sizes, peer_up_to in CONSENSUS:
        sized = ["--sizes", SMALL if quick else sizes, "--rounds", "1" if quick else "5"]
        yield from consensus.main(consensus.options([*models, *sized, "--peer-up-to", peer_up_to]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="PART", help="parts to measure; the others stay as they were"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, written to a temporary folder")
    chosen = parser.parse_args(sys.argv[1:])
    main(quick=chosen.quick, only=chosen.only)
