from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from flask.testing import FlaskClient

from atlas.export import data_files, map_files
from atlas.export.page_writer import Site
from atlas.format import Store


def test_the_map_draws_what_the_app_draws(gallery: Path, client: FlaskClient) -> None:
    text = (gallery / "data/map.js").read_text(encoding="utf-8")
    here = json.loads(text.partition(".map=")[2].rstrip().removesuffix(";"))
    assert here == json.loads(client.get("/made-up/map.json").data) | {"base": ""}


def test_the_drawing_holds_a_dot_a_concept(made_up: Store) -> None:
    data = data_files.concept_map(Site(made_up.root).album)
    drawing = ET.fromstring(map_files.drawing(data))
    dots = [path.attrib["d"].count("h0") for path in drawing.iter("{http://www.w3.org/2000/svg}path")]
    assert sum(dots) == 34
    assert len(dots) == len(set(data["owner"])) == 2


def test_every_concept_stands_in_a_table(gallery: Path, made_up: Store) -> None:
    page = (gallery / "map/1/index.html").read_text(encoding="utf-8")
    links = re.findall(r'<th scope="row"><a href="\.\./\.\./(.*?)/index\.html">', page)
    assert sorted(links) == sorted(c.concept_id if c.wnid is None else f"class/{c.concept_id}" for c in made_up.all_concepts())
