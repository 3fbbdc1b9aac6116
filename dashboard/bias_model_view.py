"""Evening out a model's labels between groups of items: what it would cost, before anybody decides, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboard import address, bias_model_chart, presses, session
from dashboard.components import empty_state, error_state, look, plain, plot
from dashboard.workflows import bias, bias_evening, bias_mitigation
from dashboard.workflows.bias_mitigation import CONSTRAINTS, MitigationView
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.label_sets import current_label_set
from dashboard.workflows.model_runs import model_runs
from dashboard.workflows.opening import StoreError

ABOUT = (
    "Two ways of the library fairlearn: another **threshold for each group** (it has to know an item's group whenever it labels), and a "
    "model that is **fitted under the constraint** (it does not). Each is fitted on one half of the items and judged on the other."
)
WHO = "Compliance reviewers and administrators decide on one of these ways."
_SEEN = "bias_mitigation_seen"


def draw() -> None:
    """Draw the form, the effect that was asked for, and what was decided."""
    store, project_id, by = session.store(), session.project_id(), session.person()
    decided = bias_evening.decided(store, project_id=project_id, by=by, as_of=session.as_of())
    _decided(decided)
    if session.as_of() is not None:
        return
    runs = model_runs(store, project_id=project_id)["model_run"].to_list()
    label_set = current_label_set(store, project_id)
    attributes = bias.item_attribute_names(store, project_id)
    if not runs:
        empty_state(
            "No model has labelled these items", "Train the built-in model, or bring a model's probabilities in.",
            icon="network_node", code="touchstone train",
        )  # fmt: skip
        return
    if not attributes:
        empty_state(
            "Nothing is known of the items", "Groups come from attributes of the items, brought in with them.",
            icon="group", code="touchstone import items.csv --item-attributes channel",
        )  # fmt: skip
        return
    if label_set is None or not by.may("bias.measure"):
        return
    st.markdown("**What would it cost to even out the model between groups of items?**")
    columns = st.columns(3)
    with columns[0]:
        attribute = address.choice("even_by", "Between groups of", attributes, default=attributes[0])
    with columns[1]:
        labels, word = label_set.choices, "Choice" if label_set.is_sets else "Label"
        label = address.choice("even_label", word, labels, default=labels[-1])
    with columns[2]:
        run = address.choice("even_run", "Labels of the model run", runs, default=runs[0])
    _effect(attribute, label, run)


def _decided(decided: pl.DataFrame) -> None:
    for row in decided.iter_rows(named=True):
        with st.container(border=True, gap="xsmall"):
            st.markdown(
                f"**Decided: the run {plain(row['model_run'])}** · {plain(row['decided_by'])}, {row['decided_at']:%d %b %Y}"
            )
            st.markdown(plain(f"{row['sentence']}."))
            st.caption(plain(f"Made of {row['from']} by {row['method']}. Why: {row['reason']}"))
    if presses.done():
        st.success(
            "It was decided; the run is the model's newest, and stands in the audit trail.",
            icon=":material/check:",
        )


def _effect(attribute: str, label: str, run: str) -> None:
    """The effect that was asked for by these filters; until then the button that asks."""
    wanted = (session.project_id(), attribute, label, run)
    kept: tuple[tuple[str, ...], MitigationView] | None = st.session_state.get(_SEEN)
    seen = kept[1] if kept is not None and kept[0] == wanted else None
    if seen is None:
        st.caption(ABOUT)
        if st.button("Show what it would cost", key="bias_mitigate", type="primary"):
            with st.spinner("Fitting on one half of the items, judging on the other: a few seconds"):
                seen = _measured(attribute, label, run)
            if seen is not None:
                st.session_state[_SEEN] = (wanted, seen)
                st.rerun()
    if seen is not None:
        _shown(seen)


def _measured(attribute: str, label: str, run: str) -> MitigationView | None:
    try:
        return bias_mitigation.mitigate(
            session.store(), project_id=session.project_id(), by=session.person(), attribute=attribute, label=label, model_run=run
        )  # fmt: skip
    except (WorkflowError, StoreError) as error:
        error_state("It cannot be told", str(error))
        return None


def _shown(seen: MitigationView) -> None:
    if seen.found.undefined is not None:
        empty_state(
            "Too few items to say",
            f"{seen.found.undefined[:1].upper()}{seen.found.undefined[1:]}. Choose another label, or an attribute of fewer groups.",
            icon="group_off",
        )  # fmt: skip
        return
    best = bias_mitigation.best_row(seen)
    st.markdown(
        f"**{plain(bias_mitigation.price_words(seen, best))}.**"
        if best is not None
        else f"**Nothing that was tried evens out “{plain(seen.label)}” by {plain(seen.attribute)}.**"
    )
    st.caption(
        f"Judged by {seen.standard} on {seen.found.n:,} items, none of which it was fitted on. Groups: "
        f"{plain(', '.join(seen.groups))}. Intervals hold 95 of 100 times, items drawn anew."
    )
    plot(
        bias_model_chart.trade(seen.found.table, look=look()),
        key="bias_trade",
        alt="Accuracy against the gap between groups, for the model as it is and each way of evening it out, with intervals",
    )
    st.dataframe(
        pl.DataFrame([_row(row) for row in seen.found.table.iter_rows(named=True)]), hide_index=True, key="bias_trade_table"
    )  # fmt: skip
    st.caption(f"{ABOUT} A price below 0: accuracy is gained.")
    if session.person().may("bias.act"):
        _form(seen, best)
    else:
        st.caption(WHO)


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    def told(name: str, low: str, high: str, sign: str = "") -> str:
        ends = "" if row[low] is None else f" [{row[low] * 100:{sign}z.1f}, {row[high] * 100:{sign}z.1f}]"
        return f"{row[name] * 100:{sign}z.1f}{ends}"

    return {
        "Way": way_words(row["method"], row["constraint"]),
        "Accuracy, %": told("accuracy", "accuracy_low", "accuracy_high"),
        "Price, points": "–" if row["constraint"] is None else told("price", "price_low", "price_high", "+"),
        "Gap in how often given, points": told("parity_gap", "parity_low", "parity_high"),
        "Gap in right and wrong, points": told("odds_gap", "odds_low", "odds_high"),
    }


def way_words(method: str, constraint: str | None) -> str:
    """What a way is called."""
    if constraint is None:
        return "As it is"
    return f"{method[:1].upper()}{method[1:]}, {CONSTRAINTS[constraint][0]}"


def _form(seen: MitigationView, best: Mapping[str, Any] | None) -> None:
    ways = [
        (row["method"], row["constraint"])
        for row in seen.found.table.iter_rows(named=True)
        if row["constraint"] is not None
    ]
    first = ways.index((best["method"], best["constraint"])) if best is not None else 0
    with st.container(border=True, key="bias_mitigate_form"):
        way = st.selectbox(
            "Which way", ways, index=first, format_func=lambda one: way_words(*one), key="bias_mitigate_way"
        )
        reason = st.text_input(
            "Why is this done?", key="bias_mitigate_reason", help="An auditor will ask for it."
        )
        st.button(
            "Decide on it; keep its labels as a run", type="primary", disabled=not reason.strip(), key="bias_mitigate_commit",
            on_click=_commit, args=(seen, way),
        )  # fmt: skip
        refused = presses.refusal()
        if refused is not None:
            error_state(refused.title, refused.sentence)


def _commit(seen: MitigationView, way: tuple[str, str]) -> None:
    reason = str(st.session_state.get("bias_mitigate_reason", ""))
    done = presses.send(
        lambda request_id: bias_evening.decide(
            session.store(), project_id=session.project_id(), by=session.person(), seen=seen, method=way[0], constraint=way[1],
            reason=reason, request_id=request_id,
        ),
        "bias_mitigate", seen.model_run, seen.attribute, seen.label, *way, str(seen.saw), reason,
    )  # fmt: skip
    if done is not None:
        st.session_state.pop(_SEEN, None)
        presses.say_done(done)
