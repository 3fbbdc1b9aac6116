"""Why an item's consensus label is what it is: what each annotator's votes weigh, and which of them moved it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.contributions import Contributions, model_contributions, vote_contributions
from analytics.frames import Repeats, keep_repeats
from analytics.set_consensus import member_votes, set_contributions
from analytics.vote_influence import model_influence, weight_influence
from dashboard.workflows import consensus_methods
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.opening import Store
from dashboard.workflows.wording import sureness


@dataclass(frozen=True, slots=True)
class ItemContributions:
    """Who made the label what it is.

    `voters`: annotator_id, label_code (null where they gave several), share (of the weight, 0 to 1), moved (the probability
    of the label with their votes minus without them), p_label_without, log_ratio (what they add to the label's log-odds against the
    runner-up; null for votes and sets), label_without_code (the likeliest label without them; null for sets and where nothing is
    left); the strongest first. `effective_votes`: how many equal
    votes the label rests on (Kish). `method`: its name for people.
    """

    method: str
    label_code: int
    p_label: float
    runner_up_code: int | None
    effective_votes: float | None
    voters: pl.DataFrame

    def sentence(self, label: str) -> str:
        """What the label rests on, in words."""
        n = self.voters.height
        people = "1 annotator" if n == 1 else f"{n} annotators"
        if self.effective_votes is None:
            return f"{people} labelled it, and none of them counts under {self.method}."
        votes = f"{self.effective_votes:.1f} equal votes"
        first = self.voters.row(0, named=True)
        if n == 1:
            return f"It rests on the word of {first['annotator_id']} alone."
        without = first["p_label_without"]
        moved = (
            f" Without {first['annotator_id']}, {label} would be {sureness(without)} probable."
            if without is not None
            else ""
        )
        return f"{people} weigh as much as {votes}.{moved}"


def item_contributions(
    store: Store, *, project_id: str, item_code: int, label_set: LabelSet, as_of: int | None = None
) -> ItemContributions | None:
    """What the newest run made of the item's votes; None where it was not scored, or the run kept no parameters."""
    found = store.read("item_run", project_id=project_id, item_code=item_code, as_of=as_of)
    if found.is_empty():
        return None
    run = found.row(0, named=True)
    parameters = json.loads(run["parameters"])
    saw = int(run["saw_seq"])
    votes = store.read("item_counted_votes", project_id=project_id, item_code=item_code, as_of=saw)
    people = store.read(
        "item_run_annotators", project_id=project_id, run_id=run["run_id"], item_code=item_code, as_of=saw
    )
    counted = keep_repeats(votes, _repeats(str(parameters.get("repeats", "count"))))
    if counted.is_empty() or not set(counted["annotator_code"]) <= set(people["annotator_code"]):
        return None
    label_code = int(run["label_code"])
    if label_set.is_sets:
        made = _of_sets(counted, label_code, people, parameters, label_set)
    else:
        made = _contributions(counted, label_code, people, parameters, label_set.n_labels)
    if made is None:
        return None
    item = made.items.row(0, named=True)
    given = pl.col("label_code").n_unique() == 1
    own = counted.group_by("annotator_code").agg(
        pl.when(given).then(pl.col("label_code").first()).alias("given")
    )
    annotations = made.annotations
    if label_set.is_sets:  # the members' contributions know no set
        annotations = annotations.drop("label_code").join(
            own.select(
                pl.col("annotator_code").cast(pl.Int64), pl.col("given").cast(pl.Int64).alias("label_code")
            ),
            on="annotator_code",
        )
    voters = (
        annotations.join(people.select("annotator_code", "annotator_id"), on="annotator_code")
        .join(_without(counted, people, parameters, label_set), on="annotator_code", how="left")
        .sort([pl.col("moved").abs().fill_null(0.0), pl.col("share").fill_null(0.0)], descending=True)
        .select(
            "annotator_id",
            "label_code",
            "share",
            "moved",
            "p_label_without",
            "log_ratio",
            "label_without_code",
        )
    )
    return ItemContributions(
        method=consensus_methods.title(run["method"]),
        label_code=int(run["label_code"]),
        p_label=item["p_label"],
        runner_up_code=item["runner_up_code"],
        effective_votes=item["effective_votes"],
        voters=voters,
    )


@dataclass(frozen=True, slots=True)
class ChoiceContribution:
    """What each annotator did for one choice of a set; `voters`: annotator_id, label_code (1 in, 0 out, null where they said
    both), moved (the probability of what the label says of it, with their votes minus without them), the strongest first.
    """

    choice_code: int
    voters: pl.DataFrame


def choice_contributions(
    store: Store, *, project_id: str, item_code: int, label_set: LabelSet, as_of: int | None = None
) -> tuple[ChoiceContribution, ...]:
    """What the newest run made of the item's votes on every choice; nothing where it was not scored, or kept no parameters."""
    found = store.read("item_run", project_id=project_id, item_code=item_code, as_of=as_of)
    if found.is_empty():
        return ()
    run = found.row(0, named=True)
    named = {"project_id": project_id, "item_code": item_code, "as_of": int(run["saw_seq"])}
    parameters = json.loads(run["parameters"])
    votes = store.read("item_counted_votes", **named)
    people = store.read("item_run_annotators", run_id=run["run_id"], **named)
    counted = keep_repeats(votes, _repeats(str(parameters.get("repeats", "count"))))
    if counted.is_empty() or not set(counted["annotator_code"]) <= set(people["annotator_code"]):
        return ()
    each = _of_choices(counted, int(run["label_code"]), people, parameters, label_set)
    names = people.select("annotator_code", "annotator_id")
    return tuple(
        ChoiceContribution(
            code,
            made.annotations.join(names, on="annotator_code")
            .sort(pl.col("moved").abs().fill_null(0.0), descending=True)
            .select("annotator_id", "label_code", "moved"),
        )
        for code, made in zip(label_set.choice_codes, each or (), strict=False)
    )


def _contributions(
    votes: pl.DataFrame,
    label_code: int,
    people: pl.DataFrame,
    parameters: dict[str, object],
    n_labels: int,
) -> Contributions | None:
    items = pl.DataFrame({"item_code": votes["item_code"].unique(), "label_code": [label_code]})
    if people["confusion"].null_count():
        weights = people.select("annotator_code", pl.col("weight").fill_null(0.0))
        return vote_contributions(votes, items, n_labels=n_labels, weights=weights)
    priors = parameters.get("priors")
    if not isinstance(priors, list) or len(priors) != n_labels:
        return None
    confusion = np.array(people["confusion"].to_list()).reshape(people.height, n_labels, n_labels)
    return model_contributions(
        votes,
        items,
        priors=np.array(priors, dtype=np.float64),
        confusion=confusion,
        annotator_codes=people["annotator_code"].cast(pl.Int64).to_numpy(),
    )


def _without(
    votes: pl.DataFrame, people: pl.DataFrame, parameters: dict[str, object], label_set: LabelSet
) -> pl.DataFrame:
    """annotator_code, label_without_code: the likeliest label without each annotator's votes."""
    schema = {"annotator_code": pl.Int64, "label_without_code": pl.Int64}
    n_labels = label_set.n_labels
    priors = parameters.get("priors")
    has_model = people["confusion"].null_count() == 0
    if label_set.is_sets or (has_model and not (isinstance(priors, list) and len(priors) == n_labels)):
        return pl.DataFrame(schema=schema)
    codes = votes["annotator_code"].unique().sort()
    places = pl.DataFrame({"annotator_code": codes}).with_row_index("place")
    own = votes.join(places, on="annotator_code")
    counts = np.zeros((len(codes), n_labels))
    np.add.at(counts, (own["place"].to_numpy(), own["label_code"].to_numpy()), 1.0)
    known = places.join(people, on="annotator_code", how="left", maintain_order="left")
    if has_model:
        confusion = np.array(known["confusion"].to_list()).reshape(len(codes), n_labels, n_labels)
        logs = np.log(np.maximum(confusion, np.finfo(np.float64).tiny))
        with np.errstate(divide="ignore"):
            log_priors = np.log(np.array(priors, dtype=np.float64))
        found = model_influence(np.einsum("ak,ajk->aj", counts, logs), log_priors)
    else:
        weighted = counts * known["weight"].fill_null(0.0).to_numpy()[:, None]
        if not weighted.sum() > 0:
            return pl.DataFrame(schema=schema)
        found = weight_influence(weighted)
    instead = pl.Series(found.label_without, dtype=pl.Int64)
    return pl.DataFrame({"annotator_code": codes.cast(pl.Int64), "label_without_code": instead}).with_columns(
        pl.when(pl.col("label_without_code") >= 0).then("label_without_code")
    )


def _of_sets(
    votes: pl.DataFrame,
    label_code: int,
    people: pl.DataFrame,
    parameters: dict[str, object],
    label_set: LabelSet,
) -> Contributions | None:
    """What each annotator did for the set, member by member, put together."""
    found = _of_choices(votes, label_code, people, parameters, label_set)
    return None if found is None else set_contributions(found)


def _of_choices(
    votes: pl.DataFrame,
    label_code: int,
    people: pl.DataFrame,
    parameters: dict[str, object],
    label_set: LabelSet,
) -> list[Contributions] | None:
    """What each annotator did for what the set says of each choice, in the order of the choices."""
    members, chosen = label_set.choice_codes, label_set.members_of(label_code)
    priors = parameters.get("priors")
    found: list[Contributions] = []
    for place, member in enumerate(members):
        if people["confusion"].null_count():
            if people["weights"].null_count():
                return None
            own = people.with_columns(weight=pl.col("weights").list.get(place, null_on_oob=True))
        else:
            if not isinstance(priors, list) or len(priors) != len(members):
                return None
            own = people.with_columns(confusion=pl.col("confusion").list.slice(4 * place, 4))
        asked = {**parameters, "priors": priors[place] if isinstance(priors, list) else None}
        binary = member_votes(votes, sets=label_set.members, member=member)
        one = _contributions(binary, int(member in chosen), own, asked, 2)
        if one is None:
            return None
        found.append(one)
    return found


def _repeats(named: str) -> Repeats:
    return "first" if named == "first" else "last" if named == "last" else "count"
