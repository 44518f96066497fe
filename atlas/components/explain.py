"""What the numbers mean: one sentence each, one click behind the number."""

from __future__ import annotations

from typing import Any

from dash import html

GLOSSARY: dict[str, str] = {
    "contribution": "How much of the class logit comes from a concept, with its sign, averaged over the photos. Unit: logits.",
    "share": "The contribution divided by the sum of all positive contributions of the class. A negative one keeps its sign.",
    "interval": "The range that holds the share in 95 % of the draws when the photos are drawn anew (bootstrap).",
    "dominant concept": "The concept with the largest contribution to a photo. It gives the photo its colour.",
    "prevalence": "How many of the photos a concept dominates. Over all concepts of a class this adds up to 100 %.",
    "reliability": "How many of the photos it dominates the network gets right. Unknown when it dominates none.",
    "stability": "How well the concept is found again when the dictionary is fitted on parts of the photos: "
    "mean cosine, 1 is the same. Stable: 0.8 and more; unstable: less than 0.6.",
    "aligned classes": "The classes whose weights in the last layer point most in the direction of the concept. Number: cosine.",
    "similar concepts": "Concepts of other classes with nearly the same direction. Number: cosine.",
    "nearest classes": "Each class is the sum of its concepts' directions, weighted by their shares. Number: cosine of two sums.",
    "recognised": "Share of the photos for which this class has the largest logit.",
    "reconstruction error": "What the concepts miss of the activations: ‖A − U V‖ ÷ ‖A‖. 0 is perfect.",
    "explained": "How much of the logit, beyond the bias, the concepts account for: 1 − |residual| ÷ |logit − bias|, on average.",
    "strategy": "A cluster of photos that get their logit from the same concepts, found from contributions, not from dots.",
    "logit": "What the network computes for a class before it becomes a probability: bias + contributions + residual.",
    "residual": "The part of the logit that the concepts do not explain.",
    "C-Deletion": "Mean logit, as a share of the whole, while concepts are removed in order of importance. Number: the area.",
    "C-Insertion": "The same while concepts are added to nothing, the most important first.",
    "agreement": "Spearman rank correlation of the concepts' importance between two estimators. 1: the same order.",
    "feature visualization": "A picture synthesised to excite a concept. It shows what the network looks for, not a photo.",
}


def explain(*terms: str) -> Any:
    """Offer the meaning of some numbers, closed until asked for."""
    entries = [part for term in terms for part in (html.Dt(term), html.Dd(GLOSSARY[term]))]
    return html.Details([html.Summary("explain these numbers"), html.Dl(entries)], className="explain")
