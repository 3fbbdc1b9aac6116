"""Rates of pay on the screen: which hold, setting one, setting those of a file. For those who may see pay alone."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import polars as pl
import streamlit as st

from analytics.pay import MICROS
from dashboard import presses, session
from dashboard.components import moment_text, plain
from dashboard.workflows import rates
from dashboard.workflows.rates import ALL_BASES, COLUMNS, EXCHANGE, WORK, Rate

BASES = {
    "hour": "By the hour", "annotation": "By the annotation", "item": "By the item", "prediction": "By the prediction",
    "exchange": "Exchange of currencies",
}  # fmt: skip


def draw(*, is_open: bool = False) -> None:
    """The rates and, for those who may set them, the forms."""
    if not session.person().may("view.pay"):
        return
    with st.expander("Rates of pay", expanded=is_open):
        found = rates.rates(
            session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
        )
        if found.height:
            _table(found)
        else:
            st.caption("No rate is set.")
        if session.as_of() is None and session.person().may("rate.set"):
            one, file = st.tabs(["Set one", "From a file"])
            with one:
                _form()
            with file:
                _file()


def _table(found: pl.DataFrame) -> None:
    st.dataframe(
        found.select(
            pl.col("basis").replace(BASES).alias("Paid"),
            pl.Series("Amount", [_amount(row) for row in found.iter_rows(named=True)], dtype=pl.String),
            pl.col("who_id").replace({"": "everybody"}).alias("Who"),
            pl.col("work").replace({"": "any"}).alias("Work"),
            pl.col("valid_from").cast(pl.String).alias("From"),
            pl.col("valid_to").cast(pl.String).fill_null("open").alias("To"),
            pl.col("set_by").alias("Set by"),
            pl.Series("Set at", [moment_text(at) for at in found["set_at"]], dtype=pl.String),
        ),
        hide_index=True,
        key="rates_table",
        alt="The rates that hold",
    )


def _amount(row: dict[str, object]) -> str:
    amount = Decimal(int(str(row["amount_micros"]))) / MICROS
    if row["basis"] == EXCHANGE:
        return f"1 {row['currency']} = {amount:f} {row['into_currency']}"
    return f"{amount:f} {row['currency']}"


def _form() -> None:
    with st.form("rate_form", border=False):
        first, second, third, fourth = st.columns(4)
        basis = first.selectbox("Paid", ALL_BASES, format_func=lambda key: BASES[key])
        amount = second.text_input("Amount", placeholder="18.50")
        currency = third.text_input("Currency", placeholder="EUR")
        start = fourth.date_input("From")
        who = first.text_input("Who", placeholder="everybody", help="An annotator's id, or a model run's.")
        work = second.selectbox("Work", ("", *WORK), format_func=lambda key: key or "any")
        into = third.text_input("Into currency", help="Of a rate of exchange only.")
        end = fourth.date_input("To", value=None)
        if st.form_submit_button("Set the rate", type="primary"):
            try:
                value = Decimal(amount.strip())
            except InvalidOperation:
                presses.refuse(f"The amount {amount!r} is not a number with a point, such as 18.50.")
                st.rerun()
            rate = Rate(
                basis, value, currency.strip().upper(), start, end, who.strip() or None, work or None, into.strip().upper() or None
            )  # fmt: skip
            _set((rate,), "one", str(rate))


def _file() -> None:
    st.caption(
        f"CSV with the columns {', '.join(COLUMNS)} (the last four may be left out), or a JSON list of such objects."
    )
    uploaded = st.file_uploader("Rates", type=["csv", "json"], key="rates_file", label_visibility="collapsed")
    if uploaded is not None and st.button("Set these rates", key="rates_set", type="primary"):
        content = uploaded.getvalue()
        table = presses.send(
            lambda _id: rates.parse_rates(
                content, is_json=uploaded.name.endswith(".json"), name=uploaded.name
            ),
            "rates_read",
        )
        if table is None:
            st.rerun()
        else:
            _set(table, "file", uploaded.name)


def _set(table: tuple[Rate, ...], *press: str) -> None:
    done = presses.send(
        lambda request_id: rates.set_rates(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            table=table,
            request_id=request_id,
        ),
        "rates_set",
        *press,
    )
    if done is not None:
        unknown = f" Nobody here is called {', '.join(done.unknown)} so far." if done.unknown else ""
        presses.say_done(
            f"{'1 rate was' if done.n_rates == 1 else f'{done.n_rates} rates were'} set.{plain(unknown)}"
        )
    st.rerun()
