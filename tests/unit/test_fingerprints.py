"""Fingerprints: what was added is known again with the same bytes only; the compiled twin says the same."""

import gc
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compiled import fingerprints
from storage.fingerprints import Fingerprints, PlainFingerprints

Make = Callable[[], Fingerprints]

KEYS = st.integers(0, 60).map("BTCUSDT_{}".format)
BODIES = st.sampled_from([b"", b"one", b"another"])
PAIRS = st.lists(st.tuples(KEYS, BODIES), max_size=80)


@pytest.mark.parametrize("make", [fingerprints, PlainFingerprints])
def test_the_last_bytes_of_a_key_are_known(make: Make) -> None:
    prints = make()
    prints.add(["a", "b", "a"], [b"1", b"2", b"3"])

    assert prints.known(["a", "b", "c", "a"], [b"3", b"3", b"1", b"1"]) == [0]
    assert len(prints) == 2


@pytest.mark.parametrize("make", [fingerprints, PlainFingerprints])
def test_many_are_all_known(make: Make) -> None:
    prints, keys = make(), [str(number) for number in range(10_000)]
    bodies = [key.encode() for key in keys]
    for start in range(0, len(keys), 700):
        prints.add(keys[start : start + 700], bodies[start : start + 700])

    assert prints.known(keys, bodies) == list(range(10_000))
    assert prints.known(keys, bodies[1:] + bodies[:1]) == []


@given(st.lists(st.tuples(st.booleans(), PAIRS), max_size=6))
def test_both_twins_say_the_same(calls: list[tuple[bool, list[tuple[str, bytes]]]]) -> None:
    twins = [fingerprints(), PlainFingerprints()]
    for adds, pairs in calls:
        keys, bodies = [key for key, _ in pairs], [body for _, body in pairs]
        if adds:
            for twin in twins:
                twin.add(keys, bodies)
        assert twins[0].known(keys, bodies) == twins[1].known(keys, bodies)
        assert len(twins[0]) == len(twins[1])


@pytest.mark.parametrize("call", ["add", "known"])
@pytest.mark.parametrize(("keys", "bodies"), [(["a"], []), ([], [b"1"]), (["a"], ["1"]), ([b"a"], [b"1"]), ("a", b"1")])
def test_the_compiled_twin_takes_texts_with_their_bytes_only(call: str, keys: object, bodies: object) -> None:
    prints = fingerprints()
    if isinstance(prints, PlainFingerprints):
        pytest.skip("there is no compiler")

    with pytest.raises(TypeError, match="of the same length"):
        getattr(prints, call)(keys, bodies)


class Cycle:
    """Garbage that runs code when it is collected."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.me = self
        self.act = act

    def __del__(self) -> None:
        self.act()


@pytest.fixture
def collect_at_once() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Let the collector run at the next container that is made, and with it this code."""
    threshold = gc.get_threshold()

    def prepare(act: Callable[[], object]) -> None:
        gc.collect()
        gc.disable()
        Cycle(act)
        gc.enable()
        gc.set_threshold(1)

    yield prepare
    gc.set_threshold(*threshold)


def test_what_a_collection_changes_is_seen(collect_at_once: Callable[[Callable[[], object]], None]) -> None:
    prints, keys, bodies = fingerprints(), ["a"], [b"1"]
    prints.add(keys, bodies)

    collect_at_once(bodies.clear)
    with suppress(TypeError, ValueError):  # whenever it runs: a refusal, never a look at what is gone
        assert prints.known(keys, bodies) in ([], [0])
