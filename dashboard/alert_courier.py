"""The server's own thread for alerts: it holds cost against its limits, and sends what is due to the webhook.

It looks at the journal's head, which costs nothing, and reads alerts only where something was written or an attempt is due. What
fails is logged and tried again later: nothing that happens here stops the server.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from dashboard.workflows import alert_webhook
from dashboard.workflows.alert_webhook import Webhook
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import LEAD, Person

LOOK_SECONDS = 2.0
AFTER_FAILURE_SECONDS = 60.0
STOP_SECONDS = 20.0
"""How long stopping waits for an attempt that is on its way, so that what came of it is on the record."""

ITSELF = Person("touchstone", "Touchstone", frozenset({LEAD}))
"""Who acts where the server does so by itself."""

log = logging.getLogger("touchstone")


class Courier:
    """Start it with the store open; stop it before the store is closed."""

    def __init__(self, store: Store, webhook: Webhook | None, *, look_seconds: float | None = None) -> None:
        self._store = store
        self._webhook = webhook
        self._look_seconds = LOOK_SECONDS if look_seconds is None else look_seconds
        self._over = threading.Event()
        self._seen = -1
        self._due: datetime | None = None
        self._thread = threading.Thread(target=self._run, name="touchstone-alerts", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> bool:
        """End: no new attempt begins, one on its way is waited for; whether the thread has ended."""
        self._over.set()
        self._thread.join(STOP_SECONDS)
        return not self._thread.is_alive()

    def _run(self) -> None:
        wait = self._look_seconds
        while not self._over.wait(wait):
            try:
                self._look()
                wait = self._look_seconds
            except Exception:  # a thread that ended here would send nothing ever again
                if not self._over.is_set():
                    log.exception("Alerts could not be looked after; it is tried again in a minute")
                wait = AFTER_FAILURE_SECONDS

    def _look(self) -> None:
        head = self._store.head
        is_due = self._due is not None and self._due <= self._store.clock()
        if head == self._seen and not is_due:
            return
        projects = self._store.read("project_list")["project_id"].to_list()
        self._due = None
        failed: list[Exception] = []
        for project_id in projects:
            if self._over.is_set():
                return
            for step in (self._measure, self._send):
                try:
                    step(project_id)
                except Exception as error:  # one project's trouble must not keep another's alerts back
                    failed.append(error)
        if failed:
            raise failed[0]
        self._seen = head  # what was written meanwhile is looked at next time

    def _measure(self, project_id: str) -> None:
        from dashboard.workflows import cost_alerts  # the first page needs none of it

        cost_alerts.measure_due(self._store, project_id=project_id, by=ITSELF)

    def _send(self, project_id: str) -> None:
        if self._webhook is None:
            return
        from dashboard.workflows import alert_delivery  # as above

        done = alert_delivery.deliver(
            self._store, project_id=project_id, by=ITSELF, webhook=self._webhook, is_over=self._over.is_set
        )
        for one in done:
            if not one.delivered:
                log.warning(
                    "The alert %s was not delivered (attempt %d): %s", one.alert_id, one.attempt, one.answer
                )
        rows = alert_delivery.undelivered(self._store, project_id)
        due = [alert_delivery.due_at(row) for row in rows.iter_rows(named=True)]
        self._due = min([*due, *([self._due] if self._due else [])], default=None)


def for_server(store: Store) -> Courier:
    """The courier of this server, with the webhook of its environment; one that cannot be used is said in the log and left out."""
    webhook = alert_webhook.configured()
    if webhook is not None:
        try:
            webhook.check()
            log.info("Alerts are sent to %s", webhook.host)
        except BadRequest as error:
            log.error("Alerts are not sent: %s", error)
            webhook = None
    return Courier(store, webhook)
