"""A press keeps its request id until it is done."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests import stores
from tests.dashboard.pages import checked, shown_by


def _press() -> None:
    """One press after the other; the ids that the store would see are written down, an F stands for a refusal."""
    import streamlit as st

    from dashboard import presses
    from dashboard.workflows.errors import BadRequest
    from dashboard.workflows.opening import StoreError

    def refused(request_id: str) -> str:
        seen.append(request_id)
        raise (StoreError if len(seen) == 1 else BadRequest)("The disk is full.")

    def sent(request_id: str) -> str:
        seen.append(request_id)
        return request_id

    seen: list[str] = []
    presses.send(refused, "approve", "release-1")
    presses.send(refused, "approve", "release-1")
    first = presses.refusal()
    presses.send(sent, "approve", "release-2")
    presses.send(sent, "approve", "release-1")
    presses.send(sent, "approve", "release-1")
    st.session_state["seen"] = seen
    st.session_state["said"] = (first.sentence if first else "", presses.refusal())


def test_a_retry_has_the_id_of_the_press_and_the_next_press_another(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store, shown_by(store):
        app = checked(AppTest.from_function(_press, default_timeout=60).run())
        once, again, other, done, anew = app.session_state["seen"]
        assert once == again == done
        assert len({once, other, anew}) == 3
        assert app.session_state["said"] == ("The disk is full.", None)
