"""The story of one item: what it is, what its label is and why, who said what, and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import streamlit as st

from dashboard import address, charts, components, opinion_view, passport_view, reason_view, session
from dashboard.marks import label_chip, look, moment_text, plain
from dashboard.workflows.item_story import ItemStory, item_story
from dashboard.workflows.wording import sureness

MADE_BY: Mapping[str, str] = {
    "consensus": "the consensus of its annotations",
    "relabel": "two people who agreed",
    "adjudication": "a lead's decision",
}
MOST_LABELS = 8
ICONS: Mapping[str, str] = {
    "annotations_imported": "upload_file",
    "scored": "calculate",
    "consensus_changed": "calculate",
    "flags_raised": "flag",
    "answered_blind": "edit",
    "answered": "edit_note",
    "answer_undone": "undo",
    "adjudicated": "gavel",
    "release_proposed": "verified",
}


def draw(item_id: str) -> None:
    """Draw the story of an item of the project on the screen."""
    st.button(
        "All items",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=address.clear,
        args=("item",),
        shortcut="Escape",
    )
    story = item_story(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        item_id=item_id,
        as_of=session.as_of(),
    )
    verdict(story)
    reason_view.why_flagged(story.flags)
    left, right = st.columns([3, 2], gap="large")
    with left:
        components.item_content(story)
        _facts(story)
        flags(story)
    with right:
        label_card(story)
        contributions_card(story)
        opinion_view.card(story.item_id, None if story.label is None else story.label.label)
        components.link_to("explanations", label="Why this label, on one page to print", item=story.item_id)
        _votes(story)
    _record(story)


def verdict(story: ItemStory) -> None:
    """What the label is and whether it stands, in a sentence."""
    name = story.item_id
    if story.label is None:
        components.verdict("undefined", f"{name} has no label yet", chip="No label")
        return
    made = MADE_BY.get(story.label.source, story.label.source)
    detail = f"Made by {made}; {story.n_agree} of {story.n_votes} independent annotations chose it."
    if story.is_doubted:
        components.verdict(
            "watch",
            f"{name} is labelled {story.label.label}, and somebody should look again",
            detail=detail,
            chip="Doubted",
        )
    else:
        components.verdict(
            "fit", f"{name} is labelled {story.label.label}", detail=detail, chip="No open flag"
        )


def _facts(story: ItemStory) -> None:
    """Gold and attributes, one line each."""
    lines = [f":small[:gray[{plain(name)}]] {plain(value)}" for name, value in story.attributes]
    if story.gold is not None:
        code = story.label_set.code(story.gold)
        lines.insert(0, f":small[:gray[gold]] {label_chip(code, story.gold)}")
    best = story.predictions.unique("model_run", keep="first", maintain_order=True)
    for row in best.iter_rows(named=True):
        chip = label_chip(
            row["label_code"], row["label"] or "?", detail=f"{sureness(row['score'])} by {row['model_run']}"
        )
        lines.append(f":small[:gray[prediction]] {chip}")
    if lines:
        st.markdown("&emsp;".join(lines))


def label_card(story: ItemStory) -> None:
    """How probable each label is."""
    with st.container(border=True, gap="small"):
        st.markdown("**How probable each label is**")
        if story.consensus is None:
            st.caption("It was not scored yet.")
            return
        shown = story.consensus.posterior.head(MOST_LABELS)
        figure = charts.posterior(
            shown, look=look(), n_votes=story.n_votes, name="Probability · annotations that chose it"
        )
        components.plot(figure, key="posterior", alt="How probable each label is, given the annotations")
        tied = " The labels are tied." if story.consensus.tied else ""
        st.caption(f"{plain(story.consensus.method)}, {moment_text(story.consensus.ran_at)} UTC.{tied}")
        components.what_is_this("posterior")


def contributions_card(story: ItemStory, *, decisive: tuple[str, ...] = ()) -> None:
    """What the consensus rests on: each annotator's part in it."""
    made = story.contributions
    if made is None:
        return
    names = dict(zip(story.label_set.codes, story.label_set.labels, strict=True))
    with st.container(border=True, gap="small"):
        st.markdown("**What it rests on**")
        st.markdown(plain(made.sentence(names.get(made.label_code, "the label"))))
        lines = []
        for row in made.voters.iter_rows(named=True):
            chip = (
                "several labels"
                if row["label_code"] is None
                else label_chip(row["label_code"], names.get(row["label_code"], "?"))
            )
            turned = ", decides it" if row["annotator_id"] in decisive else ""
            lines.append(
                f"{plain(row['annotator_id'])}: {chip} :small[:gray[{_moved(row['moved'])}{turned}]]"
            )
        st.markdown("  \n".join(lines))
        components.what_is_this("contribution")


def _moved(points: float | None) -> str:
    """How far somebody's votes moved the label's probability, in words."""
    if points is None:
        return "alone"
    if abs(points) < 0.0005:
        return "moved nothing"
    return f"{'for it' if points > 0 else 'against it'}, {abs(points) * 100:.1f} points"


def _votes(story: ItemStory) -> None:
    """Who chose what, the most chosen label first."""
    with st.container(border=True, gap="small"):
        st.markdown("**Who chose what**")
        standing = story.annotations.filter(~pl.col("retracted"))
        if standing.is_empty():
            st.caption("Nobody annotated it yet.")
            return
        counts = (
            standing.group_by("label_code", "label")
            .len()
            .sort(["len", "label_code"], descending=[True, False])
        )
        for code, label, n in counts.iter_rows():
            st.markdown(f"{label_chip(code, label or 'no label', detail=str(n))}")
            rows = standing.filter(pl.col("label_code").eq_missing(code))
            st.markdown("  \n".join(_vote(row) for row in rows.iter_rows(named=True)))
        taken_back = story.annotations.height - standing.height
        if taken_back:
            st.caption(f"{taken_back} taken back; see Annotations below.")


def _vote(row: Mapping[str, object]) -> str:
    parts = [plain(row["annotator_id"])]
    seconds = row["active_seconds"]
    if isinstance(seconds, int | float):
        parts.append(f":small[:gray[{seconds:,.0f} s]]")
    if not row["independent"]:
        parts.append(":gray-badge[saw other answers]")
    if row["rationale"]:
        parts.append(f":small[*{plain(row['rationale'])}*]")
    return "&emsp;" + " ".join(parts)


def flags(story: ItemStory) -> None:
    """Why it was flagged, with the reasons."""
    if not story.flags:
        return
    st.markdown("### Why it was doubted", anchors=False)
    for flag in story.flags:
        passport_view.flag_card(flag)
    if any(flag.status == "adjudicate" for flag in story.flags):
        components.link_to("adjudicate", label="Decide it", item=story.item_id)
    elif story.is_doubted:
        components.link_to("relabel", label="Work on flagged items")


def _record(story: ItemStory) -> None:
    history, versions, annotations = st.tabs(
        ["History", f"Label versions ({story.versions.height})", f"Annotations ({story.annotations.height})"]
    )
    with history:
        history_lines(story)
    with versions:
        _versions(story.versions)
    with annotations:
        _annotations(story.annotations)


def history_lines(story: ItemStory) -> None:
    """What happened to the item, newest first."""
    for event in story.history:
        icon = ICONS.get(event.kind, "circle")
        words = ". ".join(plain(sentence) for sentence in event.sentences)
        st.markdown(
            f":gray[:material/{icon}:] {words}  \n"
            f":small[:gray[{moment_text(event.recorded_at)} UTC, {plain(event.actor)}, event {event.seq:,}]]"
        )


def _versions(versions: pl.DataFrame) -> None:
    if versions.is_empty():
        st.caption("It has no label yet.")
        return
    st.dataframe(
        versions.select(
            pl.col("label_version").alias("Version"),
            pl.col("label").alias("Label"),
            pl.col("p_label").alias("Sure"),
            pl.col("source").replace_strict(MADE_BY, default=None).alias("Made by"),
            pl.col("decided_by").alias("Decided by"),
            pl.col("reason").alias("Reason"),
            pl.col("recorded_at").alias("When (UTC)"),
        ),
        hide_index=True,
        height="content",
        column_config={"Sure": st.column_config.NumberColumn(format="percent")},
        alt="Every version of the label, newest first",
    )


def _annotations(annotations: pl.DataFrame) -> None:
    if annotations.is_empty():
        st.caption("Nobody annotated it yet.")
        return
    st.dataframe(
        annotations.select(
            pl.col("annotator_id").alias("Annotator"),
            pl.col("label").alias("Label"),
            pl.col("labelled_at").alias("Labelled (UTC)"),
            pl.col("active_seconds").alias("Seconds"),
            pl.col("independent").alias("Independent"),
            pl.col("asserted").alias("Asserted by the source"),
            pl.col("source").alias("Came by"),
            pl.col("guideline_version").alias("Guideline"),
            pl.col("rationale").alias("Rationale"),
            pl.col("retracted").alias("Taken back"),
            pl.col("recorded_at").alias("Recorded (UTC)"),
        ),
        hide_index=True,
        height="content",
        column_config={"Seconds": st.column_config.NumberColumn(format="%.1f")},
        alt="Every annotation, oldest first",
    )
