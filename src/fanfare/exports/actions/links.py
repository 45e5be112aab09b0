"""Links with which a file can be fetched without a key until they end."""

import uuid
from datetime import UTC, datetime, timedelta

import msgspec

from fanfare.exports.queries.exports import export_of
from fanfare.exports.schemas.exports import ExportLink, NewLink
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys

PURPOSE = "exports"
PATH = "/exports/{export_link}"
DEFAULT_MINUTES = 60


class NoFile(Conflict):
    """The export has failed, or its file was deleted"""


class LinkEnded(Unknown):
    """The link has ended, or its file was deleted; create another link"""

    def __init__(self) -> None:
        super().__init__("The link has ended, or its file was deleted")


class Target(msgspec.Struct, frozen=True):
    """The file that a link leads to."""

    account_id: int
    export_uid: uuid.UUID


async def create_link(db: Db, account_id: int, new: NewLink, now: datetime) -> ExportLink:
    """Return a link to the file of an export, even before it is complete; Unknown (404), Conflict (409)."""
    export = await export_of(db, account_id, new.export_uid)
    if not export.has_file:
        raise NoFile
    expires_at = (now + timedelta(minutes=new.minutes or DEFAULT_MINUTES)).replace(microsecond=0)
    link = secret_keys.seal(PURPOSE, f"{account_id} {new.export_uid} {int(expires_at.timestamp())}".encode())
    url = f"{public_address.base}{PATH.format(export_link=link)}"
    return ExportLink(url, int(expires_at.timestamp()))


def target_of(link: str, now: datetime) -> Target:
    """Return the target of a link; LinkEnded (404) for one that has ended or was not made here."""
    try:
        account_id, export_uid, expires = secret_keys.unseal(PURPOSE, link).decode().split()
    except NotSealed:
        raise LinkEnded from None
    if datetime.fromtimestamp(int(expires), UTC) <= now:
        raise LinkEnded
    return Target(int(account_id), uuid.UUID(export_uid))
