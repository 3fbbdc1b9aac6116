"""How fast we are on a CUDA card; written to docs/benchmarks-card.json, which `make bench` puts into its table.

    python -m tests.benchmarks.card [--out docs/benchmarks-card.json] [--part 1.0]

Uncertainty of 10M items (20 members, 10 labels), 20 iterations of Dawid-Skene over 100M annotations, and the built-in model
of 200,000 items with ten members, all with the data already on the card. Says so and exits with 2 where there is no card.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from analytics.device import has_cuda, has_triton
from tests.benchmarks import em_card, training, uncertainty
from tests.benchmarks.rows import Row
from tests.browser.server import ROOT

FILE = ROOT / "docs" / "benchmarks-card.json"
ITEMS, ANNOTATIONS, TRAINED = 10_000_000, 100_000_000, 200_000
ROUNDS = 9


def read() -> tuple[dict[str, str], list[Row]]:
    """What was measured last: on which card and with what, and the rows."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return found, [Row(**row) for row in found.pop("rows")]


def measured(part: float) -> dict[str, object]:
    """The card's name, what it was measured with, and the rows, as `record` writes them."""
    import torch

    rows = [
        uncertainty.on_card(int(ITEMS * part), ROUNDS),
        *em_card.on_card(int(ANNOTATIONS * part), ROUNDS),
        *(training.on_card(kind, int(TRAINED * part), 3) for kind in training.KINDS),
    ]
    return {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "triton": has_triton(),
        "date": datetime.now(UTC).date().isoformat(),
        "rows": [dataclasses.asdict(row) for row in rows],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FILE, help="where to write")
    parser.add_argument(
        "--part", type=float, default=1.0, help="a part of the sizes, to see that everything runs"
    )
    chosen = parser.parse_args()
    if not has_cuda():
        print("torch finds no CUDA card here: nothing was measured.", file=sys.stderr)
        sys.exit(2)
    found = measured(chosen.part)
    chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
