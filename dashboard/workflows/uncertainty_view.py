"""What the page Uncertainty shows: the newest run of a model against the labels, from stored rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.flag_reasons import reasons_of
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.model_reasons import LEAST_P_WRONG, LEAST_TOGETHER
from dashboard.workflows.monitor import UNCERTAINTY_RUN as KIND
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.train import provenance_words
from dashboard.workflows.wording import sureness

QUADRANTS: Mapping[str, tuple[str, str]] = {
    "both": ("Hard for people and for the model", "Look at the guideline: it may not decide these."),
    "people": ("Hard for people only", "The model has learned one side; ask whether it is the right one."),
    "model": ("Hard for the model only", "More items like these would teach it most."),
    "neither": ("Hard for neither", "Nothing to do."),
    "cannot tell": ("Cannot tell", "Fewer than two annotations."),
}
"""Quadrant -> its title, and what a lead may do about it."""

ITEM_COLUMNS = (
    "item_id", "label", "other_label", "p_label", "p_other", "p_wrong", "p_low", "p_high", "crowd_quality", "disagreement",
    "disagreement_kind", "predictive_entropy", "mutual_information", "margin", "other_label_share", "outlier_score", "copy_id",
    "quadrant", "is_suspect", "is_judged",
)  # fmt: skip
WEAK = 0.6
"""A model that is right less often than this is called weak."""


@dataclass(frozen=True, slots=True)
class UncertaintyView:
    """A run as a page shows it.

    `figures`: key -> row of the run's own measurements. `bins`: the reliability diagram (p_mean, value, low, high, n). `labels`
    and `groups`: calibration by label and by item attribute. `reasons`: title, n_accepted, n_rejected, value, low, high, n,
    is_retired, undefined. `items`: ITEM_COLUMNS, the most doubtful first. `stale`: labels changed after the run. `rests_on`: the
    model in words. `curve`: as `train.learning` gives it, or None.
    """

    run_id: str
    model_run: str
    ran_at: datetime
    stale: bool
    device: str
    n_members: int
    rests_on: str
    curve: Mapping[str, object] | None
    not_learned: str | None
    figures: Mapping[str, Mapping[str, object]]
    quadrants: pl.DataFrame
    bins: pl.DataFrame
    labels: pl.DataFrame
    groups: pl.DataFrame
    reasons: pl.DataFrame
    items: pl.DataFrame

    @property
    def suspects(self) -> pl.DataFrame:
        """Items whose label is more probably wrong than right, by verdicts or by model and votes together; the worst first."""
        together = pl.coalesce("crowd_quality", "p_label") < LEAST_TOGETHER
        doubted = (pl.col("is_suspect") & together) | (pl.col("p_wrong") >= LEAST_P_WRONG).fill_null(
            value=False
        )
        return self.items.filter(doubted & ~pl.col("is_judged"))


def uncertainty_view(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> UncertaintyView | None:
    """The newest run as of a seq; None where there is none.

    Raises:
        NotAllowed: the person may not see items.
    """
    require(by, "view.items")
    runs = store.read("score_runs", project_id=project_id, as_of=as_of).filter(pl.col("kind") == KIND)
    if runs.is_empty():
        return None
    row = runs.row(0, named=True)
    parameters = json.loads(row["parameters"])
    named = {"project_id": project_id, "run_id": row["run_id"]}
    overall = store.read("score_measurements", **named, group_kind="")
    bins = store.read("score_measurements", **named, group_kind="bin")
    return UncertaintyView(
        run_id=row["run_id"],
        model_run=parameters["model_run"],
        ran_at=row["ran_at"],
        stale=_changed_since(store, project_id, int(row["saw_seq"]), as_of),
        device=parameters["device"],
        n_members=parameters["members"],
        rests_on=_rests_on(store, project_id, parameters["model_run"], as_of),
        curve=_curve(store, project_id, parameters["model_run"], as_of),
        not_learned=parameters["not_learned"],
        figures={one["key"]: one for one in overall.iter_rows(named=True)},
        quadrants=store.read("score_measurements", **named, group_kind="quadrant"),
        bins=_bins(bins),
        labels=store.read("score_measurements", **named, group_kind="label").sort(
            "value", descending=True, nulls_last=True
        ),
        groups=store.read("score_measurements", **named, group_kind="attribute"),
        reasons=_reasons(store, project_id, store.read("score_measurements", **named, group_kind="reason")),
        items=_items(store, project_id, row["run_id"], as_of),
    )


def model_names(store: Store, *, project_id: str, as_of: int | None = None) -> tuple[str, ...]:
    """The model runs that have probabilities, newest first."""
    return tuple(store.read("model_runs", project_id=project_id, as_of=as_of)["model_run"])


def item_opinion(
    store: Store, *, project_id: str, by: Person, item_code: int, as_of: int | None = None
) -> dict[str, object] | None:
    """What the newest run says of one item: a row of ITEM_COLUMNS; None where it says nothing.

    Raises:
        NotAllowed: the person may not see items.
    """
    require(by, "view.items")
    runs = store.read("score_runs", project_id=project_id, as_of=as_of).filter(pl.col("kind") == KIND)
    if runs.is_empty():
        return None
    found = _named(store, project_id, _read(store, project_id, runs["run_id"][0], item_code), as_of)
    return found.row(0, named=True) if found.height else None


def in_quadrant(view: UncertaintyView, quadrant: str) -> pl.DataFrame:
    """The items of a quadrant, those that the model is least sure of first.

    Raises:
        BadRequest: there is no such quadrant.
    """
    if quadrant not in QUADRANTS:
        raise BadRequest(f"{quadrant!r} is not a quadrant. Quadrants: {', '.join(QUADRANTS)}.")
    own = view.items.filter(pl.col("quadrant") == quadrant)
    return own.sort("predictive_entropy", "item_id", descending=[True, False], nulls_last=True)


def sentence(view: UncertaintyView) -> tuple[str, str, str]:
    """State, the answer in a sentence, and a detail."""
    n_items = view.items.height
    accuracy = view.figures["model_accuracy"]
    right = (
        f"It gives the label that the item has for {_percent(accuracy)} of {n_items:,} items it did not see."
    )
    wrong = view.figures["wrong_labels"]
    if (
        isinstance(wrong["value"], float)
        and isinstance(wrong["low"], float)
        and isinstance(wrong["high"], float)
    ):
        said = (
            f"About {wrong['value']:,.0f} of {n_items:,} labels are wrong, between {wrong['low']:,.0f} and {wrong['high']:,.0f}, "
            "by what people decided on flags"
        )
        return ("watch" if wrong["low"] >= 1 else "fit"), said, right
    n = view.suspects.height
    verb = "looks" if n == 1 else "look"
    weak = accuracy["value"]
    if isinstance(weak, float) and weak < WEAK:
        right += " So weak a model proves little by itself: what the annotators are sure of outweighs it."
    return (
        ("watch" if n else "fit"),
        f"{n:,} of {n_items:,} labels {verb} wrong to model and annotators together",
        right,
    )


def _percent(row: Mapping[str, object]) -> str:
    value = row["value"]
    return sureness(value) if isinstance(value, float) else "an unknown share"


def _changed_since(store: Store, project_id: str, saw: int, as_of: int | None) -> bool:
    newest = store.read("judgement_newest_label", project_id=project_id, as_of=as_of)["seq"][0]
    return newest is not None and int(newest) > saw


def _rests_on(store: Store, project_id: str, model_run: str, as_of: int | None) -> str:
    runs = store.read("model_runs", project_id=project_id, as_of=as_of).filter(
        pl.col("model_run") == model_run
    )
    if runs.is_empty():
        return model_run
    row = runs.row(0, named=True)
    words = (
        provenance_words(row["provenance"])
        or f"probabilities from {row['name']}, {row['n_members']} samples an item"
    )
    doubt = f" {row['warning']}" if row["warning"] else ""
    return f"{model_run}: {words}.{doubt}"


def _curve(store: Store, project_id: str, model_run: str, as_of: int | None) -> Mapping[str, object] | None:
    runs = store.read("model_runs", project_id=project_id, as_of=as_of).filter(
        pl.col("model_run") == model_run
    )
    text = runs["provenance"][0] if runs.height else None
    found: Mapping[str, object] | None = json.loads(text).get("curve") if text else None
    return found


def _bins(rows: pl.DataFrame) -> pl.DataFrame:
    details = [json.loads(text) for text in rows["detail"].to_list()]
    means = pl.Series("p_mean", [one["p_mean"] for one in details], dtype=pl.Float64)
    return rows.select(means, "value", "low", "high", "n").sort("p_mean")


def _reasons(store: Store, project_id: str, rows: pl.DataFrame) -> pl.DataFrame:
    titles = {reason.key: reason.title for reason in reasons_of(require_label_set(store, project_id))}
    details = [json.loads(text) for text in rows["detail"].to_list()]
    return rows.select(
        pl.col("group_id").replace_strict(titles, default=pl.col("group_id")).alias("title"),
        pl.Series("n_accepted", [one["accepted"] for one in details], dtype=pl.Int64),
        pl.Series("n_rejected", [one["rejected"] for one in details], dtype=pl.Int64),
        pl.Series("is_retired", [one["retired"] for one in details], dtype=pl.Boolean),
        "value", "low", "high", "n", "undefined",
    )  # fmt: skip


def _read(store: Store, project_id: str, run_id: str, item_code: int) -> pl.DataFrame:
    return store.read("judgement_items", project_id=project_id, run_id=run_id, item_code=item_code)


def _items(store: Store, project_id: str, run_id: str, as_of: int | None) -> pl.DataFrame:
    found = _named(store, project_id, _read(store, project_id, run_id, -1), as_of)
    doubt = pl.coalesce("p_wrong", 1 - pl.coalesce("crowd_quality", "p_label"))
    return found.sort(doubt, "item_id", descending=[True, False], nulls_last=True)


def _named(store: Store, project_id: str, frame: pl.DataFrame, as_of: int | None) -> pl.DataFrame:
    """With labels and item ids for codes."""
    labels = require_label_set(store, project_id, as_of=as_of).frame()
    named = frame.with_columns(pl.col("label_code", "other_label_code").cast(pl.Int64))
    for code, name in (("label_code", "label"), ("other_label_code", "other_label")):
        named = named.join(
            labels.rename({"label_code": code, "label": name}), on=code, how="left", maintain_order="left"
        )
    ids = frame.select(copy_of="item_code", copy_id="item_id")
    return named.join(ids, on="copy_of", how="left", maintain_order="left").select(ITEM_COLUMNS)
