"""Why an item's label is what it is: the votes, the model, the neighbours, the guideline, the flags and the history, in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from dashboard.workflows import guideline, moments
from dashboard.workflows.choice_evidence import ChoiceEvidence, choices_of, most_doubtful
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.guideline_clause import Clause, clause_of
from dashboard.workflows.item_story import ItemStory, item_story
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.model_evidence import ItemModel, ModelEvidence, evidence_of, item_model
from dashboard.workflows.neighbour_evidence import NeighbourEvidence, neighbour_evidence
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_reveal import reveal
from dashboard.workflows.rules import Person, require
from dashboard.workflows.set_labels import text_of


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """What a model run says: its likeliest label, and its probability of the label that the item has (of sets: of that very set,
    the choices taken for independent); `content_sha256` of its probabilities.
    """

    model_run: str
    out_of_sample: str
    content_sha256: str
    seq: int
    label: str
    p_best: float
    p_label: float | None
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class ReleasedAs:
    """A release that holds the item: its content hash, and the label and label version that it froze."""

    release_version: int
    release_id: str
    content_hash: str
    label_version: int
    label: str
    proposed_at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that speaks for an item's label and against it, as of one moment.

    Attributes:
        story: the item, its label, votes with what each weighs, flags with their reasons, and its history.
        decisive: annotators without whose votes another label would have come out.
        runs: what every model run says of it.
        model: what the members of the trained model that have not seen the item make of it; where labels are sets, of the
            `choice`.
        choices: where labels are sets, one choice at a time; else none.
        choice: the one that model and neighbours are about, where labels are sets.
        neighbours: labelled items most like it.
        releases: the releases that hold the item: version, label and content hash.
        head_seq: the last event that it rests on; `head_hash` and `head_at` are that event's.
        clause: what the guideline says of the label; None where it does not name it or there is none.
    """

    project_id: str
    item_id: str
    as_of: int | None
    story: ItemStory
    decisive: tuple[str, ...]
    runs: tuple[RunEvidence, ...]
    model: ModelEvidence
    choices: tuple[ChoiceEvidence, ...]
    choice: str | None
    neighbours: NeighbourEvidence
    clause: Clause | None
    releases: tuple[ReleasedAs, ...]
    head_seq: int
    head_hash: str
    head_at: datetime | None


@dataclass(frozen=True, slots=True)
class RevealedReasons:
    """What somebody who has answered blind may read of a label beside the votes: no other item, no name, no gold."""

    label: str | None
    text: str | None
    model: ModelEvidence
    n_same: int
    n_nearest: int
    clause: Clause | None


def explain(
    store: Store,
    *,
    project_id: str,
    by: Person,
    item_id: str,
    as_of: int | None = None,
    choice: str | None = None,
) -> Explanation:
    """Why the item's label is what it is, as of a seq (None: now). Nothing is written.

    `choice`: where labels are sets, the one whose evidence is taken apart; by default the one that is most in doubt.

    Raises:
        NotAllowed: the person may not see items.
        BadRequest: there is no such item, or not yet at that moment; or no such choice.
    """
    story = item_story(store, project_id=project_id, by=by, item_id=item_id, as_of=as_of)
    label_set = story.label_set
    item_code = _item_code(store, project_id, item_id, as_of)
    made = item_model(
        store, project_id=project_id, item_id=item_id, item_code=item_code, label_set=label_set, as_of=as_of
    )
    choices = choices_of(store, project_id, item_code, story, made, as_of) if label_set.is_sets else ()
    code = None if story.label is None else story.label.label_code
    about = _about(label_set, choices, choice)
    return Explanation(
        project_id=project_id,
        item_id=item_id,
        as_of=as_of,
        story=story,
        decisive=_decisive(story),
        runs=_runs(store, project_id, item_code, code, label_set, as_of),
        model=evidence_of(made, label_code=code if about is None else about),
        choices=choices,
        choice=None if about is None else label_set.label(about),
        neighbours=neighbour_evidence(
            store, project_id=project_id, item_code=item_code, label_code=code, label_set=label_set, as_of=as_of,
            state=made.kept.state if isinstance(made, ItemModel) else None, choice=about,
        ),
        clause=_clause(
            store, project_id, label_set.label(about) if about is not None else _name(story), as_of
        ),
        releases=_releases(store, project_id, item_code, label_set, as_of),
        head_seq=store.head if as_of is None else as_of,
        head_hash=_event_hash(store, store.head if as_of is None else as_of),
        head_at=moments.moment(store, store.head if as_of is None else as_of).recorded_at,
    )  # fmt: skip


def seen_by_release(store: Store, project_id: str, version: int) -> int:
    """The last event that a release saw: an explanation as of it is that of the labels which it froze.

    Raises:
        BadRequest: there is no such release.
    """
    known = moments.releases(store, project_id)
    found = known.filter(pl.col("version") == version)
    if found.is_empty():
        versions = ", ".join(map(str, known["version"])) or "none yet"
        raise BadRequest(f"There is no release {version} in {project_id}. Releases: {versions}.")
    return int(found["seq"][0])


def explain_revealed(store: Store, *, project_id: str, by: Person, flag_id: str) -> RevealedReasons:
    """What a model and the guideline say of a flagged item's label, for somebody who has given their blind answer.

    Raises:
        BadRequest: the person has not answered blind yet; their answer comes first.
        NotAllowed: the person does not relabel.
    """
    require(by, "relabel")
    shown = reveal(store, project_id=project_id, by=by, flag_id=flag_id)
    label_set = require_label_set(store, project_id)
    code = None if shown.label is None else label_set.code(shown.label)
    item_code = _item_code(store, project_id, shown.item_id, None)
    item = store.read("item_one", project_id=project_id, item_id=shown.item_id, as_of=None)
    made = item_model(
        store,
        project_id=project_id,
        item_id=shown.item_id,
        item_code=item_code,
        label_set=label_set,
        as_of=None,
    )
    about = most_doubtful(label_set, made, code) if label_set.is_sets else None
    near = neighbour_evidence(
        store, project_id=project_id, item_code=item_code, label_code=code, label_set=label_set, as_of=None,
        state=made.kept.state if isinstance(made, ItemModel) else None, choice=about,
    )  # fmt: skip
    return RevealedReasons(
        label=shown.label,
        text=item["text"][0],
        model=evidence_of(made, label_code=code if about is None else about),
        n_same=near.n_same,
        n_nearest=near.n_nearest,
        clause=_clause(store, project_id, shown.label if about is None else label_set.label(about), None),
    )


def _about(label_set: LabelSet, choices: tuple[ChoiceEvidence, ...], choice: str | None) -> int | None:
    """The code of the choice that the evidence is about; None where labels are no sets."""
    if not label_set.is_sets:
        if choice is not None:
            raise BadRequest("Only labels that are sets are explained one choice at a time.")
        return None
    if choice is not None and choice not in label_set.choices:
        raise BadRequest(f"{choice!r} is no choice. The choices are: {', '.join(label_set.choices)}.")
    return label_set.code(choice if choice is not None else choices[0].choice)


def _name(story: ItemStory) -> str | None:
    return None if story.label is None else story.label.label


def _event_hash(store: Store, seq: int) -> str:
    """The hash of an event: what a copy of the journal has to show at that place."""
    found = store.read("event_hash", seq=seq)
    return "" if found.is_empty() else str(found["hash"][0])


def _releases(
    store: Store, project_id: str, item_code: int, label_set: LabelSet, as_of: int | None
) -> tuple[ReleasedAs, ...]:
    rows = store.read("item_released", project_id=project_id, item_code=item_code, as_of=as_of)
    return tuple(
        ReleasedAs(
            release_version=row["release_version"],
            release_id=row["release_id"],
            content_hash=row["content_hash"],
            label_version=row["label_version"],
            label=label_set.label(row["label_code"]),
            proposed_at=row["proposed_at"],
            seq=row["seq"],
        )
        for row in rows.iter_rows(named=True)
    )


def _item_code(store: Store, project_id: str, item_id: str, as_of: int | None) -> int:
    found = store.read("item_one", project_id=project_id, item_id=item_id, as_of=as_of)
    if found.is_empty():
        raise BadRequest(f"There is no item {item_id!r} in project {project_id!r}.")
    return int(found["item_code"][0])


def _decisive(story: ItemStory) -> tuple[str, ...]:
    made = story.contributions
    if made is None:
        return ()
    other = pl.col("label_without_code").is_not_null() & (pl.col("label_without_code") != made.label_code)
    return tuple(made.voters.filter(other)["annotator_id"])


def _runs(
    store: Store,
    project_id: str,
    item_code: int,
    label_code: int | None,
    label_set: LabelSet,
    as_of: int | None,
) -> tuple[RunEvidence, ...]:
    rows = store.read("item_probabilities", project_id=project_id, item_code=item_code, as_of=as_of)
    return tuple(_run(row, label_code, label_set) for row in rows.iter_rows(named=True))


def _run(row: Mapping[str, object], label_code: int | None, label_set: LabelSet) -> RunEvidence:
    p = np.array(row["probabilities"], dtype=np.float64)
    if label_set.is_sets:
        codes = label_set.choice_codes[: len(p)]
        likely = {code for code, one in zip(codes, p, strict=True) if one > 0.5}
        best = text_of(label_set, tuple(likely))
        p_best = float(np.maximum(p, 1 - p).prod())
        held = set() if label_code is None else set(label_set.members_of(label_code))
        has = np.array([code in held for code in codes])
        p_label = None if label_code is None else float(np.where(has, p, 1 - p).prod())
        agrees = None if label_code is None else likely == held
    else:
        place = int(p.argmax())
        best, p_best = label_set.label(place), float(p[place])
        p_label = None if label_code is None else float(p[label_code]) if label_code < len(p) else 0.0
        agrees = None if label_code is None else place == label_code
    return RunEvidence(
        model_run=str(row["model_run"]),
        out_of_sample=str(row["out_of_sample"]),
        content_sha256=str(row["content_sha256"]),
        seq=int(str(row["seq"])),
        label=best,
        p_best=p_best,
        p_label=p_label,
        agrees=agrees,
    )


def _clause(store: Store, project_id: str, label: str | None, as_of: int | None) -> Clause | None:
    found = guideline.current(store, project_id=project_id, as_of=as_of)
    return None if found is None or label is None else clause_of(found, label)
