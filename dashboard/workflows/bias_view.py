"""What the page Bias shows: whether somebody is treated differently, every gap, and what could not be tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from dashboard.workflows import bias_rows, bias_standing, monitor
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader

State = Literal["fit", "watch", "undefined"]

MEASURES: Mapping[str, str] = {
    "label_rate": "label",
    "disagreement": "contradicted by the others",
    "error_on_gold": "wrong on gold",
    "true_positive_rate": "found where it should be",
    "false_positive_rate": "given where it should not be",
    "model_error": "contradicted by the model",
}
"""What each measure says of a label, in words."""

WHOLE = ("disagreement", "error_on_gold", "model_error")
"""Measures of no one label; where labels are sets they are of one choice."""

HELD: Mapping[str, str] = {"annotator": "item", "item": "annotator", "crossed": "item"}
"""What the adjusted gap holds fixed, by side."""

HALF = 0.5
VERDICTS = ("gap", "unclear", "items", "none", "described", "undefined")
"""What a row can say, the most telling first; see `analytics.gap_table`."""


ANSWERS: Mapping[str, str] = {
    "gap": "Gaps that stay",
    "unclear": "Cannot be told",
    "items": "Explained",
    "none": "None seen",
    "described": "Too few to say",
    "undefined": "No figure",
}
"""What a filter calls each verdict."""


def verdict_words(row: Mapping[str, Any]) -> str:
    """What a row says, in words."""
    other = "what was labelled" if HELD[row["side"]] == "item" else "who labelled"
    if row["side"] == "item" and row["measure"] == "label_rate":
        other = "what the items are"
    return {
        "gap": "a gap that stays",
        "items": f"explained by {other}",
        "unclear": f"cannot be told from {other}",
        "none": "none seen",
        "described": "too few to say",
        "undefined": "no figure",
    }[str(row["verdict"])]


@dataclass(frozen=True, slots=True)
class BiasView:
    """The newest comparison. `gaps`: `bias_rows.GAP_ROWS`; `untested`: attribute, reason; `hidden`: attribute, n (groups too small)."""

    run: monitor.Run
    state: State
    sentence: str
    detail: str
    gaps: pl.DataFrame
    untested: pl.DataFrame
    hidden: pl.DataFrame


def bias_view(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> BiasView | None:
    """The newest comparison of groups; None where there is none yet.

    Raises:
        NotAllowed: the person may not see figures.
    """
    require(by, "view.figures")
    return read_view(store, project_id, as_of=as_of)


def read_view(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> BiasView | None:
    """As `bias_view`, for another use case that checked the rules."""
    run = monitor.newest_run(store, project_id, as_of=as_of, kind=bias_rows.KIND)
    if run is None:
        return None
    stored = monitor.figures(store, project_id, run, group_kind=bias_rows.GROUP_KIND)
    gaps = bias_rows.from_measurements(stored)
    left, hidden = run.parameters["untested"], run.parameters["hidden"]
    assert isinstance(left, list)  # as `bias` writes them
    assert isinstance(hidden, dict)
    untested = pl.DataFrame(left, schema={"attribute": pl.Utf8, "reason": pl.Utf8})
    few = pl.DataFrame(
        {"attribute": list(hidden), "n": list(hidden.values())}, schema={"attribute": pl.Utf8, "n": pl.Int64}
    )
    state, sentence, detail = answer(gaps, untested)
    standing = run.parameters.get("standing", {})
    assert isinstance(standing, dict)
    detail = " ".join(
        [detail, *(f"{words}." for words in bias_standing.standing_words(standing, run.saw_seq))]
    )
    return BiasView(run, state, sentence, detail, gaps, untested, few)


def answer(gaps: pl.DataFrame, untested: pl.DataFrame) -> tuple[State, str, str]:
    """Whether somebody is treated differently: the state, the sentence with the figure, and what stands behind it."""
    tested = gaps.filter(pl.col("tested_p").is_not_null())
    unclear, by_items = gaps.filter(verdict="unclear"), gaps.filter(verdict="items")
    said = [f"{_gaps(tested.height)} tested together" if tested.height else "No gap could be tested"]
    if by_items.height:
        said.append(f"{_gaps(by_items.height)} seen that what was labelled, or who labelled, explains")
    if unclear.height:
        said.append(
            f"{_gaps(unclear.height)} seen that cannot be told from what was labelled, or from who did"
        )
    said += [f"{row['attribute']} was not tested: {row['reason']}" for row in untested.to_dicts()]
    said += _left_out(gaps.filter(pl.col("tested_p").is_null()), tested=tested.height)
    detail = ". ".join(said) + "."
    stays = most_telling(gaps.filter(verdict="gap"))
    if stays.height:
        left = stays.height - 1
        more = f"; {left:,} more gaps stay" if left > 1 else "; 1 more gap stays" if left else ""
        return "watch", f"Yes: {sentence(stays.row(0, named=True))}{more}", detail
    if not tested.height:
        return "undefined", "Too few to say whether somebody is treated differently", detail
    if unclear.height:
        row = most_telling(unclear).row(0, named=True)
        return "undefined", f"It cannot be told: {sentence(row)}, which {verdict_words(row)}", detail
    widest = _reach(tested)
    seen = f"; gaps under about {widest * 100:.0f} points would hardly be seen" if widest else ""
    for side, other in (("annotator", "item"), ("item", "annotator")):
        if gaps.filter(side=side).height and tested.filter(side=side).is_empty():
            words = f"No group of {other}s is seen to be treated differently, and of groups of {side}s it cannot be told{seen}"
            return "undefined", words, detail
    return "fit", f"No group is seen to be treated differently{seen}", detail


def why_not(row: Mapping[str, Any]) -> str:
    """Why a row was not tested, in words."""
    names = ("undefined", "adjusted_undefined", "adjusted_no_interval", "no_interval")
    return next((str(row[name]) for name in names if row[name]), "no interval can be claimed")


def _left_out(gaps: pl.DataFrame, *, tested: int) -> list[str]:
    """How many gaps could not be tested, and why most of them."""
    if gaps.is_empty():
        return []
    reasons = [why_not(row) for row in gaps.iter_rows(named=True)]
    most = max(sorted(set(reasons)), key=reasons.count)
    share = reasons.count(most) / len(reasons)
    whose = "" if share == 1 else "mostly: " if share > HALF else "for one: "
    n = "1 gap" if gaps.height == 1 else f"{gaps.height:,} gaps"
    return [f"{n} could not be{' told' if not tested else ' tested'} ({whose}{most})"]


def most_telling(gaps: pl.DataFrame) -> pl.DataFrame:
    """The rows with what was tested first: gaps that stay, then those that cannot be told, the largest first."""
    order = {name: place for place, name in enumerate(VERDICTS)}
    own = pl.coalesce("beyond", "adjusted", "difference").abs()
    return (
        gaps.with_columns(place=pl.col("verdict").replace_strict(order, return_dtype=pl.Int64), size=own)
        .sort(
            ["place", "size", *bias_rows.KEYS],
            descending=[False, True, *[False] * len(bias_rows.KEYS)],
            nulls_last=True,
        )
        .drop("place", "size")
    )


def what(row: Mapping[str, Any]) -> str:
    """What a row is of: "gender Female on channel chat: label yes"."""
    group = f"{row['attribute']} {row['group']}"
    if row["side"] == "crossed":
        group += f" on {row['item_attribute']} {row['item_group']}"
    return f"{group}: {figure_words(row)}"


def figure_words(row: Mapping[str, Any]) -> str:
    """The figure of a row with its label: "found “dog” where it should be"."""
    label = f"“{row['label']}”"
    plain = MEASURES[row["measure"]]
    return {
        "label_rate": f"label {label}",
        "true_positive_rate": f"{label} found where it should be",
        "false_positive_rate": f"{label} given where it should not be",
    }.get(row["measure"], f"{plain} on {label}" if row["label"] else plain)


def sentence(row: Mapping[str, Any]) -> str:
    """A gap in words, with its figure and interval; the adjusted one where there is one."""
    gap, ends = gap_of(row)
    points = f"{abs(gap) * 100:.1f} points {'more' if gap > 0 else 'less'} often"
    interval = f" [{ends[0] * 100:+.1f}, {ends[1] * 100:+.1f}]" if ends else ""
    whose = f"{row['attribute']} {row['group']}"
    choice = f" on “{row['label']}”" if row["label"] and row["measure"] in WHOLE else ""
    verbs = {
        "label_rate": f"label “{row['label']}”",
        "disagreement": "are contradicted by the others",
        "error_on_gold": "are wrong on gold",
        "true_positive_rate": f"find “{row['label']}” where it is right",
        "false_positive_rate": f"give “{row['label']}” where it is wrong",
        "model_error": "are contradicted by the model",
    }
    if row["side"] == "item":
        passive = {
            "label_rate": f"are labelled “{row['label']}”",
            "disagreement": "are labelled against the other annotators",
            "error_on_gold": "are labelled wrong, beside gold,",
            "true_positive_rate": f"are labelled “{row['label']}” where it is right",
            "false_positive_rate": f"are labelled “{row['label']}” where it is wrong",
            "model_error": "are labelled against the model",
        }
        return f"items with {whose} {passive[row['measure']]}{choice} {points}{interval} than other items"
    said = f"annotators with {whose} {verbs[row['measure']]}{choice} {points}{interval} than the others"
    if row["side"] == "crossed":
        return f"{said} on items with {row['item_attribute']} {row['item_group']}, beyond how they differ elsewhere"
    return f"{said} on the same items" if row["adjusted"] is not None else said


def gap_of(row: Mapping[str, Any]) -> tuple[float, tuple[float, float] | None]:
    """The gap that a row's verdict is about, and its interval: corrected for having been picked out, where it was."""
    gap, low, high = "difference", "diff_low", "diff_high"
    if row["side"] == "crossed":
        gap, low, high = "beyond", "beyond_low", "beyond_high"
    elif row["adjusted"] is not None and not (row["side"] == "item" and row["measure"] == "label_rate"):
        gap, low, high = "adjusted", "adjusted_low", "adjusted_high"
    if row["fcr_low"] is not None:
        low, high = "fcr_low", "fcr_high"
    ends = None if row[low] is None else (row[low], row[high])
    return row[gap], ends


def evidence(row: Mapping[str, Any]) -> str:
    """What a row rests on, in a sentence or two."""
    whose = "items" if row["side"] == "item" else "annotators"
    n_units = row["n_items"] if row["side"] == "item" else row["n_annotators"]
    said = [
        f"{row['value']:.1%} of {row['n']:,} annotations ({n_units:,} {whose})"
        + (f" beside {row['others']:.1%} of the others'." if row["others"] is not None else ".")
    ]
    if row["adjusted"] is not None:
        shared = "items" if HELD[row["side"]] == "item" else "annotators"
        said.append(
            f"Inside {row['n_shared']:,} {shared} that both sides are in: {_points(row, 'adjusted')} points."
        )
    elif row["adjusted_undefined"]:
        said.append(f"{row['adjusted_undefined'].capitalize()}.")
    if row["p_adjusted"] is not None:
        said.append(f"p {_p(row['p_adjusted'])} after correction.")
    if second_opinion(row):
        said.append(second_opinion(row))
    if row["no_interval"]:
        said.append(f"No interval as counted: {row['no_interval']}.")
    if row["span"] is not None:
        apart = f"{row['span_low_group']} and {row['span_high_group']}"
        said.append(f"Furthest apart: {apart}, {row['span'] * 100:.1f} points as counted.")
    if row["ratio"] is not None:
        said.append(f"Ratio {row['ratio']:.2f}.")
    if row["odds_ratio"] is not None:
        said.append(f"Odds ratio {row['odds_ratio']:.2f}, Cohen's h {row['cohens_h']:+.2f}.")
    return " ".join(said)


def second_opinion(row: Mapping[str, Any]) -> str:
    """What a mixed model says of a gap, and whether it agrees, or why it says nothing; "" where none is asked."""
    why = row["mixed_undefined"]
    if row["mixed"] is None:
        return f"No second opinion by a mixed model: {why}." if why else ""
    said = f"{_points(row, 'mixed')} points"
    if row["mixed_says"] is None:
        return f"A mixed model has {said}, and does not judge by it: {why or 'there is no gap held fixed to hold it against'}."
    p = f"p {_p(row['mixed_p_adjusted'])} after correction"
    if row["mixed_says"] == "agrees":
        return f"A mixed model agrees: {said}, {p}."
    seen = "it would not report this gap" if row["verdict"] == "gap" else "it would report this gap"
    return f"A mixed model differs: {said}, {p}; {seen}."


def table_titles(side: str) -> dict[str, str]:
    """The columns of the table on the page, and what people read."""
    crossed = {"items": "On items"} if side == "crossed" else {}
    beyond = {"beyond": "Beyond other items"} if side == "crossed" else {}
    return {
        "group": "Group", **crossed, "figure": "Figure", "value": "Share", "others": "Others", "crude": "Gap as counted",
        "adjusted": f"{HELD[side].capitalize()} held fixed", **beyond, "p": "p, corrected", "n": "n", "said": "Found",
    }  # fmt: skip


def told_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A gap as words, in the columns of `table_titles`."""
    told = {
        "group": f"{row['attribute']} {row['group']}",
        "figure": figure_words(row),
        "value": "–" if row["value"] is None else f"{row['value']:.1%}",
        "others": "–" if row["others"] is None else f"{row['others']:.1%}",
        "crude": _points(row, "difference", "diff"),
        "adjusted": _points(row, "adjusted"),
        "p": "–" if row["p_adjusted"] is None else _p(row["p_adjusted"]),
        "n": f"{row['n']:,}" if row["n"] is not None else "–",
        "said": verdict_words(row),
    }
    if row["side"] == "crossed":
        told |= {"items": f"{row['item_attribute']} {row['item_group']}", "beyond": _points(row, "beyond")}
    return told


def _points(row: Mapping[str, Any], name: str, ends: str = "") -> str:
    low, high = row[f"{ends or name}_low"], row[f"{ends or name}_high"]
    if row[name] is None:
        return "–"
    return f"{row[name] * 100:+.1f}" + ("" if low is None else f" [{low * 100:+.1f}, {high * 100:+.1f}]")


def _p(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def _gaps(n: int) -> str:
    return "1 gap was" if n == 1 else f"{n:,} gaps were"


def _reach(tested: pl.DataFrame) -> float | None:
    """Half the median width of the intervals that were tested: gaps smaller than this are seen less than every other time."""
    width = tested.select(
        pl.coalesce(
            pl.col("beyond_high") - pl.col("beyond_low"),
            pl.col("adjusted_high") - pl.col("adjusted_low"),
            pl.col("diff_high") - pl.col("diff_low"),
        ).median()
        / 2
    ).item()
    return width if isinstance(width, float) else None
