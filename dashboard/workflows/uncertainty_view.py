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
from dashboard.workflows.model_words import doubt_words, provenance_words
from dashboard.workflows.monitor import UNCERTAINTY_RUN, newest_run
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.wording import sureness

QUADRANTS: Mapping[str, tuple[str, str]] = {
    "both": ("Hard for both", "Look at the guideline: it may not decide these."),
    "people": ("Hard for people only", "The model has learned one side; ask whether it is the right one."),
    "model": ("Hard for the model only", "More items like these would teach it most."),
    "neither": ("Hard for neither", "Nothing to do, but where a label looks wrong."),
    "cannot tell": ("Cannot tell", "Fewer than two annotations."),
}
"""Quadrant -> its title, and what a lead may do about it."""

LIMITS = {"least_together": LEAST_TOGETHER, "least_p_wrong": LEAST_P_WRONG}
NAMES = {
    "label_code": "label", "other_label_code": "other_label", "choice_code": "choice", "disagreement_choice_code": "disagreement_choice",
}  # fmt: skip
SUSPECTS, DOUBT, UNSURE = "suspects", "doubt", "unsure"
EVERY = 1 << 40
"""More rows than there are."""

SHOWN = 50
"""Rows that a page shows of a table of items."""

ITEM_COLUMNS = (
    "item_id", "label", "other_label", "p_label", "p_other", "choice", "choice_given", "p_choice", "choice_quality", "p_wrong", "p_low",
    "p_high", "crowd_quality", "disagreement", "disagreement_choice", "disagreement_kind", "predictive_entropy", "mutual_information",
    "margin", "other_label_share", "outlier_score", "copy_id", "quadrant", "is_suspect", "is_judged", "flag_id", "flag_status",
)  # fmt: skip
"""Of an item; the columns about a choice are null where labels are no sets."""

WEAK = 0.6
"""A model that is right less often than this (of sets: that overlaps less than this) is called weak."""


@dataclass(frozen=True, slots=True)
class UncertaintyView:
    """A run as a page shows it: figures and counts; `judged_items` reads its items.

    `figures`: key -> row of the run's own measurements. `bins`: the reliability diagram (p_mean, value, low, high, n). `labels`
    and `groups`: calibration by label and by item attribute. `reasons`: title, n_accepted, n_rejected, value, low, high, n,
    is_retired, undefined. `in_quadrant`: how many items each has, `suspects_in` how many of them have a label that looks wrong.
    `stale`: labels changed after the run. `rests_on`: the model in words. `curve`: as `train.learning` gives it, or None.
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
    is_sets: bool
    in_quadrant: Mapping[str, int]
    suspects_in: Mapping[str, int]

    @property
    def n_items(self) -> int:
        """The items that were judged."""
        return sum(self.in_quadrant.values())

    @property
    def n_suspects(self) -> int:
        """Labels that look wrong."""
        return sum(self.suspects_in.values())


def uncertainty_view(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> UncertaintyView | None:
    """The newest run as of a seq; None where there is none.

    Raises:
        NotAllowed: the person may not see items.
    """
    require(by, "view.items")
    run = newest_run(store, project_id, as_of=as_of, kind=UNCERTAINTY_RUN)
    if run is None:
        return None
    model_run = str(run.parameters["model_run"])
    not_learned = run.parameters["not_learned"]
    named = {"project_id": project_id, "run_id": run.run_id}
    overall = store.read("score_measurements", **named, group_kind="")
    counts = store.read("judgement_counts", **named, **LIMITS)
    model = _model(store, project_id, model_run, as_of)
    return UncertaintyView(
        run_id=run.run_id,
        model_run=model_run,
        ran_at=run.ran_at,
        stale=_changed_since(store, project_id, run.saw_seq, as_of),
        device=str(run.parameters["device"]),
        n_members=int(str(run.parameters["members"])),
        rests_on=_rests_on(model_run, model),
        curve=_curve(model),
        not_learned=None if not_learned is None else str(not_learned),
        figures={one["key"]: one for one in overall.iter_rows(named=True)},
        quadrants=store.read("score_measurements", **named, group_kind="quadrant"),
        bins=_bins(store.read("score_measurements", **named, group_kind="bin")),
        labels=store.read("score_measurements", **named, group_kind="label").sort(
            "value", descending=True, nulls_last=True
        ),
        groups=store.read("score_measurements", **named, group_kind="attribute"),
        reasons=_reasons(store, project_id, store.read("score_measurements", **named, group_kind="reason")),
        is_sets=require_label_set(store, project_id, as_of=as_of).is_sets,
        in_quadrant=dict(counts.select("quadrant", "n").iter_rows()),
        suspects_in=dict(counts.select("quadrant", "n_suspects").iter_rows()),
    )


def model_names(store: Store, *, project_id: str, as_of: int | None = None) -> tuple[str, ...]:
    """The model runs that have probabilities, newest first."""
    return tuple(store.read("model_runs", project_id=project_id, as_of=as_of)["model_run"])


def judged_items(
    store: Store,
    *,
    project_id: str,
    by: Person,
    run_id: str,
    which: str = DOUBT,
    quadrant: str = "",
    most: int | None = SHOWN,
) -> pl.DataFrame:
    """ITEM_COLUMNS of the first items of a run.

    Args:
        store: the store.
        project_id: the project.
        by: who asks.
        run_id: the run.
        which: SUSPECTS or DOUBT (all), the most doubtful first; UNSURE (all), those that the model is least sure of first.
        quadrant: its items alone; "" for all.
        most: so many rows; None: all.

    Raises:
        NotAllowed: the person may not see items.
        BadRequest: there is no such quadrant or order.
    """
    require(by, "view.items")
    if quadrant not in ("", *QUADRANTS):
        raise BadRequest(f"{quadrant!r} is not a quadrant. Quadrants: {', '.join(QUADRANTS)}.")
    if which not in (SUSPECTS, DOUBT, UNSURE):
        raise BadRequest(f"{which!r} is not an order of items. Known: {SUSPECTS}, {DOUBT}, {UNSURE}.")
    found = store.read(
        "judgement_ranked",
        project_id=project_id,
        run_id=run_id,
        which=which,
        quadrant=quadrant,
        most=EVERY if most is None else most,
        **LIMITS,
    )
    labels = require_label_set(store, project_id).frame()
    for code, name in NAMES.items():
        own = labels.rename({"label_code": code, "label": name})
        found = found.with_columns(pl.col(code).cast(pl.Int64)).join(
            own, on=code, how="left", maintain_order="left"
        )
    return found.select(ITEM_COLUMNS)


def sentence(view: UncertaintyView) -> tuple[str, str, str]:
    """State, the answer in a sentence, and a detail."""
    n_items = view.n_items
    accuracy = view.figures["model_overlap" if view.is_sets else "model_accuracy"]
    right = f"It gives the label that the item has for {_percent(view.figures['model_accuracy'])} of {n_items:,} items it did not see"
    right += f"; its sets overlap with the labels by {_percent(accuracy)}." if view.is_sets else "."
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
    n = view.n_suspects
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


def _model(store: Store, project_id: str, model_run: str, as_of: int | None) -> Mapping[str, object] | None:
    """The row of a model run."""
    runs = store.read("model_runs", project_id=project_id, as_of=as_of).filter(
        pl.col("model_run") == model_run
    )
    return runs.row(0, named=True) if runs.height else None


def _rests_on(model_run: str, model: Mapping[str, object] | None) -> str:
    if model is None:
        return model_run
    provenance = None if model["provenance"] is None else str(model["provenance"])
    words = provenance_words(provenance) or f"probabilities from {model['name']}"
    doubt = f" {model['warning']}" if model["warning"] else ""
    return f"{model_run}: {words}. {doubt_words(provenance, int(str(model['n_members'])))}{doubt}"


def _curve(model: Mapping[str, object] | None) -> Mapping[str, object] | None:
    text = model["provenance"] if model else None
    found: Mapping[str, object] | None = json.loads(str(text)).get("curve") if text else None
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
