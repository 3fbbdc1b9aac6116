"""What is known of annotators comes into the vault, of those who label, and stands nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.workflows import annotator_attributes, history
from dashboard.workflows.errors import BadRequest, NotAllowed
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by, words
from tests.data.test_people import TABLE, written


def test_attributes_go_into_the_vault_and_nowhere_else(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store:
        path = written(tmp_path, TABLE.replace("north", "a very telling word"))
        done = annotator_attributes.import_attributes(store, path=path, project_id="pets", by=stores.LENA)
        assert (done.people, done.unknown) == (1, ("zed",))  # of a1 nothing new
        assert store.vault.read_all()["a0"]["site"] == "a very telling word"
        assert "zed" not in store.vault.read_all()
        for part in ("journal", "segments", "vault"):
            for file in (store.path / part).rglob("*"):
                assert not file.is_file() or b"a very telling word" not in file.read_bytes()
        events = history.events(store, project_id="pets", by=stores.RITA, kinds=["attributes_imported"])
        assert events.rows["words"].to_list() == ["lena brought in attributes of 1 annotator (site, age)"]
        again = annotator_attributes.import_attributes(store, path=path, project_id="pets", by=stores.LENA)
        assert again.people == 0
        assert (
            history.events(store, project_id="pets", by=stores.RITA, kinds=["attributes_imported"]).total == 1
        )


def test_a_bad_row_a_dry_run_and_a_wrong_role_change_nothing(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store:
        before = store.vault.read_all()
        bad = written(tmp_path, TABLE + "a0,west,9\n", "bad.csv")
        refused = annotator_attributes.import_attributes(store, path=bad, project_id="pets", by=stores.LENA)
        assert refused.refused
        assert refused.rejected.height == 1
        good = written(tmp_path, TABLE)
        annotator_attributes.import_attributes(
            store, path=good, project_id="pets", by=stores.LENA, dry_run=True
        )
        with pytest.raises(NotAllowed):
            annotator_attributes.import_attributes(store, path=good, project_id="pets", by=stores.RITA)
        nobody = written(tmp_path, "annotator,site\nx,y\n", "nobody.csv")
        with pytest.raises(BadRequest, match="No annotator"):
            annotator_attributes.import_attributes(store, path=nobody, project_id="pets", by=stores.LENA)
        assert store.vault.read_all() == before
        skipped = annotator_attributes.import_attributes(
            store, path=bad, project_id="pets", by=stores.LENA, skip_bad_rows=True
        )
        assert skipped.people == 1  # of the other, nothing new is known


def test_the_import_page_takes_a_table_of_annotators(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store, shown_by(store):
        app = open_page("import_file", person="lena")
        upload = app.file_uploader(key="people_upload")
        checked(upload.set_value(("people.csv", TABLE.encode(), "text/csv")).run())
        assert "site, age" in words(app)
        assert "1 are no annotators here" in words(app)
        checked(app.button(key="people_go").click().run())
        assert "is in the vault" in words(app)
        assert store.vault.read_all()["a0"]["age"] == "31"
