"""The file that an interrupted training is taken up from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dashboard.workflows.errors import BadRequest

if TYPE_CHECKING:
    from analytics.hidden_training import HiddenCheckpoint
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


def read_hidden_checkpoint(path: Path | None) -> HiddenCheckpoint | None:
    """As `read_checkpoint`, of networks."""
    if path is None or not path.exists():
        return None
    from analytics.hidden_training import HiddenCheckpoint

    try:
        with np.load(path, allow_pickle=False) as held:
            return HiddenCheckpoint(
                fingerprint=str(held["fingerprint"]),
                epoch=int(held["epoch"]),
                arrays=tuple(held[f"array_{place}"] for place in range(int(held["n_arrays"]))),
                losses=held["losses"],
            )
    except (OSError, ValueError, KeyError) as error:
        raise BadRequest(f"{path} is no checkpoint of a training of networks: {error}") from error


def checkpoint_writer(path: Path) -> Callable[[Checkpoint], None]:
    """Write checkpoints to a file, whole or not at all."""

    def write(found: Checkpoint) -> None:
        _write(
            path,
            fingerprint=np.array(found.fingerprint),
            n_members=np.array(found.n_members),
            parameters=found.parameters,
            losses=found.losses,
            n_steps=found.n_steps,
            converged=found.converged,
        )

    return write


def hidden_checkpoint_writer(path: Path) -> Callable[[HiddenCheckpoint], None]:
    """As `checkpoint_writer`, of networks."""

    def write(found: HiddenCheckpoint) -> None:
        arrays = {f"array_{place}": one for place, one in enumerate(found.arrays)}
        _write(
            path,
            fingerprint=np.array(found.fingerprint),
            epoch=np.array(found.epoch),
            n_arrays=np.array(len(arrays)),
            losses=found.losses,
            **arrays,
        )

    return write


def _write(path: Path, **arrays: NDArray[Any]) -> None:
    writing = path.with_name(path.name + ".writing")
    with writing.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes the first of them for allow_pickle
    writing.replace(path)
