"""What a use case can refuse. Faces turn these, and the packages' own errors, into words on the screen."""

from __future__ import annotations


class WorkflowError(Exception):
    """Base of every refusal of a use case."""


class NotAllowed(WorkflowError):
    """The person's role does not allow the verb."""


class BadRequest(WorkflowError):
    """The request itself is wrong: an unknown project, label, item, option."""


class Stale(WorkflowError):
    """What was on the screen is no longer how things are."""
