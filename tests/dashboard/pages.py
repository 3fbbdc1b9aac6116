"""Opening a page of the app without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from dashboard import session
from dashboard.workflows.opening import Store

PATIENCE = 60.0

# Each AppTest looks through every installed package for components, for four times as long as it takes to draw a page;
# what is installed stays the same while tests run.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def _app(start: str) -> None:
    from dashboard import main_page

    main_page.draw(start)


@contextmanager
def shown_by(store: Store) -> Iterator[None]:
    """Let the app show this store; whoever looks may pick who they are."""
    session.set_store(store, demo=True)
    try:
        yield
    finally:
        session.clear_store()


def open_page(key: str, *, person: str, **address: str) -> AppTest:
    """The page as that person sees it, with `address` in the address bar; it must not raise."""
    app = AppTest.from_function(_app, kwargs={"start": key}, default_timeout=PATIENCE)
    app.query_params["person"] = person
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    return checked(app)


def checked(app: AppTest) -> AppTest:
    """The page, after making sure that nothing unexpected happened on it."""
    assert not app.exception, [found.message for found in app.exception]
    return app


def words(app: AppTest) -> str:
    """All that stands on the page as text."""
    blocks = (app.markdown, app.caption, app.error, app.warning, app.info, app.success, app.code)
    return "\n".join(str(element.value) for block in blocks for element in block)
