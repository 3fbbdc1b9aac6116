"""Demo projects: invented annotations, declared as simulated, with stories that the app should find."""

from __future__ import annotations

from datetime import datetime

from data.demo.digits import build_digits
from data.demo.messages import build_messages
from data.demo.project import PEOPLE, DemoProject, Person

__all__ = ["PEOPLE", "DemoProject", "Person", "build_digits", "build_messages", "demo_projects"]


def demo_projects(now: datetime) -> tuple[DemoProject, ...]:
    """Both projects as they would stand at `now`; the same `now` gives the same projects.

    Raises:
        ValueError: `now` has no time zone.
    """
    return build_digits(now), build_messages(now)
