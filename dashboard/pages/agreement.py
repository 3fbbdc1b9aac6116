"""Agreement: do annotators agree, with whom not, and about which labels?"""

from __future__ import annotations

import streamlit as st

from dashboard import (
    address,
    agreement_groups_view,
    agreement_pairs_view,
    charts,
    items_behind_view,
    session,
    small_data_view,
)
from dashboard.components import (
    empty_state,
    item_table,
    look,
    plain,
    plot_selection,
    verdict,
)
from dashboard.figure_cards import figure_card
from dashboard.workflows import agreement_view
from dashboard.workflows.catalog import METRICS, NOT_FOR_LEVEL
from dashboard.workflows.settings import ALPHA, GOLD, limits

CARDS_A_ROW = 4
LABEL = "label"


def render() -> None:
    """Draw the page."""
    seen = agreement_view.agreement_view(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        empty_state(
            "Nothing was scored yet",
            "Agreement is computed by a scoring run. The overview starts one.",
            page="overview",
            link="Go to the overview",
            icon="join_inner",
        )
        return
    limit = {
        one.key: one.value for one in limits(session.store(), session.project_id(), as_of=session.as_of())
    }[ALPHA]
    _answer(seen, limit)
    small_data_view.draw("agreement")
    _cards(seen, limit)
    items_behind_view.draw()
    pairs, labels, groups = st.tabs(
        ["Pairs of annotators", "Labels", "Over time and by group"], key="agreement_tab", on_change="rerun"
    )
    if pairs.open:  # a crowd has many pairs: they are read when somebody looks
        with pairs:
            agreement_pairs_view.draw(seen.run.run_id)
    with labels:
        _labels(seen)
    if groups.open:  # its items are read from the annotations: not before somebody looks
        with groups:
            agreement_groups_view.draw(limit)


def _answer(seen: agreement_view.AgreementView, limit: float | None) -> None:
    rows = {row["key"]: row for row in seen.overall.iter_rows(named=True)}
    alpha = rows[ALPHA]
    worst = seen.labels.drop_nulls("value").row(0, named=True) if seen.labels["value"].count() else None
    tail = f"; least about {worst['label']} ({worst['value']:.2f})" if worst else ""
    if alpha["value"] is None:
        verdict("undefined", f"Agreement is undefined: {alpha['undefined']}")
        return
    low = alpha["low"] if alpha["low"] is not None else alpha["value"]
    said = f"alpha {alpha['value']:.2f}, between {low:.2f} and {alpha['high'] or alpha['value']:.2f}{tail}"
    if limit is None or low >= limit:
        verdict("fit", f"Annotators agree well enough: {said}", detail=_run_words(seen))
    elif alpha["value"] >= limit:
        verdict(
            "watch",
            f"Annotators may agree well enough: {said}; the limit is {limit:.3g}",
            detail=_run_words(seen),
        )
    else:
        do_not = "may not" if alpha["high"] is not None and alpha["high"] >= limit else "do not"
        verdict(
            "not fit",
            f"Annotators {do_not} agree well enough: {said}; the limit is {limit:.3g}",
            detail=_run_words(seen),
        )


def _run_words(seen: agreement_view.AgreementView) -> str:
    old = "; annotations came in since then" if seen.run.stale else ""
    repeats = {"count": "all counted", "first": "the first counts", "last": "the last counts"}
    counted = repeats.get(str(seen.run.parameters.get("repeats")), "")
    alpha = next(row for row in seen.overall.iter_rows(named=True) if row["key"] == ALPHA)
    covers = agreement_view.coverage_words(alpha["value"], alpha["n"])
    return " ".join(
        (
            f"Independent annotations only; several by one annotator for one item: {counted}.",
            f"Scored {seen.run.ran_at:%d %b %Y, %H:%M} UTC{old}.",
            covers,
        )
    ).strip()


def _cards(seen: agreement_view.AgreementView, limit: float | None) -> None:
    rows = {row["key"]: row for row in seen.overall.iter_rows(named=True)}
    there = [metric for metric in METRICS if metric.key in rows and metric.key != GOLD]
    shown = [metric for metric in there if rows[metric.key]["undefined"] not in NOT_FOR_LEVEL]
    cells = [cell for _ in range(0, len(shown), CARDS_A_ROW) for cell in st.columns(CARDS_A_ROW)]
    for column, metric in zip(cells, shown, strict=False):
        row = rows[metric.key]
        with column:
            figure_card(
                metric.title,
                row["value"],
                row["low"],
                row["high"],
                row["n"],
                unit=metric.unit,
                n_unit=metric.n_unit,
                limit=limit if metric.key == ALPHA else None,
                undefined=row["undefined"],
                help=f"{metric.question} Undefined when {metric.undefined_when}. {metric.reference}.",
            )
    others = [metric.title for metric in there if metric not in shown]
    if others:
        st.caption(f"Not for labels like these: {'; '.join(others)}.")


def _labels(seen: agreement_view.AgreementView) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("#### Alpha of each label against the rest", anchors=False)
        _one_label(seen)
    with right:
        st.markdown("#### Labels that are confused most", anchors=False)
        _confused(seen)


def _one_label(seen: agreement_view.AgreementView) -> None:
    """The bars of the labels; a click shows the items that somebody called so."""
    bars = seen.labels.select("low", "high", "n", "undefined", "value", group="label")
    figure = charts.bars(bars, look=look(), unit="coefficient", name="Alpha")
    points = plot_selection(
        figure, key="agreement_labels", alt="Alpha of each label against the rest, with its interval"
    )
    place = [str(point["y"]) for point in points]
    if place and place != st.session_state.get(
        "clicked_label"
    ):  # a plot keeps its selection: follow a click once
        st.query_params[LABEL] = place[0]
    st.session_state["clicked_label"] = place
    label = address.choice(
        LABEL,
        "The items of (or click a bar)",
        ["", *seen.labels["label"]],
        words=lambda one: one or "No label chosen",
    )
    if label:
        items_behind_view.label_items(label)


def _confused(seen: agreement_view.AgreementView) -> None:
    if seen.confused.is_empty():
        st.caption("No item got two different labels.")
        return
    choices = [f"{row['label_a']} / {row['label_b']}" for row in seen.confused.iter_rows(named=True)]
    chosen = st.selectbox("The pair of labels", choices, key="confused_pair")
    row = seen.confused.row(choices.index(chosen), named=True)
    st.markdown(
        f"**{row['n']:,} pairs of votes** give one item {plain(row['label_a'])} and {plain(row['label_b'])}: "
        f"{row['share']:.1%} of all pairs."
    )
    items = agreement_view.confused_items(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        label_a=row["label_a"],
        label_b=row["label_b"],
        as_of=session.as_of(),
    )
    item_table(items, "confused-items.csv", key="confused_items")
