import io
import json

from rich.console import Console

from precompute.progress import Bars, Lines


def _build(reporter):
    reporter.begin(2, 100)
    reporter.stage("zucchini", "activations", 50)
    reporter.advance(50)
    reporter.finish("n1", "complete")
    reporter.say("a remark")
    reporter.finish("n2", "failed: no photos")
    reporter.close()


def test_lines_are_one_json_record_each():
    stream = io.StringIO()
    _build(Lines(stream))
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [r["event"] for r in records] == ["begin", "stage", "finish", "message", "finish", "end"]
    assert records[-1]["images"] == 50
    assert records[4] | {"seconds": 0} == {
        "event": "finish",
        "seconds": 0,
        "owner": "n2",
        "outcome": "failed: no photos",
        "finished": 2,
        "classes": 2,
    }


def test_bars_say_which_stage_of_which_class_and_how_many_are_done():
    stream = io.StringIO()
    _build(Bars(Console(file=stream, force_terminal=True, width=140)))
    text = stream.getvalue()
    assert "2 of 2 classes" in text
    assert "zucchini: activations" in text
    assert "n2: failed: no photos" in text
    assert "left" in text


def test_what_a_terminal_would_obey_is_shown_instead():
    stream = io.StringIO()
    bars = Bars(Console(file=stream, width=140))
    bars.say("skipped new\nline \x1b[31m [bold]é🐟.jpg")
    assert stream.getvalue() == "skipped new\\nline \\x1b[31m [bold]é🐟.jpg\n"
