"""The bias statement to take along: as a page that prints, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.workflows import bias_statement_html


def offer(
    document: Mapping[str, Any],
    *,
    key: str,
    named: tuple[str, str],
    version: int | None = None,
    icons: bool = False,
) -> None:
    """Two buttons that save the statement.

    Args:
        document: `bias_statement.document`, of now or as a release keeps it.
        key: of the buttons, before their kind.
        named: what the button for the page, and that for JSON, say.
        version: of the release whose statement it is.
        icons: draw an icon in each.
    """
    project_id = session.project_id()
    release, whose = ("", "") if version is None else (f"release {version}", f"-release-{version}")

    def page() -> str:
        return bias_statement_html.page(document, title=project_id, release=release)

    def whole() -> str:
        return json.dumps(document, indent=2, ensure_ascii=False)

    files = (
        (page, "html", "text/html", ":material/print:"),
        (whole, "json", "application/json", ":material/download:"),
    )
    with st.container(horizontal=True):
        for words, (content, kind, mime, icon) in zip(named, files, strict=True):
            name = f"{project_id}{whose}-bias-statement.{kind}"
            st.download_button(words, content, name, mime, key=f"{key}_{kind}", icon=icon if icons else None)
