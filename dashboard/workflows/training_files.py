"""The file that an interrupted training is taken up from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dashboard.workflows.errors import BadRequest

if TYPE_CHECKING:
    from analytics.member_fits import Checkpoint


def read_checkpoint(path: Path | None) -> Checkpoint | None:
    """What an interrupted training left in the file; None where there is none. Raises BadRequest for another file."""
    if path is None or not path.exists():
        return None
    from analytics.member_fits import Checkpoint

    try:
        with np.load(path, allow_pickle=False) as held:
            return Checkpoint(
                fingerprint=str(held["fingerprint"]),
                n_members=int(held["n_members"]),
                parameters=held["parameters"],
                losses=held["losses"],
                n_steps=held["n_steps"],
                converged=held["converged"],
            )
    except (OSError, ValueError, KeyError) as error:
        raise BadRequest(f"{path} is no checkpoint of a training: {error}") from error


def checkpoint_writer(path: Path) -> Callable[[Checkpoint], None]:
    """Write checkpoints to a file, whole or not at all."""

    def write(found: Checkpoint) -> None:
        writing = path.with_name(path.name + ".writing")
        with writing.open("wb") as file:
            np.savez(
                file,
                fingerprint=found.fingerprint,
                n_members=found.n_members,
                parameters=found.parameters,
                losses=found.losses,
                n_steps=found.n_steps,
                converged=found.converged,
            )
        writing.replace(path)

    return write
