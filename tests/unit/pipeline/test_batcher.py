"""When a batch is cut."""

from consumer.pipeline.batcher import Batch, Batcher, Trigger

A, B = "trades_A", "trades_B"


def batcher() -> Batcher[str, int]:
    return Batcher(max_parts=3, max_bytes=100)


def summary(batches: list[Batch[str, int]]) -> list[tuple[str, list[int], Trigger]]:
    return [(batch.lane, batch.parts, batch.trigger) for batch in batches]


def test_the_part_that_fills_a_batch_by_count_cuts_it() -> None:
    gathering = batcher()
    cut = [gathering.add(A, part, 1, now=0.0) for part in (1, 2, 3)]
    assert cut[:2] == [None, None]
    assert summary([batch for batch in cut if batch]) == [(A, [1, 2, 3], Trigger.SIZE)]
    assert len(gathering) == 0


def test_bytes_cut_before_the_count_does() -> None:
    gathering = batcher()
    assert gathering.add(A, 1, 60, now=0.0) is None
    batch = gathering.add(A, 2, 60, now=0.0)
    assert batch is not None
    assert (batch.bytes, batch.trigger) == (120, Trigger.BYTES)


def test_a_batch_is_due_when_its_first_part_is_old_enough() -> None:
    gathering = batcher()
    gathering.add(A, 1, 1, now=10.0)
    gathering.add(B, 2, 1, now=10.2)
    gathering.add(A, 3, 1, now=10.4)
    assert gathering.next_due(0.5) == 10.5
    assert gathering.due(10.49, 0.5, 9) == []
    assert summary(gathering.due(10.5, 0.5, 9)) == [(A, [1, 3], Trigger.AGE)]
    assert gathering.next_due(0.5) == 10.7


def test_cutting_all_empties_every_lane_the_oldest_first() -> None:
    gathering = batcher()
    gathering.add(A, 1, 1, now=0.0)
    gathering.add(B, 2, 1, now=0.1)
    assert summary(gathering.cut_all(Trigger.DRAIN)) == [(A, [1], Trigger.DRAIN), (B, [2], Trigger.DRAIN)]
    assert gathering.next_due(0.5) is None
