"""Answers of storages are read in pieces."""

import asyncio

from fanfare.storages.gateways.answers import PIECE_BYTES, listing_of


async def test_the_event_loop_goes_on_while_a_long_listing_is_read() -> None:
    rows = b"".join(b"<Contents><Key>k%d</Key><Size>1</Size></Contents>" % number for number in range(1000))
    body = b'<L xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><!--%s-->%s</L>' % (b"< " * 500_000, rows)
    reading = asyncio.ensure_future(listing_of(body, 3))
    turns = 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert [each.object_key for each in reading.result().objects] == ["k0", "k1", "k2"]
    assert turns >= len(body) // PIECE_BYTES
