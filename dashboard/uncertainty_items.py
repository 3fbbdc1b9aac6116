"""The items of the page Uncertainty: whom they are hard for, and which labels look wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import polars as pl
import streamlit as st

from dashboard import address, passport_view, session
from dashboard.components import item_table, number_text, plain
from dashboard.figure_cards import figure_card
from dashboard.workflows.item_story import item_story
from dashboard.workflows.uncertainty_view import (
    QUADRANTS,
    SUSPECTS,
    UNSURE,
    UncertaintyView,
    judged_items,
)

Card = tuple[str, str, str]
CARDS: Sequence[Card] = (
    (
        "model_accuracy",
        "Model and label agree",
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
SET_CARDS: Sequence[Card] = (
    (
        "model_accuracy",
        "The very same set",
        "Out of sample: no item's own label had a part in what is said of it. A set with one choice more or less is another one.",
    ),
    (
        "model_overlap",
        "Overlap with the label",
        "Choices in both, of those in either; the mean over items.",
    ),
    (
        "calibration_error",
        "Calibration error",
        "How far its sureness of whole sets is from how often they are right, debiased; 0 is best. It takes choices for independent.",
    ),
    (
        "suspect_share",
        "Labels that it doubts",
        "Sets with a choice that confident learning doubts, each choice by itself (Thyagarajan and others 2022).",
    ),
)
TITLES = {
    "item_id": "Item", "label": "Label", "other_label": "Model's choice but for it", "p_label": "Model: label", "p_other": "Model: other",
    "crowd_quality": "With the votes", "other_label_share": "Neighbours that differ", "copy_id": "Near copy", "quadrant": "Hard for",
    "p_wrong": "P(wrong)", "p_low": "low", "p_high": "high", "disagreement": "People disagree", "disagreement_kind": "Like",
    "disagreement_choice": "On", "predictive_entropy": "Model unsure (nats)", "mutual_information": "Members differ (nats)",
    "choice": "In most doubt", "choice_given": "Label has it", "p_choice": "Model gives it", "choice_quality": "As it is, with votes",
    "flag_status": "Flag",
}  # fmt: skip


def cards(seen: UncertaintyView) -> None:
    """How good the model is, and how much it doubts."""
    shown = SET_CARDS if seen.is_sets else CARDS
    for column, (key, title, words) in zip(st.columns(len(shown)), shown, strict=True):
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


def quadrants(seen: UncertaintyView) -> str:
    """Whom items are hard for: four tiles, and the items of the one that was chosen. Returns that quadrant, or ""."""
    st.markdown("### Whom are items hard for?")
    rows = {row["group_id"]: row for row in seen.quadrants.iter_rows(named=True)}
    for column, (key, (title, advice)) in zip(st.columns(4), list(QUADRANTS.items())[:4], strict=True):
        with column, st.container(border=True, height="stretch", gap="xsmall"):
            st.markdown(f"**{title}**")
            st.markdown(f"# {seen.in_quadrant.get(key, 0):,}", anchors=False)
            st.caption(
                "  \n".join(
                    line for line in (_of_items(rows.get(key)), _look_wrong(seen, key), advice) if line
                )
            )
    untold = seen.in_quadrant.get("cannot tell", 0)
    if untold:
        st.caption(f"Of {untold:,} items it cannot be told: they have fewer than two annotations.")
    chosen = address.choice(
        "quadrant", "Show the items", ["", *QUADRANTS], words=lambda key: QUADRANTS[key][0] if key else "None"
    )
    if chosen:
        _of_quadrant(seen, chosen)
    return chosen


def _of_quadrant(seen: UncertaintyView, quadrant: str) -> None:
    columns = [
        "item_id",
        "label",
        "disagreement",
        *(["disagreement_choice"] if seen.is_sets else []),
        "disagreement_kind",
    ]
    columns += ["predictive_entropy", "mutual_information", "other_label", "p_label"]
    read = partial(
        judged_items,
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        run_id=seen.run_id,
        which=UNSURE,
        quadrant=quadrant,
    )
    item_table(
        _rounded(read().select(columns)),
        f"{session.project_id()}-{quadrant}.csv",
        key=f"quadrant_{quadrant}",
        n_items=seen.in_quadrant.get(quadrant, 0),
        whole=lambda: _rounded(read(most=None).select(columns)),
        titles=TITLES,
    )


def suspects(seen: UncertaintyView, quadrant: str) -> None:
    """The labels that are most probably wrong, of one quadrant where one was chosen."""
    where = f" · {QUADRANTS[quadrant][0].lower()}" if quadrant else ""
    st.markdown(f"### Labels that look wrong{where}")
    if seen.not_learned:
        st.caption(
            f"How probably each is wrong is learned from answers to flags; not yet: {plain(seen.not_learned)}. Until then the order is "
            "that of the model and the annotations together."
        )
    n = seen.suspects_in.get(quadrant, 0) if quadrant else seen.n_suspects
    if not n:
        st.markdown(":gray[The model doubts none of these.]" if quadrant else ":gray[The model doubts none.]")
        return
    columns = _suspect_columns(seen)
    read = partial(
        judged_items,
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        run_id=seen.run_id,
        which=SUSPECTS,
        quadrant=quadrant,
    )
    chosen = item_table(
        _with_words(_rounded(read().select(columns))),
        f"{session.project_id()}-suspects.csv",
        key=f"suspects_{quadrant}",
        n_items=n,
        whole=lambda: _rounded(read(most=None).select(columns)),
        titles=TITLES,
    )
    if chosen is not None:
        _flags_of(chosen)


def _flags_of(item_id: str) -> None:
    """The newest flag of an item, with what it rested on."""
    story = item_story(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        item_id=item_id,
        as_of=session.as_of(),
    )
    if not story.flags:
        st.caption(f"{plain(item_id)} is not flagged yet.")
        return
    passport_view.flag_card(story.flags[0])


def _suspect_columns(seen: UncertaintyView) -> list[str]:
    flag = [] if session.as_of() is not None else ["flag_status"]
    learned = [] if seen.not_learned else ["p_wrong", "p_low", "p_high"]
    told = (
        ["choice", "choice_given", "p_choice", "choice_quality"]
        if seen.is_sets
        else ["other_label", "p_label", "p_other", "crowd_quality"]
    )
    return ["item_id", "label", *learned, *told, "other_label_share", "copy_id", "quadrant", *flag]


def _rounded(items: pl.DataFrame) -> pl.DataFrame:
    return items.with_columns(pl.col(pl.Float64).round(3))


def _with_words(items: pl.DataFrame) -> pl.DataFrame:
    """How each flag stands, in words."""
    if "flag_status" not in items.columns:
        return items
    words = {key: word for key, (_, word) in passport_view.STATUSES.items()}
    return items.with_columns(pl.col("flag_status").replace(words))


def _look_wrong(seen: UncertaintyView, quadrant: str) -> str:
    n = seen.suspects_in.get(quadrant, 0)
    return "" if not n else f"**{n:,} of them look{'s' if n == 1 else ''} wrong.**"


def _of_items(row: Mapping[str, object] | None) -> str:
    """A share of items with its interval, in words; nothing where it is not known."""
    if row is None or row["value"] is None:
        return ""
    value, low, high = (number_text(cast("float", row[name]), "share") for name in ("value", "low", "high"))
    return f"{value} of items ({low} to {high})"
