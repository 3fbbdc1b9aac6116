"""Which consensus to use when: every method on real crowds with gold, written to docs/consensus.md.

python -m tests.benchmarks.aggregators [FOLDER OF DATASETS]
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from dashboard.workflows.consensus_methods import METHODS, PRIOR_ACCURACY, PRIOR_ANNOTATIONS, Method, Question
from tests.browser.server import ROOT
from tests.crowds import CROWDS, RealCrowd, real_crowd

PAGE = ROOT / "docs" / "consensus.md"
LEAST = 1e-6
"""The least probability whose logarithm is taken: a label that a method rules out costs 13.8."""

HEAD = """# Which consensus when

`touchstone score --method M` and `touchstone consensus --method M` compute the labels of a project. Every method returns a label with its
posterior for each item, and each keeps what it took every annotator for, so that Items can say what each of them did for a label.

| method | use it when | source |
|---|---|---|
{methods}

## Measured on real crowds

Every annotation counts, repeats too; the items with gold are those that are judged. *Accuracy*: the consensus label is the gold label.
*Log loss*: what the posterior lost on gold (natural logarithm, probabilities under 0.000001 taken as that): a method that is certain and
wrong pays for it. Made by `python -m tests.benchmarks.aggregators`; the sets are those of `TOUCHSTONE_DATASETS`.

| set | items, annotations, annotators, labels | {titles} |
|---|---|{rules}|
{accuracy}

Log loss on gold (lower is better):

| set | {titles} |
|---|{rules}|
{loss}

## What to read from it

- **The default** is Dawid–Skene with a prior: every annotator is taken to have made {annotations:g} annotations of items of each label
  beforehand, {accuracy_prior:.0%} of them right. On none of these sets is it less accurate than the paper's maximum likelihood, and its
  posterior loses less on each: without a prior, one annotation by somebody with few of them can rule a label out for ever. The prior's
  two numbers were chosen once, on these sets and on simulated crowds, and are the same for every project.
- **Maximum likelihood** (`dawid-skene`) is what other programs compute; take it to compare figures with theirs.
- **No method's posterior is a promise.** Annotators who err together are taken for independent witnesses by all of them, so on sets
  with ten or twenty annotations an item every one of them is surer than it is right. Open flags and gold say more than a posterior of
  99 %.
- **Weighted majority** loses least where there are many annotations an item: its posterior is a share of weight, not a product of
  probabilities, so it stays modest. Take it where the probability itself is used (soft labels, a threshold) and items have ten votes
  or more.
- **One coin** needs the fewest annotations an annotator, and wins where there are two labels and the annotators differ in care rather
  than in what they mix up.
- **Tiny data** (three people, fifty items): majority, and adjudicate what is split. With so little nobody's confusion can be learned.
- **CROWDLAB** is not in the table: it needs a model's out-of-sample probabilities (`touchstone predictions`), which these sets do not have.
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """How a method did on one set."""

    accuracy: float
    loss: float
    seconds: float


def main(folder: Path) -> None:
    """Run every method on every set and write the page."""
    methods = [row for row in METHODS if not row.reads_model]
    crowds = {name: real_crowd(folder, name) for name in CROWDS}
    found: dict[str, dict[str, Judged]] = {}
    for name, crowd in crowds.items():
        found[name] = {row.key: _judged(row, crowd) for row in methods}
        print(
            name,
            {
                key: (round(one.accuracy, 4), round(one.loss, 3), round(one.seconds, 2))
                for key, one in found[name].items()
            },
        )
    PAGE.write_text(_page(methods, crowds, found), encoding="utf-8")


def _judged(method: Method, crowd: RealCrowd) -> Judged:
    began = time.perf_counter()
    items = method.fit(Question(crowd.votes, len(crowd.labels))).items
    seconds = time.perf_counter() - began
    gold = items.join(crowd.gold.select("item_code", gold="label_code"), on="item_code")
    p_gold = np.array(
        [row[code] for row, code in zip(gold["posterior"].to_list(), gold["gold"], strict=True)]
    )
    right = gold.select((pl.col("label_code") == pl.col("gold")).mean()).item()
    return Judged(float(right), float(-np.log(np.maximum(p_gold, LEAST)).mean()), seconds)


def _page(methods: list[Method], crowds: dict[str, RealCrowd], found: dict[str, dict[str, Judged]]) -> str:
    listed = "\n".join(f"| `{row.key}` | {row.suits} | {row.reference} |" for row in METHODS)
    sizes = {
        name: f"{crowd.votes['item_code'].n_unique():,}, {crowd.votes.height:,}, "
        f"{crowd.votes['annotator_code'].n_unique():,}, {len(crowd.labels)}"
        for name, crowd in crowds.items()
    }
    accuracy = "\n".join(
        f"| {name} | {sizes[name]} | {_cells([one.accuracy for one in rows.values()], best=max, digits=4)} |"
        for name, rows in found.items()
    )
    loss = "\n".join(
        f"| {name} | {_cells([one.loss for one in rows.values()], best=min, digits=3)} |"
        for name, rows in found.items()
    )
    return HEAD.format(
        methods=listed, titles=" | ".join(f"`{row.key}`" for row in methods), rules="---|" * (len(methods) - 1) + "---",
        accuracy=accuracy, loss=loss, annotations=PRIOR_ANNOTATIONS, accuracy_prior=PRIOR_ACCURACY,
    )  # fmt: skip


def _cells(values: list[float], *, best: object, digits: int) -> str:
    """A row's cells; the best is bold."""
    target = max(values) if best is max else min(values)
    return " | ".join(
        f"**{value:.{digits}f}**"
        if math.isclose(value, target, abs_tol=10**-digits / 2)
        else f"{value:.{digits}f}"
        for value in values
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "datasets")
