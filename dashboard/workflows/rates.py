"""What work is paid: rates by person, kind of work, period and currency, set by events and read from files.

The amounts of an event go into a segment, not into its line, so that whoever may read the audit trail but not pay sees that rates
were set, by whom and when, and no amount.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

import polars as pl

from analytics.pay import BASES, MICROS
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

EXCHANGE = "exchange"
ALL_BASES = (*BASES, EXCHANGE)
WORK = ("labelling", "repeat", "relabel", "review", "adjudication", "passed on", "release review")
"""Kinds of work of people; `prediction` is a model's."""

COLUMNS = ("basis", "amount", "currency", "from", "to", "annotator", "work", "into")
"""Columns of a file of rates; the first four have to be there."""

NEEDED = COLUMNS[:4]
SCHEMA = {
    "basis": pl.String, "who_id": pl.String, "work": pl.String, "currency": pl.String, "into_currency": pl.String,
    "amount_micros": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date,
}  # fmt: skip
_MOST = Decimal(100_000_000)


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate. `amount` None takes back what was set for the same thing and day.

    `basis`: hour, annotation, item, prediction, or exchange (then `amount` of `into` for one of `currency`). `who`: an annotator
    or a model run, None for everybody. `work`: its kind, None for any. `valid_to` is the last day; None: open.
    """

    basis: str
    amount: Decimal | None
    currency: str
    valid_from: date
    valid_to: date | None = None
    who: str | None = None
    work: str | None = None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class RatesSet:
    """How many rates were set, and who in them has done nothing in this store so far."""

    n_rates: int
    unknown: tuple[str, ...]


def rates(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """The rates that hold: basis, who_id and work ('' for all), currency, into_currency, amount_micros, valid_from, valid_to,
    set_by, set_at.
    """
    require(by, "view.pay")
    return store.read("cost_rates", project_id=project_id, as_of=as_of)


def set_rates(
    store: Store, *, project_id: str, by: Person, table: Sequence[Rate], request_id: str | None = None
) -> RatesSet:
    """Set rates by one event; those set before for the same thing and day no longer hold.

    Raises:
        BadRequest: there is no rate, a rate that cannot be, or no such project. NotAllowed: the person may not set rates.
    """
    require(by, "rate.set")
    if not table:
        raise BadRequest("There is no rate to set.")
    rows = pl.DataFrame([_row(rate) for rate in table], schema=SCHEMA, orient="row")

    def plan(reader: Reader) -> Draft:
        if project_id not in reader.read("project_list")["project_id"]:
            raise BadRequest(f"There is no project {project_id!r} in this store.")
        segments = {"rate": reader.segments.put(rows).as_payload()}
        return Draft("rates_set", project_id, project_id, {"segments": segments, "n_rates": rows.height})

    request: dict[str, object] = {"verb": "rate.set", "project": project_id, "rates": rows.write_json()}
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    known = set(store.read("annotator_codes")["annotator_id"]) | set(
        store.read("cost_predictions", project_id=project_id)["who_id"].unique()
    )
    named = sorted({rate.who for rate in table if rate.who is not None} - known)
    return RatesSet(rows.height, tuple(named))


def read_rates(path: Path) -> tuple[Rate, ...]:
    """The rates of a CSV file (with COLUMNS in its header) or of a JSON list of objects with these keys.

    Raises:
        BadRequest: the file cannot be read, or a row is wrong; every wrong row is named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"The file {path} cannot be read: {error}.") from error
    return parse_rates(content, is_json=path.suffix.lower() == ".json", name=path.name)


def parse_rates(content: bytes, *, is_json: bool = False, name: str = "the file") -> tuple[Rate, ...]:
    """The rates in the bytes of a CSV or JSON file; see `read_rates`."""
    rows = _json_rows(content, name) if is_json else _csv_rows(content, name)
    found, wrong = [], []
    for number, row in enumerate(rows, start=1):
        try:
            rate = rate_of(row)
            _row(rate)
            found.append(rate)
        except BadRequest as error:
            wrong.append(f"row {number}: {error}")
    if wrong:
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        raise BadRequest(f"Nothing was set from {name}. " + " ".join(wrong[:5]) + more)
    if not found:
        raise BadRequest(f"There is no rate in {name}.")
    return tuple(found)


def _csv_rows(content: bytes, name: str) -> list[Mapping[str, object]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is not text in UTF-8.") from error
    reader = csv.DictReader(
        io.StringIO(text), delimiter=";" if text.partition("\n")[0].count(";") > 1 else ","
    )
    header = [one.strip().lower() for one in reader.fieldnames or ()]
    missing = [one for one in NEEDED if one not in header]
    if missing:
        raise BadRequest(
            f"{name} has no column {', '.join(missing)}; a file of rates has the columns {', '.join(COLUMNS)} "
            f"(the last four may be left out). It has: {', '.join(header) or 'none'}."
        )
    reader.fieldnames = header
    return [dict(row) for row in reader]


def _json_rows(content: bytes, name: str) -> list[Mapping[str, object]]:
    try:
        found = json.loads(content, parse_float=str, parse_int=str)
    except ValueError as error:
        raise BadRequest(f"{name} is not JSON: {error}.") from error
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise BadRequest(f"{name} should hold a list of rates, each an object with {', '.join(NEEDED)}.")
    return found


def rate_of(row: Mapping[str, object]) -> Rate:
    """The rate of a row with COLUMNS as text; raises BadRequest for what cannot be read."""

    def text(key: str) -> str:
        value = row.get(key)
        return "" if value is None else str(value).strip()

    unknown = sorted(str(key) for key in row if key not in COLUMNS)
    if unknown:
        raise BadRequest(f"there is no column {unknown[0]!r}; there are {', '.join(COLUMNS)}.")
    start = _day(text("from"), "from")
    if start is None:
        raise BadRequest("'from' is empty; it is the first day on which the rate holds, such as 2026-01-31.")
    return Rate(
        basis=text("basis").lower(),
        amount=_amount(text("amount")),
        currency=text("currency").upper(),
        valid_from=start,
        valid_to=_day(text("to"), "to"),
        who=text("annotator") or None,
        work=text("work").lower() or None,
        into=text("into").upper() or None,
    )


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise BadRequest(f"amount {text!r} is not a number with a point, such as 18.50.") from error


def _day(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"{name!r} is {text!r}; a day is written 2026-01-31.") from error


def _row(rate: Rate) -> tuple[object, ...]:
    """The row of a rate; raises BadRequest for one that cannot be."""
    if rate.basis not in ALL_BASES:
        raise BadRequest(f"basis {rate.basis!r} is none of {', '.join(ALL_BASES)}.")
    for code in (rate.currency, rate.into):
        if code is not None and not re.fullmatch(r"[A-Z]{3}", code):
            raise BadRequest(f"currency {code!r} is not a code of three letters, such as EUR.")
    if (rate.basis == EXCHANGE) != (rate.into is not None) or rate.into == rate.currency:
        raise BadRequest("'into' names another currency for a rate of exchange, and for nothing else.")
    if rate.basis == EXCHANGE and (rate.who or rate.work or rate.valid_to):
        raise BadRequest("a rate of exchange is for everybody and holds until the next one.")
    if rate.work is not None and (rate.basis == "prediction" or rate.work not in WORK):
        raise BadRequest(f"work {rate.work!r} is none of {', '.join(WORK)} (a prediction has none).")
    if rate.valid_to is not None and rate.valid_to < rate.valid_from:
        raise BadRequest("it ends before it begins.")
    return (
        rate.basis, rate.who or "", rate.work or "", rate.currency, rate.into or "", _micros(rate), rate.valid_from, rate.valid_to,
    )  # fmt: skip


def _micros(rate: Rate) -> int | None:
    if rate.amount is None:
        return None
    if not rate.amount.is_finite() or not 0 <= rate.amount <= _MOST:
        raise BadRequest(f"amount {rate.amount} does not lie between 0 and {_MOST:,}.")
    micros = rate.amount * MICROS
    if micros != micros.to_integral_value():
        raise BadRequest(f"amount {rate.amount} has more than six digits after the point.")
    if rate.basis == EXCHANGE and micros == 0:
        raise BadRequest("a rate of exchange is above 0.")
    return int(micros)
