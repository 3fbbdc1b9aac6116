"""Where tensors are computed: the processor or an NVIDIA card."""

from __future__ import annotations

import importlib.util
from typing import Literal, get_args

from analytics.errors import AnalyticsError, BadOption

Device = Literal["cpu", "cuda", "auto"]


class DeviceMissing(AnalyticsError):
    """A card was asked for by name and there is none that torch can use."""

    def __init__(self) -> None:
        super().__init__(
            "device='cuda' is not there: torch finds no CUDA card. Use device='cpu' or device='auto'."
        )


def has_cuda() -> bool:
    """Whether torch can use a CUDA card here."""
    # torch takes a second or two to import: only whoever asks pays for it.
    import torch

    return torch.cuda.is_available()


def has_triton() -> bool:
    """Whether Triton is there, which compiles our own kernels for a card; torch's CUDA builds bring it."""
    return importlib.util.find_spec("triton") is not None


def choose_device(device: Device) -> Literal["cpu", "cuda"]:
    """The device that a computation will run on.

    Args:
        device: "cpu"; "cuda", which has to be there; or "auto", a card where there is one.

    Raises:
        BadOption: another word.
        DeviceMissing: "cuda" where there is none.

    >>> choose_device("cpu")
    'cpu'
    """
    if device not in get_args(Device):
        raise BadOption("device", device, get_args(Device))
    if device == "cpu":
        return "cpu"
    if has_cuda():
        return "cuda"
    if device == "cuda":
        raise DeviceMissing
    return "cpu"
