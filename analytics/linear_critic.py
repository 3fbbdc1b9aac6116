"""A small linear softmax that has not seen one item, to say which of its features speak for a label.

Multinomial logistic regression with an L2 penalty on TF-IDF of texts or on pixels. It is fitted to the other items' labels: the
item that is explained is left out of its vocabulary, its weights and its baseline. Members are fitted to bootstrap samples of
the items, drawn within each label; their spread says how far the picture depends on the items at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from analytics.attribution_spans import terms_of
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray

N_MEMBERS = 5
LEAST_OF_A_LABEL = 2
MOST_TERMS = 20_000
TOLERANCE = 1e-2  # of the gradient: a picture does not change below it
LEAST_TEXTS = 2  # a term in one text only says nothing about another


@dataclass(frozen=True, slots=True)
class LinearView:
    """Linear models that did not see an item, and the item as they see it. Whatever is linear can be put in this form.

    Attributes:
        label_codes: (K',) ascending: the labels that they know.
        weights: (M, K', D) of each member.
        bias: (M, K').
        x: (D,) the item.
        baseline: (D,) what the item is compared with.
        baseline_words: what that is, in words.
        terms: (D,) terms of a text; empty for pixels.
        n_items: items that a member was fitted to.
        undefined: why there is no model, else None; the arrays are then empty.
    """

    label_codes: IntArray
    weights: FloatArray
    bias: FloatArray
    x: FloatArray
    baseline: FloatArray
    baseline_words: str
    terms: tuple[str, ...] = ()
    n_items: int = 0
    undefined: str | None = None

    @property
    def probabilities(self) -> FloatArray:
        """(K',) the members' mean probability of each label."""
        logits = self.weights @ self.x + self.bias
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: FloatArray = (raised / raised.sum(axis=1, keepdims=True)).mean(axis=0)
        return found


def fit_text_critic(
    texts: Sequence[str],
    labels: IntArray,
    text: str,
    *,
    n_members: int = N_MEMBERS,
    strength: float = 10.0,
    seed: int = 0,
) -> LinearView:
    """Fit to `texts` (without the item's own) and look at `text`. The baseline is an empty text.

    Args:
        texts: (I,) the other items' texts.
        labels: (I,) their label codes.
        text: the item's.
        n_members: M, 1 or more.
        strength: the inverse of the penalty, above 0.
        seed: of the bootstrap samples.

    Raises:
        BadOption: options that are not allowed, or texts and labels of different lengths.
    """
    _check(len(texts), labels, n_members, strength)
    reason = _too_few(labels)
    if reason is not None:
        return _nothing(reason)
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = LEAST_TEXTS if len(texts) >= 20 else 1
    vectoriser = TfidfVectorizer(
        analyzer=terms_of, sublinear_tf=True, min_df=least, max_features=MOST_TERMS, dtype=np.float64
    )
    try:
        features = csr_array(vectoriser.fit_transform(texts))
    except ValueError:  # nothing is left of the vocabulary
        return _nothing("the other items' texts have no word in common")
    x = csr_array(vectoriser.transform([text])).toarray()[0]
    weights, bias = _members(features, labels, n_members, strength, seed)
    terms = tuple(str(term) for term in vectoriser.get_feature_names_out())
    return LinearView(
        np.unique(labels), weights, bias, x, np.zeros(len(x)), "an empty text", terms, len(texts)
    )


def fit_pixel_critic(
    pixels: FloatArray,
    labels: IntArray,
    picture: FloatArray,
    *,
    n_members: int = N_MEMBERS,
    strength: float = 0.1,
    seed: int = 0,
) -> LinearView:
    """Fit to `pixels` (I, D), 0 to 1, without the item's own, and look at `picture` (D,). The baseline is their mean.

    Raises:
        BadOption: options that are not allowed, or arrays that do not fit each other or are not finite.
    """
    _check(len(pixels), labels, n_members, strength)
    if pixels.ndim != 2 or picture.shape != pixels.shape[1:]:
        raise BadOption("picture", f"shape {picture.shape} beside {pixels.shape}", "(D,) beside (I, D)")
    if not (np.isfinite(pixels).all() and np.isfinite(picture).all()):
        raise BadOption("pixels", "an entry", "a finite number")
    reason = _too_few(labels)
    if reason is not None:
        return _nothing(reason)
    table = pixels.astype(np.float64)
    mean = table.mean(axis=0)
    weights, bias = _members(table - mean, labels, n_members, strength, seed)  # centred: converges sooner
    bias = bias - weights @ mean
    return LinearView(
        np.unique(labels),
        weights,
        bias,
        picture.astype(np.float64),
        mean,
        "the mean of the other pictures",
        (),
        len(table),
    )


def text_features(texts: Sequence[str]) -> csr_array | None:
    """(I, D) TF-IDF of texts, for their likeness; None where they have no words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        found = TfidfVectorizer(analyzer=terms_of, sublinear_tf=True, dtype=np.float64).fit_transform(texts)
    except ValueError:
        return None
    return csr_array(found)


def _check(n_items: int, labels: IntArray, n_members: int, strength: float) -> None:
    if labels.shape != (n_items,):
        raise BadOption("labels", f"array of shape {labels.shape}", f"one for each of {n_items} items")
    if n_members < 1:
        raise BadOption("n_members", n_members, "1 or more")
    if not 0 < strength < np.inf:
        raise BadOption("strength", strength, "above 0 and finite")


def _too_few(labels: IntArray) -> str | None:
    counts = np.unique(labels, return_counts=True)[1]
    if (counts >= LEAST_OF_A_LABEL).sum() < 2:
        return f"the other items have fewer than two labels with {LEAST_OF_A_LABEL} items each"
    return None


def _nothing(reason: str) -> LinearView:
    none = np.empty(0)
    return LinearView(
        np.empty(0, dtype=np.int64), np.empty((0, 0, 0)), np.empty((0, 0)), none, none, "", undefined=reason
    )


def _members(
    features: FloatArray | csr_array, labels: IntArray, n_members: int, strength: float, seed: int
) -> tuple[FloatArray, FloatArray]:
    """(M, K', D) weights and (M, K') biases; two labels' one row of weights is split evenly between them."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_members):
        rows = _bootstrap(labels, rng)
        model = LogisticRegression(C=strength, max_iter=1000, tol=TOLERANCE)
        model.fit(features[rows], labels[rows])
        found.append((model.coef_, model.intercept_))
    weights, bias = (np.stack(part) for part in zip(*found, strict=True))
    if weights.shape[1] == 1:
        weights = np.concatenate([-weights / 2, weights / 2], axis=1)
        bias = np.concatenate([-bias / 2, bias / 2], axis=1)
    return weights, bias


def _bootstrap(labels: IntArray, rng: np.random.Generator) -> IntArray:
    """Rows drawn with replacement within each label, so that no member lacks one."""
    order = np.argsort(labels, kind="stable")
    edges = np.flatnonzero(np.diff(labels[order])) + 1
    drawn: IntArray = np.concatenate([rng.choice(part, len(part)) for part in np.split(order, edges)])
    return np.sort(drawn)
