"""A task that is to end ends, even when a library swallows the first cancellation."""

import asyncio

from consumer.tasks import end


async def stubborn(swallows: int) -> None:
    for _ in range(swallows):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    await asyncio.Event().wait()


async def test_a_task_that_swallows_cancellations_ends() -> None:
    task = asyncio.create_task(stubborn(2))
    await asyncio.sleep(0)

    await end(task)

    assert task.cancelled()


async def test_all_of_several_end_and_keep_what_they_raised() -> None:
    async def failing() -> None:
        raise ValueError("kept")

    tasks = [asyncio.create_task(failing()), asyncio.create_task(stubborn(0))]
    await asyncio.sleep(0)

    await end(*tasks)

    assert isinstance(tasks[0].exception(), ValueError)
    assert tasks[1].cancelled()


async def test_nothing_to_end_is_well() -> None:
    await end()
