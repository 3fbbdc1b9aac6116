"""Whether somebody is treated differently: what is measured, kept, told, refused and left in the audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from dashboard.workflows import annotator_attributes, bias, bias_statement, bias_view, history
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import KeyMissing, Store
from tests import stores
from tests.dashboard.bias_steps import SECRET, crowd_store

PURPOSE = "the bias statement of release 3"
SITE = bias.BiasOptions(by=("site",), purpose=PURPOSE, replicates=200)
ALL = bias.BiasOptions(by=("site", "channel", "site+team", "team"), purpose=PURPOSE, replicates=200)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in which the south says dog more often; everything was compared once."""
    with crowd_store(tmp_path_factory.mktemp("bias") / "store") as store:
        bias.bias(store, project_id="pets", by=stores.RITA, options=ALL)
        yield store


def view(store: Store) -> bias_view.BiasView:
    found = bias_view.bias_view(store, project_id="pets", by=stores.LARS)
    assert found is not None
    return found


def read_events(store: Store) -> pl.DataFrame:
    """The readings of personal attributes so far, as the audit trail tells them."""
    return history.events(store, project_id="pets", by=stores.RITA, kinds=["attributes_read"]).rows


def test_a_planted_gap_is_the_answer(crowd: Store) -> None:
    found = view(crowd)
    assert found.state == "watch"
    row = found.gaps.filter(attribute="site", side="annotator", measure="label_rate").row(0, named=True)
    assert (row["group"], row["label"], row["verdict"]) == ("north", "dog", "gap")
    assert row["adjusted"] == pytest.approx(-0.3, abs=0.1)
    assert row["fcr_low"] < row["adjusted_low"] < -0.15
    assert "label “dog”" in bias_view.sentence(row)


def test_another_mix_of_items_is_not_a_gap(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store", only_items_differ=True) as store:
        run = bias.bias(store, project_id="pets", by=stores.RITA, options=SITE)
        row = run.gaps.filter(measure="label_rate").row(0, named=True)
        assert row["p_value"] < 1e-4
        assert row["verdict"] == "items"
        assert not run.gaps["verdict"].is_in(["gap"]).any()
        assert "No group is seen" in view(store).sentence


def test_groups_that_share_no_item_are_not_accused(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store", shared=False) as store:
        bias.bias(store, project_id="pets", by=stores.RITA, options=SITE)
        found = view(store)
        assert found.state == "undefined"
        assert "cannot be told from what was labelled" in found.sentence
        rate = found.gaps.filter(measure="label_rate").row(0, named=True)
        assert rate["adjusted"] is None
        assert "no item is shared" in rate["adjusted_undefined"]


def test_what_is_kept_is_what_was_found(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        run = bias.bias(store, project_id="pets", by=stores.RITA, options=SITE)
        again = bias.bias(store, project_id="pets", by=stores.RITA, options=SITE)
        assert view(store).gaps.equals(run.gaps)
        assert again.gaps.equals(run.gaps)
        assert again.run_id != run.run_id


def test_every_attribute_that_is_read_leaves_an_event(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        bias.bias(store, project_id="pets", by=stores.RITA, options=ALL)
        read = read_events(store)
        said = [f"rita read annotators' personal attributes ({name}): {PURPOSE}" for name in ("site", "team")]
        assert sorted(read["words"]) == sorted(said * 2)  # the two by themselves, and for their intersection
        assert set(read["actor"]) == {"rita"}


def test_a_lead_compares_items_and_reads_nobodys_attributes(crowd: Store) -> None:
    before = read_events(crowd).height
    with pytest.raises(NotAllowed, match="Compliance reviewer"):
        bias.bias(crowd, project_id="pets", by=stores.LARS, options=SITE)
    with pytest.raises(NotAllowed):
        annotator_attributes.attribute(crowd, project_id="pets", by=stores.LARS, name="site", purpose=PURPOSE)
    assert annotator_attributes.attribute_names(crowd, by=stores.LARS) == ()
    assert read_events(crowd).height == before


def test_annotators_measure_and_see_nothing(crowd: Store) -> None:
    with pytest.raises(NotAllowed):
        bias.bias(crowd, project_id="pets", by=stores.ANNA)
    with pytest.raises(NotAllowed):
        bias_view.bias_view(crowd, project_id="pets", by=stores.ANNA)


def test_no_attribute_is_read_without_a_purpose(crowd: Store) -> None:
    before = read_events(crowd).height
    for purpose in ("", "  "):
        with pytest.raises(BadRequest, match="needed for"):
            bias.bias(
                crowd,
                project_id="pets",
                by=stores.RITA,
                options=bias.BiasOptions(by=("site",), purpose=purpose),
            )
        with pytest.raises(BadRequest, match="needed for"):
            annotator_attributes.attributes(crowd, project_id="pets", by=stores.RITA, purpose=purpose)
    assert read_events(crowd).height == before


def test_without_keys_nothing_is_kept(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        store.vault.keys_file.unlink()
        with pytest.raises(KeyMissing):
            bias.bias(store, project_id="pets", by=stores.RITA, options=SITE)
        assert bias_view.bias_view(store, project_id="pets", by=stores.RITA) is None
        only_items = bias.bias(store, project_id="pets", by=stores.RITA)
        assert set(only_items.gaps["side"]) == {"item"}


def test_a_small_group_is_in_no_figure_and_in_no_file(crowd: Store) -> None:
    found = view(crowd)
    assert found.hidden.rows_by_key("attribute") == {"site": [(1,)], "site + team": [(2,)]} or "site" in set(
        found.hidden["attribute"]
    )
    assert SECRET not in json.dumps(found.gaps.to_dicts())
    for part in ("journal", "segments"):
        for path in (crowd.path / part).rglob("*"):
            if path.is_file():
                content = str(pl.read_parquet(path).rows()) if path.suffix == ".parquet" else path.read_text()
                assert SECRET not in content
    north = found.gaps.filter(side="annotator", attribute="site", measure="label_rate").row(0, named=True)
    assert north["n_annotators"] == 20


def test_items_are_compared_without_anybodys_attributes(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        run = bias.bias(store, project_id="pets", by=stores.LARS)
        assert set(run.gaps["attribute"]) == {"channel"}
        assert set(run.gaps["measure"]) == {
            "label_rate", "disagreement", "error_on_gold", "true_positive_rate", "false_positive_rate"
        }  # fmt: skip
        assert read_events(store).is_empty()


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (("shoes",), "No annotator has an attribute 'shoes'"),
        (("item:site",), "No item has an attribute 'site'"),
        (("site+site",), "two different attributes"),
        (("site", "site"), "named twice"),
    ],
)
def test_unknown_attributes_are_refused_by_name(crowd: Store, by: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        bias.bias(crowd, project_id="pets", by=stores.RITA, options=bias.BiasOptions(by=by, purpose=PURPOSE))


def test_options_out_of_range_are_refused(crowd: Store) -> None:
    for options, said in (
        (bias.BiasOptions(replicates=10), "at least 100"),
        (bias.BiasOptions(correction="bonferroni"), "not a correction"),
        (bias.BiasOptions(model_run="gpt"), "no model run"),
    ):
        with pytest.raises(BadRequest, match=said):
            bias.bias(crowd, project_id="pets", by=stores.RITA, options=options)


def test_numbers_of_many_values_become_bands(crowd: Store) -> None:
    run = bias.bias(
        crowd,
        project_id="pets",
        by=stores.RITA,
        options=bias.BiasOptions(by=("age",), purpose=PURPOSE, replicates=100),
    )
    assert sorted(run.gaps["group"].unique()) == ["over 35 to 50", "over 50", "up to 35"]


def told_of(store: Store, attribute: str, measure: str = "label_rate") -> dict[str, object]:
    options = bias.BiasOptions(by=(attribute,), purpose="a test", replicates=100)
    gaps = bias.bias(store, project_id="pets", by=stores.RITA, options=options).gaps
    return gaps.filter(side="annotator", measure=measure).row(0, named=True)


def test_why_there_is_no_second_opinion_is_said_where_the_gap_is_read(tmp_path: Path) -> None:
    """Too few people on a side, nothing shared, or a figure that none is asked of: in the evidence and in the statement's JSON."""
    with crowd_store(tmp_path / "store") as store:
        store.vault.put({f"p{p:02d}": {"shift": "early" if p < 8 else "late"} for p in range(46)})
        few = told_of(store, "shift")
        assert "does not judge by it: fewer than 10 annotators on a side" in bias_view.evidence(few)
        assert "mixed model" not in bias_view.evidence(told_of(store, "shift", "disagreement"))
    with crowd_store(tmp_path / "apart" / "store", shared=False) as store:
        apart = told_of(store, "site")
        assert "No second opinion by a mixed model: no item is shared" in bias_view.evidence(apart)
        told = bias_statement.statement(store, project_id="pets", by=stores.RITA)
        document = bias_statement.document(told)
        findings = cast("list[dict[str, Any]]", document["findings"])
        kept = [one for one in findings if one["attribute"] == "site"]
        assert all(
            "no item is shared" in one["mixed_undefined"] for one in kept if one["measure"] == "label_rate"
        )
