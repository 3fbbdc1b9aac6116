"""The routes beside the pages. Nothing here says anything about labels to somebody who has not signed in."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from dashboard import report_links, session
from dashboard.workflows import drift_report, members
from dashboard.workflows.errors import WorkflowError


async def health(request: Request) -> JSONResponse:
    """`{"status", "store", "head"}`: the open store's id and last event; 503 where there is none."""
    if not session.is_open():
        return JSONResponse({"status": "no store", "store": None, "head": None}, status_code=503)
    store = session.store()
    return JSONResponse({"status": "ok", "store": store.store_id, "head": store.head})


async def report(request: Request) -> Response:
    """The report of an address that a page made (`report_links`), for who may see figures still; 403 for any other, 404 for none."""
    return await run_in_threadpool(_report, request.path_params["link"])


def _report(text: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    try:
        link = report_links.opened(text)
        store = session.store()
        person = members.person(store, link.person_id)
        kept = drift_report.read(
            store, project_id=link.project_id, by=person, run_id=link.run_id, as_of=link.as_of
        )
    except WorkflowError as error:
        return PlainTextResponse(str(error), status_code=403, headers=headers)
    if kept is None:
        return PlainTextResponse("There is no such report.", status_code=404, headers=headers)
    return HTMLResponse(kept.html, headers=headers | {"Content-Security-Policy": report_links.POLICY})


def routes() -> list[BaseRoute]:
    """Everything under /api."""
    inside = [
        Route("/health", health, methods=["GET"]),
        Route("/report/{link}", report, methods=["GET"]),
    ]
    return [Mount("/api", routes=inside)]
