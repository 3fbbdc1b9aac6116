"""Two comparisons of one store, and what their difference tells of somebody: nothing, whoever came, left or labelled between them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from dashboard.workflows import (
    bias,
    bias_actions,
    bias_behind,
    bias_rows,
    bias_standing,
    bias_statement,
    bias_view,
)
from dashboard.workflows.bias_groups import LEAST_PEOPLE, Groups
from dashboard.workflows.bias_standing import Table
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.bias_steps import SITES, crowd_store, more_votes

P, WHY = "pets", "the statement"
RATE = {"side": "annotator", "measure": "label_rate"}


def compare(store: Store, *by: str) -> pl.DataFrame:
    options = bias.BiasOptions(by=by or ("site",), purpose=WHY, replicates=100)
    return bias.bias(store, project_id=P, by=stores.RITA, options=options).gaps


def n_of(gaps: pl.DataFrame, **which: str) -> tuple[int, int]:
    """Annotations and annotators of the first row."""
    row = gaps.filter(**{**RATE, **which}).row(0, named=True)
    return row["n"], row["n_annotators"]


def detail(store: Store) -> str:
    found = bias_view.bias_view(store, project_id=P, by=stores.LARS)
    assert found is not None
    return found.detail


def joins(store: Store, number: int, site: str = "south", n: int = 7) -> None:
    """Somebody new, who says dog of `n` items."""
    name = f"new-{number}"
    more_votes(store, [(f"item-{i:03d}", name, "dog") for i in range(n)], {name: {"site": site, "age": "35"}})


def test_one_who_joined_a_group_is_in_no_figure_until_five_have(tmp_path: Path) -> None:
    """The attack: the second comparison less the first is what one person, whose votes are known, did."""
    with crowd_store(tmp_path / "store") as store:
        first = compare(store)
        for number in range(LEAST_PEOPLE - 1):
            joins(store, number)
            joins(store, 10 + number, "north")
            if number in (1, 2):
                continue
            again = compare(store)
            assert again.equals(first)
            assert "site stands as it was compared before" in detail(store)
        joins(store, 4)
        assert compare(store).equals(first)  # five of the south are enough, four of the north are not
        joins(store, 14, "north")
        moved = compare(store)
        assert n_of(moved)[0] == n_of(first)[0] + 5 * 7
        assert n_of(moved)[1] == n_of(first)[1] + 5
        assert "stands" not in detail(store)
        joins(store, 5)
        assert compare(store).equals(moved)


def test_one_who_labelled_more_does_not_move_the_figures(tmp_path: Path) -> None:
    """Nobody joined; but figures that move by one person's new votes name their group."""
    with crowd_store(tmp_path / "store") as store:
        first = compare(store)
        known = store.read("score_votes", project_id=P).join(
            store.read("annotator_codes"), on="annotator_code"
        )
        people = [f"p{p:02d}" for p, site in enumerate(SITES) if site == "north"][:LEAST_PEOPLE]
        ids = store.read("import_known_items", project_id=P)
        for place, person in enumerate(people):
            done = known.filter(annotator_id=person).join(ids, on="item_code")["item_id"].to_list()
            more_votes(
                store, [(f"item-{i:03d}", person, "dog") for i in range(40) if f"item-{i:03d}" not in done]
            )
            assert compare(store).equals(first) == (place < LEAST_PEOPLE - 1)


def test_bands_of_a_number_do_not_move_by_one(tmp_path: Path) -> None:
    """Where one joins, the bands of ages get other names and limits; each of them differs from the former by few."""
    with crowd_store(tmp_path / "store") as store:
        first = compare(store, "age")
        joins(store, 0)
        assert compare(store, "age").equals(first)


def test_who_changed_groups_is_where_they_were_until_five_did(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        first = compare(store)
        north = [f"p{p:02d}" for p, site in enumerate(SITES) if site == "north"]
        for person in north[: LEAST_PEOPLE - 1]:
            store.vault.put({person: {"site": "south"}})
            assert compare(store).equals(first)
        store.vault.put({north[LEAST_PEOPLE - 1]: {"site": "south"}})
        moved = compare(store)
        assert n_of(moved)[1] == n_of(first)[1] - LEAST_PEOPLE


def test_who_was_forgotten_leaves_no_difference_behind(tmp_path: Path) -> None:
    """Their attribute may not be used, so the table cannot stand; and it may not move by them alone."""
    with crowd_store(tmp_path / "store") as store:
        first = compare(store)
        store.vault.destroy_key("p00")
        assert compare(store).is_empty()
        assert "site was not tested: somebody who was in it was forgotten" in detail(store)
        for number in range(LEAST_PEOPLE):
            joins(store, number, "north")
        later = compare(store)
        assert n_of(later)[1] == n_of(first)[1] - 1 + LEAST_PEOPLE


def test_a_crossing_moves_on_by_its_cells(tmp_path: Path) -> None:
    """Ten join, and label mails; one of them labels a chat too: the cell of chats would differ by that one."""
    with crowd_store(tmp_path / "store") as store:
        first = compare(store, "site", "channel")
        mails = [f"item-{i:03d}" for i in range(1, 15, 2)]
        for number in range(10):
            name, site = f"new-{number}", ("north", "south")[number % 2]
            items = [*mails, *(["item-000"] if number == 0 else [])]
            more_votes(store, [(item, name, "dog") for item in items], {name: {"site": site}})
        again = compare(store, "site", "channel")
        assert n_of(again, attribute="site")[1] == n_of(first, attribute="site")[1] + 5
        assert (
            again.filter(side="crossed")
            .select("group", "item_group", "measure", "n", "value")
            .equals(first.filter(side="crossed").select("group", "item_group", "measure", "n", "value"))
        )
        assert "site × channel stands" in detail(store)


def test_a_statement_says_what_stands_and_its_json_holds_no_newer_figure(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        compare(store)
        first = bias_statement.statement(store, project_id=P, by=stores.RITA)
        joins(store, 0)
        compare(store)
        second = bias_statement.statement(store, project_id=P, by=stores.RITA)
        told, again = (bias_statement.document(one)["findings"] for one in (first, second))
        assert told == again
        assert "stands as it was compared before" in second.detail


def test_what_is_behind_a_gap_is_of_the_votes_that_it_was_made_of(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        row = compare(store).filter(**RATE).row(0, named=True)
        named = bias_rows.gap_id(row)
        before = bias_behind.behind(store, project_id=P, by=stores.RITA, named=named, purpose=WHY)
        joins(store, 0)
        compare(store)
        after = bias_behind.behind(store, project_id=P, by=stores.RITA, named=named, purpose=WHY)
        assert after.items.equals(before.items)


def test_the_vault_tells_nobody_apart_and_the_record_names_nobody(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        compare(store)
        lines = (store.path / "vault" / "marks-compared.jsonl").read_text().splitlines()
        assert len(lines) == len(SITES)  # those of hidden groups and who did not say too
        assert len({len(line) for line in lines}) == 1
        kept = store.read("score_runs", project_id=P).filter(kind="bias")["parameters"][0]
        assert json.loads(kept)["standing"]["site"]["sizes"] == {"north": 20, "south": 20}
        assert "coast" not in kept


def test_a_command_that_is_sent_again_is_the_same(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        options = bias.BiasOptions(by=("site",), purpose=WHY, replicates=100)
        runs = [
            bias.bias(store, project_id=P, by=stores.RITA, options=options, request_id="one").run_id
            for _ in range(2)
        ]
        assert runs[0] == runs[1]
        first = compare(store)
        joins(store, 0)
        assert compare(store).equals(first)


def test_votes_that_are_gone_count_as_a_change_of_who_gave_them() -> None:
    people = pl.DataFrame({"annotator_code": range(12), "group_code": [0] * 6 + [1] * 6})
    groups = Groups("site", "site", ("north", "south"), people, people, 0, 0, None)

    def edition(items: dict[int, range]) -> Table:
        rows = [(item, person, person % 2, item) for person, own in items.items() for item in own]
        votes = pl.DataFrame(
            rows, schema=["item_code", "annotator_code", "label_code", "order"], orient="row"
        )
        return Table("site", groups, votes, 1)

    own = {person: range(10) for person in range(12)}
    was, now = edition({**own, 3: range(40)}), edition(own)  # items 10 to 39 have no vote any more
    cells = bias_standing._cells(was, now, None)
    assert bias_standing._tells_of_few(was, now, cells, [0, 0])
    assert not bias_standing._tells_of_few(now, now, bias_standing._cells(now, now, None), [0, 0])


def test_the_record_of_an_action_is_an_edition_too(tmp_path: Path) -> None:
    """Its figures are those of the groups as they stand; and a comparison after it rests on it."""
    with crowd_store(tmp_path / "store") as store:

        def decide() -> pl.DataFrame:
            wish = bias_actions.Wish("reweight", "site", n_items=5)
            found = bias_actions.propose(store, project_id=P, by=stores.RITA, wish=wish, purpose=WHY)
            bias_actions.commit(store, project_id=P, by=stores.RITA, proposal=found, reason="why")
            return found.groups

        first = decide()
        joins(store, 0)
        assert decide().equals(first)
        compared = compare(store)
        assert n_of(compared)[1] == 20
        joins(store, 1)
        assert decide().equals(first)
