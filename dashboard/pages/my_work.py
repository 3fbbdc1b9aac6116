"""My work: how is my own labelling going?"""

from __future__ import annotations

from dashboard import annotator_view, reviewer_figures, session
from dashboard.components import empty_state, error_state, verdict
from dashboard.workflows.my_work import my_work
from dashboard.workflows.opening import KeyMissing


def render() -> None:
    """Draw the page."""
    try:
        seen = my_work(
            session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
        )
    except KeyMissing as error:
        error_state("Your notes cannot be read here", str(error))
        return
    if seen.file is None:
        empty_state(
            "Nothing of yours was scored yet",
            "Figures of your labels appear here once you have labelled items of this project and a lead has scored it.",
            page="relabel",
            link="Go to Relabel",
            icon="person",
        )
    else:
        verdict(seen.file.state, seen.file.sentence, detail=annotator_view.detail(seen.file))
        annotator_view.figures(seen.file, who="you")
    reviewer_figures.of_person(session.person().person_id)
    annotator_view.shared_notes(seen.shared)
