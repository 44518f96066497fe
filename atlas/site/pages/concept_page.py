"""The page of one concept: its picture large, where it is seen, every number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import html

from atlas.schema import SHARED, ClassRecord, Concept
from atlas.site import formats, rates, theme
from atlas.site.components.concept_cards import share_interval
from atlas.site.components.concept_spread import spread
from atlas.site.components.downloads import citation, exports, rows
from atlas.site.components.image import exemplars, image, visualization
from atlas.site.context import Album
from atlas.site.glossary import explain
from atlas.site.importance import label
from atlas.site.pages.class_page import class_names, class_view
from atlas.site.rates import Rate
from atlas.site.urls import class_link, class_url, concept_url, home_url, neighbour_text


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


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a concept: its column, its name on screen, and how its value is written; unwritten, it is only taken away."""

    column: str
    label: str
    value: float | None
    write: Callable[[float], Any] | None = None


def numbers_of(concept: Concept, record: ClassRecord | None) -> list[Number]:
    """Return every number of a concept, in the order of the page."""
    n = record.n_fit_split or record.n_photos if record is not None else 0
    known, held = rates.leads(concept), rates.leads_unseen(concept)
    return [
        Number("contribution", "contribution", concept.contribution, lambda value: f"{formats.signed(value)} logits"),
        Number("share", "share", concept.share, lambda value: [formats.percent(value, 1), *_interval(concept, record)]),
        Number("share_low", "", concept.share_low),
        Number("share_high", "", concept.share_high),
        Number("prevalence", "leads", concept.prevalence, lambda value: formats.prevalence(value, n)),
        Number("dominates", "", concept.dominates),
        *_rated("reliability", "right when it leads", concept.reliability, known),
        Number("dominates_holdout", "", concept.dominates_holdout),
        *_rated("reliability_holdout", "right on unseen photos", concept.reliability_holdout, held),
        Number("stability", "stability", concept.stability, formats.plain),
        *(Number(name, label(name), value, lambda value: formats.signed(value, 3)) for name, value in concept.estimators.items()),
    ]


def _rated(column: str, words: str, value: float | None, known: Rate | None) -> list[Number]:
    """Return a rate and the ends of its interval; the words count photos where there are few."""
    low, high = rates.ends(known)

    def write(value: float) -> Any:
        rated = rates.rate(value, known.of if known else None)
        return [str(rated), html.Small(f" ({rates.span(rated)}\u202f%)")] if rated else formats.percent(value)

    return [Number(column, words, value, write), Number(f"{column}_low", "", low), Number(f"{column}_high", "", high)]


def _numbers(concept: Concept, album: Album) -> Any:
    record = album.store.record(concept.wnid) if concept.wnid else None
    told = [number for number in numbers_of(concept, record) if number.value is not None]
    shown = [html.Div([html.Dt(one.label), html.Dd(one.write(one.value))]) for one in told if one.write and one.value is not None]
    if not shown:
        return html.P("What it counts depends on the class: see the classes it explains.", className="caption")
    numbers = rows(["concept_id", *(one.column for one in told)], [(concept.concept_id, *(one.value for one in told))])
    terms = ("contribution", "share", "not explained", "interval", "prevalence", "reliability", "interval of a rate", "stability")
    return html.Div(
        [
            html.Dl(shown, className="numbers", id="numbers", **numbers),
            *([html.P(_of_the_whole(record), className="caption")] if record is not None else []),
            exports("numbers", "csv", "json", of="#numbers"),
            explain(*terms),
        ]
    )


def _of_the_whole(record: ClassRecord) -> str:
    """Say what of the class the shares are parts of, and what they leave."""
    together = f"all concepts together explain {formats.explained(record)}; {formats.not_explained(record)}"
    return f"Of the answer “{record.info.name}”, {together}."


def _interval(concept: Concept, record: ClassRecord | None) -> list[Any]:
    """Return the interval of a share and what it takes into account, where enough photos were read for one."""
    between = share_interval(concept, record) if record is not None else ""
    return [f" {between} ", html.Small(formats.interval_basis(record))] if record is not None and between else []


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
        numbers = rows(["concept_id", "cosine", "background"], [(n.id, n.cosine, n.background) for n in concept.neighbours])
        parts += [html.H2("Similar concepts"), html.Ol(similar, className="similar", id="similar", **numbers)]
        parts += [exports("similar-concepts", "csv", "json", of="#similar")]
    if concept.scope == SHARED:
        users = users_of(concept, album)
        listed = sorted(album.store.users(concept.index), key=lambda pair: -pair[1])
        numbers = rows(["wnid", "class", "contribution"], [(wnid, names.get(wnid, wnid), value) for wnid, value in listed])
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
