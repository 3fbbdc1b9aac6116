"""How the two fixed files of the demo were made: `python -m tests.data.demo_models` writes them anew.

`data/demo/digits.tsv` holds the chosen pictures with a model's chances, `data/demo/messages-model.tsv` a
model's chances for the messages. They are files so that a demo needs no scikit-learn and is the same on every
machine. Both models are honest: every chance comes from a fit that did not see that item (five folds).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union

import data.demo
from data.demo.digits import LABELS as DIGITS
from data.demo.digits import N_AMBIGUOUS, N_ITEMS
from data.demo.messages import LABELS as INTENTS
from data.demo.messages import message_texts
from data.synthetic import Codes, Floats

FOLDER = Path(data.demo.__file__).parent
_SEED = 17
_SHADES = "0123456789abcdefg"


def digit_chances() -> Floats:
    """(1797, 10): a logistic regression on the 64 pixels."""
    pixels, truth = load_digits(return_X_y=True)
    return _out_of_fold(LogisticRegression(C=0.5, max_iter=500), pixels / 16.0, truth)


def message_chances() -> Floats:
    """(304, 8), in the order of the label set: a logistic regression on words and pieces of words."""
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    )
    model = make_pipeline(features, LogisticRegression(C=30.0, max_iter=500))
    texts = message_texts()
    truth = np.array([INTENTS.index(intent) for intent in texts["intent"]])
    return _out_of_fold(model, texts["text"].to_list(), truth)


def chosen_digits(chances: Floats) -> pl.DataFrame:
    """The pictures the model finds hardest and, for the rest, as many as make each digit equally frequent."""
    pixels, truth = load_digits(return_X_y=True)
    wrong = chances.copy()
    wrong[np.arange(len(truth)), truth] = 0.0
    hardest = np.argsort(-wrong.max(axis=1), kind="stable")[:N_AMBIGUOUS]
    rng = np.random.default_rng(_SEED)
    rest = rng.permutation(np.setdiff1d(np.arange(len(truth)), hardest))
    wanted = N_ITEMS // len(DIGITS) - np.bincount(truth[hardest], minlength=len(DIGITS))
    kept = [rest[truth[rest] == code][: wanted[code]] for code in range(len(DIGITS))]
    chosen: Codes = rng.permutation(np.concatenate([hardest, *kept]))
    return pl.DataFrame(
        {
            "item_id": [f"digit-{number:04d}" for number in range(1, N_ITEMS + 1)],
            "source_row": chosen,
            "digit": truth[chosen],
            "second": wrong[chosen].argmax(axis=1),
            "ambiguous": np.isin(chosen, hardest).astype(np.int64),
            "pixels": ["".join(_SHADES[int(shade)] for shade in picture) for picture in pixels[chosen]],
            **{f"p_{digit}": chances[chosen, code].round(4) for code, digit in enumerate(DIGITS)},
        }
    )


def _out_of_fold(model: object, inputs: Floats | list[str], truth: Codes) -> Floats:
    folds = StratifiedKFold(5, shuffle=True, random_state=_SEED)
    chances: Floats = cross_val_predict(model, inputs, truth, cv=folds, method="predict_proba")
    return chances


def write(folder: Path) -> None:
    """Writes both files into `folder`."""
    chosen_digits(digit_chances()).write_csv(folder / "digits.tsv", separator="\t")
    chances = message_chances().round(4)
    columns = {intent: chances[:, code] for code, intent in enumerate(INTENTS)}
    pl.DataFrame({"item_id": message_texts()["item_id"], **columns}).write_csv(
        folder / "messages-model.tsv", separator="\t"
    )


if __name__ == "__main__":
    write(FOLDER)
