"""Uncertainty: what a model that learned from the labels says of them, and which of them are probably wrong."""

from __future__ import annotations

import json
from typing import cast

import polars as pl
import streamlit as st

from dashboard import model_charts, session, uncertainty_items
from dashboard.components import (
    empty_state,
    error_state,
    link_to,
    look,
    plain,
    plot,
    verdict,
)
from dashboard.palette import State
from dashboard.workflows import flag, train, uncertainty, uncertainty_view
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError
from dashboard.workflows.uncertainty_view import UncertaintyView

RANDOM_CHECKS = 20
DEVICES = {"cpu": "the processor", "cuda": "a graphics card"}


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
    device = DEVICES.get(seen.device, seen.device)
    old = " Labels have changed since: hold the model against them again." if seen.stale else ""
    verdict(
        cast("State", state),
        said,
        detail=f"{detail} It rests on {seen.rests_on} Held against the labels {when}, on {device}.{old}",
    )
    uncertainty_items.cards(seen)
    quadrant = uncertainty_items.quadrants(seen)
    uncertainty_items.suspects(seen, quadrant)
    _flagging(quadrant)
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


def _flagging(quadrant: str) -> None:
    """Send what is in doubt to Relabel, of one quadrant where one was chosen."""
    if session.as_of() is not None or not session.person().may("flag"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        checks = 0
        if not quadrant:
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
        words = "Flag what is in doubt among these" if quadrant else "Flag what is in doubt"
        if st.button(words, type="primary", key="uncertainty_flag"):
            _flag(int(checks), quadrant)
        link_to("relabel", label="Work on flagged items")
    st.caption(
        "Flags the labels that look wrong, and those that the annotations by themselves leave in doubt; each with its reasons."
    )


def _actions(seen: UncertaintyView) -> None:
    """What else a lead can do."""
    person = session.person()
    if session.as_of() is not None or not person.may("score"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if person.may("import") and st.button("Train again", key="uncertainty_train"):
            _run(train_first=True)
        if st.button("Hold the model against the labels again", key="uncertainty_judge"):
            _run(train_first=False)


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


def _flag(checks: int, quadrant: str) -> None:
    store, project_id, person = session.store(), session.project_id(), session.person()
    try:
        raised = flag.raise_flags(
            store,
            project_id=project_id,
            by=person,
            options=flag.FlagOptions(random_checks=checks, seed=store.head, quadrant=quadrant),
        )
    except (WorkflowError, StoreError) as error:
        error_state("No flag was raised", str(error))
        return
    n = raised.raised
    st.toast(
        f"{n:,} new flag{'' if n == 1 else 's'}." if n else "Everything in doubt is flagged already.",
        icon=":material/flag:",
    )
    st.rerun()


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
            what = "Of whole sets, choices taken for independent. " if seen.is_sets else ""
            st.caption(
                f"{what}On the dotted line the model means what it says. Bins of about as many items each."
            )
    with right:
        st.markdown(f"**Calibration error by {'choice' if seen.is_sets else 'label'} and group**")
        of = "Choice" if seen.is_sets else "Label"
        table = pl.concat([seen.labels, seen.groups]).select(
            pl.col("group_id").map_elements(_group_words, pl.Utf8).alias(f"{of} or group"),
            pl.col("value").alias("Error"),
            pl.col("low").alias("from"),
            pl.col("high").alias("to"),
            pl.col("n").alias("Items"),
            pl.col("undefined").alias("Why there is none"),
        )
        if not table["Why there is none"].count():
            table = table.drop("Why there is none")
        percent = st.column_config.NumberColumn(format="percent")
        st.dataframe(
            table, hide_index=True, height=300, column_config=dict.fromkeys(("Error", "from", "to"), percent)
        )


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
        "Precision: of the flags with this reason that people decided, how many labels they found wrong, with its Beta interval; each flag "
        "once. A reason that is surely right less than one time in five, from 50 flags on, is retired: of its flags only a twentieth is "
        "still shown, so that it can come back."
    )
    table = seen.reasons.select(
        pl.col("title").alias("Reason"),
        pl.col("n_accepted").alias("Right"),
        pl.col("n_rejected").alias("Wrong"),
        pl.col("value").alias("Precision"),
        pl.col("low").alias("from"),
        pl.col("high").alias("to"),
        pl.col("is_retired").alias("Retired"),
        pl.col("undefined").alias("Why there is none"),
    )
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(table, hide_index=True, column_config=dict.fromkeys(("Precision", "from", "to"), percent))
