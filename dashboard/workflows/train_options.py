"""How the built-in model is trained: its options, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.model_content import KNOWN, is_encoder

MOST_MEMBERS, MOST_FOLDS = 100, 50
LINEAR, HIDDEN = "linear", "hidden"
MODELS = (LINEAR, HIDDEN)
CONSENSUS, CROWD = "consensus", "crowd"
TEACHERS = (CONSENSUS, CROWD)
ENSEMBLE, NETWORKS, DROPOUT, LAPLACE = "ensemble", "networks", "dropout", "laplace"
"""What the members of a run are."""

DEFAULT_MEMBERS = {ENSEMBLE: 5, NETWORKS: 5, DROPOUT: 20, LAPLACE: 40}
DEFAULT_WIDTH, DEFAULT_DROPOUT, DEFAULT_EPOCHS = 64, 0.2, 40
FEWEST_STEPS = 200
"""Where items are so few that DEFAULT_EPOCHS make fewer steps, there are more epochs."""
MOST_WIDTH, MOST_EPOCHS = 2048, 1000


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How the model is trained.

    `encoder`: auto, text (TF-IDF), pixels, embeddings (brought in), or a network that others trained: `sentences:NAME`, `backbone:NAME`.
    `model`: linear, or hidden: a network with a hidden layer of `width` units, `dropout` of which are dropped while it learns,
    for `epochs`. `laplace`: the linear model's members are drawn from what its weights may be.
    `labels`: consensus (its posterior, or what people decided), or crowd: the annotators' own annotations, whose errors are
    learned with the model.
    `n_members`: what is kept of every item, each of which might be right, and what they disagree on is what the model does not
    know: fits that weigh the items otherwise, draws (laplace), passes with units dropped (hidden) or networks (hidden, dropout
    0). None: as DEFAULT_MEMBERS.
    `penalty`: of the squared weights; None: of each fold the one that did best in the others; of networks a fixed one.
    `model_run`: the name of the run; by default one that names the labels' event. `checkpoint`: a file that the work can be
    taken up from. `curve`: measure how good the model is with fewer labels, too, and what more of them would bring.
    """

    encoder: str = "auto"
    n_folds: int = 5
    n_members: int | None = None
    penalty: float | None = None
    seed: int = 0
    device: str = "cpu"
    model_run: str = ""
    checkpoint: Path | None = None
    curve: bool = False
    model: str = LINEAR
    laplace: bool = False
    labels: str = CONSENSUS
    width: int | None = None
    dropout: float | None = None
    epochs: int | None = None

    @property
    def members_are(self) -> str:
        """What the members are."""
        if self.model == HIDDEN:
            return NETWORKS if self.dropout == 0 else DROPOUT
        return LAPLACE if self.laplace else ENSEMBLE

    @property
    def members(self) -> int:
        """How many there are."""
        return DEFAULT_MEMBERS[self.members_are] if self.n_members is None else self.n_members

    def checked(self) -> TrainOptions:
        """These options; raises BadRequest where one is out of range, or two do not go together."""
        for name, value, known in (
            ("a model", self.model, MODELS), ("a source of labels", self.labels, TEACHERS),
        ):  # fmt: skip
            if value not in known:
                raise BadRequest(f"{value!r} is not {name}. Known: {', '.join(known)}.")
        if not is_encoder(self.encoder):
            raise BadRequest(f"{self.encoder!r} is not an encoder. Known: {', '.join(KNOWN)}.")
        self._check_ranges()
        if self.model == HIDDEN:
            self._check_hidden()
        else:
            self._check_linear()
        return self

    def _check_ranges(self) -> None:
        fewest = 2 if self.members_are in (DROPOUT, LAPLACE) else 1
        for name, value, low, high in (
            ("folds", self.n_folds, 2, MOST_FOLDS), ("members", self.members, fewest, MOST_MEMBERS),
        ):  # fmt: skip
            if not low <= value <= high:
                why = f" (one {WORDS[self.members_are]} alone is chance)" if value == 1 and low == 2 else ""
                raise BadRequest(f"{value} {name}: there are {low} to {high}{why}.")
        if self.penalty is not None and not 0 < self.penalty < float("inf"):
            raise BadRequest(f"The penalty is {self.penalty}; it has to be above 0.")

    def _check_hidden(self) -> None:
        if self.laplace:
            raise BadRequest(
                "Laplace is worked out for the linear model: --model linear --laplace. A network's members are passes with units "
                "dropped, or with --dropout 0 networks that began elsewhere."
            )
        if self.labels == CROWD:
            raise BadRequest(
                "How annotators err is learned with the linear model: --model linear --labels crowd. A network learns from "
                "--labels consensus."
            )
        if self.curve:
            raise BadRequest(
                "What more labels would bring is measured for the linear model: --curve goes with --model linear."
            )
        for name, value, low, high in (
            ("width", self.width, 1, MOST_WIDTH),
            ("epochs", self.epochs, 1, MOST_EPOCHS),
        ):
            if value is not None and not low <= value <= high:
                raise BadRequest(f"{value} is no {name}: {low} to {high}.")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise BadRequest(f"A share of {self.dropout} of the units cannot be dropped: 0 to below 1.")

    def _check_linear(self) -> None:
        given = [f"--{name}" for name in ("width", "dropout", "epochs") if getattr(self, name) is not None]
        if given:
            raise BadRequest(
                f"The linear model has no hidden layer: {', '.join(given)} goes with --model hidden."
            )
        if self.laplace and self.checkpoint is not None:
            raise BadRequest(
                "With --laplace there is one fit a fold and nothing to take up: leave --checkpoint out. It goes with an ensemble and "
                "with --model hidden."
            )
        if self.labels == CROWD and self.curve:
            raise BadRequest(
                "What more labels would bring is measured against the consensus: --curve goes with --labels consensus."
            )


WORDS = {ENSEMBLE: "fit", NETWORKS: "network", DROPOUT: "pass", LAPLACE: "draw"}
"""A member, in a word."""
