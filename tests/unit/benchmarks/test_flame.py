"""The flame graph."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.flame import flame, tree

STACKS = {"/a/loop.py:run;/a/x.py:f": 3, "/a/loop.py:run;/a/x.py:f;/a/y.py:<lambda>": 5, "/a/loop.py:run;/a/z.py:g": 2}


def test_a_function_has_the_time_of_what_it_calls() -> None:
    run = tree(STACKS).called["/a/loop.py:run"]

    assert run.seen == 10
    assert {called.name: called.seen for called in run.called.values()} == {"x.f": 8, "z.g": 2}
    assert tree(STACKS).depth == 4


def test_what_nobody_could_see_is_left_out() -> None:
    run = tree(STACKS, least=0.25).called["/a/loop.py:run"]

    assert {called.name for called in run.called.values()} == {"x.f"}
    assert run.seen == 10


def test_it_is_a_picture_whose_boxes_say_their_cost() -> None:
    picture = ElementTree.fromstring(flame(STACKS, 20.0, "Kafka → MongoDB"))
    told = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]

    assert "x.f: 16.00 µs a message, other" in told
    assert "y.<lambda>: 10.00 µs a message, other" in told
