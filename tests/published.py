"""Tables that papers print, at the papers' own rounding, and the figures they print for them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

KRIPPENDORFF_2011 = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
"""K. Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section E: 12 units, one observer a row."""

KRIPPENDORFF_2011_ALPHA = {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}

FLEISS_1971 = """
0 0 0 6 0|0 3 0 0 3|0 1 4 0 1|0 0 0 0 6|0 3 0 3 0|2 0 4 0 0|0 0 4 0 2|2 0 3 1 0|2 0 0 4 0|0 0 0 0 6
1 0 0 5 0|1 1 0 4 0|0 3 3 0 0|1 0 0 5 0|0 2 0 3 1|0 0 5 0 1|3 0 0 1 2|5 1 0 0 0|0 2 0 4 0|1 0 2 0 3
0 0 0 0 6|0 1 0 5 0|0 2 0 1 3|2 0 0 4 0|1 0 0 4 1|0 5 0 1 0|4 0 0 0 2|0 2 0 4 0|1 0 5 0 0|0 0 0 0 6
"""
"""J. L. Fleiss (1971), Psychological Bulletin 76(5), 378-382, table 1: 30 patients, 6 psychiatrists each, votes for
depression, personality disorder, schizophrenia, neurosis, other."""

FLEISS_1971_KAPPA = 0.430
FLEISS_1971_EXACT_KAPPA = 0.442
"""Conger's (1980) kappa of this table, votes of a patient sorted: R's irr, kappam.fleiss(diagnoses, exact = TRUE)."""
FLEISS_1971_SHARES = (0.144, 0.144, 0.167, 0.306, 0.239)

GWET_TWO_RATERS = ((118, 5), (2, 0))
"""K. L. Gwet (2008), British Journal of Mathematical and Statistical Psychology 61, 29-48: the kappa paradox."""

GWET_TWO_RATERS_KAPPA = -0.0234
GWET_TWO_RATERS_AC1 = 0.9408

ARTSTEIN_POESIO_2008 = ((46, 6, 0), (0, 32, 0), (0, 6, 10))
"""R. Artstein & M. Poesio (2008), Computational Linguistics 34(4), 555-596: dialogue acts, two coders."""

ARTSTEIN_POESIO_2008_AGREEMENT = 0.88
ARTSTEIN_POESIO_2008_PI = 0.7995
ARTSTEIN_POESIO_2008_KAPPA = 0.8013

BENJAMINI_HOCHBERG_1995 = (
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0
)  # fmt: skip
"""Y. Benjamini & Y. Hochberg (1995), Journal of the Royal Statistical Society B 57(1), 289-300, section 4.2."""

BENJAMINI_HOCHBERG_1995_REJECTED = 4
BENJAMINI_HOCHBERG_1995_BONFERRONI = 3

BERKELEY_1973 = (  # department: men admitted, men who applied, women admitted, women who applied
    (512, 825, 89, 108), (353, 560, 17, 25), (120, 325, 202, 593), (138, 417, 131, 375), (53, 191, 94, 393), (22, 373, 24, 341),
)  # fmt: skip
"""P. J. Bickel, E. A. Hammel & J. W. O'Connell (1975), Science 187, 398-404: the six largest departments, as in Freedman,
Pisani & Purves (2007), Statistics, 4th ed., ch. 2."""

BERKELEY_1973_SHARES = (0.445, 0.304)
BERKELEY_1973_ODDS_RATIO = 0.9047  # Mantel and Haenszel's, over departments


def observer_rows(rows: Sequence[str]) -> pl.DataFrame:
    """Votes from one row of labels an observer, "." where there is none; labels count from 1, codes from 0."""
    cells = [
        (item, annotator, int(label) - 1)
        for annotator, row in enumerate(rows)
        for item, label in enumerate(row.split())
        if label != "."
    ]
    return _frame(cells)


def count_rows(text: str) -> pl.DataFrame:
    """Votes from the label counts of each item; which annotator gave which is arbitrary."""
    items = [row.split() for line in text.split("\n") if line for row in line.split("|")]
    cells = []
    for item, counts in enumerate(items):
        labels = [label for label, count in enumerate(counts) for _ in range(int(count))]
        cells += [(item, annotator, label) for annotator, label in enumerate(labels)]
    return _frame(cells)


def two_annotators(table: Sequence[Sequence[int]]) -> pl.DataFrame:
    """Votes from a contingency table: rows are annotator 0's labels, columns annotator 1's."""
    pairs = [(a, b) for a, row in enumerate(table) for b, count in enumerate(row) for _ in range(count)]
    return _frame(
        [(item, annotator, pair[annotator]) for item, pair in enumerate(pairs) for annotator in (0, 1)]
    )


def _frame(cells: list[tuple[int, int, int]]) -> pl.DataFrame:
    schema = {"item_code": pl.Int64, "annotator_code": pl.Int64, "label_code": pl.Int64}
    return pl.DataFrame(cells, schema=schema, orient="row")
