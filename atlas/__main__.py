"""The command line: ``atlas serve``, ``atlas export``, ``atlas check``, ``atlas info``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from atlas import __version__
from atlas.format import Store, data_path, problems
from atlas.schema import AtlasError

SHIPPED = "data/imagenet-lite0"
WRONG_INPUT = 2

cli = typer.Typer(name="atlas", no_args_is_help=True, add_completion=False)
Atlas = Annotated[Path, typer.Argument(metavar="ATLAS", help="the folder of an atlas")]
AsJson = Annotated[bool, typer.Option("--json", help="for machines")]


@cli.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    """Show and check atlases: the visual concepts behind each ImageNet class."""
    if show:
        print(__version__)
        raise typer.Exit


@cli.command()
def serve(
    atlases: Annotated[list[Path] | None, typer.Argument(metavar="[ATLAS …]", help="default: the atlas that ships")] = None,
    *,
    photo_root: Annotated[Path | None, typer.Option(help="your own photos, for atlases that do not contain theirs")] = None,
    host: Annotated[str, typer.Option(help="0.0.0.0: reachable from other machines")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one")] = 8050,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes")] = 1,
    allowed_hosts: Annotated[
        list[str] | None, typer.Option(help="names it may be asked by, a,b: localhost and numbers always; .a: all below a, too")
    ] = None,
) -> None:
    """Show atlases in the browser."""
    from atlas.server import wsgi
    from atlas.server.app import create_app
    from atlas.server.hosts import is_number

    allowed = [name for given in allowed_hosts or () for name in given.split(",")]
    allowed += [] if is_number(host.strip("[]")) else [host]
    app = create_app(wsgi.open_stores(atlases or [shipped()]), photo_root=photo_root, allowed_hosts=allowed)
    console = Console(highlight=False)
    wsgi.serve(
        wsgi.ready_server(app),
        host=host,
        port=port,
        workers=workers,
        ready=lambda address: console.print(f"Concept Atlas is ready: [bold]{address}[/]   (Ctrl-C ends it)", soft_wrap=True),
    )


@cli.command()
def export(
    atlas: Atlas,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="a new folder, or an older gallery")],
    *,
    base_url: Annotated[str, typer.Option(help="where it will be published: for the sitemap and for shared links")] = "",
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="processes; default: one a core")] = None,
) -> None:
    """Write an atlas as a static gallery, for any web host or a folder."""
    from atlas.export import export as export_gallery

    with Progress(
        *Progress.get_default_columns(), console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task("classes", total=None)
        done = export_gallery(
            atlas, out, base_url=base_url, workers=workers, progress=lambda n, of: bar.update(task, completed=n, total=of)
        )
    for line in done.stayed:
        print(line, file=sys.stderr)
    print(f"{out}: {done.pages} pages; {done.written} classes written, {done.kept} unchanged")


@cli.command()
def check(atlas: Atlas, *, as_json: AsJson = False) -> None:
    """Verify files, checksums, tables and cross-references of an atlas."""
    found = problems(atlas)
    if as_json:
        print(json.dumps({"atlas": str(atlas), "whole": not found, "problems": found}, ensure_ascii=False))
    elif found:
        for problem in found:
            print(problem, file=sys.stderr)
    else:
        print(f"{atlas}: whole, {len(Store(atlas).manifest.files)} files verified")
    if found:
        raise typer.Exit(WRONG_INPUT)


@cli.command()
def info(atlas: Atlas, *, as_json: AsJson = False) -> None:
    """Say what an atlas holds, and how it was made."""
    said = description(Store(atlas))
    if as_json:
        print(json.dumps(said, ensure_ascii=False, indent=1))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for key, value in said.items():
        table.add_row(f"[dim]{escape(key)}[/]", escape(str(value)))
    Console(highlight=False).print(table)


def description(store: Store) -> dict[str, Any]:
    """Return what an atlas holds, as plain values."""
    manifest, records = store.manifest, store.records.values()
    backbone = manifest.backbone
    return {
        "atlas": str(store.root),
        "format": manifest.format_version,
        "created": manifest.created,
        "complete": manifest.complete,
        "backbone": backbone.get("name"),
        "layer": backbone.get("layer"),
        "classes": len(store.records),
        "coverage": dict(Counter(record.coverage for record in records)),
        "concepts": len(store.all_concepts()),
        "photos": sum(record.n_photos for record in records),
        "photos published": "yes" if manifest.publish_photos == "embed" else "no: keys and boxes only",
        "photo sets": ", ".join(f"{s.name} ({s.licence})" for s in manifest.photo_sets) or "none",
        "files": len(manifest.files),
        "megabytes": round(sum(int(entry["bytes"]) for entry in manifest.files.values()) / 1e6, 1),
    }


def shipped() -> Path:
    """Return the atlas that ships with the project.

    Raises:
        AtlasError: this copy ships none.
    """
    try:
        return data_path(SHIPPED)
    except AtlasError as error:
        raise AtlasError(
            "No atlas was named, and none ships with this copy: `atlas serve ATLAS`, or `make demo` builds one."
        ) from error


def main() -> None:
    """Run the command line; a mistake of the user is one line and status 2."""
    try:
        cli()
    except AtlasError as error:
        print(f"atlas: {error}", file=sys.stderr)
        sys.exit(WRONG_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
