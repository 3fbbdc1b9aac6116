"""Drift: what changed, by how much, and why; who and which items moved it; the alerts that are open."""

from __future__ import annotations

import json
from typing import Any, cast

import polars as pl
import streamlit as st

from dashboard import address, drift_charts, presses, report_links, session
from dashboard.alert_view import alert_section
from dashboard.components import (
    empty_state,
    figure_card,
    item_table,
    link_to,
    look,
    plain,
    plot,
    press_outcome,
    verdict,
)
from dashboard.palette import FOUND, State
from dashboard.workflows import drift, drift_report, drift_split, drift_words
from dashboard.workflows.drift import Drift

CARDS = (
    (
        "drift_total_variation",
        "Labels that changed",
        "Total variation of the label mix: so many of 100 labels are others.",
    ),
    (
        "drift_choice_change",
        "Choices that changed",
        "Mean absolute change of the choices' shares: labels are sets, so each choice has a share of its own.",
    ),
    (
        "drift_agreement",
        "Agreement",
        "Change of Krippendorff's alpha, window minus reference; under 0 people agree less.",
    ),
    (
        "drift_content",
        "Contents apart",
        "How well a classifier tells new items from old by their embeddings; 0.5 is not at all.",
    ),
    ("drift_confidence", "Model's sureness", "Change of the newest model's mean sureness of the items."),
    ("drift_pace", "Time per label", "Median ratio of an annotator's time now to before; 1 is as before."),
)


def render() -> None:
    """Draw the page."""
    store, project, person = session.store(), session.project_id(), session.person()
    press_outcome()
    past = session.as_of()
    kept = drift.runs(store, project_id=project, by=person, as_of=past)
    if kept.is_empty():
        empty_state(
            "Drift was not measured yet",
            "It sets the last days beside those before and says what changed, by how much, and why. "
            + (
                "Measure it below, or type:"
                if person.may("drift.measure")
                else "A lead measures it here, or with:"
            ),
            code="touchstone drift --window 7d --reference 90d",
            icon="trending_up",
        )
        alert_section()  # other figures raise some too
        _measure_form()
        return
    names = {
        str(row[0]): f"{row[1]:%d %b %Y, %H:%M} UTC by {row[2]}"
        for row in kept.select("run_id", "measured_at", "measured_by").iter_rows()
    }
    newest = str(kept["run_id"][0])
    chosen = st.query_params.get("run", newest)
    seen = drift.newest(
        store, project_id=project, by=person, as_of=past, run_id=chosen if chosen in names else newest
    )
    if seen is None:
        return
    when = "" if seen.measured_at is None else f" Measured {seen.measured_at:%d %b %Y, %H:%M} UTC."
    state = cast("State", seen.state)
    verdict(state, seen.sentence, detail=f"{seen.detail}{when}", chip=FOUND[state])
    alert_section(seen.run_id)
    _cards(seen)
    if seen.parts.height or seen.trend.height:
        _why(seen)
    people, labels, report, again = st.tabs(
        ["Who and what moved it", "Every label", "Evidently's report", "Measure"]
    )
    with people:
        _behind(seen)
    with labels:
        _labels(seen)
    with report:
        _report(seen)
    with again:
        address.choice("run", "Measurement", list(names), words=lambda key: names[key], default=newest)
        _measure_form()


def _cards(seen: Drift) -> None:
    rows = {row["key"]: row for row in seen.figures.iter_rows(named=True)}
    known = [(card, rows[card[0]]) for card in CARDS if card[0] in rows]
    shown = [(card, row) for card, row in known if row["value"] is not None] or known
    if not shown:
        return
    for column, ((_key, title, meaning), row) in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            figure_card(
                title, row["value"], row["low"], row["high"], row["n"], unit=row["unit"], undefined=row["undefined"], help=meaning,
                n_unit=json.loads(row["detail"])["n_unit"],
            )  # fmt: skip
    missing = [f"{card[1]}: {row['undefined']}." for card, row in known if (card, row) not in shown]
    if missing:
        st.caption(plain(f"Undefined. {' '.join(missing)}"))
    apart = rows.get("drift_content_distance")
    if apart is not None and apart["value"] is not None:
        chance = json.loads(apart["detail"])["p_value"]
        st.caption(
            plain(
                f"Contents in all (maximum mean discrepancy, squared): {apart['value']:z.4f}; items dealt out by chance reach it "
                f"{chance:.1%} of the time."
            ),
            help="It also sees what no line through the embedding tells apart. Description: it raises no alert.",
        )


def _why(seen: Drift) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown(f"#### Why the rate of {plain(seen.label)} changed", anchors=False)
        row = seen.labels.row(by_predicate=pl.col("label") == seen.label, named=True)
        if seen.parts.height:
            plot(
                drift_charts.waterfall(seen.parts, before=row["before"], after=row["after"], look=look()),
                key="drift_parts",
                alt=f"The change of {seen.label} split into its causes, each with its interval.",
            )
            st.caption("The parts sum to the change. Whiskers are 95 % intervals.")
        else:
            st.info(plain(f"The change is not split: {seen.facts.get('undefined') or 'no cause varies'}."))
        for factor, why in seen.alone:
            st.caption(plain(f"{drift_words.FACTOR_WORDS[factor].capitalize()}: {why}."))
    with right:
        st.markdown(f"#### The rate of {plain(seen.label)}, day by day", anchors=False)
        began = str(seen.facts.get("began_at", ""))
        plot(
            drift_charts.rate_course(seen.trend, label=seen.label, began_at=began, look=look()),
            key="drift_trend",
            alt=f"The share of {seen.label} a day with the band that the reference makes one expect.",
        )
        st.caption(plain(drift_words.course(seen.facts)))
        if seen.limit is not None:
            with st.expander("The sequential tests and their limits"):
                _statistics(seen, seen.limit)


def _statistics(seen: Drift, limit: float) -> None:
    """The test in charge, and the other one below it."""
    other = seen.facts.get("other")
    shown = [(seen.facts.get("chart", "cusum"), seen.trend, limit, "in charge of alarms")]
    if other and other["limit"] is not None:
        renamed = seen.trend.select("period", up="other_up", down="other_down")
        shown.append((other["chart"], renamed, other["limit"], "description, it raises no alert"))
    for chart, trend, its_limit, role in shown:
        st.markdown(f"**{drift_words.CHART_WORDS[chart]}**: {role}")
        title = "Log-likelihood ratio" if chart == "cusum" else "Standard deviations"
        plot(
            drift_charts.statistic_course(trend, limit=its_limit, title=title, look=look()),
            key=f"drift_statistic_{chart}",
            alt="The cumulative sums for a rate that runs up and down, and their limit.",
        )


def _behind(seen: Drift) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("#### Annotators", anchors=False)
        _people(seen)
    with right:
        st.markdown("#### Items of the window", anchors=False)
        if seen.items.is_empty():
            st.caption("No item stands out.")
        else:
            moved = seen.items.with_columns(_points("moved", digits=2), pl.col("label").fill_null("–"))
            item_table(
                moved, f"drift-{seen.run_id}-items.csv", key="drift_items", titles={
                    "item_id": "Item", "n": "Annotations", "hits": seen.label, "moved": "Moved (points)", "label": "Label now",
                },
            )  # fmt: skip
            st.caption(
                "How far an item's annotations moved the rate from what it was before. Choose one to open its story."
            )
    st.markdown("#### Kinds of items", anchors=False)
    if seen.kinds.is_empty():
        st.caption("The items have no attribute with 2 to 50 values, so they are of no kind.")
        return
    table = seen.kinds.with_columns(_points("mix", "residual"))
    st.dataframe(
        table, hide_index=True, key="drift_kinds", column_config={
            "kind": str(seen.facts.get("attribute", "Kind")), "n_before": "Before", "n_after": "Now",
            "mix": st.column_config.NumberColumn("By their share", format="%+.1f"),
            "residual": st.column_config.NumberColumn("Left in them", format="%+.1f"),
        },
    )  # fmt: skip


def _people(seen: Drift) -> None:
    if seen.people.is_empty():
        st.caption(
            "Nobody's share is worked out: the change is not split, or who labels is not for your role."
        )
        return
    table = seen.people.with_columns(
        _points("mix", "behaviour", "shift"), agreed=_points("agreed_after") - _points("agreed_before")
    )
    event = st.dataframe(
        table, hide_index=True, key="drift_people", height=260, on_select="rerun", selection_mode="single-row",
        column_order=("annotator_id", "n_after", "mix", "behaviour", "shift", "agreed"), column_config={
            "annotator_id": st.column_config.TextColumn("Annotator", width=76),
            "n_after": st.column_config.NumberColumn("n now", width=56, help="Annotations in the window."),
            "mix": _moved("By share", "By their share of the work."),
            "behaviour": _moved("By labels", "By how they label."),
            "shift": _moved("Own rate", "How this person's rate moved on items of the same kind."),
            "agreed": _moved("Agreed", "How their agreement with the others on the same items moved."),
        },
    )  # fmt: skip
    rows = event["selection"]["rows"]
    chosen = str(table["annotator_id"][rows[0]]) if rows else ""
    if chosen and chosen not in drift_split.POOLED.values():
        link_to("annotators", label=f"Open {chosen}", annotator=chosen)
    st.caption(
        "Points of the label's rate, by each one's share of the work and by how they label; beside them how the person's own rate and "
        "agreement with the others moved. A reason to look; choose somebody to open their page."
    )


def _moved(title: str, meaning: str) -> Any:
    return st.column_config.NumberColumn(title, help=meaning, format="%+.1f", width=70)


def _points(*columns: str, digits: int = 1) -> pl.Expr:
    """Shares as points; what rounds to 0 has no sign."""
    return (pl.col(columns) * 100).round(digits) + 0.0


def _labels(seen: Drift) -> None:
    table = seen.labels.with_columns(_points("before", "after", "change", "low", "high"))
    share, points = (
        st.column_config.NumberColumn(format="%.1f %%"),
        st.column_config.NumberColumn(format="%+.1f"),
    )
    st.dataframe(
        table, hide_index=True, key="drift_labels", column_config={
            "label": "Label", "before": share, "after": share, "change": points, "low": points, "high": points,
            "p_adjusted": st.column_config.NumberColumn("p, all labels counted", format="%.3f"),
        },
    )  # fmt: skip


def _report(seen: Drift) -> None:
    store, project, person = session.store(), session.project_id(), session.person()
    if seen.report_sha256 is not None:
        _opened(seen, f"drift-{seen.run_id}.html")
        return
    st.caption(
        "Evidently's presets on the same two windows, a column each for labels, people, times and attributes of items."
    )
    if (
        session.as_of() is None
        and person.may("drift.measure")
        and st.button("Make the report", key="make_report")
    ):
        with st.spinner("Evidently is at work"):
            presses.send(
                lambda _id: drift_report.make(store, project_id=project, by=person, run_id=seen.run_id),
                "drift.report",
                seen.run_id,
            )
        st.rerun()


def _opened(seen: Drift, name: str) -> None:
    """The report inside the page, in a tab of its own, or on the reader's own disk: its bytes are read where one of them is asked for."""
    store, project, person, past = session.store(), session.project_id(), session.person(), session.as_of()
    link = report_links.sealed(person_id=person.person_id, project_id=project, run_id=seen.run_id, as_of=past)
    source = f"{st.get_option('server.baseUrlPath').rstrip('/')}/api/report/{link}"

    def whole() -> str:
        kept = drift_report.read(store, project_id=project, by=person, run_id=seen.run_id, as_of=past)
        assert kept is not None  # the measurement says that it is kept
        return kept.html

    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.toggle("Open the report", key="report_open")
        st.link_button("In a tab of its own", source, icon=":material/open_in_new:", type="tertiary")
        st.download_button(
            "Save it", whole, file_name=name, mime="text/html", key="report_file", type="tertiary"
        )
    st.caption(f"{plain(seen.report_tool)}, kept with this measurement; SHA-256 {seen.report_sha256}")
    if wanted:
        st.iframe(source, height=900, alt="Evidently's report of the two windows")


def _measure_form() -> None:
    store, project, person = session.store(), session.project_id(), session.person()
    if session.as_of() is not None or not person.may("drift.measure"):
        return
    with st.form("measure_drift", border=True):
        first, second = st.columns(2)
        window = first.text_input(
            "Window", "7d", help="Days (7d), the newest annotations (500), or two dates FROM..TO"
        )
        reference = second.text_input(
            "Reference", "90d", help="Days before (90d), release:3, or two dates FROM..TO"
        )
        pressed = st.form_submit_button("Measure drift", type="primary")
    if pressed:
        options = drift.DriftOptions(window=window.strip(), reference=reference.strip())
        with st.spinner("Windows are compared"):
            presses.send(
                lambda request: drift.measure(store, project_id=project, by=person, options=options, request_id=request),
                "drift.measure", window, reference, str(store.head),
            )  # fmt: skip
        st.query_params.pop("run", None)
        st.rerun()
