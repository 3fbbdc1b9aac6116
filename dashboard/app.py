"""The web app: pages and /api in one process over one open store.

    uvicorn dashboard.app:app --host 127.0.0.1 --port 8501

TOUCHSTONE_STORE names the store's folder (default ./touchstone-store); TOUCHSTONE_DEMO=1 shows the picker of
people; TOUCHSTONE_WEBHOOK_URL is where alerts are sent.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from dashboard import alert_courier, api, components, session
from dashboard.headers import SecurityHeaders
from dashboard.workflows.opening import StoreError, open_store

DEFAULT_STORE = "touchstone-store"
SCRIPT = Path(__file__).parent / "entry" / "script.py"

log = logging.getLogger("touchstone")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Open the store for as long as the server runs; where that fails every page says why."""
    path = os.environ.get("TOUCHSTONE_STORE") or DEFAULT_STORE
    try:
        store = open_store(path)
    except (StoreError, OSError) as error:
        log.error("The store could not be opened: %s", error)
        session.set_failure(str(error))
        yield
        return
    for notice in store.notices:
        log.warning("%s", notice)
    session.set_store(store, demo=os.environ.get("TOUCHSTONE_DEMO", "") not in ("", "0"))
    courier = alert_courier.for_server(store)
    courier.start()
    try:
        yield
    finally:
        session.clear_store()
        if not await asyncio.to_thread(courier.stop):
            log.warning(
                "An alert was on its way when the server stopped; what came of it is not on the record."
            )
        store.close()


def on_script_error(error: Exception) -> bool:
    """Log what no page expected under a number, and show that number in place of a traceback."""
    number = uuid.uuid4().hex[:8]
    log.error("Unexpected error %s", number, exc_info=error)
    components.error_state(
        "Something went wrong on this page",
        f"Nothing was changed by this. The server's log has the details under the number {number}.",
    )
    return True


app = st.App(
    SCRIPT,
    lifespan=lifespan,
    routes=api.routes(),
    middleware=[Middleware(SecurityHeaders)],
    on_script_error=on_script_error,
)
