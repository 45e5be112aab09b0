"""Which streams a person sees: with limits to businesses, those of their campaigns."""

from fanfare.kernel.data.db import Db
from fanfare.staff.schemas.members import Member
from fanfare.streams.queries.managed import check_stream_of
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.streams import StreamFacts

AREA = "streams"


async def visible_stream(db: Db, member: Member, stream_key: str) -> StreamFacts:
    """Return a stream that the person may see; Unknown (404)."""
    stream = await stream_by_key(db, member.account.id, stream_key)
    if member.business_ids is not None:
        await check_stream_of(db, member.account.id, stream_key, member.business_ids)
    return stream


def stream_path(member: Member, stream_key: str) -> str:
    """Return the path of a stream."""
    return f"/manage/{member.account.id}/streams/{stream_key}"
