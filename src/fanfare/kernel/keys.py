"""Who calls: the account behind a key. A key is kept in memory for a second, so a revoked one ends within that."""

import hashlib
import hmac
import secrets
import string
import time
import uuid
import zlib
from datetime import datetime
from typing import Literal

import msgspec

from fanfare.kernel.db import Db
from fanfare.kernel.errors import Forbidden, NoKey

SECRET: Literal["secret"] = "secret"  # noqa: S105 - the word for a level
PUBLIC: Literal["public"] = "public"
Level = Literal["secret", "public"]

SCOPES = ("segments", "crm", "streams", "sessions", "idols", "reports", "ads", "misc", "apps", "manage")
KEPT_SECONDS = 1.0
KEPT_KEYS = 10_000
LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LETTERS = 32
CHECKSUM_LETTERS = 6
PREFIX = "ffs_"


class Account(msgspec.Struct, frozen=True):
    """The tenant that a call belongs to."""

    id: int
    name: str
    time_zone: str
    country_code: str | None
    currency: str


class Key(msgspec.Struct, frozen=True):
    """A public key with what it allows and the hashes of its valid secrets."""

    account: Account
    api_key: uuid.UUID
    scopes: frozenset[str]
    rate_limit: int
    secrets: tuple[tuple[bytes, datetime | None], ...]

    def allows(self, scope: str, level: Level, secret: str | None, now: datetime) -> bool:
        """Refuse unless the key has the scope and, for secret calls, a valid secret; tell whether one was given."""
        has_secret = bool(secret) and self.knows(secret or "", now)
        if secret and not has_secret:
            message = "the api_secret is not one of this key's"
            raise NoKey(message)
        if level == SECRET and not has_secret:
            message = "this call needs the api_secret beside the api_key"
            raise Forbidden(message)
        if scope not in self.scopes:
            message = f"the key lacks the scope {scope}"
            raise Forbidden(message)
        return has_secret

    def knows(self, secret: str, now: datetime) -> bool:
        """Say whether a secret is valid for this key; takes the same time for every wrong one."""
        given = hash_secret(secret)
        found = False
        for known, expires_at in self.secrets:
            found |= hmac.compare_digest(given, known) and (expires_at is None or expires_at > now)
        return found


def _checksum(body: str) -> str:
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LETTERS):
        number, digit = divmod(number, len(LETTERS))
        letters = LETTERS[digit] + letters
    return letters


def new_secret() -> str:
    """Return a new secret: a prefix that scanners know, 32 letters of chance (190 bits) and their checksum."""
    body = "".join(secrets.choice(LETTERS) for _ in range(SECRET_LETTERS))
    return f"{PREFIX}{body}{_checksum(body)}"


def is_whole(secret: str) -> bool:
    """Say whether a secret is complete by its checksum, without asking the database."""
    body, checksum = secret[len(PREFIX) : -CHECKSUM_LETTERS], secret[-CHECKSUM_LETTERS:]
    return secret.startswith(PREFIX) and len(body) == SECRET_LETTERS and checksum == _checksum(body)


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a secret. It has 190 bits of chance, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


class Keyring:
    """The keys seen within the last second."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[uuid.UUID, tuple[float, Key]] = {}

    async def find(self, db: Db, api_key: str | None) -> Key:
        """Return the key that a call names, or refuse."""
        try:
            wanted = uuid.UUID(api_key or "")
        except ValueError:
            raise NoKey from None
        kept = self._kept.get(wanted)
        if kept and time.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        key = await _load(db, wanted)
        if len(self._kept) >= KEPT_KEYS:
            self._kept.clear()
        self._kept[wanted] = (time.monotonic(), key)
        return key


async def _load(db: Db, api_key: uuid.UUID) -> Key:
    # The one statement that does not name the account: it is how the account is found.
    found = await db.rows(
        """
        select a.account_id, a.account_name, a.time_zone, a.country_code, a.currency,
               k.scopes, k.rate_limit, s.secret_hash, s.expires_at
        from api_keys k
        join accounts a on a.account_id = k.account_id
        left join api_secrets s on s.account_id = k.account_id and s.api_key = k.api_key
        where k.api_key = $1 and k.revoked_at is null
        """,
        api_key,
    )
    if not found:
        raise NoKey
    row = found[0]
    account = Account(row["account_id"], row["account_name"], row["time_zone"], row["country_code"], row["currency"])
    hashes = tuple((each["secret_hash"], each["expires_at"]) for each in found if each["secret_hash"])
    return Key(account, api_key, frozenset(row["scopes"]), row["rate_limit"], hashes)
