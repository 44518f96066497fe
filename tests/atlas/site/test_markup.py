from __future__ import annotations

import pytest
from dash import dcc, html

from atlas.site.markup import markup


def test_text_and_attributes_are_escaped() -> None:
    assert markup(html.P("<b>&", className="a<&b")) == '<p class="a&lt;&amp;b">&lt;b&gt;&amp;</p>'
    assert markup(html.P(className='a"<&b')) == "<p class='a\"&lt;&amp;b'></p>"
    assert markup(html.P(className="a\"'><&b")) == '<p class="a&quot;&#x27;&gt;&lt;&amp;b"></p>'


def test_elements_nest_and_void_ones_do_not_close() -> None:
    part = html.Div([html.Img(alt="", **{"data-src": "/x"}), None, "text", 3], hidden=True, style={"left": "3%", "--c": "red"})
    assert markup(part) == '<div hidden style="left:3%;--c:red"><img alt="" data-src="/x">text3</div>'


def test_a_live_component_is_refused() -> None:
    with pytest.raises(TypeError, match="Location cannot be written as HTML"):
        markup(dcc.Location(id="x"))
