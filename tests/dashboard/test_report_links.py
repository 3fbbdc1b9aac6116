"""Reports beside the pages: opened by who may, for a while, with a policy that leaves them nothing to reach."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from dashboard import api, report_links, session
from dashboard.headers import SecurityHeaders
from dashboard.workflows import drift, members
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store, open_store
from data.records import Draft
from tests import stores
from tests.dashboard.drift_scene import drifting_store

PROJECT = stores.PROJECT
HTML = "<html><script>document.title = 'made'</script><body>Two windows</body></html>"


def keep(store: Store, run_id: str, html: str) -> int:
    """Keep a page as the report of a run, as `drift_report.make` does; the event's number."""
    import hashlib

    digest = hashlib.sha256(html.encode()).hexdigest()
    row = {"run_id": run_id, "tool": "evidently 0", "html": html, "html_sha256": digest}

    def plan(reader: object) -> Draft:
        segment = reader.segments.put(pl.DataFrame([row]))  # type: ignore[attr-defined]  # a Reader
        payload = {
            "segments": {"drift_report": segment.as_payload()},
            "html_sha256": digest,
            "tool": "evidently 0",
        }
        return Draft("drift_reported", PROJECT, run_id, payload)

    store.submit(plan, by="lena", request={"verb": "drift.report", "hash": digest})
    return store.head


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report-links")
    with drifting_store(folder / "store", days=30) as store:
        seen = drift.measure(store, project_id=PROJECT, by=stores.LENA)
        keep(store, seen.run_id, HTML)
    return folder


@pytest.fixture
def store(kept: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(kept, tmp_path / "copy")
    with open_store(tmp_path / "copy" / "store", keys_folder=tmp_path / "copy" / "keys") as found:
        session.set_store(found)
        yield found
        session.clear_store()


@pytest.fixture
def client(store: Store) -> TestClient:
    assert session.is_open()
    return TestClient(Starlette(routes=api.routes(), middleware=[Middleware(SecurityHeaders)]))


def address(store: Store, *, person: str = "rita", as_of: int | None = None, now: float | None = None) -> str:
    run_id = str(drift.runs(store, project_id=PROJECT, by=stores.LENA)["run_id"][0])
    sealed = report_links.sealed(person_id=person, project_id=PROJECT, run_id=run_id, as_of=as_of, now=now)
    return f"/api/report/{sealed}"


def test_the_report_opens_as_it_was_kept_in_a_sandbox_without_a_network(
    store: Store, client: TestClient
) -> None:
    answer = client.get(address(store))
    assert answer.status_code == 200
    assert answer.text == HTML
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_address_that_was_changed_is_refused(store: Store, client: TestClient) -> None:
    good = address(store).removeprefix("/api/report/")
    said, signature = good.split(".")
    other = base64.urlsafe_b64decode(said).replace(b'"rita"', b'"lena"')
    changed = base64.urlsafe_b64encode(other).decode()
    for text in (f"{changed}.{signature}", f"{said}.{signature[:-4]}AAA=", "nonsense", "a.b.c", "é.é"):
        answer = client.get(f"/api/report/{text}")
        assert answer.status_code == 403
        assert HTML not in answer.text


def test_its_time_ends(store: Store, client: TestClient) -> None:
    old = client.get(address(store, now=1_000_000.0))
    assert old.status_code == 403
    assert "time of this address is over" in old.text
    sealed = report_links.sealed(person_id="rita", project_id="p", run_id="r", as_of=None, now=1000.0)
    assert report_links.opened(sealed, now=1000.0 + report_links.LIFE_SECONDS).run_id == "r"
    with pytest.raises(BadRequest, match="over"):
        report_links.opened(sealed, now=1001.0 + 2 * report_links.LIFE_SECONDS)


@pytest.mark.parametrize("person", ["anna", "nobody"])
def test_who_may_not_see_figures_sees_no_report(store: Store, client: TestClient, person: str) -> None:
    assert client.get(address(store, person=person)).status_code == 403


def test_a_role_that_was_taken_away_is_looked_up_anew(store: Store, client: TestClient) -> None:
    made = address(store)
    members.set_member(store, by=stores.LENA, person_id="rita", name="Rita", roles=stores.ANNA.roles)
    assert client.get(made).status_code == 403


def test_an_older_report_opens_as_of_then(store: Store, client: TestClient) -> None:
    first = store.head
    run_id = str(drift.runs(store, project_id=PROJECT, by=stores.LENA)["run_id"][0])
    keep(store, run_id, HTML.replace("Two", "Other"))
    assert "Other windows" in client.get(address(store)).text
    assert "Two windows" in client.get(address(store, as_of=first)).text
    assert client.get(address(store, as_of=1)).status_code == 404


def test_a_report_whose_bytes_are_others_is_not_shown(store: Store, client: TestClient) -> None:
    cursor = store._database.connection.cursor()
    cursor.execute("UPDATE drift_report SET html = 'something else'")
    answer = client.get(address(store))
    assert answer.status_code == 403
    assert "not those that were kept" in answer.text


def test_an_address_names_no_more_than_it_needs() -> None:
    said = report_links.sealed(person_id="rita", project_id="pets", run_id="r", as_of=None, now=0.0).split(
        "."
    )[0]
    assert json.loads(base64.urlsafe_b64decode(said)) == [
        "rita",
        "pets",
        "r",
        None,
        2 * report_links.LIFE_SECONDS,
    ]
