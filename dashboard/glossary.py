"""What the app's words mean, in a sentence or two each, for whoever meets them on a page."""

from __future__ import annotations

from collections.abc import Mapping

GLOSSARY: Mapping[str, str] = {
    "item": "The thing that is labelled: a text, an image, or only an id.",
    "annotator": "A person or a model that labels items.",
    "annotation": "One annotator's label for one item at one time. Never changed: a correction is a new one.",
    "label": "One value of the label set.",
    "label set": "The allowed labels of a project, with their level: nominal (no order), ordinal (ordered), "
    "interval or ratio (numbers).",
    "guideline": "The instructions annotations are made under. Every version is kept.",
    "gold": "A label known in advance, used to test annotators.",
    "prediction": "What a named model run says about an item, with its score.",
    "consensus": "The label computed from an item's independent annotations, with a probability.",
    "posterior": "How probable each label is, given the item's annotations and how well each annotator does.",
    "contribution": "What one annotator's votes did for an item's label: how far they moved its probability, with what the "
    "run had learned about everybody as it is.",
    "independent": "The annotator had seen neither a suggestion nor anybody else's answer. Figures use these "
    "annotations only.",
    "adjudication": "A person's decision that settles an item, with a reason. No computation replaces it.",
    "label version": "What an item's label was from one moment on, and who or what made it so.",
    "gap": "How much more, or less, often something happens to one group than to all others. As counted it may only show that groups met "
    "other items; with the item held fixed, people are compared on the same items. A gap that stays is one that this cannot explain.",
    "flag": "A recorded doubt about an item, with its evidence and reasons.",
    "model run": "What one model said of the items, under a name that stands for it for good. Every probability is out of sample: the "
    "model had not seen the item's own label.",
    "calibration": "Whether a model means what it says: of the items it is 80 % sure of, four in five should be right.",
    "drift": "A change of the labels, of who gives them or of what is labelled, from a reference to a window, beyond what chance makes.",
    "alert": "A figure that is surely beyond the limit set for it, on enough labels. It has an owner, and is closed with a reason.",
    "relabel": "A new annotation that answers a flag.",
    "review": "A person's decision on an item's label, set beside what an annotator had said: accepted where the two are the "
    "same. Answers after the reveal, second looks and adjudications are reviews.",
    "release": "A signed, frozen, content-hashed set of items and their label versions.",
    "run": "One computation, with its method, its parameters and what it saw.",
    "estimate": "A value with its interval and the number of items that it rests on.",
    "measurement": "An estimate that was kept, so that its course over time can be drawn.",
    "interval": "The range that holds the true figure in 95 of 100 repetitions, as far as chance goes. "
    "Fewer items make it wider.",
    "krippendorff's alpha": "Agreement beyond chance: 1 is perfect, 0 is what guessing gives, below 0 is "
    "systematic disagreement. It takes any number of annotators and missing annotations.",
    "percent agreement": "How often two annotators of the same item chose the same label. Easy to read, but "
    "agreement by chance counts too.",
    "gate": "A limit that a release has to keep. A lead may waive one, with a reason that stays on record.",
    "as of": "Shows everything as it was at a past moment or release. Looking back changes nothing.",
    "undefined": "There is too little data, or data of the wrong kind, for this figure; the reason stands "
    "beside it. It is never drawn as 0.",
}


def meaning(term: str) -> str:
    """The meaning of a term; raises KeyError for one that the glossary does not have.

    >>> meaning("gold")
    'A label known in advance, used to test annotators.'
    """
    return GLOSSARY[term.lower()]
