"""How a release looks: may it go out, what its gates said, who did what, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import streamlit as st

from dashboard import release_actions
from dashboard.components import go_to, label_chip, moment_text, plain, state_markdown, verdict, what_is_this
from dashboard.palette import State
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.release_diff import ADDED, CHANGED, REDECIDED, REMOVED, ReleaseDiff
from dashboard.workflows.release_gates import FAILED, NOT_APPLICABLE, Gate, GateReport, figure_text
from dashboard.workflows.release_record import Release

GATE_COLUMNS = [1.35, 4.2, 1.2, 1.2]
MOST_MOVES, MOST_ITEMS = 8, 500
STATE_WORDS = {"proposed": "Proposed", "approved": "Approved", "rejected": "Rejected"}
CHANGE_WORDS = {
    CHANGED: "Another label",
    ADDED: "Added",
    REMOVED: "No longer in it",
    REDECIDED: "Decided again, same label",
}


def answer(shown: Release, *, newest: bool) -> None:
    """The first line: may this release go out?"""
    state, chip = _state(shown)
    older = "" if newest else " There is a newer release."
    note = f" “{shown.note}”" if shown.note else ""
    detail = (
        f"{shown.n_items:,} items, content {shown.short_hash}…, proposed by {shown.proposed_by} on "
        f"{moment_text(shown.proposed_at)} UTC.{note}{older}"
    )
    verdict(state, shown.sentence(), chip=chip, detail=detail)


def answer_without(report: GateReport) -> None:
    """The first line where there is no release: what the gates say of the labels as they are."""
    state: State = "fit" if report.passed else "not fit"
    verdict(
        state,
        report.sentence(),
        chip="No release yet",
        detail="Nothing has gone out of this project. A release is proposed, signed by two people, then exported.",
    )


def gates(title: str, found: Sequence[Gate], shown: Release | None) -> None:
    """Each gate: what it says, its figure and limit, and what would mend it."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"#### {title}", anchors=False)
        what_is_this("gate")
    with st.container(key="release-gates", border=True, gap="small"):
        for place, head in zip(st.columns(GATE_COLUMNS), ("", "Gate", "Figure", "Limit"), strict=True):
            place.caption(head)
        for gate in found:
            _gate(gate, shown)


def _gate(gate: Gate, shown: Release | None) -> None:
    chip, words, figure, limit = st.columns(GATE_COLUMNS, vertical_alignment="top")
    waiver = shown.waiver_of(gate.key) if shown else None
    chip.markdown(_gate_chip(gate, waived=waiver is not None))
    figure.markdown(
        f"**{plain(figure_text(gate.value, gate.unit, beside=gate.limit))}**" if _has(gate) else "–"
    )
    sign = "≥" if gate.comparison == ">=" else "≤"
    limit.markdown("none" if gate.limit is None else f"{sign} {plain(figure_text(gate.limit, gate.unit))}")
    with words:
        lines = [f"**{plain(gate.title)}**", f":small[:gray[{plain(_sentence(gate.detail))}]]"]
        if gate.status == FAILED and gate.todo and waiver is None:
            lines.append(f":small[:material/build: {plain(gate.todo)}]")
        if waiver is not None:
            when = moment_text(waiver.waived_at)
            lines.append(
                f":small[Waived by {plain(waiver.person_id)} on {when} UTC: “{plain(waiver.reason)}”]"
            )
        st.markdown("  \n".join(lines))
        if (
            shown is not None
            and gate in shown.blocking_gates
            and shown.state == "proposed"
            and release_actions.may("release.waive")
        ):
            release_actions.waive_form(shown, gate)


def course(shown: Release, exports: pl.DataFrame) -> None:
    """Who did what with the release, oldest first, and what is still missing."""
    lines = [
        (shown.seq, "verified", f"**{plain(shown.proposed_by)}** proposed it", shown.note, shown.proposed_at)
    ]
    titles = {gate.key: gate.title for gate in shown.gates}
    for waiver in shown.waivers:
        did = f"**{plain(waiver.person_id)}** waived {plain(titles.get(waiver.gate, waiver.gate))}"
        lines.append((waiver.seq, "gpp_maybe", did, None, waiver.waived_at))
    for signature in shown.signatures:
        approved = signature.decision == "approve"
        did = f"**{plain(signature.person_id)}** {'approved' if approved else 'rejected'} it"
        icon = "check_circle" if approved else "block"
        lines.append((signature.seq, icon, did, signature.reason, signature.signed_at))
    taken = exports.filter(pl.col("release_id") == shown.release_id)
    for row in taken.iter_rows(named=True):
        did = f"**{plain(row['actor'])}** took it along"
        lines.append((row["seq"], "download", did, None, row["exported_at"]))
    with st.container(border=True, gap="small"):
        st.markdown("**Who did what**")
        for _seq, icon, did, said, when in sorted(lines, key=lambda line: line[0]):
            because = f"  \n:small[“{plain(said)}”]" if said else ""
            st.markdown(f":gray[:material/{icon}:] {did}{because}  \n:small[:gray[{moment_text(when)} UTC]]")
        if shown.state == "proposed":
            missing = shown.n_signatures_missing
            words = "One more signature is" if missing == 1 else f"{missing} signatures are"
            st.markdown(f":gray[:material/radio_button_unchecked: {words} missing]")


def difference(change: ReleaseDiff, labels: LabelSet) -> None:
    """What the release changes: the counts, the moves from label to label, and the items."""
    st.markdown("#### What it changes", anchors=False)
    if change.before is None:
        st.markdown(plain(change.sentence()))
        return
    st.markdown(plain(change.sentence()))
    if change.items.is_empty():
        st.caption("Item for item, it holds the same label versions.")
        return
    if not change.moves.is_empty():
        _moves(change.moves, labels)
    _items(change)


def _moves(moves: pl.DataFrame, labels: LabelSet) -> None:
    """From label to label, most frequent first."""

    def chip(label: str) -> str:
        return label_chip(labels.code(label), label) if label in labels.labels else plain(label)

    lines = [
        f"**{n:,}**&ensp;{chip(before)}&ensp;:gray[→]&ensp;{chip(after)}"
        for before, after, n in moves.head(MOST_MOVES).select("from_label", "to_label", "n").iter_rows()
    ]
    more = int(moves["n"].slice(MOST_MOVES).sum())
    if more:
        lines.append(f":gray[and {more:,} other moves]")
    with st.container(border=True):
        st.markdown("  \n".join(lines))


def _items(change: ReleaseDiff) -> None:
    order = {name: place for place, name in enumerate(CHANGE_WORDS)}
    rows = (
        change.items.with_columns(pl.col("change").replace_strict(order, default=9).alias("place"))
        .sort(["place", "item_id"])
        .head(MOST_ITEMS)
    )
    shown = rows.select(
        pl.col("item_id").alias("Item"),
        pl.col("change").replace_strict(CHANGE_WORDS, default=pl.col("change")).alias("Change"),
        pl.col("from_label").fill_null("").alias("Before"),
        pl.col("to_label").fill_null("").alias("In this release"),
    )
    nth = st.session_state.setdefault("release_item_opened", 0)
    event = st.dataframe(
        shown,
        key=f"release_items_{nth}",
        hide_index=True,
        height=min(300, 38 + 35 * shown.height),
        on_select="rerun",
        selection_mode="single-row",
        alt="The items that differ from the release before",
    )
    more = (
        f" The first {MOST_ITEMS:,} of {change.items.height:,} are shown."
        if rows.height < change.items.height
        else ""
    )
    st.caption(f"Click a row to see the item's whole story.{more}")
    if event["selection"]["rows"]:
        st.session_state["release_item_opened"] = nth + 1
        go_to("items", item=shown["Item"][event["selection"]["rows"][0]])


def all_releases(known: Sequence[Release], shown: Release) -> None:
    """Every release of the project; a click shows it above."""
    st.markdown("#### All releases", anchors=False)
    rows = pl.DataFrame(
        {
            "Release": [one.version for one in known],
            "State": [_state_words(one) for one in known],
            "Items": [one.n_items for one in known],
            "Content": [f"{one.short_hash}…" for one in known],
            "Proposed by": [one.proposed_by for one in known],
            "Proposed (UTC)": [moment_text(one.proposed_at) for one in known],
            "Signed by": [", ".join(one.approved_by) for one in known],
            "Note": [one.note or "" for one in known],
        }
    )
    nth = st.session_state.setdefault("release_opened", 0)
    event = st.dataframe(
        rows,
        key=f"release_list_{nth}",
        hide_index=True,
        height="content" if rows.height <= 12 else 460,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Release": st.column_config.NumberColumn(width="small", format="%d"),
            "Items": st.column_config.NumberColumn(width="small", format="localized"),
        },
        alt="Every release of the project, newest first",
    )
    if rows.height > 1:
        st.caption(f"You see release {shown.version}. Click a row to see another.")
    chosen = event["selection"]["rows"]
    if chosen:
        st.session_state["release_opened"] = nth + 1
        st.query_params["release"] = str(known[chosen[0]].version)
        st.rerun()


def _state(shown: Release) -> tuple[State, str]:
    if shown.state == "approved":
        return ("watch", "May go out, under waiver") if shown.under_waiver else ("fit", "May go out")
    if shown.state == "rejected":
        return "not fit", "May not go out"
    return ("not fit", "May not go out") if shown.blocking_gates else ("watch", "Not yet")


def _state_words(shown: Release) -> str:
    if shown.state == "approved" and shown.under_waiver:
        return "Approved, under waiver"
    if shown.state == "proposed":
        return "Cannot be signed" if shown.blocking_gates else _signed_of(shown)
    return STATE_WORDS[shown.state]


def _signed_of(shown: Release) -> str:
    signed = len(shown.approved_by)
    return f"{signed} of {signed + shown.n_signatures_missing} signatures"


def _gate_chip(gate: Gate, *, waived: bool) -> str:
    if waived:
        return state_markdown("watch", text="Waived")
    if gate.status == FAILED:
        return state_markdown("not fit", text="Failed")
    if gate.status == NOT_APPLICABLE:
        return state_markdown("undefined", text="Not judged")
    return state_markdown("fit", text="Passed")


def _has(gate: Gate) -> bool:
    return gate.value is not None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
