"""Reads API keys with their last use."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.staff.schemas.keys import ManagedKey

# Keys of the console belong to people and are not listed.
# Windows of the present minutes are folded into api_key_uses when they are deleted.
KEYS = bounded("""
    select k.api_key::text as managed_key, k.key_name, k.scopes, k.rate_limit,
           array(select s.secret_prefix from api_secrets s
                 where s.account_id = $1 and s.api_key = k.api_key order by s.created_at) as secret_prefixes,
           floor(extract(epoch from k.created_at))::bigint as creation_timestamp,
           greatest(
               (select floor(extract(epoch from u.used_at))::bigint from api_key_uses u
                where u.account_id = $1 and u.api_key = k.api_key),
               (select max(w.minute)::bigint * 60 from rate_windows w
                where w.account_id = $1 and w.api_key = k.api_key)) as use_timestamp,
           floor(extract(epoch from k.revoked_at))::bigint as revocation_timestamp
    from api_keys k where k.account_id = $1 and k.session_id is null
    order by k.revoked_at is not null, k.created_at, k.api_key
""")


async def managed_keys(db: Db, account_id: int) -> list[ManagedKey]:
    """Return the keys of an account: those that are valid first, then by age."""
    return [ManagedKey(**row) for row in list_rows(await db.rows(KEYS, account_id))]
