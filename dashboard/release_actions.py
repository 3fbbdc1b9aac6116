"""What a person may do with a release: propose, sign, refuse, waive, take it along.

A press carries the content hash that was on the screen; what the store refuses is said by the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard import active_time, presses, session
from dashboard.components import empty_state, link_to, plain
from dashboard.workflows import release, release_export
from dashboard.workflows.release_gates import Gate, GateReport
from dashboard.workflows.release_record import Release
from dashboard.workflows.rules import PERMISSIONS, ROLE_TITLES, ROLES, Person

NOTE = "release-note"
APPROVE, REJECT = "approve", "reject"


def may(verb: str) -> bool:
    """Whether the person may do this now: the role allows it and the screen shows the present."""
    return session.as_of() is None and session.person().may(verb)


def about(release_id: str) -> str:
    """What the time that a signer looks at a release is measured under."""
    return f"release-{release_id}"


def propose_form(report: GateReport, *, first: bool) -> None:
    """Propose today's labels; `report` is what the gates say of them."""
    with st.container(border=True, gap="small"):
        st.markdown(f"**Propose {'the first' if first else 'a new'} release**")
        if report.passed:
            st.markdown(":green[:material/check_circle:] Every gate passes for the labels of today.")
        else:
            said = "; ".join(gate.detail for gate in report.failed)
            st.markdown(
                f":red[:material/cancel:] The gates say no to the labels of today: {plain(said)}. You can "
                "propose all the same, so that people can look; signing then takes a waiver."
            )
        with st.form("release-propose", border=False):
            st.text_input("Note", key=NOTE, placeholder="What it is for (optional)", max_chars=500)
            st.form_submit_button(
                "Propose a release",
                key="release-propose-send",
                type="primary" if first else "secondary",
                icon=":material/verified:",
                on_click=_propose,
            )


def nobody_proposed() -> None:
    """There is no release, and the person may not propose one."""
    empty_state(
        "No release yet",
        f"A release freezes the label of every item under a content hash. {_who('release.propose')} proposes "
        "one, two different people sign it, and then it can be exported.",
        icon="verified",
    )


def sign_card(shown: Release, *, change: str) -> None:
    """Approve or reject; for whoever cannot, why not and who can. `change`: what it changes, in words."""
    with st.container(border=True, gap="small"):
        st.markdown("**Your signature**")
        person = session.person()
        if not person.may("release.sign"):
            st.markdown(f"Your role does not sign. {_who('release.sign')} can: {_names(_others(shown))}.")
            return
        if person.person_id in shown.approved_by:
            _signed_already(shown)
        elif shown.blocking_gates:
            _held_up(shown)
        else:
            _approve(shown, change)
        if may("release.sign"):
            _reject(shown)


def waive_form(shown: Release, gate: Gate) -> None:
    """Let the release through a gate that said no, with a reason."""
    with (
        st.popover("Waive", icon=":material/gpp_maybe:", type="tertiary"),
        st.form(f"release-waive-{gate.key}", border=False),
    ):
        st.markdown(
            f"**Let release {shown.version} through although {plain(gate.detail)}?**  \nThe reason goes "
            "wherever the release goes, for ever."
        )
        key = f"release-waive-reason-{gate.key}-{shown.release_id}"
        st.text_area("Why it may go out all the same", key=key, height=90, max_chars=2000)
        st.form_submit_button(
            "Waive this gate",
            key=f"release-waive-send-{gate.key}",
            type="primary",
            on_click=_waive,
            args=(shown.release_id, gate.key, key),
        )


def export_card(shown: Release) -> None:
    """Take an approved release along: a zip file, or the command that writes the folder."""
    with st.container(border=True, gap="small"):
        st.markdown("**Take it along**")
        st.caption(
            "Labels as Parquet and CSV with where each came from, and a manifest with hashes, gates and signatures. "
            "`touchstone verify` checks it without this store."
        )
        if not may("release.export"):
            st.markdown(f"{_who('release.export')} can export it, from the present.")
            return
        with_texts = st.toggle(
            "With the items' texts",
            key="release-with-texts",
            help="Off: item ids and labels only, for readers who have the texts or may not see them.",
        )
        project_id, person, store = session.project_id(), session.person(), session.store()
        folder = release_export.default_folder(project_id, shown)
        st.download_button(
            "Download as zip",
            data=partial(
                release_export.export_zip,
                store,
                project_id=project_id,
                by=person,
                release_id=shown.release_id,
                with_content=with_texts,
            ),
            file_name=f"{folder.name}.zip",
            mime="application/zip",
            key=f"release-export-{shown.version}",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            help="Made when you press; the journal keeps that you took it.",
        )
        st.caption("Or as a folder, where the store is:")
        words = " --with-content" if with_texts else ""
        several = f" --project {project_id}" if len(session.projects()) > 1 else ""
        st.code(
            f"touchstone release export {shown.version}{several}{words} --out {folder.name}",
            language="bash",
            wrap_lines=True,
        )


def _signed_already(shown: Release) -> None:
    st.markdown(
        ":green[:material/check_circle:] **You signed it.** A release takes two different people, so that nobody "
        "lets one out alone: your second signature would not count."
    )
    others = _others(shown)
    if others:
        st.markdown(f"Ask one of these to look and sign: {_names(others)}.")
    else:
        st.markdown(
            f"Nobody else here may sign. {_who('release.sign')} is needed; an administrator adds people."
        )
        link_to("settings", label="Who may act")


def _held_up(shown: Release) -> None:
    n = len(shown.blocking_gates)
    waiving = (
        "waive it beside the gate, with a reason"
        if may("release.waive")
        else "let a team lead waive it with a reason"
    )
    st.markdown(
        f"Nobody can approve it while {'a gate says' if n == 1 else f'{n} gates say'} no. Mend what the gate "
        f"names and propose again, or {waiving}."
    )


def _approve(shown: Release, change: str) -> None:
    st.markdown(
        f"You sign that these **{shown.n_items:,} labels** may go out, by their content hash"
        + (", with the bias statement beside the gates" if shown.bias_statement_sha256 else "")
        + f". {plain(change)}"
    )
    st.code(shown.content_hash, language=None, wrap_lines=True)
    if session.as_of() is not None:
        return
    with st.form("release-approve", border=False):
        key = f"release-approve-reason-{shown.release_id}"
        st.text_input("Note", key=key, placeholder="What you checked (optional)", max_chars=500)
        st.form_submit_button(
            f"Approve release {shown.version}",
            key="release-approve-send",
            type="primary",
            icon=":material/check:",
            on_click=_sign,
            args=(APPROVE, shown.release_id, shown.content_hash, key),
        )


def _reject(shown: Release) -> None:
    with (
        st.popover(f"Reject release {shown.version}", icon=":material/block:"),
        st.form("release-reject", border=False),
    ):
        st.markdown("**It will never go out.** Whoever proposed it reads why, mends it and proposes anew.")
        key = f"release-reject-reason-{shown.release_id}"
        st.text_area("What has to be mended", key=key, height=90, max_chars=2000)
        st.form_submit_button(
            "Reject it for good",
            key="release-reject-send",
            type="primary",
            on_click=_sign,
            args=(REJECT, shown.release_id, shown.content_hash, key),
        )


def _propose() -> None:
    note = _written(NOTE)
    done = presses.send(
        lambda request_id: release.propose(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            note=note,
            request_id=request_id,
        ),
        "release.propose",
        note,
    )
    if done is not None:
        presses.say_done(
            f"Release {done.version} is proposed: {done.n_items:,} items, content {done.short_hash}…."
        )
        st.session_state[NOTE] = ""
        st.query_params.pop("release", None)


def _sign(decision: str, release_id: str, content_hash: str, key: str) -> None:
    """Approve or reject, with what was written under `key`."""
    verb: Callable[..., Release] = release.approve if decision == APPROVE else release.reject
    reason = _written(key)
    done = presses.send(
        lambda request_id: verb(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            release_id=release_id,
            expected_hash=content_hash,
            reason=reason,
            active_seconds=active_time.spent(about(release_id)),
            request_id=request_id,
        ),
        f"release.{decision}",
        release_id,
        content_hash,
        reason,
    )
    if done is not None:
        active_time.forget(about(release_id))
        presses.say_done(f"You {'approved' if decision == APPROVE else 'rejected'} release {done.version}.")


def _waive(release_id: str, gate: str, key: str) -> None:
    reason = _written(key)
    done = presses.send(
        lambda request_id: release.waive(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            release_id=release_id,
            gate=gate,
            reason=reason,
            request_id=request_id,
        ),
        "release.waive",
        release_id,
        gate,
        reason,
    )
    if done is not None:
        presses.say_done(f"The gate is waived for release {done.version}.")


def _written(key: str) -> str:
    return str(st.session_state.get(key) or "").strip()


def _others(shown: Release) -> Sequence[Person]:
    """Who else may sign, now."""
    gone = {*shown.approved_by, session.person().person_id}
    return [one for one in session.people() if one.may("release.sign") and one.person_id not in gone]


def _names(people: Sequence[Person]) -> str:
    return ", ".join(plain(one.name) for one in people) or "nobody yet"


def _who(verb: str) -> str:
    """The roles that may do this, in words."""
    titles = [ROLE_TITLES[role].lower() for role in ROLES if role in PERMISSIONS[verb]]
    words = " or ".join(titles) if len(titles) < 3 else f"{', '.join(titles[:-1])} or {titles[-1]}"
    return f"A {words}"
