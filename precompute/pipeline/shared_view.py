"""What the shared dictionary says of a class beside the class's own: so that all classes can be compared in the same concepts."""

from __future__ import annotations

from typing import Any

from atlas.schema import ImageNetClass, basis
from precompute.activations import ClassActivations
from precompute.analysis import contributions, relations
from precompute.dictionary import codes_of
from precompute.pipeline import assessment, estimators
from precompute.pipeline.context import BuildContext
from precompute.pipeline.decomposition import explain


def alignment(context: BuildContext, info: ImageNetClass) -> tuple[float, ...]:
    """Return the cosine of the class's head weights with every shared atom; empty where there is no such thing.

    It needs no photo, so a class that rests on a single one is known by it as well as a class with hundreds.
    """
    if context.shared is None or context.backbone.linear_head is None:
        return ()
    weight, _ = context.backbone.class_head(info.class_index)
    return relations.alignment(weight, context.shared.atoms)


def also_shared(context: BuildContext, info: ImageNetClass, acts: ClassActivations) -> dict[str, Any]:
    """Return the columns of a class record that the shared dictionary fills for a class which has one of its own.

    Only for heads with a closed form: sampling another thousand concepts would cost more than all the rest.
    """
    shared = context.shared
    if shared is None or context.backbone.linear_head is None:
        return {}
    n, positions, channels = acts.positions.shape
    seed = context.config.seed
    U = codes_of(acts.positions.reshape(-1, channels), shared).reshape(n, positions, -1)
    explained = explain(context.backbone, info, acts, shared, U, seed=seed)
    photos = basis([photo.split for photo in acts.photos])
    correct = acts.predicted == info.class_index
    concepts = contributions.concepts_of_class(info.wnid, [explained.parts], correct=correct, basis=photos, seed=seed)
    leading = estimators.leading(concepts, context.config.concepts)
    share, _ = assessment.explained(explained, acts, photos)
    return {"evidence": estimators.as_evidence(leading), "explained_shared": share}
