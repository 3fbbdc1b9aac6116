"""The app: pages, API and command line over the same workflows."""

__version__ = "0.1.0"
