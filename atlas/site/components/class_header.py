"""The head of a class page: what it is, how much is known about it, where to go next."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import html

from atlas.schema import CLASS_RANKING, RANDOM, ClassRecord, ImageNetClass
from atlas.site import formats, rates
from atlas.site.class_view import ClassView
from atlas.site.components.image import zoomable
from atlas.site.glossary import explain
from atlas.site.urls import class_url, home_url


def class_header(view: ClassView) -> Any:
    """Show name, identity and the numbers of the class as a whole."""
    info = view.record.info
    words = [
        _trail(view.atlas, info) if info.hypernyms else None,
        html.H1(info.name, tabIndex="-1"),
        html.P(_identity(info), className="identity"),
        html.Ul([html.Li(fact) for fact in facts(view)], className="facts"),
        explain("right", "explained", "not explained", "reconstruction error", "stability") if _full(view.record) else None,
    ]
    return html.Div(
        [_portrait(view), html.Div([word for word in words if word is not None], className="words"), _neighbours(view)],
        className="class-head",
    )


def _portrait(view: ClassView) -> Any:
    if view.portrait is None:
        return html.Div("no picture was made", className="portrait absent")
    alt = f"feature visualization of {view.record.info.name}"
    return zoomable(view.portrait, alt, "portrait")


def _trail(atlas: str, info: ImageNetClass) -> Any:
    """Show the hypernyms; each leads to all classes below it."""
    paths = ["/".join(info.hypernyms[: i + 1]) for i in range(len(info.hypernyms))]
    links = [html.A(path.rpartition("/")[2], href=f"{home_url(atlas)}?in={quote(path)}") for path in paths]
    return html.P([part for link in links for part in (" › ", link)][1:], className="trail")


def _identity(info: ImageNetClass) -> str:
    synonyms = f" · also {', '.join(info.synonyms)}" if info.synonyms else ""
    definition = f" · {info.definition}" if info.definition else ""
    return f"{info.wnid} · class {info.class_index}{definition}{synonyms}"


def facts(view: ClassView) -> list[Any]:
    """Say what was measured on the class; nothing is said about what was not."""
    record = view.record
    if record.coverage == "none":
        return [[html.B("weights only"), ": no photos of this class were read"]]
    found: list[Any] = [_photos_fact(record), *_right_fact(record)]
    if view.strategies:
        found.append(formats.counted(len(view.strategies), "strategy"))
    if record.explained is not None:  # of one photo, too: it is no estimate
        found.append(["explained ", html.B(formats.explained(record)), f"; {formats.not_explained(record)}"])
    measured = [("reconstruction error", record.relative_l2), ("stability", record.stability)] if record.n_photos > 1 else []
    found += [[f"{label} ", html.B(formats.plain(value))] for label, value in measured if value is not None]
    return [*found, *_curves_fact(record)]


def _full(record: ClassRecord) -> bool:
    return record.coverage == "full"


def _right_fact(record: ClassRecord) -> list[Any]:
    """Say how often the network is right, with the interval as a note; nothing where it is unknown."""
    said = rates.right(record)
    if said == formats.UNKNOWN:
        return []
    note = f" {rates.right_interval(record)}" if record.n_photos > 1 else ""
    return [[html.B(said), html.Small(note)]]


def _photos_fact(record: ClassRecord) -> Any:
    return ["rests on ", html.B(formats.rests_on(record))]


def _curves_fact(record: ClassRecord) -> list[Any]:
    auc = {(curve.measure, curve.method): curve.auc for curve in record.curves}
    ours, random = auc.get(("c_deletion", CLASS_RANKING)), auc.get(("c_deletion", RANDOM))
    if ours is None or not _full(record):
        return []
    return [["C-Deletion of the ranking ", html.B(formats.plain(ours)), f" (random {formats.plain(random)})"]]


def _neighbours(view: ClassView) -> Any:
    links = []
    if view.previous:
        href = class_url(view.atlas, view.previous.wnid)
        links.append(html.A(f"← {view.previous.name}", href=href, id="previous-class"))
    if view.following:
        href = class_url(view.atlas, view.following.wnid)
        links.append(html.A(f"{view.following.name} →", href=href, id="next-class"))
    hint = html.Button(
        ["j k concept · ← → class · ", html.Kbd("?"), " keys"], type="button", className="quiet", **{"data-help": "open"}
    )
    return html.Nav([html.Div(links), hint], className="siblings", **{"aria-label": "neighbouring classes"})
