"""The verbs about what pulls labels and what is done about a bias: bias-effects, bias-act."""

from __future__ import annotations

from typing import Annotated

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
    order, attributes, pull = (run.document[name] for name in ("order", "attributes", "pull"))
    assert isinstance(order, list)
    assert isinstance(attributes, list)
    assert isinstance(pull, dict)
    words = [f"{sentence}.", detail, f"  {view.pull_sentence(pull)}"]
    words += [f"  {view.order_sentence(row)}{_told(row)}" for row in order if not row["undefined"]]
    words += [f"  {view.attribute_sentence(row)}{_told(row)}" for row in attributes if not row["undefined"]]
    answer(context, as_json, document, "\n".join(words))


def _told(row: dict[str, object]) -> str:
    p = row["p_adjusted"]
    return f", p = {p:.3g} corrected" if isinstance(p, float) else ""
