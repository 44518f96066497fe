"""The command line of the maker: precompute build | plan | evaluate | picture | spectrum | classes | doctor."""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from atlas.schema import AtlasError
from precompute.commands.flags import with_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES}


@app.command()
@with_settings
def build(
    *,
    config: Annotated[Path | None, typer.Option(help="TOML file with any of these settings; flags win.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON record a line instead of bars.")] = False,
    **flags: Any,
) -> None:
    """Build an atlas, or what is missing of it."""
    _guard(lambda: _build(config, flags, json))


def _build(config_file: Path | None, flags: dict[str, Any], as_json: bool) -> int:
    from precompute import config as settings
    from precompute import progress
    from precompute.commands.build import build_atlas
    from precompute.commands.plan import compared

    config = settings.make(config_file, **flags)
    console = Console(stderr=True)
    reporter = progress.Lines() if as_json else progress.Bars(console)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = build_atlas(config, reporter)
    except KeyboardInterrupt:
        print(f"\nInterrupted. {config.out} is readable as it is; the same command resumes.", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise AtlasError(
            f"{config.out} cannot be written ({os.strerror(error.errno)}). What is published stays readable; make room, and the "
            "same command resumes."
        ) from error
    for wnid, reason in report.failed.items():
        reporter.say(f"failed {wnid}: {reason}")
    for key, reason in report.skipped.items():
        reporter.say(f"skipped {key}: {reason}")
    if beside := compared(config, report):
        reporter.say(beside)
    made, kept = len(report.built), len(report.unchanged)
    reporter.say(f"{config.out}: {made} built, {kept} unchanged, {len(report.failed)} failed, in {report.seconds:.1f} s.")
    return 3 if report.failed or report.skipped else 0


@app.command()
@with_settings
def plan(
    *,
    config: Annotated[Path | None, typer.Option(help="TOML file with any of these settings; flags win.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON record instead of a table.")] = False,
    **flags: Any,
) -> None:
    """Say what a build with these flags would take, from half a minute of measurement: nothing is built."""
    _guard(lambda: _plan(config, {**flags, "out": flags["out"] or Path("atlas")}, json))


def _plan(config_file: Path | None, flags: dict[str, Any], as_json: bool) -> int:
    from precompute import config as settings
    from precompute.commands.plan import estimate, report

    config = settings.make(config_file, **flags)
    report.show(estimate(config), config, Console(), as_json=as_json)
    return 0


@app.command()
def evaluate(
    photos: Annotated[
        list[str] | None, typer.Option(help="Folder of photographs (a folder a wnid), or sample:. Repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the tables and for what is measured: the same command resumes.")] = Path(
        "evaluation"
    ),
    dictionary: Annotated[str, typer.Option(help="Dictionary methods, separated by commas, or all.")] = "all",
    importance: Annotated[str, typer.Option(help="Importance estimators, separated by commas, or all.")] = "all",
    concepts: Annotated[str, typer.Option(help="Concepts a class: one number or several (10,25).")] = "10",
    classes: Annotated[str | None, typer.Option(help="wnids, separated by commas; all that have photos by default.")] = None,
    backbone: Annotated[str | None, typer.Option(help="Any timm classifier with 1000 classes.")] = None,
    weights: Annotated[str | None, typer.Option(help="package, hub, or a file (safetensors or a state dict).")] = None,
    layer: Annotated[str | None, typer.Option(help="auto: the last feature map; or the name of a module.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = None,
    workers: Annotated[int | None, typer.Option(help="Threads that decode photos; 0: one a core.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same numbers.")] = None,
    crop_size: Annotated[int | None, typer.Option(help="Side of a crop, in input pixels.")] = None,
    crop_input: Annotated[
        int | None, typer.Option(help="Side crops are resized to; 0: the backbone's input; 160: half the cost.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON records instead of bars and tables.")] = False,
) -> None:
    """Compare dictionaries and importance estimators on your classes: the papers' tables."""
    flags = {k: v for k, v in locals().items() if k not in {"importance", "json"}}
    _guard(lambda: _evaluate(flags | {"importance_": importance}, json))


def _evaluate(flags: dict[str, Any], as_json: bool) -> int:
    from precompute import progress
    from precompute.commands.evaluate import evaluate, make, report

    request = make(**flags)
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = evaluate(request, progress.Lines() if as_json else progress.Bars(console))
        report.save(found)
    except KeyboardInterrupt:
        console.print("\nInterrupted. What is measured is kept; the same command resumes.", highlight=False)
        return 130
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise AtlasError(f"{request.config.out} cannot be written ({error.strerror}); the same command resumes.") from error
    if as_json:
        print(report.line(found))
    else:
        report.show(found, Console(width=None if sys.stdout.isatty() else 200))
    return 3 if found.failed or found.skipped else 0


@app.command()
def picture(
    out: Annotated[Path, typer.Option(help="The file to write: .png or .webp.")],
    classes: Annotated[list[str] | None, typer.Option("--class", help="A class, by name or wnid. Repeatable.")] = None,
    atlas: Annotated[Path | None, typer.Option(help="An atlas that holds the concepts.")] = None,
    concepts: Annotated[
        list[str] | None, typer.Option("--concept", help="A concept of that atlas: n02086240/3, shared/17. Repeatable.")
    ] = None,
    channels: Annotated[list[int] | None, typer.Option("--channel", help="A channel of the layer. Repeatable.")] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the channels: the name of a module, such as blocks.4.")] = None,
    preset: Annotated[str, typer.Option(help="quick, fine or full.")] = "fine",
    size: Annotated[int | None, typer.Option(help="Side of a picture in pixels, up to 2048; the preset's by default.")] = None,
    parameterisation: Annotated[str, typer.Option(help="maco; or fourier, the baseline.")] = "maco",
    seed: Annotated[int, typer.Option(help="Same seed, same picture.")] = 0,
    seeds: Annotated[int, typer.Option(help="Pictures a target, from this many seeds, the best first.")] = 1,
    spectrum: Annotated[Path | None, typer.Option(help="Magnitude spectrum to keep; the one that ships by default.")] = None,
    photos: Annotated[
        list[str] | None, typer.Option(help="Real photos: seeds are ranked by objective × plausibility. Repeatable.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Without transparency.")] = False,
    sheet: Annotated[bool, typer.Option("--sheet", help="A contact sheet, also of one target.")] = False,
    animate: Annotated[bool, typer.Option("--animate", help="How the picture is made, as an animation (WebP).")] = False,
    backbone: Annotated[str, typer.Option(help="Any timm classifier (an atlas names its own).")] = "tf_efficientnet_lite0",
    weights: Annotated[str, typer.Option(help="package, hub, or a file.")] = "package",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, …")] = "auto",
) -> None:
    """Make feature visualizations of classes, concepts or channels: one file, a contact sheet, or an animation."""
    from precompute.commands import visualize as one

    fields = {field.name for field in dataclasses.fields(one.Wanted)}
    chosen: dict[str, Any] = {k: v for k, v in locals().items() if k in fields}
    chosen |= {k: tuple(chosen[k] or ()) for k in ("classes", "concepts", "channels", "photos")}
    wanted = one.Wanted(**chosen)
    _guard(lambda: one.write(wanted, out, backbone=backbone, weights=weights, device=device))


@app.command()
def spectrum(
    photos: Annotated[list[str], typer.Option(help="Folder of photographs (a folder a wnid), or sample:. Repeatable.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    size: Annotated[int, typer.Option(help="Side the photos are resized to, in pixels.")] = 256,
) -> None:
    """Compute the magnitude spectrum of photographs (fit split) that MACO keeps."""
    _guard(lambda: _spectrum(photos, out, size))


def _spectrum(sources: list[str], out: Path, size: int) -> int:
    from precompute import photos
    from precompute.network.preprocessing import squares
    from precompute.visualize import spectrum as tool

    index = photos.index(sources)
    fit = [p for group in index.photos.values() for p in group if p.split == "fit"]
    decoder = photos.Decoder(squares(size).as_input)
    found = tool.compute((pixels for _, pixels, _ in decoder(photos.shuffled(fit))), [s.name for s in index.sets])
    tool.write(found, out)
    print(f"{out}: {found.photos} photos at {size}×{size}, sha256 {found.sha256}")
    return 0


@app.command()
def classes(
    wordnet: Annotated[Path, typer.Option(help="Folder with data.noun of WordNet 3.0.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
) -> None:
    """Write the table of the 1000 ImageNet classes from WordNet."""
    from precompute.commands.imagenet_classes import main_table

    _guard(lambda: print(f"{out}: {main_table(wordnet, out)} classes") or 0)


@app.command()
def doctor(
    backbone: Annotated[str, typer.Option(help="Any timm classifier.")] = "tf_efficientnet_lite0",
    weights: Annotated[str, typer.Option(help="package, hub, or a file.")] = "package",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, …")] = "auto",
) -> None:
    """Say what is installed, which device and weights are used, what things cost here, and whether the whole path runs."""
    from precompute.commands.doctor import examine

    _guard(lambda: examine(Console(), backbone, weights=weights, device=device))


def _guard(command: Any) -> None:
    """Run a command: 0 done, 2 wrong use or input with one clear line, else what the command says."""
    try:
        status = command()
    except AtlasError as error:
        print(f"precompute: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        status = 130
    if status:
        raise typer.Exit(status)


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
