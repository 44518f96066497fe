"""The table of classes: a planted hierarchy found again, and truths about the one that ships."""

import csv
from pathlib import Path

import pytest

from atlas.format import imagenet_classes
from atlas.schema import AtlasError, ImageNetClass
from precompute.commands.imagenet_classes import class_table, describe, main_table, parse_synset, read_nouns, write_csv

SHIPPED = Path(__file__).parents[3] / "data" / "imagenet_classes.csv"
WORDNET = Path("/usr/share/wordnet")
needs_wordnet = pytest.mark.skipif(not (WORDNET / "data.noun").exists(), reason="WordNet 3.0 (wordnet-base) is not installed")

# entity ─┬─ animal ─┬─ vertebrate ─ bird ─┬─ gallinaceous bird ─┐
#         │          │                     ├─ crane, hen         ├─ game bird ─ quail
#         │          └─ game ────────────────────────────────────┘
#         └─ machine ─ lifting machine ─ Crane, hoist
PLANTED = """\
  1 A licence stands here; its lines are indented.
00000001 03 n 01 entity 0 002 ~ 00000002 n 0000 ~ 00000007 n 0000 | all that exists
00000002 05 n 02 animal 0 beast 1 002 @ 00000001 n 0000 + 01234567 v 0101 | what moves by itself
00000003 05 n 01 vertebrate 0 001 @ 00000002 n 0000 | with a backbone
00000004 05 n 01 bird 0 001 @ 00000003 n 0000 | with feathers
00000005 05 n 01 game_bird 0 002 @ 00000006 n 0000 @ 00000012 n 0000 | a bird that is hunted
00000006 05 n 01 game 0 001 @ 00000002 n 0000 | what is hunted
00000007 06 n 01 machine 0 001 @ 00000001 n 0000 | does work
00000008 06 n 01 lifting_machine 0 001 @ 00000007 n 0000 | lifts
00000009 05 n 01 crane 0 003 @ 00000004 n 0000 #m 00000004 n 0000 + 00028167 v 0101 | long neck; wades; "a crane stood"; "two"
00000010 06 n 01 Crane 0 001 @i 00000008 n 0000 | long arm (`jib')
00000011 05 n 0a quail 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 Old_World_quail 0 001 @ 00000005 n 0000 | small; "quail"
00000012 05 n 01 gallinaceous_bird 0 001 @ 00000004 n 0000 | heavy
00000013 05 n 01 hen 0 001 @ 00000004 n 0000 | lays eggs
00000014 06 n 01 hoist 0 001 @ 00000008 n 0000 | lifts straight up
"""
LABELS = {
    "n00000009": "crane",
    "n00000011": "quail, b, c, d, e, f, g, h, i, Old World quail",
    "n00000013": "hen",
    "n00000010": "Crane",
    "n00000014": "hoist",
}


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    (tmp_path / "data.noun").write_text(PLANTED, encoding="utf-8")
    return tmp_path


@pytest.fixture
def by_wnid() -> dict[str, ImageNetClass]:
    return {c.wnid: c for c in imagenet_classes()}


def test_planted_synsets_are_read(wordnet):
    nouns = read_nouns(wordnet)
    assert sorted(nouns) == [f"{i:08d}" for i in range(1, 15)]
    assert nouns["00000009"].definition == "long neck; wades"
    assert nouns["00000009"].hypernyms == ("00000004",)
    assert nouns["00000010"].hypernyms == ("00000008",)
    assert nouns["00000010"].definition == "long arm (`jib')"
    assert nouns["00000002"].words == ("animal", "beast")
    assert nouns["00000011"].words[9] == "Old World quail"  # ten words: counted in hexadecimal


def test_planted_classes_get_names_and_trails(wordnet):
    classes = describe(LABELS, read_nouns(wordnet))
    assert [(c.class_index, c.wnid) for c in classes] == list(enumerate(LABELS))
    assert [c.name for c in classes] == ["crane (bird)", "quail", "hen", "Crane (machine)", "hoist"]
    assert classes[1].synonyms == ("b", "c", "d", "e", "f", "g", "h", "i", "Old World quail")
    assert [c.hypernyms for c in classes] == [
        ("animal", "bird"),
        ("animal", "bird", "game bird"),  # the detour round "game"; "gallinaceous bird" neither forks nor is direct
        ("animal", "bird"),
        ("machine", "lifting machine"),
        ("machine", "lifting machine"),
    ]


def test_a_small_group_that_is_nobodys_direct_hypernym_is_passed_over():
    lines = [f"{i:08d} 03 n 01 w{i} 0 001 @ {i // 2:08d} n 0000 | w" for i in range(2, 16)]
    nouns = {s.offset: s for s in map(parse_synset, ["00000001 03 n 01 w1 0 000 | w", *lines])}

    def trails(leaves: range) -> list[tuple[str, ...]]:
        return [c.hypernyms for c in describe({f"n{i:08d}": f"w{i}" for i in leaves}, nouns)]

    assert trails(range(8, 11)) == [("w1", "w4"), ("w1", "w4"), ("w1", "w5")]  # w2 forks, over three classes
    assert trails(range(8, 12))[0] == ("w1", "w2", "w4")


def test_no_data_noun_says_what_was_found_and_what_to_do(tmp_path):
    with pytest.raises(AtlasError, match=r"has no data\.noun \(found no files\)\. Give the folder of WordNet 3\.0 \(on Debian"):
        class_table(tmp_path)
    (tmp_path / "data.verb").touch()
    with pytest.raises(AtlasError, match=r"has no data\.noun \(found data\.verb\)"):
        class_table(tmp_path)
    with pytest.raises(AtlasError, match=r"absent has no data\.noun \(it is not a folder\)"):
        class_table(tmp_path / "absent")


def test_a_missing_synset_is_named(wordnet):
    with pytest.raises(AtlasError, match=r"no synset n01440764 \(tench, Tinca tinca\), found 14 other nouns\. Give the folder"):
        class_table(wordnet)


def test_a_missing_hypernym_is_named(wordnet):
    nouns = read_nouns(wordnet)
    del nouns["00000003"]
    with pytest.raises(AtlasError, match=r"no synset n00000003, a hypernym of 'bird': cut short\? Give the folder"):
        describe(LABELS, nouns)


def test_another_version_of_wordnet_is_recognised_by_its_words(wordnet):
    with pytest.raises(AtlasError, match=r"n00000009 should be 'heron', found 'crane': another version\. Give the folder"):
        describe({"n00000009": "heron"}, read_nouns(wordnet))


@pytest.mark.parametrize(
    "line", ["00000001 03 n 01", "00000001 03 n zz entity 0 000 | g", "00000001 03 n 01 entity 0 002 @ 00000002 n 0000"]
)
def test_a_broken_line_is_shown(line):
    with pytest.raises(AtlasError, match=r"a line that is not a synset, found '00000001 03 n .*Give the folder"):
        parse_synset(line)


def test_a_written_table_keeps_commas_quotes_and_accents(tmp_path):
    classes = (ImageNetClass(0, "n00000001", "café", ("a, b", 'c "d"'), "one; two", ("x", "y z")),)
    write_csv(classes, tmp_path / "new" / "classes.csv")
    content = (tmp_path / "new" / "classes.csv").read_bytes()
    assert b"\r" not in content
    with (tmp_path / "new" / "classes.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert list(row.values()) == ["0", "n00000001", "café", 'a, b; c "d"', "one; two", "x > y z"]


def test_the_shipped_table_has_1000_unique_names_in_timms_order():
    from timm.data import ImageNetInfo

    classes = imagenet_classes()
    assert [c.wnid for c in classes] == ImageNetInfo("imagenet-1k").label_names()
    assert [c.class_index for c in classes] == list(range(1000))
    assert len({c.name.casefold() for c in classes}) == 1000
    assert all(c.definition and c.hypernyms for c in classes)
    assert not any("_" in text for c in classes for text in (c.name, *c.synonyms, *c.hypernyms))


def test_namesakes_are_told_apart(by_wnid):
    names = {w: c.name for w, c in by_wnid.items() if c.name.endswith(")")}
    assert names == {
        "n02012849": "crane (bird)",
        "n03126707": "crane (machine)",
        "n02113186": "Cardigan (dog)",
        "n02963159": "cardigan (sweater)",
        "n03710637": "maillot (tights)",
        "n03710721": "maillot (swimsuit)",
    }


def test_shipped_trails_read_as_a_person_would_say(by_wnid):
    assert by_wnid["n03445777"].hypernyms == ("artifact", "equipment", "game equipment", "ball")
    assert by_wnid["n01806567"].hypernyms == ("animal", "bird", "game bird", "phasianid")  # a quail is not only game
    assert by_wnid["n04162706"].hypernyms == ("artifact", "device", "restraint", "safety belt")  # not clothing
    husky = by_wnid["n02110185"]
    assert (husky.name, husky.hypernyms[0], husky.hypernyms[-1]) == ("Siberian husky", "animal", "sled dog")
    assert sum("dog" in c.hypernyms for c in by_wnid.values()) == 118


def test_shipped_trails_are_one_tree_with_few_roots(by_wnid):
    trails = [c.hypernyms for c in by_wnid.values()]
    assert {t[0] for t in trails} == {
        *("animal", "artifact", "communication", "food", "fungus", "geological formation"),
        *("material", "person", "plant", "plant part", "shape"),
    }
    assert max(map(len, trails)) == 9
    assert all(len(set(t)) == len(t) for t in trails)


@needs_wordnet
def test_the_shipped_table_is_what_wordnet_gives(tmp_path):
    assert main_table(WORDNET, tmp_path / "classes.csv") == 1000
    assert (tmp_path / "classes.csv").read_bytes() == SHIPPED.read_bytes()
    assert class_table(WORDNET) == imagenet_classes()
