"""How an explanation looks: the words or pixels that speak for a label, its neighbours, the guideline, and what this cannot show."""

from __future__ import annotations

import html

import streamlit as st

from analytics.results import Estimate
from dashboard.marks import image_address, label_chip, look, plain
from dashboard.workflows.explain import Explanation, RevealedReasons, explain, explain_revealed
from dashboard.workflows.guideline_clause import Clause
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.model_evidence import Feature, ModelEvidence
from dashboard.workflows.neighbour_evidence import Neighbour, NeighbourEvidence
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from dashboard.workflows.wording import sureness

KEPT = 64
FOR, AGAINST = "+", "−"
CELL = 14
PICTURE = 280
HUES = (("#3D5AC9", "#CC4A00", "#000", "#DFE2EA"), ("#8EA4FF", "#FF8247", "#FFF", "#2B3242"))
SIGNED = 0.35  # of the strongest part: above it a pixel has its sign
WEAK = 0.08  # of the strongest part: below it a word or pixel is left bare


def explained(
    store: Store, project_id: str, person: Person, item_id: str, as_of: int | None, choice: str | None = None
) -> Explanation:
    """The explanation of an item; kept for as long as the record does not grow."""
    return _explained(store, project_id, person, item_id, as_of, choice, (person.person_id, store.head_hash))


def revealed(store: Store, project_id: str, person: Person, flag_id: str) -> RevealedReasons:
    """What may be read of a flagged item's label after the blind answer; kept for as long as the record does not grow."""
    return _revealed(store, project_id, person, flag_id, (person.person_id, store.head_hash))


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _explained(
    _store: Store,
    project_id: str,
    _person: Person,
    item_id: str,
    as_of: int | None,
    choice: str | None,
    who: tuple[str, str],
) -> Explanation:
    return explain(_store, project_id=project_id, by=_person, item_id=item_id, as_of=as_of, choice=choice)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _revealed(
    _store: Store, project_id: str, _person: Person, flag_id: str, who: tuple[str, str]
) -> RevealedReasons:
    return explain_revealed(_store, project_id=project_id, by=_person, flag_id=flag_id)


def model_card(
    model: ModelEvidence, *, text: str | None, label_set: LabelSet, image: bytes | None = None
) -> None:
    """What a model that has not seen the item says, and what in it speaks for the label."""
    with st.container(border=True, gap="small"):
        st.markdown("**What a model says that has not seen this item**")
        if (
            model.undefined is not None
            or model.run is None
            or model.p_label is None
            or model.p_against is None
        ):
            st.caption(f"There is none: {plain(model.undefined)}.")
            if model.command is not None:
                st.markdown(f":small[To get one:] `{model.command}`")
            return
        st.markdown(
            f"{chip(label_set, model.label)} :small[:gray[{sureness(model.p_label)}]] &emsp; "
            f"{chip(label_set, model.against)} :small[:gray[{sureness(model.p_against)}]]"
        )
        st.caption(plain(f"{_stand(model)} It is {model.run.model_run}, {model.run.words}."))
        if model.no_parts is not None:
            st.caption(f"What in the item speaks for it cannot be shown: {plain(model.no_parts)}.")
        else:
            _parts(model, text, image)
        st.markdown(":small[**What this cannot show**]")
        st.markdown("\n".join(f"- :small[:gray[{plain(line)}]]" for line in model.cannot_show))


def _stand(model: ModelEvidence) -> str:
    """What the model makes of the label, in a sentence."""
    if model.agrees:
        return f"It had not seen this item, and holds {model.label} the likeliest too."
    return f"It had not seen this item, and holds {model.against} likelier than {model.label}."


def _parts(model: ModelEvidence, text: str | None, image: bytes | None) -> None:
    """The words or pixels, and how far the picture can be trusted."""
    if text is not None:
        st.html(highlighted(text, model))
    elif model.pixels:
        st.image(pixel_picture(model, image, dark=look().name == "dark"), width=PICTURE, alt=_alt(model))
    st.caption(
        f"Blue with {plain(FOR)} speaks for {plain(model.label)}, orange with {plain(AGAINST)} for {plain(model.against)}."
    )
    _features(model)
    st.markdown(":small[**How far it can be trusted**]")
    st.markdown("\n".join(f"- :small[:gray[{plain(line)}]]" for line in trust(model)))


def neighbours_card(found: NeighbourEvidence, *, label_set: LabelSet) -> None:
    """The labelled items most like it."""
    with st.container(border=True, gap="small"):
        st.markdown("**Labelled items most like it**")
        if found.undefined is not None:
            st.caption(f"There are none: {plain(found.undefined)}.")
            return
        what = "the same label" if found.choice is None else f"the same to say of {found.choice}"
        looked = (
            f"{found.n_compared:,} labelled items were compared"
            if found.n_compared == found.n_labelled
            else f"{found.n_compared:,} of {found.n_labelled:,} labelled items were compared, drawn by chance"
        )
        st.caption(
            plain(
                f"{found.n_same} of the {found.n_nearest} nearest have {what}. Near in {found.by}; {looked}."
            )
        )
        for head, rows in (("For the label", found.speaks_for), ("Against it", found.speaks_against)):
            if rows:
                st.markdown(f":small[**{head}**]")
                st.markdown("\n".join(_neighbour(row, label_set) for row in rows))


def clause_card(clause: Clause | None) -> None:
    """What the guideline says of the label."""
    with st.container(border=True, gap="small"):
        st.markdown("**What the guideline says**")
        if clause is None:
            st.caption("It does not name this label.")
            return
        st.caption(f"Version {clause.version}, where it names {plain(clause.label)}.")
        heading = ""
        for title, passage in zip(clause.headings, clause.passages, strict=True):
            if title != heading:
                st.markdown(f":small[:gray[{plain(title)}]]")
                heading = title
            st.markdown(passage)


def runs_card(found: Explanation) -> None:
    """What the other model runs say."""
    own = None if found.model.run is None else found.model.run.model_run
    others = [run for run in found.runs if run.model_run != own]
    if not others:
        return
    with st.container(border=True, gap="small"):
        st.markdown("**What other model runs say**")
        for run in others:
            named = chip(found.story.label_set, run.label)
            differs = "" if run.agrees is not False else " :orange-badge[differs from the label]"
            st.markdown(
                f"{named} :small[:gray[{sureness(run.p_best)}, {plain(run.model_run)}, out of sample: "
                f"{run.out_of_sample.replace('_', ' ')}]]{differs}"
            )


def revealed_card(found: RevealedReasons, *, text: str | None, label_set: LabelSet) -> None:
    """What may be read of a label after the blind answer: no other item, no name."""
    model_card(found.model, text=text, label_set=label_set)
    if found.n_nearest:
        st.caption(f"{found.n_same} of the {found.n_nearest} labelled items most like it have this label.")
    if found.clause is not None:
        clause_card(found.clause)


def highlighted(text: str, model: ModelEvidence) -> str:
    """The text with the words that speak for the label and against it: hue, line and sign."""
    strongest = max((abs(span.value) for span in model.spans), default=0.0)
    pieces, at = [], 0
    for span in model.spans:
        pieces.append(html.escape(text[at : span.start]))
        word, at = html.escape(text[span.start : span.end]), span.end
        share = abs(span.value) / strongest if strongest > 0 else 0.0
        if share < WEAK:
            pieces.append(word)
            continue
        kind, sign = ("for", FOR) if span.value > 0 else ("against", AGAINST)
        pieces.append(
            f'<span class="part part-{kind}" style="--share:{share:.2f}" title="{span.value:+.2f}">'
            f"<sup>{sign}</sup>{word}</span>"
        )
    pieces.append(html.escape(text[at:]))
    return f'<p class="parts" dir="auto">{"".join(pieces)}</p>'


def pixel_picture(model: ModelEvidence, image: bytes | None = None, *, dark: bool = False) -> str:
    """The parts of a picture's pixels as a drawing over the faint picture: hue and sign, the strongest opaque."""
    blue, orange, ink, frame = HUES[dark]
    size = len(model.pixels) * CELL
    address = image_address(image)
    under = f'<image href="{address}" width="{size}" height="{size}" opacity="0.35"/>' if address else ""
    cells = []
    for row, values in enumerate(model.pixels):
        for column, value in enumerate(values):
            if abs(value) < WEAK:
                continue
            hue, sign = (blue, FOR) if value > 0 else (orange, AGAINST)
            x, y = column * CELL, row * CELL
            cells.append(
                f'<rect fill="{hue}" x="{x}" y="{y}" width="{CELL}" height="{CELL}" opacity="{abs(value):.2f}"/>'
            )
            if abs(value) > SIGNED:
                place = f'x="{x + CELL / 2:g}" y="{y + CELL * 0.78:g}"'
                cells.append(f'<text {place} fill="{ink}" font-size="12" text-anchor="middle">{sign}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}">'
        f'{under}<rect fill="none" stroke="{frame}" width="{size}" height="{size}"/>{"".join(cells)}</svg>'
    )


def _alt(model: ModelEvidence) -> str:
    return f"Pixels that speak for {model.label} (+) and for {model.against} (−)"


def _features(model: ModelEvidence) -> None:
    for head, features in ((model.label, model.speaks_for), (model.against, model.speaks_against)):
        if features:
            told = " · ".join(_feature(one) for one in features)
            st.markdown(f":small[:gray[for {plain(head)}:] {told}]")


def _feature(one: Feature) -> str:
    shaky = "" if one.sign_agreement >= 0.8 else " :gray[(unsure)]"
    return f"{plain(one.term)} {plain(signed(one.value))}{shaky}"


def signed(value: float) -> str:
    """A part with its sign.

    >>> signed(-0.5)
    '−0.50'
    """
    return f"{value:+.2f}".replace("-", AGAINST)


def trust(model: ModelEvidence) -> list[str]:
    """How far the picture can be trusted, a sentence each: complete, stable, and dependent on what was learned."""
    gap = (model.gap_share or 0.0) * 100
    left = "under 0.01" if gap < 0.01 else f"{gap:.1g}"
    lines = [
        f"Complete: the parts sum to the log-odds but for {left} % ({model.method}), against {model.baseline}.",
        _figure(
            model.stability,
            f"Stable: {model.n_members} members that learned from other draws of items rank the parts alike",
            "Whether it is stable cannot be said",
        ),
        _figure(
            model.randomised,
            "Learned: members whose weights were dealt out anew agree with this picture at",
            "Whether it depends on what was learned cannot be said",
        ),
    ]
    if model.run is not None and model.n_members < model.run.n_members:
        lines.append(
            f"The run has {model.run.n_members} members; {model.n_members} are kept and shown here, with a probability of "
            f"{sureness(model.p_kept)} for {model.label}."
        )
    return lines


def _figure(found: Estimate | None, words: str, otherwise: str) -> str:
    if found is None or found.value is None:
        return f"{otherwise}: {found.undefined if found else ''}."
    ends = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{words}: {found.value:.2f}{ends} of 1.".replace("-0", f"{AGAINST}0")


def _neighbour(row: Neighbour, label_set: LabelSet) -> str:
    preview = f" {plain(row.preview)}" if row.preview else ""
    name = plain(row.item_id)
    return f"- {chip(label_set, row.label)} :small[:gray[{row.similarity:.2f}, {name}]]{preview}"


def chip(label_set: LabelSet, label: str | None) -> str:
    """A label with its hue; of one that is not in the label set its words alone."""
    if label is None or label not in label_set.labels:
        return plain(label or "")
    return label_chip(label_set.code(label), label)
