"""Reads copies of pictures, and says where they are."""

import hmac

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import secret_keys

PURPOSE = "pictures of streams that only staff sees"
# What an approved record, or an author of one, shows.
PICTURE = """
    select p.content from stream_pictures p
    where p.account_id = $1 and p.picture_key = $2 and (
        $3::boolean
        or exists (
            select from stream_records r join streams s on s.account_id = $1 and s.stream_id = r.stream_id
            where r.account_id = $1 and r.picture_key = $2 and r.record_status = 'approved' and s.deleted_at is null)
        or exists (
            select from stream_authors a join streams s on s.account_id = $1 and s.stream_id = a.stream_id
            where a.account_id = $1 and a.picture_key = $2 and a.approved_count > 0 and s.deleted_at is null))
"""


def picture_url(account_id: int, picture_key: str | None, *, is_shown: bool) -> str | None:
    """Return where we serve a picture; one that readers do not see yet, or no more, with a signature for staff."""
    if picture_key is None:
        return None
    path = f"/streams/pictures/{account_id}/{picture_key}"
    signature = "" if is_shown else f"?signature={_signature(secret_keys.derived(PURPOSE)[0], path)}"
    return f"{public_address.base}{path}{signature}"


def _signature(secret_key: bytes, path: str) -> str:
    return hmac.digest(secret_key, path.encode(), "sha256").hex()


async def picture(db: Db, account_id: int, picture_key: str, signature: str) -> bytes:
    """Return a copy; Unknown (404), also for one that no reader sees, without its signature."""
    path = f"/streams/pictures/{account_id}/{picture_key}"
    is_staff = any(
        hmac.compare_digest(_signature(each, path).encode(), signature.encode())
        for each in secret_keys.derived(PURPOSE)
    )
    content: bytes | None = await db.value(PICTURE, account_id, picture_key, is_staff)
    if content is None:
        raise Unknown(picture=picture_key)
    return content
