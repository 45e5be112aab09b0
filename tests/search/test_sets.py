"""The compact form of sets: rows of chunks, ids beyond 32 bits, and arrays as PostgreSQL sends them."""

import random

from pyroaring import BitMap, BitMap64

from fanfare.kernel.data.db import Db
from fanfare.search.schemas.sets import CHUNK, Chunk, chunks, ids_in, set_in_array, set_of

LARGE = 2**40


def read(parts: list[Chunk]) -> list[int]:
    return [each for part in parts for each in ids_in(part.bitmap, 0, part.end_row - part.first_row)]


def test_chunks_have_all_ids_in_order_and_their_rows() -> None:
    chance = random.Random(92)
    ids = sorted(chance.sample(range(1, 1_000_000), 2 * CHUNK + 1))
    for parts in (chunks(BitMap(ids), 7), chunks(BitMap64(ids), 7)):
        assert read(parts) == ids
        assert [(each.first_row, each.end_row) for each in parts] == [
            (7, 7 + CHUNK), (7 + CHUNK, 7 + 2 * CHUNK), (7 + 2 * CHUNK, 8 + 2 * CHUNK),
        ]  # fmt: skip
        assert [each.last_fan_id for each in parts] == [ids[CHUNK - 1], ids[2 * CHUNK - 1], ids[-1]]
        assert ids_in(parts[1].bitmap, 10, 13) == ids[CHUNK + 10 : CHUNK + 13]


def test_a_set_of_nobody_is_one_empty_chunk() -> None:
    for parts in (chunks(BitMap(), 3), chunks(BitMap64(), 3)):
        assert [(each.first_row, each.end_row, each.last_fan_id) for each in parts] == [(3, 3, 0)]
        assert read(parts) == []


def test_both_kinds_of_bitmaps_have_one_form() -> None:
    for ids in ([1], [1, 5, 2**32 - 1], list(range(1, 70_000))):
        assert chunks(BitMap(ids)) == chunks(BitMap64(ids))


async def test_arrays_of_postgresql_are_sets(db: Db) -> None:
    for ids in ([], [1], [3, 2**31, 2**32, LARGE, LARGE + 1], list(range(5, 40_000, 3))):
        data = await db.value("select array_send(array_agg(x)) from unnest($1::bigint[]) x", ids)
        assert list(set_in_array(data)) == ids
        assert read(chunks(set_of(ids))) == ids


def test_a_set_of_everybody_takes_next_to_nothing_and_one_of_a_tenth_a_byte_and_a_half_a_fan() -> None:
    everybody = chunks(BitMap(range(1, 1_000_001)))
    assert sum(len(each.bitmap) for each in everybody) < 4_000
    chance = random.Random(92)
    tenth = chunks(BitMap(chance.sample(range(1, 1_000_001), 100_000)))
    assert sum(len(each.bitmap) for each in tenth) < 150_000
