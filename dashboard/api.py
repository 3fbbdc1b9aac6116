"""The routes beside the pages. Nothing here says anything about labels to somebody who has not signed in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route

from dashboard import session


async def health(request: Request) -> JSONResponse:
    """`{"status", "store", "head"}`: the open store's id and last event; 503 where there is none."""
    if not session.is_open():
        return JSONResponse({"status": "no store", "store": None, "head": None}, status_code=503)
    store = session.store()
    return JSONResponse({"status": "ok", "store": store.store_id, "head": store.head})


def routes() -> list[BaseRoute]:
    """Everything under /api."""
    return [Mount("/api", routes=[Route("/health", health, methods=["GET"])])]
