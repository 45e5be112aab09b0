"""No account has more than its part of the event loop: its long steps run one at a time, and others have theirs."""

import asyncio
import itertools
import time

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.loop_turns import MANY_ROWS, LoopTurns, turns
from tests.running import PATIENCE

ONE, OTHER = 101, 102


def work(seconds: float) -> None:
    """Keep the loop for so much CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def steps(loop_turns: LoopTurns, account_id: int, count: int, order: list[int], seconds: float = 0.0) -> None:
    async def step() -> None:
        await loop_turns.wait_turn(account_id)
        work(seconds)
        order.append(account_id)

    await asyncio.gather(*(step() for _ in range(count)))


async def begun(order: list[int]) -> None:
    while not order:  # noqa: ASYNC110 - each round of the loop counts
        await asyncio.sleep(0)


async def test_what_is_ready_runs_between_two_long_steps() -> None:
    loop_turns, order = LoopTurns(), list[int]()
    task = asyncio.create_task(steps(loop_turns, ONE, 20, order))
    await begun(order)
    observed = []
    while not task.done():
        observed.append(len(order))
        await asyncio.sleep(0)
    assert observed
    assert all(new - old <= 1 for old, new in itertools.pairwise(observed))


async def test_an_account_waits_for_one_step_of_another() -> None:
    loop_turns, order = LoopTurns(), list[int]()
    count = asyncio.create_task(steps(loop_turns, ONE, 50, order))
    await begun(order)
    old = len(order)
    await steps(loop_turns, OTHER, 1, order)
    await count
    assert OTHER in order[: old + 3]


async def test_an_account_rests_only_while_calls_of_others_are_under_way() -> None:
    loop_turns = LoopTurns()
    with loop_turns.call(ONE), loop_turns.call(ONE):
        assert loop_turns.pause_seconds(ONE, 0.25) == 0
        with loop_turns.call(OTHER):
            assert loop_turns.pause_seconds(ONE, 0.25) == 0.25
        assert loop_turns.pause_seconds(ONE, 0.25) == 0
    with loop_turns.call(ONE):
        assert loop_turns.pause_seconds("strangers", 0.25) == 0.25


async def test_who_has_had_a_long_step_has_the_next_after_as_long() -> None:
    loop_turns, order, took = LoopTurns(), list[int](), 0.02
    loop = asyncio.get_running_loop()
    with loop_turns.call(ONE), loop_turns.call(OTHER):
        await steps(loop_turns, ONE, 1, order, took)
        ended = loop.time()
        await steps(loop_turns, ONE, 1, order)
        assert loop.time() - ended > took / 2


async def test_who_gives_up_leaves_the_turn_to_the_next() -> None:
    loop_turns = LoopTurns()
    for rounds in range(5):
        given_up = asyncio.create_task(loop_turns.wait_turn(ONE))
        for _ in range(rounds):
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            await loop_turns.wait_turn(OTHER)
            await loop_turns.wait_turn(ONE)


STATEMENTS: dict[str, tuple[str, object]] = {
    "arguments": ("select count(*) from unnest($1::int[])", list(range(MANY_ROWS + 1))),
    "answer": ("select * from generate_series(1, $1)", MANY_ROWS + 1),
}


@pytest.mark.parametrize("place", STATEMENTS)
async def test_statements_of_many_rows_wait_for_their_turn_and_others_do_not(db: Db, place: str) -> None:
    sql, argument = STATEMENTS[place]
    # So that both have a connection, which the driver has asked about arrays.
    await asyncio.gather(*(db.for_account(ONE).value("select $1::int[] from pg_sleep(0.01)", [1]) for _ in range(2)))
    async with turns().slots.slot(OTHER, PATIENCE):
        task = asyncio.create_task(db.for_account(ONE).rows(sql, argument))
        for number in range(50):
            assert await db.for_account(ONE).value("select $1::int", number) == number
        assert not task.done()
    assert await task
