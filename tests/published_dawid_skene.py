"""Table 1 and the estimates of Dawid and Skene (1979), Applied Statistics 28(1), 20-28.

45 patients, judged fit for a general anaesthetic on a scale of 1 to 4 by five observers from the same forms;
observer 1 judged every form three times.
"""

from __future__ import annotations

import polars as pl

_PATIENTS = """
111 1 1 1 1|333 4 3 3 4|112 2 1 2 2|222 3 1 2 1|222 3 2 2 2|222 3 3 2 2|122 2 1 1 1|333 3 4 3 3|222 2 2 2 3
232 2 2 2 3|444 4 4 4 4|222 3 3 4 3|111 1 1 1 1|222 3 2 1 2|121 1 1 1 1|111 2 1 1 1|111 1 1 1 1|111 1 1 1 1
222 2 2 2 1|222 1 3 2 2|222 2 2 2 2|222 2 2 2 1|222 3 2 2 2|221 2 2 2 2|111 1 1 1 1|111 1 1 1 1|232 2 2 2 2
111 1 1 1 1|111 1 1 1 1|112 1 1 2 1|111 1 1 1 1|333 3 2 3 3|111 1 1 1 1|222 2 2 2 2|222 3 2 3 2|433 4 3 4 3
221 2 2 3 2|232 3 2 3 3|333 3 4 3 2|111 1 1 1 1|111 1 1 1 1|121 2 1 1 1|232 2 2 2 2|121 1 1 1 1|222 2 2 2 2
"""
"""A patient between bars: the three judgements of observer 1, then those of observers 2 to 5."""

N_LABELS = 4

MARGINALS = (0.40, 0.42, 0.11, 0.07)
"""The estimated shares of the four grades, as the paper rounds them."""

OBSERVER_1 = (
    (0.89, 0.11, 0.00, 0.00),
    (0.07, 0.88, 0.05, 0.00),
    (0.00, 0.34, 0.66, 0.00),
    (0.00, 0.00, 0.56, 0.44),
)
"""The estimated error rates of observer 1: rows the patient's grade, columns the grade given."""


def votes() -> pl.DataFrame:
    """315 judgements: item_code the patient, annotator_code the observer, label_code the grade, from 0."""
    rows = [
        (patient, observer, int(grade) - 1)
        for patient, judged in enumerate(_PATIENTS.replace("\n", "|").strip("|").split("|"))
        for observer, grades in enumerate(judged.split())
        for grade in grades
    ]
    return pl.DataFrame(rows, schema=["item_code", "annotator_code", "label_code"], orient="row")
