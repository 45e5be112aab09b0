"""Reads clients, and where the provider of an account is."""

from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.wire import MAX_ID
from fanfare.openid.schemas.clients import Client, RegisteredClient

PATH = "/openid"
COLUMNS = """
    c.client_id, c.account_id, c.client_name, c.client_type, c.business_id, c.redirect_uris,
    c.post_logout_redirect_uris, c.scopes, c.is_pkce_required
"""


def issuer(account_id: int) -> str:
    """Return the URL that identifies the provider of an account."""
    return f"{public_address.base}{PATH}/{account_id}"


async def clients(db: Db, account_id: int) -> list[Client]:
    """Return the clients of an account, the oldest first."""
    rows = await db.rows(
        f"""
        select {COLUMNS},
               coalesce((select array_agg(s.secret_prefix order by s.created_at) from openid_client_secrets s
                         where s.account_id = $1 and s.client_id = c.client_id), '{{}}') as secret_prefixes,
               $2 as issuer,
               floor(extract(epoch from c.created_at))::bigint as creation_timestamp,
               floor(extract(epoch from c.updated_at))::bigint as last_update_timestamp
        from openid_clients c
        where c.account_id = $1
        order by c.client_id
        """,  # noqa: S608 - fixed parts
        account_id,
        issuer(account_id),
    )
    return [Client(**row) for row in rows]


async def has_clients(db: Db, account_id: int) -> bool:
    """Return whether an account has a client."""
    sql = "select exists (select from openid_clients where account_id = $1)"
    answer: bool = await db.value(sql, account_id)
    return answer


async def find_client(db: Db, account_id: int, client_id: str) -> RegisteredClient | None:
    """Return a client by the id that it sent."""
    # A longer text is not read as a number at all: that takes long.
    is_number = client_id.isascii() and client_id.isdigit() and len(client_id) <= len(str(MAX_ID))
    if not is_number or int(client_id) > MAX_ID:
        return None
    row: Record | None = await db.row(
        f"select {COLUMNS} from openid_clients c where c.account_id = $1 and c.client_id = $2",  # noqa: S608 - the same
        account_id,
        int(client_id),
    )
    return RegisteredClient(**row) if row else None
