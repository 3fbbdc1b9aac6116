"""Agreement by attribute, batch and time: what a run stores is what the group's votes alone give."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from analytics import agreement, krippendorff
from analytics.results import Estimate
from dashboard.workflows import agreement_view, ingest, score
from dashboard.workflows.agreement_view import Group
from dashboard.workflows.opening import Store
from tests.stores import LABELS, LENA, PROJECT, empty_store, parsed_crowd, small_store


def alpha_of(votes: pl.DataFrame) -> Estimate:
    return krippendorff.alpha(votes, level="nominal", n_labels=len(LABELS), replicates=200, seed=0)


def votes_of(store: Store, kept: pl.Expr) -> pl.DataFrame:
    """The votes of the items (item_code, at and order are there) that `kept` chooses."""
    items = store.read("import_known_items", project_id=PROJECT)
    votes = store.read("score_votes", project_id=PROJECT, as_of=None)
    return votes.join(items, on="item_code").filter(kept)


def rows(store: Store, kind: str, key: str = "krippendorff_alpha_of") -> list[dict[str, object]]:
    found = agreement_view.groups(store, project_id=PROJECT, by=LENA)
    return found.filter((pl.col("kind") == kind) & (pl.col("key") == key)).to_dicts()


def test_an_attribute_has_the_alpha_of_its_items_alone(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store:
        found = rows(store, "attribute")
        assert [(row["first"], row["name"], row["n"]) for row in found] == [
            ("batch", "A", 20),
            ("batch", "B", 20),
        ]
        number = pl.col("item_id").str.slice(5).cast(pl.Int64)
        for place, row in enumerate(found):
            alone = alpha_of(votes_of(store, number % 2 == place))
            assert (row["value"], row["low"], row["high"]) == (alone.value, alone.low, alone.high)
        assert found[0]["value"] != found[1]["value"]
        percent = rows(store, "attribute", "percent_agreement_of")[0]["value"]
        assert (
            percent
            == agreement.percent_agreement(
                votes_of(store, number % 2 == 0), n_labels=len(LABELS), replicates=200, seed=0
            ).value
        )
        items = agreement_view.group_items(
            store, project_id=PROJECT, by=LENA, group=Group("attribute", "batch", "A")
        )
    assert items is not None
    assert items.height == 20
    assert items["agreement_share"].mean() == pytest.approx(percent)


def test_batches_and_windows_of_time_are_told_apart(tmp_path: Path) -> None:
    """Two imports, the second eight days later: two batches, and a window for every day with a last vote."""
    with empty_store(tmp_path / "store") as store:
        for seed, days in ((0, 0), (1, 8)):
            parsed = parsed_crowd(seed=seed, name=f"part-{seed}.csv")
            moved = parsed.annotations.with_columns(
                pl.col("labelled_at") + pl.duration(days=days),
                pl.format("{}-{}", pl.col("item_id"), pl.lit(seed)).alias("item_id"),
            )
            named = parsed.items.with_columns(
                pl.format("{}-{}", pl.col("item_id"), pl.lit(seed)).alias("item_id")
            )
            none = parsed.predictions.clear()
            ingest.import_parsed(
                store, parsed=replace(parsed, annotations=moved, items=named, predictions=none),
                project_id=PROJECT, by=LENA, request=ingest.ImportRequest(labels=LABELS if seed == 0 else None),
            )  # fmt: skip
        score.score(store, project_id=PROJECT, by=LENA, options=score.ScoreOptions(replicates=200))
        batches, windows = rows(store, "batch"), rows(store, "window")
        assert [str(row["name"]).split(" (")[0] for row in batches] == ["part-0.csv", "part-1.csv"]
        assert [row["made_of"] for row in windows] == ["day", "day"]
        first = pl.col("item_id").str.ends_with("-0")
        alone = alpha_of(votes_of(store, first))
        for row, kind in ((batches[0], "batch"), (windows[0], "window")):
            assert row["value"] == alone.value
            group = Group(kind, str(row["first"]), str(row["second"]), str(row["made_of"]))
            items = agreement_view.group_items(store, project_id=PROJECT, by=LENA, group=group)
            assert items is not None
            assert set(items["item_id"].str.slice(-2)) == {"-0"}
            assert items.height == 40
        assert datetime.fromisoformat(str(windows[1]["first"])) > datetime.fromisoformat(
            str(windows[0]["first"])
        )


def test_without_times_windows_are_made_by_counting(tmp_path: Path) -> None:
    with empty_store(tmp_path / "store") as store:
        parsed = parsed_crowd()
        untimed = parsed.annotations.with_columns(
            pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("labelled_at")
        )
        ingest.import_parsed(
            store, parsed=replace(parsed, annotations=untimed.cast(parsed.annotations.schema)),
            project_id=PROJECT, by=LENA, request=ingest.ImportRequest(labels=LABELS),
        )  # fmt: skip
        score.score(store, project_id=PROJECT, by=LENA, options=score.ScoreOptions(replicates=200))
        windows = rows(store, "window")
        assert [row["made_of"] for row in windows] == ["annotations"] * len(windows)
        assert sum(int(str(row["n"])) for row in windows) == 40
        assert windows[0]["name"] == "1 to 10"
        group = Group("window", "1", "11", "annotations")
        assert agreement_view.group_items(store, project_id=PROJECT, by=LENA, group=group) is None


def test_one_import_makes_no_batches(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store:
        assert rows(store, "batch") == []


def test_a_groups_figure_never_takes_the_key_of_the_projects(tmp_path: Path) -> None:
    with small_store(tmp_path / "store") as store:
        found = score.score(
            store, project_id=PROJECT, by=LENA, options=score.ScoreOptions(replicates=200)
        ).figures
    overall = set(found.filter(pl.col("group_kind") == "")["key"])
    assert "krippendorff_alpha" in overall
    assert overall.isdisjoint(found.filter(pl.col("group_kind") != "")["key"])
