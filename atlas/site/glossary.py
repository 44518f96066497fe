"""What the numbers mean: one sentence each, one click behind the number."""

from __future__ import annotations

from typing import Any

from dash import html

GLOSSARY: dict[str, str] = {
    "contribution": "How much of the class logit comes from a concept, with its sign, averaged over the photos that are not "
    "held out. Unit: logits.",
    "share": "The contribution divided by the mean logit less the bias. A negative one keeps its sign. The shares of all "
    "concepts and what is not explained add up to 100 %.",
    "not explained": "What is left of the logit when bias and contributions are taken away: the residual, also as a share "
    "of the mean logit less the bias. It is hatched in every list of bars. Below zero the concepts overshoot.",
    "interval": "The range of a share in 95 % of the draws when the photos are drawn anew, and among dictionaries that were "
    "fitted anew. Without such refits it is over photos alone, the dictionary is held fixed, and it is too narrow.",
    "interval of a rate": "Where the true rate lies with 95 % confidence, given so many photos (Wilson 1927). Below 20 "
    "photos they are counted, not turned into per cent. A warning stands only where two intervals do not touch.",
    "dominant concept": "The concept with the largest contribution to a photo: it leads, and gives the photo its colour. A "
    "photo whose logit no concept raises is grey.",
    "prevalence": "How many of the photos that are not held out a concept leads.",
    "reliability": "How many of the photos it leads the network gets right, apart for unseen photos. Unknown when it never "
    "leads.",
    "stability": "How well the concept is found again when the dictionary is fitted on parts of the photos: mean cosine, 1 "
    "is the same. Stable: 0.8 and more; unstable: less than 0.6. Beside it: refits on disjoint halves, and the floor that "
    "two draws of random patches reach.",
    "random patches": "As many random patches of the photos, taken for concepts: what a measure reaches without finding any.",
    "aligned classes": "The classes whose weights in the last layer point most in the direction of the concept. Number: cosine.",
    "similar concepts": "Concepts of other classes with nearly the same direction. Number: cosine.",
    "nearest classes": "Each class is the list of the cosines of its weights with all shared concepts. Number: cosine of "
    "two lists.",
    "right": "How often this class has the largest logit: on unseen photos, which were held out, and, apart from these, on "
    "the others. Those the dictionary was fitted on, and the network may have been trained on them, too.",
    "reconstruction error": "What the concepts miss of the activations: ‖A − U V‖ ÷ ‖A‖. 0 is perfect. The logit sees photo "
    "means.",
    "explained": "How much of the logit, beyond the bias, the concepts account for in a photo: 1 − |residual| ÷ |logit − "
    "bias|, at least 0, on average over photos. Unlike what is not explained on the whole, errors of two photos do not "
    "cancel.",
    "strategy": "A group of photos that get their logit from the same concepts, found from contributions, not from dots. It "
    "is shown only if it comes back when photos are resampled, and the class has more such groups than chance gives.",
    "comes back": "Mean overlap (Jaccard index) of a group with the best group of a resample of the photos. 1: always the same.",
    "placed afterwards": "Held-out photos take no part in groups or layout. Each stands where its nearest neighbours are.",
    "logit": "What the network computes for a class before it becomes a probability: bias + contributions + what is not "
    "explained.",
    "C-Deletion": "Mean logit, as a share of the whole, while concepts are removed in order of importance. Number: the area.",
    "C-Insertion": "The same while concepts are added to nothing, the most important first.",
    "C-μFidelity": "Rank correlation between what some concepts count and what the logit loses without them. With an affine "
    "head it is 1 by construction and not shown.",
    "agreement": "Spearman rank correlation of the concepts' importance between two estimators. 1: the same order.",
    "FID": "Mean 1-Wasserstein distance, over channels, between activations and what the concepts make of them. 0: the same.",
    "OOD": "How far reconstructions lie from real activations, divided by how far unseen real ones do. 1: as real as real.",
    "sparsity": "Share of zeros among the codes. Hoyer: 1 if a single concept is active in a patch, 0 if all are alike.",
    "feature visualization": "A picture synthesised to excite a concept. It shows what the network looks for, not a photo.",
}


def explain(*terms: str) -> Any:
    """Offer the meaning of some numbers, closed until asked for."""
    entries = [part for term in terms for part in (html.Dt(term), html.Dd(GLOSSARY[term]))]
    return html.Details([html.Summary("explain these numbers"), html.Dl(entries)], className="explain")
