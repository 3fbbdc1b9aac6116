"""The pages of docs/ that are made from the code: `python -m dashboard.cli.docs_pages FOLDER` (`make docs`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from dashboard.glossary import GLOSSARY
from dashboard.workflows.catalog import GROUP_METRICS, METRICS, GroupMetric, Metric
from dashboard.workflows.catalog_reviewers import REVIEWER_METRICS, ReviewerMetric

_METRICS_HEAD = """\
# The figures

Made from the catalogue (`dashboard/workflows/catalog.py`) by `make docs`; change it there.

Every figure stands with its `value`, the interval `low` to `high` (95 %; for seconds, the 10th to the 90th percentile), and `n`, what it
rests on. Only independent annotations count: given blind, by somebody who had not labelled the item before. Several labels of one
annotator for one item are counts, unless `--repeats first` or `last` says otherwise. A figure that cannot be had is *undefined* and says
why; it is never 0.

`touchstone score` computes all of them and keeps them; the gates of a release read what is kept.

## For the project

Items are resampled for the interval, except where the source says otherwise.
"""
_EACH_HEAD = """
## For each label, pair or annotator

In `touchstone score --json` the figure's `group` says whose it is: `label:cat`, `pair:["ana", "bo"]`, `annotator:ana`.

Krippendorff's alpha and percent agreement are also measured for groups of items and annotations (of ten items with two annotations or
more), with the keys `krippendorff_alpha_of` and `percent_agreement_of`, as `attribute:["batch", "A"]` for each value of an item
attribute that has 2 to 20 of them, `batch:[7, "week-2.csv"]` for the annotations that an import brought (by its event), and
`window:["2026-09-01…", "2026-09-08…"]` over time: by day where all annotations lie within 31 days, by week within a year, else by
month; an item counts where its last annotation lies. Where most times are unknown the windows are made by counting annotations.
Intervals hold for each group alone; they do not test whether two groups differ.
"""
_REVIEWERS_HEAD = """
## For each reviewer

Read from the store when they are asked for (the tab Reviewers of the page Annotators, a person's file, My work); `touchstone score`
does not keep them. Only items that were flagged are ever reviewed, so these figures say how flags are settled, not how good labels are.

What counts as a review:

- **First look**: the first answer to a flag after the reveal that names a label (kept or changed).
- **Second look**: every later answer of the same flag.
- **Adjudication**: a lead's decision.

Each judges, for every annotator of the item, the last label that this annotator had given before it and had not taken back: accepted
where it is the label decided on (of sets: the whole set), else not. The blind answer that a person gave to the same flag is not judged
by their own answer after it; a label that they had given the item earlier is, and so is their answer when they settle the flag as a
lead: those are labels of their own. What does not count: blind answers, "cannot tell", skips, questions, answers that were undone,
scoring runs.

The signature under a release accepts all of it at once and refuses nothing, so it enters neither acceptance nor leniency. What is
counted instead: how many of the labels in a release are the last that its signer gave those items, or a version that the signer decided
by a relabel or an adjudication.

Nobody is compared, ranked or given a share of own labels on fewer than 20 items. Annotators see their own figures only, and their own
leniency only where five people or more review: with fewer it would tell what the others did.
"""
_GLOSSARY_HEAD = """\
# Glossary

Made from `dashboard/glossary.py`, which the app's own explanations come from, by `make docs`; change it there.

| term | means |
|---|---|
"""


def pages() -> Mapping[str, str]:
    """Every page that is made from the code: its Markdown by its file's name."""
    metrics = [_METRICS_HEAD, *map(_project_part, METRICS), _EACH_HEAD, *map(_group_part, GROUP_METRICS)]
    metrics += [_REVIEWERS_HEAD, *map(_reviewer_part, REVIEWER_METRICS)]
    terms = [f"| {term} | {meaning} |\n" for term, meaning in sorted(GLOSSARY.items())]
    return {"metrics.md": "".join(metrics), "glossary.md": "".join([_GLOSSARY_HEAD, *terms])}


def _project_part(metric: Metric) -> str:
    return f"\n### {metric.title}\n\n{metric.question}\n\n{_facts(metric)}"


def _group_part(metric: GroupMetric) -> str:
    return f"\n### {metric.title}\n\nOne value for each {metric.group_kind}.\n\n{_facts(metric)}"


def _reviewer_part(metric: ReviewerMetric) -> str:
    return f"\n### {metric.title}\n\n{metric.question}\n\n{_facts(metric)}"


def _facts(metric: Metric | GroupMetric | ReviewerMetric) -> str:
    return (
        f"| | |\n|---|---|\n"
        f"| key | `{metric.key}` |\n"
        f"| unit | {metric.unit} |\n"
        f"| better | {metric.better} |\n"
        f"| undefined when | {metric.undefined_when} |\n"
        f"| source | {metric.reference} |\n"
    )


if __name__ == "__main__":
    for name, text in pages().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
