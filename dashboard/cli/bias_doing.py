"""The verbs about what pulls labels and what is done about a bias: bias-effects, bias-act, bias-mitigate, suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from dashboard.cli.frame import (
    ByOption,
    JsonOption,
    ProjectOption,
    RequestOption,
    StoreOption,
    answer,
    opened,
    project_of,
    tell_progress,
)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("bias-effects")(bias_effects)
    app.command("bias-act")(bias_act)
    app.command("bias-mitigate")(bias_mitigate)
    app.command("suggestions")(suggestions)


def bias_effects(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    acts: ByOption = None,
    as_json: JsonOption = False,
    gap_minutes: Annotated[
        float, typer.Option("--gap-minutes", help="So long a pause begins another sitting.")
    ] = 30.0,
    idle_seconds: Annotated[
        float, typer.Option("--idle-seconds", help="A longer time taken is idle time, and unknown.")
    ] = 600.0,
    replicates: Annotated[
        int, typer.Option("--replicates", min=100, help="Bootstrap replicates of an interval.")
    ] = 1000,
    permutations: Annotated[
        int, typer.Option("--permutations", min=99, help="Permutations of a test of an item's attribute.")
    ] = 999,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of both.")] = 0,
    model_run: Annotated[
        str, typer.Option("--model-run", help="Whose labels are the model's (default: the newest).")
    ] = "",
    request_id: RequestOption = None,
) -> None:
    """Say whether anything but the item pulls labels: shown suggestions, order, haste, an attribute of the item; and keep it."""
    from dashboard.workflows import bias_effects as effects
    from dashboard.workflows import bias_effects_view as view

    options = effects.EffectOptions(
        gap_minutes=gap_minutes, idle_seconds=idle_seconds, replicates=replicates, permutations=permutations, seed=seed,
        model_run=model_run,
    )  # fmt: skip
    with opened(context, store, acts) as (found, person):
        project_id = project_of(context, found, project)
        run = effects.measure(
            found, project_id=project_id, by=person, options=options, request_id=request_id, progress=tell_progress
        )  # fmt: skip
    state, sentence, detail = view.answer(run.document)
    document = {
        "run_id": run.run_id, "project": project_id, "state": state, "sentence": sentence, "detail": detail, **run.document,
    }  # fmt: skip
    order, attributes, pulls = (run.document[name] for name in ("order", "attributes", "pulls"))
    assert isinstance(order, list)
    assert isinstance(attributes, list)
    assert isinstance(pulls, list)
    words = [f"{sentence}.", detail, *(f"  {line}" for line in view.pull_sentences(pulls))]
    words += [f"  {view.order_sentence(row)}{_told(row)}" for row in order if not row["undefined"]]
    words += [f"  {view.attribute_sentence(row)}{_told(row)}" for row in attributes if not row["undefined"]]
    answer(context, as_json, document, "\n".join(words))


def _told(row: dict[str, object]) -> str:
    p = row["p_adjusted"]
    return f", p = {p:.3g} corrected" if isinstance(p, float) else ""


def bias_act(
    context: typer.Context,
    action: Annotated[
        str,
        typer.Argument(help="reweight, extra-vote or adjudicate."),
    ],
    attribute: Annotated[str, typer.Option("--attribute", help="An attribute of annotators.")],
    purpose: Annotated[
        str, typer.Option("--purpose", help="What the attribute is read for; goes to the audit trail.")
    ],
    store: StoreOption = None,
    project: ProjectOption = None,
    acts: ByOption = None,
    as_json: JsonOption = False,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target", help="reweight: GROUP=SHARE of the votes, once a group (default: equal shares)."
        ),
    ] = None,
    group: Annotated[
        str,
        typer.Option(
            "--group", help="extra-vote: who is asked (default: who has the fewest votes on an item)."
        ),
    ] = "",
    items: Annotated[int, typer.Option("--items", help="How many items at most.")] = 100,
    wait_days: Annotated[
        int,
        typer.Option(
            "--wait-days", help="extra-vote: so long they are asked before everybody is (0: not at all)."
        ),
    ] = 7,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the draws of votes not given yet.")] = 0,
    commit: Annotated[
        bool,
        typer.Option("--commit", help="Decide on it: an event, and a flag for each item. Needs --reason."),
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why it is decided on.")] = "",
    about: Annotated[
        list[str] | None,
        typer.Option(
            "--about",
            help="A gap that it answers, as `bias-statement --json` names it (default: those of the attribute that stay).",
        ),
    ] = None,
    request_id: RequestOption = None,
) -> None:
    """Say what an action on a bias between groups of annotators is expected to do; with --commit decide on it."""
    from dashboard.workflows import bias_actions as acting

    wish = acting.Wish(action, attribute, _targets(target or []), group, items, seed, wait_days)
    with opened(context, store, acts) as (found, person):
        project_id = project_of(context, found, project)
        if commit:
            done = acting.act(
                found, project_id=project_id, by=person, wish=wish, purpose=purpose, reason=reason, about=about, request_id=request_id
            )  # fmt: skip
            document: dict[str, object] = {
                "project": project_id, "action": action, "title": done.title, "sentence": done.sentence, "expected": done.expected,
                "groups": done.groups, "choices": done.choices, "items": [{"item_id": one} for one in done.items], "committed": True,
                "flagged": done.flagged, "asked_first": done.n_first,
            }  # fmt: skip
            wait = len(done.items) - done.flagged
            waiting = f" {wait} of its {len(done.items)} items wait for somebody already." if wait else ""
            words = (
                f"Decided; {done.flagged} items were flagged.{waiting}{_asked_first(done.n_first, wait_days)}"
            )
        else:
            proposal = acting.propose(found, project_id=project_id, by=person, wish=wish, purpose=purpose)
            document = {
                "project": project_id, "action": action, "title": proposal.title, "sentence": proposal.sentence,
                "expected": proposal.expected, "groups": proposal.groups.to_dicts(), "choices": proposal.choices.to_dicts(),
                "items": proposal.items.to_dicts(), "committed": False, "flagged": None, "asked_first": 0,
            }  # fmt: skip
            words = "Nothing was changed; --commit decides on it."
    answer(context, as_json, document, f"{document['title']}. {document['sentence']}.\n{words}")


def _asked_first(n: int, days: int) -> str:
    return (
        f" For {n} of them some people are asked {days} days before everybody is; the store says of nobody whom."
        if n
        else ""
    )


def _targets(pairs: list[str]) -> dict[str, float] | None:
    found = {}
    for pair in pairs:
        name, _, share = pair.rpartition("=")
        try:
            found[name] = float(share)
        except ValueError as error:
            raise typer.BadParameter(
                f"--target {pair}: write GROUP=SHARE, as in --target north=0.5"
            ) from error
    return found or None


def bias_mitigate(
    context: typer.Context,
    attribute: Annotated[str, typer.Option("--attribute", help="An attribute of items.")],
    label: Annotated[str, typer.Option("--label", help="The label that is made even, against all others.")],
    store: StoreOption = None,
    project: ProjectOption = None,
    acts: ByOption = None,
    as_json: JsonOption = False,
    model_run: Annotated[
        str, typer.Option("--model-run", help="Whose labels (default: the newest run).")
    ] = "",
    replicates: Annotated[int, typer.Option("--replicates", min=100, help="Bootstrap replicates.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of halves, fits and bootstrap.")] = 0,
    commit: Annotated[
        bool, typer.Option("--commit", help="Keep the labels of one way as a model run. Needs --reason.")
    ] = False,
    method: Annotated[
        str,
        typer.Option(
            "--method", help="thresholds or reduction (default: what evens out most for its price)."
        ),
    ] = "",
    constraint: Annotated[
        str, typer.Option("--constraint", help="demographic_parity or equalized_odds (default: likewise).")
    ] = "",
    run: Annotated[str, typer.Option("--run", help="What the new run is called.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why it is decided on.")] = "",
    request_id: RequestOption = None,
) -> None:
    """Say what fairlearn's mitigation would make of a model's labels between groups of items, and its price; --commit keeps them."""
    from dashboard.workflows import bias_evening, bias_mitigation

    with opened(context, store, acts) as (found, person):
        project_id = project_of(context, found, project)
        if commit:
            wish = bias_evening.Evening(
                attribute,
                label,
                model_run,
                replicates,
                seed,
                bias_mitigation.WAYS.get(method, method),
                constraint,
            )
            kept = bias_evening.act(
                found,
                project_id=project_id,
                by=person,
                wish=wish,
                reason=reason,
                name=run,
                request_id=request_id,
            )
            document: dict[str, object] = {
                "project": project_id, "model_run": kept.made_of, "label": label, "groups": list(kept.groups), "standard": kept.standard,
                "n": kept.judged, "undefined": None, "rows": kept.table, "sentence": kept.sentence, "committed": kept.model_run,
            }  # fmt: skip
            words = f"Kept as the run {kept.model_run!r}."
        else:
            seen = bias_mitigation.mitigate(
                found, project_id=project_id, by=person, attribute=attribute, label=label, model_run=model_run, replicates=replicates,
                seed=seed,
            )  # fmt: skip
            best = None if seen.found.undefined is not None else bias_mitigation.best_row(seen)
            document = {
                "project": project_id, "model_run": seen.model_run, "label": seen.label, "groups": list(seen.groups),
                "standard": seen.standard, "n": seen.found.n, "undefined": seen.found.undefined, "rows": seen.found.table.to_dicts(),
                "sentence": None if best is None else bias_mitigation.price_words(seen, best), "committed": None,
            }  # fmt: skip
            words = "Nothing was changed; --commit keeps the labels as a run."
    answer(context, as_json, document, _mitigated(document, words))


def _mitigated(document: Mapping[str, Any], done: str) -> str:
    """What mitigation would do, or did, in lines."""
    if document["undefined"] is not None:
        return f"It cannot be told: {document['undefined']}."
    rows = "\n".join(
        f"{row['method']}{', ' + row['constraint'] if row['constraint'] else ''}: accuracy {row['accuracy']:.3f}, price "
        f"{row['price'] * 100:+.1f} points [{row['price_low'] * 100:+.1f}, {row['price_high'] * 100:+.1f}], gap in how often given "
        f"{row['parity_gap']:.3f}, in rates {row['odds_gap']:.3f}"
        for row in document["rows"]
    )
    first = f"{document['sentence']}.\n" if document["sentence"] else ""
    return f"{first}{document['model_run']} on {document['n']:,} items, judged by {document['standard']}:\n{rows}\n{done}"


def suggestions(
    context: typer.Context,
    when: Annotated[
        str | None, typer.Argument(help="never, after (the blind answer) or before; without it: what holds.")
    ] = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    acts: ByOption = None,
    as_json: JsonOption = False,
    hidden_share: Annotated[
        float,
        typer.Option("--hidden-share", help="before: for so many of the items it is hidden, at random."),
    ] = 0.3,
    seed: Annotated[int, typer.Option("--seed", min=0, help="before: seed of the draw.")] = 0,
    reason: Annotated[str, typer.Option("--reason", help="Why it is changed.")] = "",
    request_id: RequestOption = None,
) -> None:
    """Say or change when a model's suggestion is shown to who labels an item; shown, an answer is no independent one."""
    from dataclasses import asdict

    from dashboard.workflows import suggestions as rules

    with opened(context, store, acts) as (found, person):
        project_id = project_of(context, found, project)
        rule = rules.rule_of(found, project_id)
        if when is not None:
            wanted = rules.Rule(when, hidden_share, seed)
            rule = rules.change_rule(
                found, project_id=project_id, by=person, rule=wanted, reason=reason, request_id=request_id
            )
    share = f"; hidden for {rule.hidden_share:.0%} at random" if rule.when == rules.BEFORE else ""
    words = {"never": "never", "after": "after the blind answer", "before": "before the answer"}[rule.when]
    answer(
        context, as_json, {"project": project_id, **asdict(rule)}, f"Suggestions are shown {words}{share}."
    )
