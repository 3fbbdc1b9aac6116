"""Training the built-in model from a store's labels: which label is which, each kind of model, what is refused, what is kept."""

from __future__ import annotations

import numpy as np
import polars as pl

from dashboard.workflows import label_sets, model_samples, train, training_labels
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.test_uncertainty import LABELS, N_ITEMS, OPTIONS, P, plain  # noqa: F401 -- a fixture


def test_the_order_of_labels_has_no_part_in_what_is_learned(plain: Store) -> None:  # noqa: F811
    before = train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    label_sets.correct_level(
        plain, project_id=P, by=stores.LENA, level="ordinal", order=("parcel", "bill", "login")
    )
    after = train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    assert (after.accuracy, after.n_labelled) == (before.accuracy, N_ITEMS)
    one, two = (
        model_samples.samples(plain, project_id=P, model_run=run.model_run)[1] for run in (before, after)
    )
    assert np.array_equal(one, two)


def test_a_label_stands_in_the_column_of_its_code() -> None:
    ordered = LabelSet(2, "ordinal", ("parcel", "bill", "login"), (2, 0, 1), (None, None, None))
    rows = training_labels.label_rows_of(ordered, pl.Series([0, None, 2], dtype=pl.Int64))
    assert rows.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    sets = LabelSet(
        1, "set", (*LABELS, "bill; parcel"), (0, 1, 2, 3), (None,) * 4, ((0,), (1,), (2,), (0, 2))
    )
    assert training_labels.label_rows_of(sets, pl.Series([3, 1])).tolist() == [[1, 0, 1], [0, 1, 0]]
