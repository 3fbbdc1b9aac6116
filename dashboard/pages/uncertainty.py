"""Uncertainty: what a model that learned from the labels says of them, and which of them are probably wrong."""

from __future__ import annotations

import json
from typing import cast

import polars as pl
import streamlit as st

from dashboard import address, model_charts, session
from dashboard.components import (
    empty_state,
    error_state,
    item_table,
    link_to,
    look,
    number_text,
    plain,
    plot,
    verdict,
)
from dashboard.figure_cards import figure_card
from dashboard.palette import State
from dashboard.workflows import flag, train, uncertainty, uncertainty_view
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError
from dashboard.workflows.uncertainty_view import QUADRANTS, UncertaintyView

CARDS = (
    (
        "model_accuracy",
        "The model agrees with the label",
        "Out of sample: no item's own label had a part in what is said of it.",
    ),
    (
        "calibration_error",
        "Calibration error",
        "How far the model's sureness is from how often it is right, debiased; 0 is best.",
    ),
    ("overconfidence", "Too sure by", "Mean sureness minus how often it is right; below 0: not sure enough."),
    ("suspect_share", "Labels that it doubts", "Confident learning (Northcutt, Jiang & Chuang 2021)."),
)
RANDOM_CHECKS = 20
TITLES = {
    "item_id": "Item", "label": "Label", "other_label": "Model's choice but for it", "p_label": "Model: label", "p_other": "Model: other",
    "crowd_quality": "With the votes", "other_label_share": "Neighbours that differ", "copy_id": "Near copy", "quadrant": "Hard for",
    "p_wrong": "P(wrong)", "p_low": "low", "p_high": "high", "disagreement": "People disagree", "disagreement_kind": "Like",
    "predictive_entropy": "Model unsure (nats)", "mutual_information": "Members differ (nats)",
}  # fmt: skip


def render() -> None:
    """Draw the page."""
    seen = uncertainty_view.uncertainty_view(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        _nothing_yet()
        return
    state, said, detail = uncertainty_view.sentence(seen)
    when = f"{seen.ran_at:%d %b %Y, %H:%M} UTC"
    old = " Labels have changed since: hold the model against them again." if seen.stale else ""
    verdict(
        cast("State", state),
        said,
        detail=f"{detail} {seen.rests_on} Held against the labels {when}, on {seen.device}.{old}",
    )
    _cards(seen)
    _quadrants(seen)
    _suspects(seen)
    calibration, more, reasons = st.tabs(
        ["Calibration", "What more labels would bring", "How often each reason for a flag was right"]
    )
    with calibration:
        _calibration(seen)
    with more:
        _curve(seen)
    with reasons:
        _reasons(seen)
    _actions(seen)


def _nothing_yet() -> None:
    names = uncertainty_view.model_names(
        session.store(), project_id=session.project_id(), as_of=session.as_of()
    )
    empty_state(
        "No model has looked at these labels yet",
        "A model learns from the labels, in folds, and then says of each item it did not see what it would have chosen. Where it "
        "differs, somebody should look.",
        icon="psychology",
        code="touchstone train && touchstone uncertainty",
    )
    if session.as_of() is None and session.person().may("score"):
        with st.container(horizontal=True):
            if session.person().may("import") and st.button(
                "Train the built-in model", type="primary", key="uncertainty_train"
            ):
                _run(train_first=True)
            if names and st.button(f"Hold {names[0]} against the labels", key="uncertainty_judge"):
                _run(train_first=False)


def _actions(seen: UncertaintyView) -> None:
    """What a lead can do next."""
    person = session.person()
    if session.as_of() is not None or not person.may("score"):
        return
    st.markdown("**What next**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if person.may("flag"):
            checks = st.number_input(
                "Items by chance",
                min_value=0,
                max_value=1000,
                value=RANDOM_CHECKS,
                key="uncertainty_checks",
                width=150,
                help="So many items that nobody doubts are flagged too. Only they can tell how many wrong labels nobody doubts; "
                "whoever answers does not know which they are.",
            )
            if st.button("Flag what is in doubt", type="primary", key="uncertainty_flag"):
                _flag(int(checks))
        if person.may("import") and st.button("Train again", key="uncertainty_train"):
            _run(train_first=True)
        if st.button("Hold the model against the labels again", key="uncertainty_judge"):
            _run(train_first=False)
    st.caption(f"The model: {plain(seen.rests_on)}")


def _run(*, train_first: bool) -> None:
    """Train, where asked, and judge; then the page is drawn anew."""
    store, project_id, person = session.store(), session.project_id(), session.person()
    try:
        with st.status("The model is at work …", expanded=True) as status:
            if train_first:
                bar = st.progress(0.0, "Training")

                def tell(share: float, words: str) -> None:
                    bar.progress(min(share, 1.0), words)

                done = train.train(
                    store,
                    project_id=project_id,
                    by=person,
                    options=train.TrainOptions(curve=True),
                    progress=tell,
                )
                st.write(f"{done.model_run} is trained on {done.n_labelled:,} labels.")
            uncertainty.uncertainty(store, project_id=project_id, by=person)
            status.update(label="Done", state="complete")
    except (WorkflowError, StoreError) as error:
        error_state("Nothing was changed", str(error))
        return
    st.rerun()


def _flag(checks: int) -> None:
    store, project_id, person = session.store(), session.project_id(), session.person()
    try:
        raised = flag.raise_flags(
            store,
            project_id=project_id,
            by=person,
            options=flag.FlagOptions(random_checks=checks, seed=store.head),
        )
    except (WorkflowError, StoreError) as error:
        error_state("No flag was raised", str(error))
        return
    st.toast(f"{raised.raised:,} new flags.", icon=":material/flag:")
    st.rerun()


def _cards(seen: UncertaintyView) -> None:
    for column, (key, title, words) in zip(st.columns(len(CARDS)), CARDS, strict=True):
        row = seen.figures[key]
        with column:
            figure_card(
                title,
                cast("float | None", row["value"]),
                cast("float | None", row["low"]),
                cast("float | None", row["high"]),
                cast("int", row["n"]),
                undefined=cast("str | None", row["undefined"]),
                help=words,
            )


def _quadrants(seen: UncertaintyView) -> None:
    """Whom items are hard for: four tiles, and the items of the one that was chosen."""
    st.markdown("### Whom are items hard for?")
    rows = {row["group_id"]: row for row in seen.quadrants.iter_rows(named=True)}
    counts = dict(seen.items.group_by("quadrant").len().iter_rows())
    for column, (key, (title, advice)) in zip(st.columns(4), list(QUADRANTS.items())[:4], strict=True):
        row = rows.get(key)
        with column, st.container(border=True, height="stretch", gap="xsmall"):
            st.markdown(f"**{title}**")
            st.markdown(f"# {counts.get(key, 0):,}", anchors=False)
            share = "" if row is None or row["value"] is None else _of_items(row)
            st.caption(f"{share}  \n{advice}")
    untold = counts.get("cannot tell", 0)
    if untold:
        st.caption(f"Of {untold:,} items it cannot be told: they have fewer than two annotations.")
    chosen = address.choice(
        "quadrant", "Show the items", ["", *QUADRANTS], words=lambda key: QUADRANTS[key][0] if key else "None"
    )
    if chosen:
        items = uncertainty_view.in_quadrant(seen, chosen).select(
            "item_id",
            "label",
            "disagreement",
            "disagreement_kind",
            "predictive_entropy",
            "mutual_information",
            "other_label",
            "p_label",
        )
        item_table(
            _rounded(items), f"{session.project_id()}-{chosen}.csv", key=f"quadrant_{chosen}", titles=TITLES
        )


def _rounded(items: pl.DataFrame) -> pl.DataFrame:
    return items.with_columns(pl.col(pl.Float64).round(3))


def _of_items(row: dict[str, object]) -> str:
    """A share of items with its interval, in words."""
    value, low, high = (number_text(cast("float", row[name]), "share") for name in ("value", "low", "high"))
    return f"{value} of items ({low} to {high})"


def _suspects(seen: UncertaintyView) -> None:
    """The labels that are most probably wrong."""
    st.markdown("### Labels that look wrong")
    if seen.not_learned:
        st.caption(
            f"How probably each is wrong is learned from answers to flags; not yet: {plain(seen.not_learned)}. Until then the order is "
            "that of the model and the annotations together."
        )
    suspects = seen.suspects
    if suspects.is_empty():
        st.markdown(":gray[The model doubts none.]")
        return
    columns = ["item_id", "label", "other_label", "p_label", "p_other", "crowd_quality"]
    if not seen.not_learned:
        columns[3:3] = ["p_wrong", "p_low", "p_high"]
    item_table(
        _rounded(suspects.select(*columns, "other_label_share", "copy_id", "quadrant")),
        f"{session.project_id()}-suspects.csv",
        key="suspects",
        titles=TITLES,
    )


def _calibration(seen: UncertaintyView) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        if seen.bins.is_empty():
            st.caption("Too few items for a diagram.")
        else:
            plot(
                model_charts.reliability(seen.bins, look=look()),
                key="reliability",
                alt="How often the model is right, by how sure it is",
            )
            st.caption("On the dotted line the model means what it says. Bins of about as many items each.")
    with right:
        st.markdown("**Calibration error by label and group**")
        table = pl.concat([seen.labels, seen.groups]).select(
            pl.col("group_id").map_elements(_group_words, pl.Utf8).alias("group"),
            pl.col("value").alias("error"), "low", "high", "n", "undefined",
        )  # fmt: skip
        st.dataframe(table, hide_index=True, height=300)


def _curve(seen: UncertaintyView) -> None:
    if not seen.curve:
        st.caption("Not measured for this model: `touchstone train --curve`, or train it again here.")
        return
    st.markdown(plain(train.curve_words(seen.curve).strip()))
    rows = [(*one, True) for one in cast("list[list[float]]", seen.curve["points"])]
    if "more" in seen.curve:
        rows.append((*cast("list[float]", seen.curve["more"]), False))
    schema = {
        "n_labels": pl.Int64,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "is_told": pl.Boolean,
    }
    points = pl.DataFrame(rows, schema=schema, orient="row")
    if points.height:
        plot(
            model_charts.learning(points, look=look()),
            key="learning",
            alt="Accuracy of the model against the number of labels",
        )


def _group_words(group_id: str) -> str:
    if not group_id.startswith("["):
        return group_id
    name, value = json.loads(group_id)
    return f"{name}: {value}"


def _reasons(seen: UncertaintyView) -> None:
    st.caption(
        "Precision: of the flags with this reason that somebody answered, how many labels they found wrong. A reason that is surely right "
        "less than one time in five is retired: of its flags only a twentieth is still shown."
    )
    shown = seen.reasons.select(
        reason="title", right="n_accepted", wrong="n_rejected", precision="value", low="low", high="high",
        retired="is_retired", why_not="undefined",
    )  # fmt: skip
    st.dataframe(shown, hide_index=True)
    link_to("relabel", label="Work on flagged items")
