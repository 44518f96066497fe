"""Pictures of every page, light, dark, on a phone: ``python tests/e2e/screens.py ADDRESS ATLAS``, while the atlas is served.

Of the atlas that ships: it withholds its photos, so that none can be seen. Written to
``.github/screenshots`` as WebP, 150 KB at most each. Look at every one before it is committed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

OUT = Path(__file__).parents[2] / ".github" / "screenshots"
MOST = 150_000  # bytes
WIDTHS = {"light": 1440, "dark": 1440, "phone": 420}
TALLEST = {"light": 1750, "dark": 1500, "phone": 3000}
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]

Step = Callable[[Page], object]


def shots(atlas: str) -> dict[str, tuple[str, Step | None]]:
    """Return name → (address, what to do before the picture is taken; None: the whole page)."""
    ball = f"/{atlas}/class/n03445777"
    return {
        "home": (f"/{atlas}/", None),
        "hierarchy": (f"/{atlas}/?in=animal", None),
        "search": (f"/{atlas}/class/n02110341", lambda page: (page.locator("#search").fill("dog"), page.wait_for_timeout(900))),
        "class": (f"{ball}?concept=4", None),
        "class-one-photo": (f"/{atlas}/class/n01518878", None),
        "large": (ball, lambda page: (page.keyboard.press("j"), page.keyboard.press("z"), page.wait_for_timeout(900))),
        "concept": (f"{ball}/0", None),
        "shared-concept": (f"/{atlas}/shared/367", None),
        "map": (f"/{atlas}/map", None),
        "method": (f"/{atlas}/method", None),
        "not-found": (f"/{atlas}/class/n99999999", None),
    }


def settle(page: Page) -> None:
    """Let every lazy picture arrive."""
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += 500) { scrollTo(0, y);"
        " await new Promise((done) => setTimeout(done, 80)); } scrollTo(0, 0); }"
    )
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)


def write(content: bytes, path: Path, tallest: int) -> None:
    """Keep a picture below the limit: first by quality, then by size."""
    image = Image.open(BytesIO(content)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, tallest)))
    for scale, quality in ((1, 80), (1, 70), (1, 60), (0.8, 65), (0.8, 50), (0.65, 55), (0.65, 40), (0.5, 40)):
        stream = BytesIO()
        size = (round(image.width * scale), round(image.height * scale))
        image.resize(size, Image.Resampling.LANCZOS).save(stream, "WEBP", quality=quality, method=6)
        if len(stream.getvalue()) <= MOST:
            break
    path.write_bytes(stream.getvalue())
    print(f"{path.name:32} {size[0]} × {size[1]}, {len(stream.getvalue()) / 1000:.0f} KB", flush=True)


def main(address: str, atlas: str, *only: str) -> None:
    """Take every picture, or those named."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for look, width in WIDTHS.items():
            context = chromium.new_context(
                base_url=address,
                viewport={"width": width, "height": 900 if width > 500 else 860},
                color_scheme="dark" if look == "dark" else "light",
            )
            for name, (path, step) in shots(atlas).items():
                if only and name not in only:
                    continue
                page = context.new_page()
                page.goto(path)
                settle(page)
                if step:
                    step(page)
                write(page.screenshot(full_page=step is None), OUT / f"{name}-{look}.webp", TALLEST[look])
                page.close()
            context.close()
        chromium.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
