"""Overview: is this data fit to release, and what needs doing next?"""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts, debt_view, session, small_data_view
from dashboard.alert_view import open_alerts
from dashboard.components import go_to, link_to, look, plain, plot, plot_selection, verdict, what_is_this
from dashboard.figure_cards import figure_card
from dashboard.workflows import flag, overview, score

HELP = {
    "krippendorff_alpha": "Agreement beyond chance. 1 is perfect, 0 is what guessing gives.",
    "consensus_accuracy_on_gold": "How often the consensus label is the label known in advance.",
    "coverage": "The share of the project's items that have a label.",
    "open_flags": "Doubts that nobody has settled yet.",
}
REASON_WORDS = {
    "low_posterior": "The consensus is unsure",
    "split_vote": "The votes are split",
    "gold_disagreement": "The consensus differs from gold",
    "weak_annotator": "It rests on an annotator far below peers",
    "probably_wrong": "It is probably wrong, by earlier answers",
    "model_disagrees": "A model would choose another label",
    "neighbours_disagree": "Items like it have another label",
    "copy_differs": "A near copy has another label",
    "worth_a_vote": "More votes on it are worth their price",
    "random_check": "Chosen by chance, to check the others",
}


def render() -> None:
    """Draw the page."""
    seen = overview.overview(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    verdict(seen.state, seen.sentence, detail=seen.detail)
    _cards(seen)
    open_alerts()
    debt_view.draw()
    small_data_view.draw("agreement")
    left, right = st.columns([3, 2], gap="large")
    with left:
        _course(seen)
    with right:
        _todos(seen)
    with st.expander("What the flags are about, and which labels there are", expanded=False):
        _mix(seen)


def _cards(seen: overview.Overview) -> None:
    for column, card in zip(st.columns(len(seen.cards)), seen.cards, strict=True):
        with column:
            figure_card(
                card.title,
                card.value,
                card.low,
                card.high,
                card.n,
                unit=card.unit,
                n_unit=card.n_unit,
                limit=card.limit,
                limit_is=card.limit_is,
                trend=card.trend,
                state=card.state,
                undefined=card.undefined,
                help=HELP[card.key],
            )


def _course(seen: overview.Overview) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("#### Agreement from run to run", anchors=False)
        what_is_this("krippendorff's alpha")
    if seen.course.height < 2:
        st.caption("The course shows after the second scoring run.")
        return
    limit = None if seen.alpha_limit is None else charts.Limit(seen.alpha_limit)
    figure = charts.trend(
        seen.course, look=look(), unit="coefficient", name="Krippendorff's alpha", limit=limit
    )
    plot(
        figure,
        key="overview_course",
        alt="Krippendorff's alpha from run to run with its 95 % interval and the limit",
    )


def _todos(seen: overview.Overview) -> None:
    st.markdown("#### What to do next", anchors=False)
    if not seen.todos:
        st.caption("Nothing waits. A new scoring run or import will say so here.")
    for number, todo in enumerate(seen.todos):
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.markdown(f"**{plain(todo.title)}**  \n{plain(todo.sentence)}")
            if todo.page is not None:
                link_to(todo.page)
            elif todo.verb is not None and session.as_of() is None and session.person().may(todo.verb):
                if st.button(
                    todo.title, key=f"todo_{todo.verb}", type="primary" if number == 0 else "secondary"
                ):
                    _do(todo.verb)
    person = session.person()
    if seen.run is not None and session.as_of() is None and person.may("score"):
        with st.container(horizontal=True):
            if not any(todo.verb == "score" for todo in seen.todos) and st.button(
                "Score again", key="score_again"
            ):
                _do("score")
            if not any(todo.verb == "flag" for todo in seen.todos) and st.button(
                "Look for doubts again", key="flag_again"
            ):
                _do("flag")


def _do(verb: str) -> None:
    """Run the verb and draw the page anew with what came of it."""
    store, project_id, person = session.store(), session.project_id(), session.person()
    if verb == "score":
        bar = st.progress(0.0, text="Scoring …")
        found = score.score(
            store,
            project_id=project_id,
            by=person,
            progress=lambda share, words: _show(bar, share, words),
        )
        st.toast(f"Scored: {found.n_changed:,} labels are new or changed.", icon=":material/check:")
    else:
        with st.spinner("Looking for doubtful labels …"):
            raised = flag.raise_flags(store, project_id=project_id, by=person)
        st.toast(f"{raised.raised:,} new flags.", icon=":material/flag:")
    st.rerun()


def _show(bar: DeltaGenerator, share: float, words: str) -> None:
    bar.progress(share, text=f"{words} …" if share < 1 else words)


def _mix(seen: overview.Overview) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Open flags by reason**")
        if seen.reasons.is_empty():
            st.caption("No flag is open.")
        for reason, count in seen.reasons.iter_rows():
            st.markdown(f"{count:,} · {plain(REASON_WORDS.get(reason, reason))}")
        link_to("items", label="See the flagged items", flag="open")
        if session.person().may("view.gold") and seen.counts.gold:
            link_to("agreement", label="Gold items with another consensus", behind="gold")
    with right:
        st.markdown("**Labels today**")
        _label_bars(seen)


def _label_bars(seen: overview.Overview) -> None:
    """How many items have each label; a click opens them."""
    if seen.mix.is_empty():
        st.caption("No item has a label yet.")
        return
    nothing = pl.lit(None, dtype=pl.Float64)
    bars = seen.mix.sort("n", descending=True).select(
        "label_code",
        group="label",
        value="n",
        low=nothing,
        high=nothing,
        n=pl.lit(None),
        undefined=pl.lit(None),
    )
    figure = charts.bars(bars, look=look(), unit="count", name="Items")
    nth = st.session_state.setdefault("labels_opened", 0)
    points = plot_selection(figure, key=f"overview_labels_{nth}", alt="How many items have each label today")
    st.caption("Click a bar for its items.")
    if points:
        st.session_state["labels_opened"] = nth + 1  # the chart is not still chosen on the way back
        go_to("items", label=str(points[0]["y"]))
