"""The keys that sign ID tokens: created, rotated with an overlap, sealed again.

All servers read them from the database, where the private keys are sealed by the secret keys of the installation. A new
key is published before it signs, so that clients that store the list know it by then.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.openid.queries.clients import has_clients
from fanfare.openid.queries.keys import ALGORITHM, PublishedKey, not_ended, stored_keys, valid_keys

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

BITS = 2048
PURPOSE = "openid signing key"
# Longer than clients store the list.
BEGINS_AFTER = timedelta(hours=2)
# Longer than an ID token is valid.
OVERLAP = timedelta(days=2)
MAX_AGE = timedelta(days=90)


class SigningKey(NamedTuple):
    """The key that signs, and the id under which it is published."""

    key_id: str
    key: "RSAKey"


async def signing_key(db: Db, account_id: int, now: datetime) -> SigningKey:
    """Return the newest key that has begun, and create one if there is none. Unknown (404) for the account."""
    for _ in range(2):
        all_keys = await stored_keys(db, account_id)
        for each in not_ended(all_keys, now):
            if each.begins_at <= now and (key := _unsealed(each)) is not None:
                return SigningKey(each.public_key["kid"], key)
        await _add_key(db, account_id, all_keys, now, begins_at=now)
    raise Unknown(account=account_id)


async def public_keys(db: Db, account_id: int, now: datetime) -> list[Mapping[str, Any]]:
    """Return the published keys as JWK (RFC 7517), and create the first one.

    Unknown (404) for the account, or if it has no client: an empty list would be cached until after the first login.
    """
    all_keys = await stored_keys(db, account_id)
    published = not_ended(all_keys, now)
    if not published:
        if not await has_clients(db, account_id):
            message = "No OpenID Connect client is registered for this account"
            raise Unknown(message)
        await _add_key(db, account_id, all_keys, now, begins_at=now)
        published = await valid_keys(db, account_id, now)
    if not published:
        raise Unknown(account=account_id)
    return [each.public_key for each in published]


async def rotate(
    db: Db, account_id: int, now: datetime, *, begins_after: timedelta = BEGINS_AFTER, overlap: timedelta = OVERLAP
) -> list[PublishedKey]:
    """Add a key that begins later; the others end after that and the overlap. Return the keys, the newest first."""
    all_keys = await stored_keys(db, account_id)
    begins_at = now + (begins_after if not_ended(all_keys, now) else timedelta())
    await _add_key(db, account_id, all_keys, now, begins_at=begins_at, ends_at=begins_at + overlap)
    return await valid_keys(db, account_id, now)


# Of servers that add a key at the same time, one does; the others find it there.
ADD = """
    with added as (
        insert into openid_keys (account_id, key_number, sealed_key, public_key, created_at, begins_at)
        select account_id, $2, $3, $4, $5, $6 from accounts where account_id = $1
        on conflict (account_id, key_number) do nothing
        returning key_number
    )
    update openid_keys set ends_at = least(ends_at, $7)
    where account_id = $1 and key_number < (select key_number from added)
"""


async def _add_key(
    db: Db,
    account_id: int,
    all_keys: list[PublishedKey],
    now: datetime,
    *,
    begins_at: datetime,
    ends_at: datetime | None = None,
) -> None:
    """Create the key after those stored; they end at `ends_at`."""
    number = all_keys[0].key_number + 1 if all_keys else 1
    private_key, public_key = await asyncio.to_thread(_generate)
    sealed_key = secret_keys.seal(PURPOSE, private_key)
    await db.execute(ADD, account_id, number, sealed_key, public_key, now, begins_at, ends_at)


def _generate() -> tuple[bytes, dict[str, Any]]:
    """Return a new private key as PEM, and its public key as JWK."""
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - takes megabytes, which most commands save

    key = RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return key.as_pem(private=True), dict(key.as_dict(private=False))


def _unsealed(published: PublishedKey) -> "RSAKey | None":
    """Return the private key; None if the secret key that sealed it has ended."""
    try:
        return load_key(secret_keys.unseal(PURPOSE, published.sealed_key))
    except NotSealed:
        return None


@lru_cache(maxsize=256)
def load_key(private_key: bytes) -> "RSAKey":
    """Return a key for signing, without checking its numbers: what was sealed here was generated here.

    The check takes a tenth of a second and the interpreter lock, in which the server would answer nothing else.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

    key = load_pem_private_key(private_key, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError
    return RSAKey(key, key)


async def keep_keys(db: Db, account_id: int, now: datetime) -> None:
    """Delete keys that have ended, seal the others by the current secret key, and rotate a key that is old.

    An account without a client gets no key.
    """
    await db.execute("delete from openid_keys where account_id = $1 and ends_at <= $2", account_id, now)
    published = await valid_keys(db, account_id, now)
    for each in published:
        try:
            sealed_key = secret_keys.seal(PURPOSE, secret_keys.unseal(PURPOSE, each.sealed_key))
        except NotSealed:
            continue
        await db.execute(
            "update openid_keys set sealed_key = $3 where account_id = $1 and key_number = $2",
            account_id,
            each.key_number,
            sealed_key,
        )
    if published and published[0].begins_at + MAX_AGE <= now:
        await rotate(db, account_id, now)
