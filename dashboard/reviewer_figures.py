"""Reviewers on the screen: who accepts more than others do of the same work, whose own labels passed, and the rows behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import polars as pl
import streamlit as st

from dashboard import address, charts, session
from dashboard.components import (
    empty_state,
    figure_card,
    go_to,
    look,
    plain,
    plot_selection,
    verdict,
    what_is_this,
)
from dashboard.workflows import reviewers as reviewing
from dashboard.workflows.reviewers import Reviewers, Which

SHOWN = 500
EVERYBODY = "everybody"
WHICH: Mapping[str, str] = {
    "all": "All labels that were judged",
    "accepted": "Labels of others that were accepted",
    "refused": "Labels of others that were not accepted",
    "own": "The reviewer's own labels",
    "signed": "Own labels in signed releases",
}
TABLE: Mapping[str, tuple[str, Which]] = {
    "reviewer_id": ("Reviewer", "all"),
    "n": ("Labels", "all"),
    "n_items": ("Items", "all"),
    "acceptance": ("Accepts", "accepted"),
    "interval": ("95 %", "accepted"),
    "expected": ("Others would", "all"),
    "leniency": ("Leniency", "all"),
    "own": ("Own accepted", "own"),
    "share_by_others": ("By others", "all"),
    "n_signed": ("Own signed", "signed"),
}
"""The columns of the table of reviewers: their names, and which rows a click in one of them shows."""

HELP: Mapping[str, str] = {
    "n": "Labels of others that the reviewer judged.",
    "n_items": "Items that these labels are of.",
    "interval": "The 95 % interval of Accepts, in per cent; labels of one item count as the fewer that they are worth.",
    "expected": "What the other reviewers of the same annotators would have accepted.",
    "own": "Labels of their own that the reviewer accepted, of those that they judged; the 95 % interval from 20 items on.",
    "share_by_others": "How often others accept this reviewer's own labels, from 20 items on.",
    "n_signed": "Labels in releases they signed that they had given or decided.",
}

NAMES: Mapping[str, str] = {
    "item_id": "Item", "reviewer_id": "Reviewer", "stage": "In", "annotator_id": "Annotator", "said": "Said",
    "decided": "Decided", "accepted": "Accepted", "release_version": "Release", "label": "Released label",
    "as_what": "Was their own as", "at": "When", "note": "Reason",
}  # fmt: skip
COLUMNS = {"When": st.column_config.DatetimeColumn(format="D MMM, HH:mm")}
FILTERS = ("reviewer", "reviews")


def draw() -> None:
    """All reviewers: the answer, the table, and the labels behind a figure."""
    seen = _seen()
    if seen is None:
        empty_state(
            "Nobody has reviewed anything yet",
            "Answers to flags after the reveal, second looks and adjudications are reviews. They appear here with the first of them.",
            page="relabel",
            link="Go to Relabel",
            icon="rate_review",
        )
        return
    verdict(seen.state, seen.sentence, detail=seen.detail)
    left, right = st.columns([2, 5], gap="medium")
    with left:
        _leniency(seen.table)
    with right:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("#### Reviewers", anchors=False)
            what_is_this("review")
        _table(seen.table)
        st.caption("Click a figure for the labels behind it.")
    _behind(seen, seen.table["reviewer_id"].to_list())


def of_person(person_id: str) -> None:
    """What one person reviewed; nothing is drawn where they reviewed nothing. Annotators see their own."""
    seen = _seen(person_id)
    if seen is None:
        return
    is_you = person_id == session.person().person_id
    st.markdown(f"#### What {'you' if is_you else plain(person_id)} reviewed", anchors=False)
    st.caption(plain(seen.detail))
    row = seen.table.row(0, named=True)
    acceptance, leniency, own = st.columns(3)
    with acceptance:
        figure_card(
            "Accepts", row["acceptance"], row["low"], row["high"], row["n"], n_unit=f"labels of others, {_items(row['n_items'])}",
            undefined="nobody else's label was reviewed",
            help="How often a label of somebody else, judged in a review, is the one decided on.",
        )  # fmt: skip
    with leniency:
        figure_card(
            "Leniency", row["leniency"], row["leniency_low"], row["leniency_high"], row["n_compared"],
            unit="coefficient", n_unit="labels that others can be compared on", undefined=row["undefined"],
            state=_state(row["p_adjusted"]),
            help="Acceptance above (+) or below (−) that of other reviewers of the same annotators: 0.1 is 10 of 100 labels.",
        )  # fmt: skip
    with own:
        figure_card(
            "Accepts own labels", row["own_share"], row["own_low"], row["own_high"], row["n_own"],
            n_unit="own labels", undefined=_own_undefined(row),
            help="How often the decision was for a label that its reviewer had given.",
        )  # fmt: skip
    _behind(seen, [])


def _seen(only: str | None = None) -> Reviewers | None:
    person = session.person()
    return _read(
        session.store().head_hash, session.project_id(), session.as_of(), person.person_id,
        tuple(sorted(person.roles)), only,
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner="Comparing reviewers …")
def _read(
    head: str, project_id: str, as_of: int | None, person_id: str, roles: tuple[str, ...], only: str | None
) -> Reviewers | None:
    """The reviews as they are at the head of the journal, kept because they read all labels of the reviewed items."""
    return reviewing.reviewers(
        session.store(), project_id=project_id, by=session.person(), as_of=as_of, only=only
    )


def _items(n: int) -> str:
    return "1 item" if n == 1 else f"{n:,} items"


def _own_undefined(row: Mapping[str, object]) -> str:
    """Why there is no share of own labels, with the count that there is."""
    counted = f": {row['n_own_accepted']:,} of {row['n_own']:,} accepted" if row["n_own"] else ""
    return f"{row['own_undefined']}{counted}"


def _state(p_adjusted: float | None) -> reviewing.State | None:
    if p_adjusted is None:
        return None
    return "watch" if p_adjusted < reviewing.LEVEL else "fit"


def _leniency(table: pl.DataFrame) -> None:
    st.markdown("#### Leniency", anchors=False)
    tested = pl.col("p_adjusted").is_not_null()
    apart = pl.when(pl.col("p_adjusted") < reviewing.LEVEL).then(pl.lit("watch")).otherwise(pl.lit("fit"))
    bars = table.select(
        "undefined", group="reviewer_id", value="leniency", low="leniency_low", high="leniency_high", n="n_compared",
        state=pl.when(tested).then(apart).otherwise(pl.lit("undefined")),
    ).sort("value", "group", descending=[True, False], nulls_last=True)  # fmt: skip
    if bars["value"].null_count() == bars.height:
        _nobody(bars)
    else:
        figure = charts.bars(
            bars, look=look(), unit="coefficient", name="Accepts more (+) or less (−) than others", zero=False
        )
        figure.add_vline(x=0, line={"color": look().muted, "width": 1})
        points = plot_selection(
            figure,
            key="reviewers_bars",
            alt="Leniency of each reviewer, with its interval; 0 is like the others",
        )
        place = str(points[0]["y"]) if points else None
        if place is not None and place != st.session_state.get("reviewers_clicked"):
            st.session_state["reviewers_clicked"] = place
            _show(place, "all")
            st.rerun()
        st.session_state["reviewers_clicked"] = place
    st.caption(
        "Acceptance above or below that of the other reviewers of the same annotators, in the same kind of review. "
        "Who gets the hard items looks strict: a reason to look."
    )


def _nobody(bars: pl.DataFrame) -> None:
    """Why nobody can be compared: each reason with how many reviewers it holds for."""
    reasons = (
        bars.group_by("undefined").agg(people=pl.len()).sort("people", "undefined", descending=[True, False])
    )
    with st.container(border=True, gap="xsmall"):
        st.markdown("**Nobody can be compared yet**")
        for why, people in reasons.iter_rows():
            st.markdown(plain(f"{'1 reviewer' if people == 1 else f'{people:,} reviewers'}: {why}."))


def _table(table: pl.DataFrame) -> None:
    shares = ("acceptance", "expected", "share_by_others")
    kinds = dict.fromkeys(shares, st.column_config.NumberColumn(format="%.0f %%"))
    kinds |= {"leniency": st.column_config.NumberColumn(format="%+.2f")}
    nothing = [
        name
        for name in ("expected", "leniency", "share_by_others")
        if table[name].null_count() == table.height
    ] + ([] if table["n_own"].sum() else ["own"])
    own = pl.format("{} of {}", "n_own_accepted", "n_own")
    between = pl.coalesce(pl.format(", {} %", _between("own_low", "own_high")), pl.lit(""))
    shown = table.with_columns(
        pl.col(shares) * 100,
        interval=_between("low", "high").fill_null(""),
        own=pl.when(pl.col("n_own") > 0).then(own + between).otherwise(pl.lit("")),
    ).select(name for name in TABLE if name not in nothing)
    nth = st.session_state.setdefault("reviewers_opened", 0)
    event = st.dataframe(
        shown,
        hide_index=True,
        height=min(420, 40 + 35 * table.height),
        key=f"reviewers_table_{nth}",
        column_config={
            name: {**kinds.get(name, {}), "label": title, "help": HELP.get(name)}
            for name, (title, _which) in TABLE.items()
        },
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        alt="Every reviewer, one row each; a click shows the labels behind a figure",
    )
    rows, cells = event["selection"]["rows"], event["selection"]["cells"]
    if rows or cells:
        place, name = (rows[0], "n") if rows else cells[0]
        st.session_state["reviewers_opened"] = nth + 1
        _show(str(table["reviewer_id"][place]), TABLE[name][1])
        st.rerun()


def _between(low: str, high: str) -> pl.Expr:
    """An interval of shares in whole per cent, "40 to 58"."""
    return pl.format("{} to {}", *(pl.col(name).mul(100).round(0).cast(pl.Int64) for name in (low, high)))


def _show(reviewer_id: str, which: Which) -> None:
    """Name in the address whose rows are to be shown, and which."""
    kept = {name: value for name, value in st.query_params.to_dict().items() if name not in FILTERS}
    named = {} if which == "all" else {"reviews": which}
    st.query_params.from_dict({**kept, "reviewer": reviewer_id, **named})


def _behind(seen: Reviewers, people: list[str]) -> None:
    """The labels behind a figure: which, of whom, a click to the item, and all of them as CSV."""
    left, right = st.columns(2)
    with left:
        named = address.choice("reviews", "Show", tuple(WHICH), words=lambda key: WHICH[key], default="all")
    who = EVERYBODY
    if people:
        with right:
            who = address.choice("reviewer", "Reviewer", (EVERYBODY, *people), default=EVERYBODY)
    rows = reviewing.behind(seen, cast("Which", named), None if who == EVERYBODY else who)
    if rows.is_empty():
        st.caption("None.")
        return
    _rows(rows if people else rows.drop("reviewer_id"), f"reviews_{named}")
    st.download_button(
        f"All {rows.height:,} as CSV",
        lambda: reviewing.reviews_csv(rows),
        f"reviews-{named}.csv",
        "text/csv",
        key="reviews_csv",
        icon=":material/download:",
    )


def _rows(rows: pl.DataFrame, key: str) -> None:
    shown = rows.head(SHOWN)
    known = [name for name in NAMES if name in shown.columns and shown[name].null_count() < shown.height]
    table = shown.select(known).with_columns(pl.col(pl.Utf8).fill_null(""))
    table = table.rename({name: NAMES[name] for name in known})
    height = min(360, 40 + 35 * table.height)
    if not session.person().may("view.items"):
        st.dataframe(table, key=key, hide_index=True, height=height, column_config=COLUMNS, alt="Reviews")
        return
    nth = st.session_state.setdefault("reviews_opened", 0)
    event = st.dataframe(
        table, key=f"{key}_{nth}", hide_index=True, height=height, column_config=COLUMNS, on_select="rerun",
        selection_mode=["single-row", "single-cell"], alt="Reviews, a click opens the item",
    )  # fmt: skip
    chosen, cells = event["selection"]["rows"], event["selection"]["cells"]
    if chosen or cells:
        st.session_state["reviews_opened"] = nth + 1
        place = chosen[0] if chosen else cells[0][0]
        # With what they came from: the back button leads to the same labels again.
        came_from = {name: st.query_params.get(name) for name in ("tab", "annotator", *FILTERS)}
        go_to("items", item=shown["item_id"][place], **came_from)
