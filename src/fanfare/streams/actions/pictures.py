"""Copies the pictures of records and authors, and deletes copies that nothing shows."""

import hashlib
from datetime import datetime, timedelta

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.streams.gateways.pictures import PictureRefused, copy_picture
from fanfare.streams.schemas.terms import GRAPHIC, TEXT
from fanfare.streams.topics import STREAM_RECORD_UPDATED

KEY_LENGTH = 32
# A copy is stored before the record that shows it.
GRACE = timedelta(minutes=10)

URLS = """
    select r.image_url, r.picture_key, r.author_id, a.author_image_url, a.picture_key as author_picture_key
    from stream_records r join stream_authors a on a.account_id = $1 and a.author_id = r.author_id
    where r.account_id = $1 and r.feed_record_id = $2
"""
SAVE = """
    insert into stream_pictures (account_id, picture_key, content, created_at) values ($1, $2, $3, $4)
    on conflict (account_id, picture_key) do update set created_at = excluded.created_at
"""
SHOW = f"""
    with {HOLD},
    changed as (
        update stream_records set picture_key = $4, terms = array_replace(terms, $5, $6)
        where account_id = $1 and feed_record_id = $2 and image_url = $3
        returning feed_record_id, stream_id
    )
    {announce(STREAM_RECORD_UPDATED, "changed", at="$7", fields="array['image_url']")}
"""  # noqa: S608 - fixed parts
SHOW_AUTHOR = """
    update stream_authors set picture_key = $4 where account_id = $1 and author_id = $2 and author_image_url = $3
"""
FORGET = """
    delete from stream_pictures p
    where p.account_id = $1 and p.created_at < $2
      and not exists (select from stream_records r where r.account_id = $1 and r.picture_key = p.picture_key)
      and not exists (select from stream_authors a where a.account_id = $1 and a.picture_key = p.picture_key)
"""


async def copy_pictures(db: Db, account_id: int, record_id: int, now: datetime) -> None:
    """Copy the pictures of a record and its author; those that cannot be shown are left out. Raises SourceFault."""
    row = await db.row(URLS, account_id, record_id)
    if row is None:
        return
    url = row["image_url"]
    if url and not row["picture_key"] and (content := await _copy(account_id, url)):
        await show_picture(db, account_id, record_id, url, content, now)
    url = row["author_image_url"]
    if url and not row["author_picture_key"] and (content := await _copy(account_id, url)):
        picture_key = await _save(db, account_id, content, now)
        await db.execute(SHOW_AUTHOR, account_id, row["author_id"], url, picture_key)


async def show_picture(db: Db, account_id: int, record_id: int, url: str, content: bytes, now: datetime) -> None:
    """Show a copy with a record, if its picture is still the one of this URL."""
    picture_key = await _save(db, account_id, content, now)
    await db.execute(SHOW, account_id, record_id, url, picture_key, TEXT, GRAPHIC, now)


async def _copy(account_id: int, url: str) -> bytes | None:
    try:
        return await copy_picture(url, account_id)
    except PictureRefused:
        return None


async def _save(db: Db, account_id: int, content: bytes, now: datetime) -> str:
    picture_key = hashlib.sha256(content).hexdigest()[:KEY_LENGTH]
    await db.execute(SAVE, account_id, picture_key, content, now)
    return picture_key


async def forget_pictures(db: Db, account_id: int, now: datetime) -> None:
    """Delete copies that no record and no author shows any more."""
    await db.execute(FORGET, account_id, now - GRACE)
