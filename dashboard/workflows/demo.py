"""The demo store: two simulated projects, lived through week by week, so that every page has something worth finding."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from dashboard.workflows import (
    bias,
    bias_effects,
    demo_work,
    drift,
    flag,
    guideline,
    ingest,
    members,
    score,
    train,
    uncertainty,
)
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.rules import ADMIN, LEAD, Person
from data.demo import DemoProject, demo_projects
from data.importers import Parsed
from data.importers.parsed import REJECTED
from data.store import wall_clock

MODEL = train.TrainOptions(n_members=3, penalty=0.3)
"""Three members, and a penalty that suits digits and messages: a demo should be there soon."""

WEEK_OF_FIRST_RELEASE = 4
LAST_FLAGS = flag.FlagOptions(least_probability=0.9, least_margin=0.4)
"""The newest flags are raised with stricter limits than the first ones, so that two votes against one count as split."""
BUILT_BY = Person("otto", "Otto", frozenset({ADMIN, LEAD}))


class DemoClock:
    """The demo's time: set by the story, a little later with every look."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        """The next moment."""
        self.now += timedelta(milliseconds=700)
        return self.now

    def go_to(self, moment: datetime) -> None:
        """Move to `moment`, never backwards."""
        self.now = max(self.now, moment)


def prepare(path: Path, *, keys_folder: Path, fresh: bool = False) -> bool:
    """Build the demo store where there is none; with `fresh` the old one is set aside first. True where one was built."""
    if fresh and path.exists():
        number = 1
        while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
            number += 1
        path.rename(aside)
    if (path / "journal").is_dir():
        return False
    building = path.with_name(path.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    build_demo(building, now=wall_clock(), keys_folder=keys_folder)
    building.rename(path)
    return True


def build_demo(path: Path, *, now: datetime, keys_folder: Path, only: str | None = None) -> None:
    """Build the demo store in the empty folder `path` as it would stand at `now`; `only` names one of its projects."""
    projects = [project for project in demo_projects(now) if only in (None, project.project_id)]
    start = min(project.guideline_versions[0][0] for project in projects) - timedelta(days=1)
    clock = DemoClock(start)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_store(path, create=True, clock=clock, keys_folder=keys_folder) as store:
        members.set_member(store, by=BUILT_BY, person_id="otto", name="Otto", roles=[ADMIN])
        for person in projects[0].people:
            if person.person_id != "otto":
                members.set_member(
                    store, by=BUILT_BY, person_id=person.person_id, name=person.name, roles=person.roles
                )
        for moment, step in sorted(_steps(store, projects), key=lambda pair: pair[0]):
            clock.go_to(moment)
            step()


def _steps(store: Store, projects: list[DemoProject]) -> Iterator[tuple[datetime, demo_work.Step]]:
    """Everything that happened, each with its moment."""
    for project in projects:
        leads = tuple(
            Person(one.person_id, one.name, frozenset(one.roles))
            for one in project.people
            if LEAD in one.roles
        )
        for moment, markdown in project.guideline_versions:
            yield moment, _publish(store, project, leads[0], markdown)
        for week, batch in enumerate(project.batches, start=1):
            end = batch["labelled_at"].max()
            if not isinstance(end, datetime):  # a batch holds annotations, and each of them its moment
                continue
            yield end + timedelta(minutes=20), _week(store, project, leads, week, batch)


def _publish(store: Store, project: DemoProject, lead: Person, markdown: str) -> demo_work.Step:
    def step() -> None:
        known = store.read("project_list")["project_id"].to_list()
        if project.project_id not in known:  # a guideline needs its project, which comes with the first items
            _import(store, project, lead, project.batches[0].head(0), week=0)
        guideline.publish(store, project_id=project.project_id, by=lead, markdown=markdown)

    return step


def _week(
    store: Store, project: DemoProject, leads: tuple[Person, ...], week: int, batch: pl.DataFrame
) -> demo_work.Step:
    def step() -> None:
        _import(store, project, leads[0], batch, week=week)
        score.score(store, project_id=project.project_id, by=leads[0])
        last = week == len(project.batches)
        if week == 1:
            demo_work.set_rates(store, project, leads[0])
        if week == min(WEEK_OF_FIRST_RELEASE, len(project.batches) - 1):
            flag.raise_flags(store, project_id=project.project_id, by=leads[0])
            demo_work.relabel(store, project, answers=24, seed=week)
            demo_work.adjudicate_some(store, project.project_id, leads[0], how_many=6)
            score.score(store, project_id=project.project_id, by=leads[0])
            demo_work.compare_groups(store, project.project_id, leads[0])
            demo_work.release_labels(store, project.project_id, leads)
        if last:
            flag.raise_flags(store, project_id=project.project_id, by=leads[0], options=LAST_FLAGS)
            demo_work.relabel(store, project, answers=9, seed=week)
            score.score(store, project_id=project.project_id, by=leads[0])
            train.train(store, project_id=project.project_id, by=leads[0], options=MODEL)
            uncertainty.uncertainty(store, project_id=project.project_id, by=leads[0])
            bias.bias(store, project_id=project.project_id, by=leads[0])
            bias_effects.measure(store, project_id=project.project_id, by=leads[0])
            drift.measure(store, project_id=project.project_id, by=leads[0])

    return step


def _import(store: Store, project: DemoProject, lead: Person, batch: pl.DataFrame, *, week: int) -> None:
    """One week's annotations with the items that they are about."""
    seen = set(batch["item_id"]) if week else set()
    if week == len(project.batches):
        seen = set(project.items["item_id"])
    items = project.items.filter(pl.col("item_id").is_in(list(seen)))
    name = f"{project.project_id}-week-{week}.csv"
    parsed = Parsed(
        annotations=batch,
        items=items,
        annotators=project.annotators.filter(
            pl.col("annotator_id").is_in(batch["annotator_id"].unique().to_list())
        ),
        predictions=project.predictions.filter(pl.col("item_id").is_in(list(seen))),
        rejected=pl.DataFrame(schema=REJECTED),
        format="csv",
        mapping={"item": "item", "annotator": "annotator", "label": "label"},
        guessed=(),
        n_rows=batch.height,
        sha256=hashlib.sha256(batch.write_csv().encode()).hexdigest(),
        name=name,
    )
    ingest.import_parsed(
        store,
        parsed=parsed,
        project_id=project.project_id,
        by=lead,
        request=ingest.ImportRequest(
            labels=project.labels,
            level=None if week else project.level,
            title=project.title,
            description=project.description,
            image_bytes={item: png for item, png in project.image_png.items() if item in seen},
        ),
    )
