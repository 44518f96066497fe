"""The page of one concept: its picture large, where it is seen, every number."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas import theme
from atlas.components import formats
from atlas.components.bars import ESTIMATOR_NAMES
from atlas.components.explain import explain
from atlas.components.exports import citation, exports, rows
from atlas.components.links import class_link, class_url, concept_url, home_url, neighbour_text
from atlas.components.pictures import exemplars, image, visualization
from atlas.components.spread import spread
from atlas.pages.album import Album
from atlas.pages.class_page import class_names, class_view
from atlas.schema import SHARED, Concept


def layout(album: Album, wnid: str | None = None, index: int = 0) -> Any:
    """Return the page of a concept of a class, or of a shared one."""
    concept = find(album, wnid, index)
    pictures = album.concept(concept, album.store.exemplars(concept.concept_id))
    name = formats.concept_name(concept)
    owner = album.store.record(wnid).info.name if wnid else album.store.name
    return html.Div(
        [
            html.Div([_trail(album, wnid), html.H1(f"{name} of {owner}" if wnid else name, tabIndex="-1")], className="words"),
            html.Div(
                [
                    html.Section(
                        [
                            html.H2("Feature visualization"),
                            visualization(pictures.visualization, f"feature visualization of {name}"),
                            html.H2("Crops that use it most"),
                            exemplars(pictures, name),
                        ],
                        className="panel",
                    ),
                    html.Section(
                        [
                            html.H2("Numbers"),
                            _numbers(concept, album),
                            *_lists(concept, album),
                            _cited(concept, album, name, owner),
                        ],
                        className="panel",
                    ),
                ],
                className="halves",
            ),
            spread(class_view(album, wnid), index) if wnid else None,
        ],
        className=f"page concept-page {theme.colour_class(concept.colour)}",
        **{"data-page": "concept"},
    )


def _cited(concept: Concept, album: Album, name: str, owner: str) -> Any:
    manifest, path = album.store.manifest, concept_url(album.store.name, concept)
    backbone = str(manifest.backbone.get("name", ""))
    title = f"{name[:1].upper()}{name[1:]} of {owner}"
    return citation(key=concept.concept_id, title=title, path=path, backbone=backbone, created=manifest.created)


def find(album: Album, wnid: str | None, index: int) -> Concept:
    """Return a concept by its class and index."""
    concepts = album.store.concepts(wnid) if wnid else album.store.shared_concepts
    return next(concept for concept in concepts if concept.index == index)


def _trail(album: Album, wnid: str | None) -> Any:
    if wnid is None:
        return html.P(html.A("← all classes", href=home_url(album.store.name)), className="trail")
    name = album.store.record(wnid).info.name
    return html.P(html.A(f"← all concepts of {name}", href=class_url(album.store.name, wnid)), className="trail")


def _numbers(concept: Concept, album: Album) -> Any:
    n = album.store.record(concept.wnid).n_photos if concept.wnid else 0
    lines = [
        ("contribution", f"{formats.signed(concept.contribution)} logits", concept.contribution),
        ("share", formats.percent(concept.share, 1) + _interval(concept, album), concept.share),
        ("share_low", "", concept.share_low),
        ("share_high", "", concept.share_high),
        ("prevalence", formats.prevalence(concept, n), concept.prevalence),
        ("reliability", formats.reliability(concept, n), concept.prevalence),
        ("stability", formats.plain(concept.stability), concept.stability),
        *((ESTIMATOR_NAMES.get(name, name), formats.signed(value, 3), value) for name, value in concept.estimators.items()),
    ]
    known = [html.Div([html.Dt(label), html.Dd(text)]) for label, text, value in lines if value is not None and text]
    if not known:
        return html.P("A shared concept has its numbers on the pages of the classes it explains.", className="caption")
    terms = ("contribution", "share", "prevalence", "reliability", "stability")
    values = {label: value for label, _, value in lines if value is not None}
    numbers = rows(["concept", *values], [(concept.concept_id, *values.values())])
    shown = html.Dl(known, className="numbers", id="numbers", **numbers)
    return html.Div([shown, exports("numbers", "csv", "json", of="#numbers"), explain(*terms)])


def _interval(concept: Concept, album: Album) -> str:
    """Return the interval of a share, where enough photos were read for one."""
    if concept.share_low is None or concept.share_high is None or not concept.wnid:
        return ""
    if album.store.record(concept.wnid).coverage != "full":
        return ""
    return f" ({formats.span(concept.share_low * 100, concept.share_high * 100)})"


def _lists(concept: Concept, album: Album) -> list[Any]:
    names, held = class_names(album.store), frozenset(album.store.records)
    parts: list[Any] = []
    if concept.aligned:
        entries = [[class_link(album.store.name, n.id, names=names, held=held), f" {n.cosine:.2f}"] for n in concept.aligned]
        numbers = rows(["wnid", "class", "cosine"], [(n.id, names.get(n.id, n.id), n.cosine) for n in concept.aligned])
        parts += [
            html.H2("Aligned classes"),
            html.Ol([html.Li(entry) for entry in entries], className="plain", id="aligned", **numbers),
        ]
        parts += [exports("aligned-classes", "csv", "json", of="#aligned")]
    if concept.neighbours:
        similar = [html.Li(_similar(n, album, names)) for n in concept.neighbours]
        numbers = rows(["concept", "cosine", "perhaps_background"], [(n.id, n.cosine, n.background) for n in concept.neighbours])
        parts += [html.H2("Similar concepts"), html.Ol(similar, className="similar", id="similar", **numbers)]
        parts += [exports("similar-concepts", "csv", "json", of="#similar")]
    if concept.scope == SHARED:
        users = users_of(concept, album)
        listed = sorted(album.store.users(concept.index), key=lambda pair: -pair[1])
        numbers = rows(["wnid", "class", "contribution_logits"], [(wnid, names.get(wnid, wnid), value) for wnid, value in listed])
        if users:
            parts += [
                html.H2("Classes it explains"),
                html.Ol([html.Li(user) for user in users], className="plain", id="users", **numbers),
            ]
            parts += [exports("explained-classes", "csv", "json", of="#users")]
    return parts


def _similar(neighbour: Any, album: Album, names: dict[str, str]) -> Any:
    owner, _, index = neighbour.id.partition("/")
    href = f"{home_url(album.store.name)}{owner if owner == SHARED else f'class/{owner}'}/{index}"
    picture = album.picture(album.store.picture(owner, "concept", int(index)))
    shown = image(picture, "", kind="synthesised") if picture else html.Span("no picture", className="absent")
    note = html.Small(" · both small: perhaps only what lies behind") if neighbour.background else None
    words = html.Span([neighbour_text(neighbour, names), html.Small(f" {neighbour.cosine:.2f}"), note])
    return html.A([html.Span(shown, className="visualization"), words], href=href)


def users_of(concept: Concept, album: Album) -> list[Any]:
    """List the classes that a shared concept counts for, the largest contribution first."""
    links = []
    for wnid, contribution in sorted(album.store.users(concept.index), key=lambda pair: -pair[1])[:20]:
        href = f"{class_url(album.store.name, wnid)}?concept={concept.index}"
        links.append([html.A(album.store.record(wnid).info.name, href=href), f" {formats.signed(contribution)} logits"])
    return links
