"""What is done about a bias: the effect that an action is expected to have, then one button; and what was decided so far."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs
import streamlit as st

from dashboard import presses, session
from dashboard.components import empty_state, error_state, plain
from dashboard.workflows import annotator_attributes, bias_actions, bias_decisions, bias_statement
from dashboard.workflows.asked_first import MOST_DAYS
from dashboard.workflows.bias_actions import ACTIONS, EXTRA_VOTE, Proposal, Wish
from dashboard.workflows.bias_statement import Taken
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import KeyMissing, StoreError
from dashboard.workflows.vote_asking import WAIT_DAYS

DOES = {
    "reweight": "Votes are weighted until the groups have equal shares; labels that would change go to people.",
    "extra-vote": "Items that hang by the least get another vote. The queue asks people of a group for it before everybody else; who is "
    "asked is partly drawn by chance, so that taking an item does not tell who is in a group.",
    "adjudicate": "Items on which groups clearly say different things go to people.",
}
TITLES = {
    "group": "Group", "votes": "Votes", "share": "Share of votes, %", "target": "Share wanted, %",
    "agrees_before": "Agrees with the others' label, %", "agrees_after": "then, %", "item_id": "Item",
    "choice": "Choice", "choices": "Choices",
    "label_before": "Label now", "label_after": "Label then", "margin": "Votes that the label leads by",
    "p_change": "Chance that it changes, %",
    "changes": "Changes expected", "gap_before": "Gap now, points", "gap_after": "Gap then, points", "gap_low": "from", "gap_high": "to",
    "items_apart": "Items groups see differently", "n_items": "Items two groups labelled clearly",
}  # fmt: skip
PERCENT = frozenset(
    {
        "share",
        "target",
        "agrees_before",
        "agrees_after",
        "p_change",
        "gap_before",
        "gap_after",
        "gap_low",
        "gap_high",
    }
)
WHO = "Compliance reviewers and administrators see what an action would do, since it takes annotators' attributes."
_PROPOSAL = "bias_proposal"


def draw() -> None:
    """Draw what was decided, and for those who may act the form."""
    stated = bias_statement.statement(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    n = len(stated.actions)
    st.markdown(
        f"**{'Nothing was decided so far' if not n else f'{n} action was decided' if n == 1 else f'{n} actions were decided'}.**"
    )
    for one in reversed(stated.actions):
        _taken(one)
    if presses.done():
        st.success("It was decided; it stands in the audit trail.", icon=":material/check:")
    if session.as_of() is not None:
        return
    if not session.person().may("bias.act"):
        st.caption(WHO)
        return
    _form()


def _taken(one: Taken) -> None:
    decided = one.decision
    with st.container(border=True, gap="xsmall"):
        st.markdown(
            f"**{plain(decided.title)}** · {plain(decided.decided_by)}, {decided.decided_at:%d %b %Y}"
        )
        if one.expected is not None:
            st.markdown(plain(f"Expected: {one.expected}."))
        if decided.n_flagged:
            st.progress(
                decided.n_settled / decided.n_flagged,
                text=f"{decided.n_settled:,} of {decided.n_flagged:,} items settled",
            )
        first = (
            f" Of {decided.n_first:,} items some people are asked first, for {decided.wait_days} days."
            if decided.n_first
            else ""
        )
        about = f" It answers: {'; '.join(one.answers)}." if one.answers else ""
        st.caption(plain(f"Why: {decided.reason.rstrip(' .')}.{about}{first}"))


def _form() -> None:
    try:
        names = annotator_attributes.attribute_names(session.store(), by=session.person())
    except KeyMissing as error:
        error_state("Annotators' attributes cannot be read here", str(error))
        return
    if not names:
        empty_state(
            "Nothing is known of annotators", "Actions weigh groups of annotators; bring in what is known of them.",
            icon="group", code="touchstone attributes people.csv",
        )  # fmt: skip
        return
    with st.container(border=True, key="bias_act"):
        columns = st.columns(3)
        action = columns[0].selectbox(
            "What is done", list(ACTIONS), format_func=ACTIONS.__getitem__, key="bias_action"
        )
        attribute = columns[1].selectbox("By which attribute", names, key="bias_action_by")
        n_items = columns[2].number_input(
            "Items at most", 1, bias_actions.MOST_ITEMS, 100, key="bias_action_items"
        )
        st.caption(DOES[action])
        purpose = st.text_input(
            "What is the attribute needed for?",
            key="bias_action_purpose",
            help="Goes to the audit trail, with your name.",
        )
        group, days = _whom() if action == EXTRA_VOTE else ("", WAIT_DAYS)
        wish = Wish(str(action), str(attribute), group=group, n_items=int(n_items), wait_days=days)
        if st.button("Show the effect", disabled=not purpose.strip(), key="bias_propose"):
            _propose(wish, purpose)
    found: Proposal | None = st.session_state.get(_PROPOSAL)
    if found is not None and found.wish == wish:
        _proposal(found)


def _whom() -> tuple[str, int]:
    """Whose votes an extra vote asks for, and for how many days before everybody is asked."""
    columns = st.columns(2)
    group = columns[0].text_input(
        "Of which group (empty: the one with the fewest votes on the item)", key="bias_action_group"
    )
    days = columns[1].number_input(
        "Days before everybody is asked", 0, MOST_DAYS, WAIT_DAYS, key="bias_action_days"
    )
    return group.strip(), int(days)


def _propose(wish: Wish, purpose: str) -> None:
    st.session_state.pop(_PROPOSAL, None)
    try:
        st.session_state[_PROPOSAL] = bias_actions.propose(
            session.store(), project_id=session.project_id(), by=session.person(), wish=wish, purpose=purpose
        )
    except (WorkflowError, StoreError) as error:
        error_state("No effect can be shown", str(error))


def _proposal(found: Proposal) -> None:
    st.markdown(f"**{plain(found.sentence)}.**")
    if found.groups.height and found.wish.action != EXTRA_VOTE:
        st.dataframe(_titled(found.groups), hide_index=True, key="bias_action_groups")
    if found.choices.height:
        st.dataframe(
            _titled(found.choices),
            hide_index=True,
            key="bias_action_choices",
            height=min(220, 38 + 35 * found.choices.height),
        )
    st.dataframe(_titled(found.items), hide_index=True, height=220, key="bias_action_table")
    known = bias_decisions.unanswered(session.store(), session.project_id(), found.wish.attribute)
    if known:
        _, told = bias_decisions.known_gaps(session.store(), session.project_id(), known)
        words = dict(zip(known, told, strict=True))
        st.multiselect(
            "Which findings does it answer?", known, default=known, format_func=words.__getitem__, key="bias_action_about",
            help="The bias statement says what is done about each gap that stays.",
        )  # fmt: skip
    reason = st.text_input("Why is this done?", key="bias_action_reason", help="An auditor will ask for it.")
    st.button(
        f"Decide on it; flag {found.items.height:,} items", type="primary", disabled=not reason.strip(), key="bias_commit",
        on_click=_commit, args=(found,),
    )  # fmt: skip
    refused = presses.refusal()
    if refused is not None:
        error_state(refused.title, refused.sentence)


def _titled(table: pl.DataFrame) -> pl.DataFrame:
    """A table with its columns as people read them, shares as percent or points."""
    percent = [name for name in table.columns if name in PERCENT]
    rounded = table.with_columns(
        (pl.col(percent) * 100).round(1), cs.by_name("changes", require_all=False).round(1)
    )
    return rounded.rename({name: TITLES.get(name, name) for name in table.columns})


def _commit(found: Proposal) -> None:
    reason = str(st.session_state.get("bias_action_reason", ""))
    about = tuple(map(str, st.session_state.get("bias_action_about", ())))
    done = presses.send(
        lambda request_id: bias_actions.commit(
            session.store(), project_id=session.project_id(), by=session.person(), proposal=found, reason=reason, about=about,
            request_id=request_id,
        ),
        "bias_action", found.wish.action, found.wish.attribute, str(found.saw), reason, *about,
    )  # fmt: skip
    if done is not None:
        st.session_state.pop(_PROPOSAL, None)
        presses.say_done("decided")
