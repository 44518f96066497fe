"""The table of the 1000 ImageNet classes: names and order from timm, meanings and hierarchy from WordNet 3.0.

A wnid is a position in WordNet: ``n02110185`` is the noun synset at offset 02110185 of ``data.noun``, one synset a line (format
``wndb``): ``offset lexfile type word-count {word lex_id} pointer-count {symbol offset type source-target} | gloss``, where
words are counted in hexadecimal and the pointer symbols ``@`` and ``@i`` lead to hypernyms.

The hypernyms of all classes form one tree, so that a reader can browse it. From a class, the hypernym that WordNet lists first is
followed upwards, except at the few ``_DETOURS``; synsets in ``_DROPPED`` are passed over; of the rest, a synset stays when it is
the top of its path, the direct hypernym of a class, or a fork with at least ``_FORK`` classes below. All of this depends on the
synset alone, never on the class the path began with.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atlas.schema import AtlasError, ImageNetClass

_COLUMNS = ("class_index", "wnid", "name", "synonyms", "definition", "hypernyms")
_REMEDY = "Give the folder of WordNet 3.0 (on Debian: apt install wordnet-base, then /usr/share/wordnet)."

#: Fewer classes than this need no intermediate group.
_FORK = 4

#: Too abstract or too technical to help a reader.
_DROPPED = frozenset({
    "entity", "physical entity", "abstraction", "object", "whole", "matter", "solid", "substance", "attribute", "natural object",
    "living thing", "organism", "instrumentality", "nutriment", "chordate", "vertebrate", "aquatic vertebrate", "placental",
    "diapsid", "anapsid", "oscine", "teleost fish", "elasmobranch",
})  # fmt: skip

#: Where the first hypernym misleads, the one to follow instead: a quail is a bird before it is game.
_DETOURS = {
    "bakery": "shop",
    "game bird": "gallinaceous bird",
    "piece of cloth": "fabric",
    "safety belt": "restraint",
}

#: What tells namesakes apart where the head noun of the direct hypernym does so badly ("lifting device", "corgi").
_MEANING = {"n02113186": "dog", "n03126707": "machine"}


@dataclass(frozen=True, slots=True)
class Synset:
    """One noun synset: a meaning, and the words that share it."""

    offset: str  # eight digits
    words: tuple[str, ...]
    hypernyms: tuple[str, ...]  # offsets, in WordNet's order
    definition: str  # the gloss without its examples


def parse_synset(line: str) -> Synset:
    """Read one line of ``data.noun``.

    Raises:
        AtlasError: the line does not follow the ``wndb`` format.
    """
    record, _, gloss = line.partition(" | ")
    try:
        offset, _, _, count, *rest = record.split()
        words, pointers = rest[: 2 * int(count, 16) : 2], rest[2 * int(count, 16) :]
        symbols, targets = pointers[1::4], pointers[2::4]
        if len(targets) != int(pointers[0]):
            raise ValueError("pointers are missing")
    except (ValueError, IndexError) as error:
        raise AtlasError(f"data.noun has a line that is not a synset, found {line[:60]!r}. {_REMEDY}") from error
    return Synset(
        offset=offset,
        words=tuple(word.replace("_", " ") for word in words),
        hypernyms=tuple(t for s, t in zip(symbols, targets, strict=True) if s in ("@", "@i")),
        definition=gloss.partition('; "')[0].strip(),
    )


def read_nouns(wordnet: Path) -> dict[str, Synset]:
    """Return all noun synsets of a WordNet folder, by offset.

    Raises:
        AtlasError: the folder has no ``data.noun``, or it cannot be read as one.
    """
    path = wordnet / "data.noun"
    if not path.is_file():
        found = sorted(p.name for p in wordnet.iterdir())[:5] if wordnet.is_dir() else []
        holds = f"found {', '.join(found) or 'no files'}" if wordnet.is_dir() else "it is not a folder"
        raise AtlasError(f"{wordnet} has no data.noun ({holds}). {_REMEDY}")
    with path.open(encoding="utf-8", errors="replace") as stream:  # the licence above the synsets is indented
        synsets = (parse_synset(line) for line in stream if line[:1].isdigit())
        return {synset.offset: synset for synset in synsets}


def class_table(wordnet: Path) -> tuple[ImageNetClass, ...]:
    """Return the 1000 classes in timm's order.

    Raises:
        AtlasError: the folder has no ``data.noun``, or not that of WordNet 3.0.
    """
    from timm.data import ImageNetInfo  # here: it brings torch along, which nothing else in this module needs

    nouns, info = read_nouns(wordnet), ImageNetInfo("imagenet-1k")
    return describe({wnid: info.label_name_to_description(wnid) for wnid in info.label_names()}, nouns)


def describe(labels: Mapping[str, str], nouns: Mapping[str, Synset]) -> tuple[ImageNetClass, ...]:
    """Describe classes, in the order given.

    Args:
        labels: wnid → ImageNet's words for it, separated by ``", "``; they prove that an offset means what it should.
        nouns: WordNet's synsets, by offset.

    Raises:
        AtlasError: a synset is missing, or has other words than ImageNet's.
    """
    synsets = {wnid: _find(wnid, words, nouns) for wnid, words in labels.items()}
    trails = _trails(synsets, nouns)
    namesakes = Counter(synset.words[0].casefold() for synset in synsets.values())
    return tuple(
        ImageNetClass(
            class_index=index,
            wnid=wnid,
            name=_told_apart(wnid, synset, nouns) if namesakes[synset.words[0].casefold()] > 1 else synset.words[0],
            synonyms=synset.words[1:],
            definition=synset.definition,
            hypernyms=trails[wnid],
        )
        for index, (wnid, synset) in enumerate(synsets.items())
    )


def write_csv(classes: Iterable[ImageNetClass], path: Path) -> None:
    """Write the table as UTF-8, lines ended by a line feed; synonyms are joined by ``"; "``, hypernyms by ``" > "``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for c in classes:
        lists = "; ".join(c.synonyms), c.definition, " > ".join(c.hypernyms)
        writer.writerow((c.class_index, c.wnid, c.name, *lists))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def main_table(wordnet: Path, out: Path) -> int:
    """Write the table of classes to ``out`` and return how many it holds."""
    classes = class_table(wordnet)
    write_csv(classes, out)
    return len(classes)


def _find(wnid: str, words: str, nouns: Mapping[str, Synset]) -> Synset:
    synset = nouns.get(wnid[1:])
    if synset is None:
        raise AtlasError(f"WordNet has no synset {wnid} ({words}), found {len(nouns)} other nouns. {_REMEDY}")
    if ", ".join(synset.words) != words:
        raise AtlasError(f"Synset {wnid} should be {words!r}, found {', '.join(synset.words)!r}: another version. {_REMEDY}")
    return synset


def _parent(synset: Synset, nouns: Mapping[str, Synset]) -> Synset | None:
    for offset in synset.hypernyms:
        if offset not in nouns:
            raise AtlasError(f"WordNet has no synset n{offset}, a hypernym of {synset.words[0]!r}: cut short? {_REMEDY}")
    parents = [nouns[offset] for offset in synset.hypernyms]
    detour = _DETOURS.get(synset.words[0])
    return next((p for p in parents if p.words[0] == detour), parents[0] if parents else None)


def _told_apart(wnid: str, synset: Synset, nouns: Mapping[str, Synset]) -> str:
    parent = _parent(synset, nouns)
    return f"{synset.words[0]} ({_MEANING.get(wnid) or (parent.words[0].split()[-1] if parent else wnid)})"


def _trails(synsets: Mapping[str, Synset], nouns: Mapping[str, Synset]) -> dict[str, tuple[str, ...]]:
    paths: dict[str, list[str]] = {}  # offsets, from the most general to the direct hypernym
    below: dict[str, Counter[str]] = defaultdict(Counter)  # offset → what comes next on a path → on how many
    for wnid, synset in synsets.items():
        path: list[str] = []
        ancestor = _parent(synset, nouns)
        while ancestor:
            if ancestor.words[0] not in _DROPPED:
                path.insert(0, ancestor.offset)
            ancestor = _parent(ancestor, nouns)
        paths[wnid] = path
        for offset, following in zip(path, [*path[1:], wnid], strict=True):
            below[offset][following] += 1
    ends = {offset for path in paths.values() if path for offset in (path[0], path[-1])}
    kept = ends | {offset for offset, forks in below.items() if len(forks) > 1 and forks.total() >= _FORK}
    return {wnid: tuple(nouns[o].words[0] for o in path if o in kept) for wnid, path in paths.items()}
