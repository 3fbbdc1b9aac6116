"""What pulls labels that should depend on the item alone: the answer, suggestions, order and haste, attributes of items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboard import address, charts, presses, session
from dashboard.components import empty_state, error_state, look, plain, plot, verdict
from dashboard.palette import FOUND
from dashboard.workflows import bias_effects, bias_effects_view, suggestions
from dashboard.workflows.bias_effects_view import EffectsView
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError

MOST_ROWS = 7
MOST_FOUND = 6
NOBODY_THEN = "nobody, or everybody, answered then"
WHEN = {"never": "never", "after": "after the answer", "before": "before it, a share hidden by chance"}
CURVES = {
    "position": ("Answers given before in the sitting", "By the place in the sitting"),
    "seconds": ("Seconds taken", "By the time taken"),
}


def draw() -> None:
    """Draw the newest measurement, and the button for another."""
    seen = bias_effects_view.effects_view(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        empty_state(
            "Nothing was measured yet",
            "Do suggestions, tiredness, haste, or an attribute of the item pull labels? Each person is compared with themselves.",
            icon="north_east",
            code="touchstone bias-effects",
        )
    else:
        old = " Annotations came in since then: measure again." if seen.run.stale else ""
        verdict(
            seen.state,
            seen.sentence,
            detail=f"{seen.detail} Measured {seen.run.ran_at:%d %b %Y, %H:%M} UTC.{old}",
            chip=FOUND[seen.state],
        )
        _found(seen)
        _parts(seen)
    _measure(again=seen is not None)
    _rule()


def _found(seen: EffectsView) -> None:
    """What was found beyond the first, which the answer names."""
    more = bias_effects_view.findings(seen.found)[1:]
    for sentence in more[:MOST_FOUND]:
        st.markdown(f"- {plain(sentence[:1].upper() + sentence[1:])}")
    if len(more) > MOST_FOUND:
        st.caption(f"And {len(more) - MOST_FOUND:,} more, in the tables below.")


def _parts(seen: EffectsView) -> None:
    """Suggestions, order and attributes: where labels are sets, of one choice at a time."""
    labels = bias_effects_view.choices(seen.found)
    label = address.choice("choice", "Choice", labels, default=labels[0]) if labels else ""
    part = bias_effects_view.of_choice(seen.found, label)
    for pull in part["pulls"]:
        _suggestions(pull)
    _order(part)
    _attributes(part)


def _suggestions(pull: Mapping[str, Any]) -> None:
    st.markdown("**Do shown suggestions pull labels?**")
    st.markdown(plain(bias_effects_view.pull_sentence(pull)))
    if pull["balance_p"] is not None and pull["balance_p"] < 0.01:
        st.warning(
            "Wrong suggestions were not shown as often as right ones: showing was no matter of chance, and the pull may be "
            "something else.",
            icon=":material/warning:",
        )
    if pull["asserted"]:
        st.caption(
            bias_effects_view.asserted(pull) or "What is known of these suggestions is what a file says."
        )
    if pull["annotators"] and session.person().may("view.annotators"):
        rows = [_pull_row(row) for row in pull["annotators"]]
        st.dataframe(pl.DataFrame(rows), hide_index=True, key="bias_pull_table")
        st.caption(
            "Pooled: drawn towards the mean as far as somebody's own answers leave it open; read it where they are few."
        )


def _pull_row(row: Mapping[str, Any]) -> dict[str, str]:
    own = "–" if row["pull"] is None else _with_ends(row["pull"], row["low"], row["high"])
    p = row["p_adjusted"]
    return {
        "Annotator": row["annotator_id"],
        "Shown": f"{row['n_shown']:,}",
        "Hidden": f"{row['n_hidden']:,}",
        "Pull, in points": own,
        "Pooled": "–"
        if row["pooled"] is None
        else _with_ends(row["pooled"], row["pooled_low"], row["pooled_high"]),
        "p, corrected": "–" if p is None else f"{p:.3g}",
        "Says": row["undefined"] or ("pulled" if row["is_picked"] else "not told from chance"),
    }


def _with_ends(value: float, low: float | None, high: float | None) -> str:
    ends = "" if low is None or high is None else f" [{low * 100:+.0f}, {high * 100:+.0f}]"
    return f"{value * 100:+.1f}{ends}"


def _order(part: Mapping[str, Any]) -> None:
    st.markdown("**Do labels get worse with time, haste, or the label before?**")
    known = [row for row in part["order"] if not row["undefined"]]
    curves = pl.DataFrame(part["curves"]) if part["curves"] else None
    if curves is not None:
        outcome = "wrong_on_gold" if (curves["outcome"] == "wrong_on_gold").any() else "disagrees_with_others"
        drawn = [
            factor
            for factor in CURVES
            if ((curves["factor"] == factor) & (curves["outcome"] == outcome)).any()
        ]
        for column, factor in zip(st.columns(max(len(drawn), 1)), drawn, strict=False):
            with column:
                _curve(
                    curves.filter((pl.col("factor") == factor) & (pl.col("outcome") == outcome)),
                    factor,
                    outcome,
                )
    if known:
        st.dataframe(
            pl.DataFrame([_order_row(row) for row in known]), hide_index=True, key="bias_order_table"
        )
    for reason, factors in _undefined(part["order"]).items():
        st.caption(f"No figure for {'; '.join(factors)}: {reason}.")


def _undefined(order: list[dict[str, Any]]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for row in order:
        if row["undefined"]:
            beside = bias_effects_view.FACTORS[row["factor"]]
            hour = row["factor"].startswith("hours_") and row["undefined"].startswith("it does not vary")
            reason = NOBODY_THEN if hour else row["undefined"]
            told.setdefault(reason, []).append(f"{bias_effects_view.OUTCOMES[row['outcome']]}, {beside}")
    return {reason: list(dict.fromkeys(words)) for reason, words in told.items()}


def _curve(frame: pl.DataFrame, factor: str, outcome: str) -> None:
    axis, title = CURVES[factor]
    points = frame.sort("bin").with_columns(
        pl.col("at").round(1), undefined=pl.lit(None, dtype=pl.Utf8)
    )  # fmt: skip
    words = bias_effects_view.OUTCOMES[outcome]
    st.caption(f"{title}: share {words}, annotator and item held fixed. Lower is better.")
    figure = charts.trend(points, look=look(), unit="share", name=f"Share {words}", x_title=axis)
    plot(
        figure,
        key=f"bias_curve_{factor}",
        alt=f"{title}: share {words} in {points.height} steps, with its interval",
    )


def _order_row(row: Mapping[str, Any]) -> dict[str, str]:
    p = row["p_adjusted"]
    return {
        "Answers": bias_effects_view.OUTCOMES[row["outcome"]],
        "Beside": bias_effects_view.FACTORS[row["factor"]],
        "Difference, in points": "cannot be told"
        if bias_effects_view.is_too_wide(row)
        else _with_ends(row["value"], row["low"], row["high"]),
        "Annotations": f"{row['n']:,}",
        "Annotators": f"{row['n_annotators']:,}",
        "p, corrected": "–" if p is None else f"{p:.3g}",
        "Says": "too few answers in a sitting"
        if bias_effects_view.is_too_wide(row)
        else "an effect"
        if row["is_picked"]
        else "control"
        if row["factor"] == "label_five_before"
        else "not told from chance",
    }


def _attributes(part: Mapping[str, Any]) -> None:
    st.markdown("**Do labels go with an attribute of the item, beyond what the item is?**")
    rows = part["attributes"]
    if not rows:
        st.caption("The items have no attributes.")
        return
    table = pl.DataFrame([_attribute_row(row) for row in rows])
    st.dataframe(
        table, hide_index=True, key="bias_attribute_table", height=260 if table.height > MOST_ROWS else "auto"
    )
    st.caption(
        "Cramér's V, corrected for what chance gives: 0.1 small, 0.3 medium, 0.5 large. As counted it says what items are like, not "
        "that labels are wrong; with gold held fixed it does. The model's, with people's labels held fixed: it leans on the attribute."
    )


def _attribute_row(row: Mapping[str, Any]) -> dict[str, str]:
    p = row["p_adjusted"]
    held = {"": "nothing", "gold": "gold", "label": "people's label"}.get(row["held"], row["held"])
    return {
        "Whose labels": "annotators'" if row["of"] == "labels" else "the model's",
        "Attribute": row["attribute"],
        "Held fixed": held,
        "V": "–" if row["value"] is None else f"{row['value']:.3f}",
        "Items": f"{row['n']:,}",
        "p, corrected": "–" if p is None else f"{p:.3g}",
        "Says": row["undefined"] or ("goes with it" if row["is_picked"] else "not told from chance"),
    }


def _measure(*, again: bool) -> None:
    if session.as_of() is not None or not session.person().may("bias.measure"):
        return
    if st.button(
        "Measure again" if again else "Measure",
        type="secondary" if again else "primary",
        key="bias_effects_measure",
    ):
        bar = st.progress(0.0, "Reading the annotations")

        def tell(share: float, words: str) -> None:
            bar.progress(min(share, 1.0), words)

        try:
            bias_effects.measure(
                session.store(), project_id=session.project_id(), by=session.person(), progress=tell
            )
        except (WorkflowError, StoreError) as error:
            error_state("Nothing was measured", str(error))
            return
        st.rerun()


def _rule() -> None:
    """When suggestions are shown, for who may change it."""
    rule = suggestions.rule_of(session.store(), session.project_id(), as_of=session.as_of())
    if session.as_of() is not None or not session.person().may("setting.change"):
        st.caption(f"In Relabel a model's suggestion is shown {WHEN[rule.when]}.")
        return
    with st.expander(f"In Relabel a model's suggestion is shown {WHEN[rule.when]}"):
        when = st.radio(
            "Show it", list(WHEN), index=list(WHEN).index(rule.when), format_func=WHEN.__getitem__, key="suggestions_when", horizontal=True
        )  # fmt: skip
        share = st.slider(
            "Hidden for, of a hundred items", 5, 95, round(rule.hidden_share * 100), key="suggestions_share", disabled=when != "before"
        )  # fmt: skip
        st.caption(
            "With a suggestion shown an answer does not count as an independent one. Only where some are hidden can the pull be told."
        )
        reason = st.text_input("Why?", key="suggestions_reason", help="An auditor will ask for it.")
        wanted = suggestions.Rule(str(when), share / 100, rule.seed)
        st.button(
            "Change it", key="suggestions_change", disabled=not reason.strip() or wanted == rule, on_click=_change_rule, args=(wanted,)
        )  # fmt: skip
        refused = presses.refusal()
        if refused is not None:
            error_state(refused.title, refused.sentence)


def _change_rule(wanted: suggestions.Rule) -> None:
    reason = str(st.session_state.get("suggestions_reason", ""))
    presses.send(
        lambda request_id: suggestions.change_rule(
            session.store(), project_id=session.project_id(), by=session.person(), rule=wanted, reason=reason, request_id=request_id
        ),
        "suggestions", wanted.when, str(wanted.hidden_share), reason,
    )  # fmt: skip
