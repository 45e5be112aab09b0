"""Reads passkeys, and the relying parties of an account."""

from typing import NamedTuple
from urllib.parse import urlsplit

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.errors import BadParameters, Conflict
from fanfare.kernel.running.public_address import public_address
from fanfare.passkeys.schemas.origins import Origin, host_of
from fanfare.passkeys.schemas.passkeys import Passkey


class NoOrigin(Conflict):
    """No origin of the account is registered for passkeys"""


class RelyingParty(NamedTuple):
    """A host for which passkeys are made, and the origins at which they may be used."""

    rp_id: str
    origins: tuple[str, ...]


def own_origin() -> Origin | None:
    """Return the origin of the installation's pages, unless browsers allow no passkeys there: an IP address, no TLS."""
    parts = urlsplit(public_address.base)
    origin = f"{parts.scheme}://{parts.netloc}"
    rp_id = host_of(origin)
    return Origin(None, origin, rp_id, None) if rp_id else None


async def origins(db: Db, account_id: int) -> list[Origin]:
    """Return where passkeys may be used: the installation's own pages, then what the account registered."""
    rows = await db.rows(
        """
        select passkey_origin_id, origin, rp_id, floor(extract(epoch from created_at))::bigint as creation_timestamp
        from passkey_origins where account_id = $1 order by passkey_origin_id
        """,
        account_id,
    )
    pages = own_origin()
    return [*([pages] if pages else []), *read_rows(Origin, rows)]


async def pages_rp_ids(db: Db, account_id: int) -> list[str]:
    """Return the hosts for passkeys on the installation's own pages, the one for new passkeys first.

    That is what the account registered for their origin, such as a domain above that its site shares, else their own.
    Their own stays as long as there are passkeys of it. None where browsers allow no passkeys.
    """
    pages = own_origin()
    if pages is None:
        return []
    hosts = [each.rp_id for each in await origins(db, account_id) if each.origin == pages.origin]
    if len(hosts) > 1 and not await db.value(HAS_PASSKEYS, account_id, pages.rp_id):
        hosts.remove(pages.rp_id)
    return list(dict.fromkeys(reversed(hosts)))


HAS_PASSKEYS = "select exists (select from passkeys where account_id = $1 and rp_id = $2)"


async def relying_party(db: Db, account_id: int, rp_id: str | None) -> RelyingParty:
    """Return the relying party with this host, else the only one that the account registered, else the installation's.

    Refuses (422) an unknown host, and none where there are several; (409) an account without any.
    """
    entries = await origins(db, account_id)
    registered = [each.rp_id for each in entries if each.passkey_origin_id is not None]
    hosts = list(dict.fromkeys(registered or [each.rp_id for each in entries]))
    if rp_id is None and len(hosts) > 1:
        raise BadParameters([("rp_id", f"is required: the account has {', '.join(hosts)}")])
    if not entries:
        raise NoOrigin
    chosen = rp_id or hosts[0]
    matching = tuple(each.origin for each in entries if each.rp_id == chosen)
    if not matching:
        raise BadParameters([("rp_id", "is not the host of a registered origin")])
    return RelyingParty(chosen, matching)


COLUMNS = """
    passkey_id, fan_id, passkey_name, rp_id, is_synced,
    floor(extract(epoch from created_at))::bigint as creation_timestamp,
    floor(extract(epoch from used_at))::bigint as use_timestamp
"""


async def passkeys(db: Db, account_id: int, fan_id: int) -> list[Passkey]:
    """Return the passkeys of a fan, the oldest first."""
    rows = await db.rows(
        f"select {COLUMNS} from passkeys where account_id = $1 and fan_id = $2 order by passkey_id",  # noqa: S608 - fixed parts
        account_id,
        fan_id,
    )
    return read_rows(Passkey, rows)


async def fan_passkeys(db: Db, account_id: int, fan_id: int) -> list[Passkey]:
    """Return the passkeys of a fan, the oldest first; refuses (404) an unknown fan."""
    await check_fan(db, account_id, fan_id)
    return await passkeys(db, account_id, fan_id)


async def credentials(db: Db, account_id: int, fan_id: int) -> list[Record]:
    """Return what a new passkey of a fan must not repeat: ids, hosts and the fan's handle, the oldest first."""
    return await db.rows(
        "select credential_id, rp_id, user_handle, transports from passkeys where account_id = $1 and fan_id = $2"
        " order by passkey_id",
        account_id,
        fan_id,
    )


async def by_credential(db: Db, account_id: int, credential_id: bytes) -> Record | None:
    """Return the passkey with this id of the authenticator, if there is one."""
    return await db.row(
        """
        select passkey_id, user_handle, public_key, rp_id
        from passkeys where account_id = $1 and credential_id = $2
        """,
        account_id,
        credential_id,
    )
