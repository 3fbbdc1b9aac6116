"""The command line: `touchstone VERB …`. Heavy libraries are imported inside the verbs, so that help is quick."""

from dashboard.cli.app import app, main

__all__ = ["app", "main"]
