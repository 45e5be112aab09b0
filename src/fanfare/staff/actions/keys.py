"""Manages API keys: makes them, replaces their secrets, revokes them. Nobody gives a key more than they have."""

from collections.abc import Collection
from datetime import datetime

from fanfare.accounts import actions
from fanfare.accounts.schemas import NewKey
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Forbidden
from fanfare.staff.schemas.keys import DEFAULT_RATE, KeyRotation, ManagedSecret, NewApiKey, OneApiKey


class ScopeMissing(Forbidden):
    """Nobody can manage a key with scopes that they do not have"""


def check_scopes(scopes: Collection[str], owned_scopes: Collection[str] | None) -> None:
    """Raise ScopeMissing (403) for scopes beyond those of whoever manages the key; None for all."""
    if owned_scopes is not None and not set(scopes) <= set(owned_scopes):
        raise ScopeMissing


async def create_key(
    db: Db, account_id: int, new: NewApiKey, owned_scopes: Collection[str] | None, now: datetime
) -> ManagedSecret:
    """Make a key with a secret. ScopeMissing (403)."""
    check_scopes(new.scopes, owned_scopes)
    scopes = sorted(set(new.scopes))
    limit = new.rate_limit or DEFAULT_RATE
    return _managed(await actions.create_key(db, account_id, scopes, now, name=new.key_name, rate_limit=limit))


async def rotate_key(
    db: Db, account_id: int, target: KeyRotation, owned_scopes: Collection[str] | None, now: datetime
) -> ManagedSecret:
    """Replace the secrets of a key. Unknown (404), ScopeMissing (403)."""
    async with db.transaction() as tx:
        key = await actions.rotate_key(tx, account_id, target.managed_key, now, overlap=target.overlap)
        check_scopes(key.scopes, owned_scopes)
    return _managed(key)


async def revoke_key(db: Db, account_id: int, target: OneApiKey, now: datetime) -> bool:
    """Revoke a key; servers refuse it within a second. Unknown (404)."""
    await actions.revoke_key(db, account_id, target.managed_key, now)
    return True


def _managed(key: NewKey) -> ManagedSecret:
    return ManagedSecret(str(key.api_key), key.api_secret, list(key.scopes))
