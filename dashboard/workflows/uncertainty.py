"""Holding a model against the labels: where it is unsure, which labels it doubts, and what people's verdicts teach about both."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from analytics.errors import AnalyticsError
from analytics.frames import IntArray
from analytics.p_wrong import WrongLabels
from dashboard import __version__
from dashboard.workflows import judgement_figures, model_content, model_samples, set_judgement, verdicts
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.flag_reasons import reason_keys
from dashboard.workflows.judgement_figures import Judged
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.model_runs import require_model_run
from dashboard.workflows.model_words import doubt_words
from dashboard.workflows.monitor import UNCERTAINTY_RUN
from dashboard.workflows.opening import Store
from dashboard.workflows.prediction_frames import n_choices
from dashboard.workflows.rules import Person, require
from dashboard.workflows.score_groups import attribute_groups
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

if TYPE_CHECKING:
    from analytics.features import Features

FEWEST_ITEMS = 20
SINGLE = (judgement_figures.judge_items, judgement_figures.model_measurements)
SETS = (set_judgement.judge_sets, set_judgement.set_measurements)
"""How items are judged and the model measured, for single labels and for sets."""


@dataclass(frozen=True, slots=True)
class UncertaintyOptions:
    """`model_run`: whose probabilities; "" for the newest. `device`: cpu, cuda or auto."""

    model_run: str = ""
    replicates: int = 1000
    seed: int = 0
    device: str = "cpu"

    def checked(self) -> UncertaintyOptions:
        """These options; raises BadRequest where one is out of range."""
        if self.replicates < 100:
            raise BadRequest("An interval needs at least 100 replicates.")
        if self.device not in ("cpu", "cuda", "auto"):
            raise BadRequest(f"{self.device!r} is not a device. Devices: cpu, cuda, auto.")
        return self


@dataclass(frozen=True, slots=True)
class UncertaintyRun:
    """What was found. `figures` as a score's; `not_learned`: why there is no probability of being wrong, else None; `rests_on`: what
    the model's doubt is read from, in a sentence.
    """

    run_id: str
    model_run: str
    n_items: int
    n_members: int
    n_suspects: int
    figures: pl.DataFrame
    device: str
    not_learned: str | None
    rests_on: str = ""


def uncertainty(
    store: Store, *, project_id: str, by: Person, options: UncertaintyOptions | None = None
) -> UncertaintyRun:
    """Judge every labelled item that the model run has probabilities for, and keep it as a run.

    An item whose flag people settled is judged by the label that was flagged, so that their verdict can teach.

    Raises:
        BadRequest: there is no such model run, or too few items have both a label and probabilities.
        NotAllowed: the person may not score.
    """
    require(by, "score")
    asked = (options or UncertaintyOptions()).checked()
    saw = store.head
    label_set = require_label_set(store, project_id, as_of=saw)
    run_row = require_model_run(store, project_id=project_id, model_run=asked.model_run, as_of=saw)
    model_run = str(run_row["model_run"])
    said = verdicts.read_verdicts(store, project_id, as_of=saw)
    judged = _judged(store, project_id, label_set, said, replace(asked, model_run=model_run), as_of=saw)
    try:
        judge, measure = SETS if label_set.is_sets else SINGLE
        items, device = judge(judged)
        learned = verdicts.learn(items, said, replicates=asked.replicates, seed=asked.seed)
        figures = measure(judged, items)
    except AnalyticsError as error:
        raise BadRequest(f"The model's probabilities could not be judged: {error}") from error
    record = verdicts.reasons_so_far(store, project_id, reason_keys(label_set), as_of=saw)
    figures = pl.concat([figures, verdicts.wrong_measurements(learned), verdicts.reason_measurements(record)])
    items = _with_p_wrong(items, learned, said)
    run_id = uuid7(store.clock())
    parameters = {
        "model_run": model_run, "members": judged.samples.shape[0], "device": device, "replicates": asked.replicates,
        "seed": asked.seed, "not_learned": learned.undefined, "has_neighbours": judged.features is not None,
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        run = {
            "run_id": run_id, "kind": UNCERTAINTY_RUN, "method": model_run, "parameters": json.dumps(parameters, sort_keys=True),
            "code_version": __version__, "saw_seq": saw,
        }  # fmt: skip
        tables = {
            "judgement": items.with_columns(pl.lit(run_id).alias("run_id")),
            "measurement": figures.with_columns(pl.lit(run_id).alias("run_id")),
        }
        segments = {name: reader.segments.put(frame).as_payload() for name, frame in tables.items()}
        payload = {
            "rows": {"run": [run]}, "segments": segments, "saw_seq": saw, "parameters": parameters,
            "suspects": int(items["is_suspect"].sum()), "items": items.height,
        }  # fmt: skip
        return Draft("model_judged", project_id, run_id, payload)

    request: dict[str, object] = {"verb": UNCERTAINTY_RUN, "project": project_id, **parameters, "saw": saw}
    store.submit(plan, by=by.person_id, request=request)
    return UncertaintyRun(
        run_id=run_id,
        model_run=model_run,
        n_items=items.height,
        n_members=judged.samples.shape[0],
        n_suspects=int(items["is_suspect"].sum()),
        figures=figures,
        device=device,
        not_learned=learned.undefined,
        rests_on=doubt_words(cast("str | None", run_row["provenance"]), judged.samples.shape[0]),
    )


def _judged(
    store: Store,
    project_id: str,
    label_set: LabelSet,
    said: verdicts.Verdicts,
    asked: UncertaintyOptions,
    *,
    as_of: int,
) -> Judged:
    model_run = asked.model_run
    codes, table = model_samples.samples(store, project_id=project_id, model_run=model_run, as_of=as_of)
    labels = store.read("judgement_labels", project_id=project_id, as_of=as_of)
    before = said.frame.select("item_code", "label_before")
    now = labels.join(before, on="item_code", how="left").select(
        "item_code", label_code=pl.coalesce("label_before", "label_code")
    )
    both = (
        pl.DataFrame({"item_code": codes}).with_row_index("row").join(now, on="item_code").sort("item_code")
    )
    if both.height < FEWEST_ITEMS:
        raise BadRequest(
            f"Only {both.height} items have both a label and probabilities of {model_run!r}; it takes {FEWEST_ITEMS}."
        )
    samples = table[:, both["row"].to_numpy(), :]
    later = n_choices(label_set) - samples.shape[2]
    if later:
        samples = np.pad(samples, ((0, 0), (0, 0), (0, later)))
    features, feature_codes = _features(store, project_id, as_of)
    return Judged(
        item_codes=both["item_code"].cast(pl.Int64).to_numpy(),
        samples=samples,
        label_codes=both["label_code"].cast(pl.Int64).to_numpy(),
        votes=store.read("score_votes", project_id=project_id, as_of=as_of),
        gold=store.read("score_gold", project_id=project_id, as_of=as_of),
        n_labels=label_set.n_labels,
        features=features,
        feature_codes=feature_codes,
        groups=attribute_groups(store, project_id, as_of=as_of),
        labels=label_set.frame().filter(pl.col("label_code").is_in(label_set.choice_codes)),
        sets=label_set.members,
        choice_codes=label_set.choice_codes if label_set.is_sets else (),
        replicates=asked.replicates,
        seed=asked.seed,
        device=asked.device,
    )


def _features(store: Store, project_id: str, as_of: int) -> tuple[Features | None, IntArray]:
    """What neighbours are found by: texts or pictures, where items have them."""
    try:
        content = model_content.read_content(store, project_id, as_of=as_of)
    except BadRequest:
        return None, np.empty(0, dtype=np.int64)
    return content.features, content.item_codes


def _with_p_wrong(items: pl.DataFrame, learned: WrongLabels, said: verdicts.Verdicts) -> pl.DataFrame:
    """The items with the probability that their label is wrong, null where nothing was learned, and whether people judged it."""
    told = items.join(learned.items.drop("is_judged"), on="item_code", how="left", maintain_order="left")
    return told.with_columns(is_judged=pl.col("item_code").is_in(said.frame["item_code"].to_list()))
