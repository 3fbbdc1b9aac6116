"""What three people and fifty items can tell: the rules behind the advice, its words, and the pages after a real import."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.intervals import wilson
from analytics.krippendorff import alpha as alpha_of
from dashboard.cli import main
from dashboard.workflows import small_data
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.small_data import Seen
from tests.crowds import accurate, drawn_crowd
from tests.dashboard.pages import open_page, shown_by, words
from tests.stores import ANNA, LENA, PROJECT, annotated_store, small_store

NO_AC1 = Seen(None, None, None, 0, "no item has two votes")
PERCENT = Seen(0.75, 0.66, 0.84, 50)


def on_agreement(
    alpha: Seen, percent: Seen = PERCENT, *, limit: float | None = 0.667, top: float = 0.4, ac1: Seen = NO_AC1
) -> str:
    return " ".join(
        small_data.on_agreement(alpha, percent, limit=limit, by_chance=0.35, top_share=top, ac1=ac1)
    )


def test_as_many_items_as_it_says_halve_the_interval() -> None:
    """The median width of alpha's interval over 40 crowds of each size."""
    widths = {}
    for n_items in (50, 50 + small_data.items_to_halve(50)):
        found = []
        for seed in range(40):
            votes = drawn_crowd(
                accurate(3, 3, 0.8), n_items=n_items, n_per_item=3, priors=np.full(3, 1 / 3), seed=seed
            ).votes
            one = alpha_of(votes, level="nominal", n_labels=3, replicates=300)
            assert one.high is not None
            assert one.low is not None
            found.append(one.high - one.low)
        widths[n_items] = float(np.median(found))
    assert widths[200] / widths[50] == pytest.approx(0.5, abs=0.05)


def test_as_many_items_as_it_says_part_two_shares() -> None:
    """Wilson's intervals of 94 and 80 % touch at about the number that the rule gives from 50 items."""
    one, two = wilson(47, 50), wilson(40, 50)
    people = {"mia": seen_of(47, 50), "otto": seen_of(40, 50)}
    assert one.low is not None
    assert two.high is not None
    assert one.low < two.high
    said = " ".join(small_data.on_annotators(people, n_items=50))
    apart = next(
        n
        for n in itertools.count(50, 10)
        if (wilson(round(0.94 * n), n).low or 0) > (wilson(round(0.8 * n), n).high or 1)
    )
    named = int(said.split("it takes about ")[1].split(" ")[0])
    assert abs(named - apart) <= 0.35 * apart
    assert "Nobody can be ranked: even the first and the last could be equally good." in said


def seen_of(hits: int, n: int) -> Seen:
    found = wilson(hits, n)
    return Seen(found.value, found.low, found.high, n)


@pytest.mark.parametrize(("alpha", "said", "not_said"), [
    (Seen(0.53, 0.32, 0.72, 50), ("anything from 0.32 to 0.72", "cannot tell whether agreement is enough", "more items would settle it",
        "150 more items (200 in all)"), ("hardly",)),
    (Seen(0.66, 0.50, 0.80, 50), ("so close to the limit that more items will hardly settle it",), ("would settle",)),
    (Seen(0.85, 0.70, 0.95, 50), ("these items are enough",), ("cannot tell",)),
    (Seen(0.30, 0.10, 0.50, 50), ("more items of the same kind will hardly change it", "guideline"), ("Half as wide",)),
    (Seen(1.0, None, None, 50), ("Everybody agreed on all 50 items", "up to 6 %"), ("0.667",)),
    (Seen(0.4, None, None, 2), ("With 2 items there is no interval",), ("anything",)),
])  # fmt: skip
def test_what_is_said_of_alpha(alpha: Seen, said: tuple[str, ...], not_said: tuple[str, ...]) -> None:
    words_said = on_agreement(alpha)
    assert all(part in words_said for part in said), words_said
    assert not any(part in words_said for part in not_said), words_said
    assert (
        "percent agreement first: 75 % (66 to 84 %), where chance alone would give about 35 %" in words_said
    )


def test_without_a_limit_none_is_spoken_of() -> None:
    assert "limit" not in on_agreement(Seen(0.53, 0.32, 0.72, 50), limit=None)


def test_where_one_label_is_most_of_them_another_figure_is_named() -> None:
    said = on_agreement(Seen(0.1, -0.1, 0.4, 50), top=0.9, ac1=Seen(0.85, 0.7, 0.9, 50))
    assert "One label makes up 90 % of all" in said
    assert "Gwet's AC1 (0.85)" in said


def test_where_alpha_is_undefined_the_reason_is_said_and_what_stays_open() -> None:
    undefined = Seen(None, None, None, 30, "only one label was used")
    said = on_agreement(undefined, Seen(1.0, None, None, 30))
    assert "Alpha is undefined: only one label was used." in said
    assert "up to 10 % of such items (95 % sure)" in said  # 1 - 0.05 ** (1 / 30) = 0.095


def test_without_a_shared_item_the_next_step_is_said() -> None:
    nothing = Seen(None, None, None, 0, "no item has two votes")
    said = on_agreement(nothing, nothing)
    assert said.startswith("No item was labelled by two people")
    alone = small_data.on_annotators({"mia": nothing}, n_items=0)
    assert alone == (
        "Fewer than two people can be compared with others on the same items: nobody can be ranked.",
    )


def test_who_can_be_told_apart_is_said_to() -> None:
    two = {"mia": seen_of(49, 50), "otto": seen_of(20, 50)}
    assert small_data.on_annotators(two, n_items=50) == (
        "The two can be told apart: mia agrees with the others on 98 % (90 to 100 %), otto on 40 % (28 to 54 %).",
    )
    three = small_data.on_annotators({**two, "noor": seen_of(44, 50)}, n_items=50)
    assert "The first and the last can be told apart" in three[0]
    close = small_data.on_annotators({"mia": seen_of(40, 50), "otto": seen_of(40, 50)}, n_items=50)
    assert "more items are hardly worth it" in close[1]


def test_more_data_needs_no_advice_and_nothing_scored_has_none(tmp_path: Path) -> None:
    rows = [
        (f"item-{item}", f"a{person}", "cat" if item % 2 else "dog")
        for item in range(small_data.FEW_ITEMS)
        for person in range(2)
    ]
    given = pl.DataFrame(rows, schema=["item_id", "annotator_id", "label"], orient="row")
    with annotated_store(tmp_path / "many" / "store", given) as store:
        assert small_data.small_data(store, project_id=PROJECT, by=LENA) is None
    with annotated_store(tmp_path / "few" / "store", given.head(-2)) as store:
        found = small_data.small_data(store, project_id=PROJECT, by=LENA)
        assert found is not None
        assert (found.n_items, found.n_people) == (small_data.FEW_ITEMS - 1, 2)
        with pytest.raises(NotAllowed):
            small_data.small_data(store, project_id=PROJECT, by=ANNA)
    with small_store(tmp_path / "new" / "store", scored=False) as store:
        assert small_data.small_data(store, project_id=PROJECT, by=LENA) is None


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Three people, fifty items, a CSV and two commands: what a new lead has."""
    rng = np.random.default_rng(4)
    lines = ["item,annotator,label"]
    for item in range(50):
        known = rng.integers(3)
        for person, right in (("mia", 0.9), ("noor", 0.85), ("otto", 0.75)):
            label = known if rng.random() < right else rng.integers(3)
            lines.append(f"q{item:02d},{person},{('good', 'fair', 'poor')[label]}")
    (tmp_path / "tiny.csv").write_text("\n".join(lines) + "\n", "utf-8")
    monkeypatch.setenv("TOUCHSTONE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TOUCHSTONE_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("TOUCHSTONE_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "lea")
    for command in (["import", str(tmp_path / "tiny.csv"), "--project", "tiny"], ["score"]):
        monkeypatch.setattr("sys.argv", ["touchstone", *command])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
    with open_store(tmp_path / "store", keys_folder=tmp_path / "keys") as store, shown_by(store):
        yield store


def test_a_lead_with_three_people_and_fifty_items_is_told_what_that_can_tell(tiny: Store) -> None:
    title = "What 50 items labelled by several of 3 annotators can tell"
    for page in ("overview", "agreement"):
        said = words(open_page(page, person="lea", project="tiny"))
        assert title in said
        assert "alpha could be anything from" in said
        assert "150 more items" in said
        assert "Look at percent agreement first" in said
    people = words(open_page("annotators", person="lea", project="tiny"))
    assert title in people
    assert "Nobody can be ranked" in people
    assert "Nobody is seen to fall behind, but so few items would hardly show it" in people
    assert "No annotator falls behind" not in people
