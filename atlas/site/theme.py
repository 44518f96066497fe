"""Colours: one per concept, the same hue in light and dark, told apart by colour-blind readers.

A colour index is the rank of a concept when its atlas was built; from the eleventh on, concepts are grey and numbered.
Everything on screen takes its colours from css custom properties; ``tokens_css`` writes them (``python -m atlas.site.theme``).
"""

from __future__ import annotations

from typing import Any, Literal

Mode = Literal["light", "dark"]

#: Ten hues in two lightness ranges: every mark has at least 3:1 on its panel, every pair differs for the colour-blind.
PALETTES: dict[Mode, tuple[str, ...]] = {
    "light": (
        "#4c26a4", "#a55665", "#5ca031", "#3195dd", "#553600", "#8b045e", "#0a9f8a", "#807200", "#a254a5", "#88442a",
    ),
    "dark": (
        "#5f6fee", "#f2aeb8", "#adf558", "#54aefc", "#e49f17", "#aa7493", "#a5f7dd", "#a48000", "#fb6ecd", "#db8675",
    ),
}  # fmt: skip

#: Surfaces and text.
TOKENS: dict[Mode, dict[str, str]] = {
    "light": {
        "paper": "#faf9f5",
        "panel": "#ffffff",
        "sunken": "#f0eee6",
        "line": "#dedbd0",
        "control": "#85827a",
        "ink": "#1a1a17",
        "muted": "#5d5b54",
        "accent": "#0b5cad",
        "wrong": "#b3123f",
        "right": "#1b6e3c",
        "other": "#85827a",
    },
    "dark": {
        "paper": "#141519",
        "panel": "#1d1e24",
        "sunken": "#282a32",
        "line": "#373944",
        "control": "#878996",
        "ink": "#eeede8",
        "muted": "#aeafb8",
        "accent": "#82bdf5",
        "wrong": "#ff8fa3",
        "right": "#7ddb9e",
        "other": "#8d8f9b",
    },
}


def colour(index: int, mode: Mode = "light") -> str:
    """Return the colour of a concept by its colour index; grey beyond the palette."""
    palette = PALETTES[mode]
    return palette[index] if 0 <= index < len(palette) else TOKENS[mode]["other"]


def colour_class(index: int) -> str:
    """Return the css class that sets ``--c`` to the colour of a concept, in either mode."""
    return f"c-{index}" if 0 <= index < len(PALETTES["light"]) else "c-other"


def template(mode: Mode = "light") -> dict[str, Any]:
    """Return the plotly template of a mode: no ornament, transparent ground, the palette in order."""
    tokens = TOKENS[mode]
    axis = {"gridcolor": tokens["line"], "zerolinecolor": tokens["control"], "linecolor": tokens["line"], "ticks": ""}
    return {
        "layout": {
            "colorway": list(PALETTES[mode]),
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": tokens["ink"], "family": "system-ui, sans-serif", "size": 13},
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "xaxis": axis,
            "yaxis": axis,
        }
    }


def tokens_css() -> str:
    """Return the css custom properties of both modes, chosen by the reader's system or by ``data-mode`` on the root."""
    light, dark = _properties("light"), _properties("dark")
    classes = "\n".join(f".c-{i} {{ --c: var(--c{i}); }}" for i in range(len(PALETTES["light"])))
    return (
        "/* Written by `python -m atlas.site.theme`; edit atlas/site/theme.py instead. */\n"
        f":root {{\n{light}\n}}\n"
        f":root[data-mode='dark'] {{\n{dark}\n}}\n"
        f"@media screen and (prefers-color-scheme: dark) {{\n:root:not([data-mode='light']) {{\n{dark}\n}}\n}}\n"
        f"{classes}\n.c-other {{ --c: var(--other); }}\n"
    )


def _properties(mode: Mode) -> str:
    named = {"color-scheme": mode} | {f"--{name}": value for name, value in TOKENS[mode].items()}
    numbered = {f"--c{i}": value for i, value in enumerate(PALETTES[mode])}
    return "\n".join(f"  {name}: {value};" for name, value in (named | numbered).items())


if __name__ == "__main__":
    print(tokens_css(), end="")
