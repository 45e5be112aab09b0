"""The account behind a key or its secret. A key is kept in memory for a second, so a revoked one ends within that."""

import hashlib
import hmac
import secrets
import string
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from fanfare.kernel.callers import SECRET, Account, Level
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Forbidden, NoKey

KEPT_SECONDS = 1.0
KEPT_KEYS = 10_000
LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LETTERS = 32
CHECKSUM_LETTERS = 6
PREFIX = "ffs_"
# Longer than any key or secret in any spelling.
LONGEST_SHOWN = 100


class Credentials(msgspec.Struct, frozen=True):
    """What a call shows: a key, its secret, both, or the secret in the place of the key. None and empty are nothing."""

    api_key: str | None = None
    api_secret: str | None = None

    @classmethod
    def read(cls, raw: Mapping[str, Sequence[object]]) -> "Credentials":
        """Return what is among the parameters of a call."""
        values = {name: raw[name][0] for name in ("api_key", "api_secret") if raw.get(name)}
        return cls(**{name: text for name, text in values.items() if isinstance(text, str)})

    def completed(self, fallback: "Credentials") -> "Credentials":
        """Return these with what only the others have."""
        return Credentials(self.api_key or fallback.api_key, self.api_secret or fallback.api_secret)


class ApiKey(msgspec.Struct, frozen=True):
    """A public key with what it allows and the hashes of its valid secrets."""

    account: Account
    api_key: uuid.UUID
    scopes: frozenset[str]
    rate_limit: int
    secrets: tuple[tuple[bytes, datetime | None], ...]

    def serve(self, scope: str) -> None:
        """Refuse unless the key has the scope."""
        if scope not in self.scopes:
            message = f"the key lacks the scope {scope}"
            raise Forbidden(message)

    def open(self, level: Level, *, has_secret: bool) -> None:
        """Refuse a secret call unless a secret of this key was shown."""
        if level == SECRET and not has_secret:
            message = "this call needs the api_secret"
            raise Forbidden(message)

    def knows(self, secret: str, now: datetime) -> bool:
        """Say whether a secret is valid for this key; takes the same time for every wrong one."""
        digest = hash_secret(secret)
        is_known = False
        for secret_hash, expires_at in self.secrets:
            is_known |= hmac.compare_digest(digest, secret_hash) and (expires_at is None or expires_at > now)
        return is_known


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
    """The keys seen within the last second, by themselves and by the hashes of their secrets."""

    def __init__(self) -> None:
        """Start empty."""
        self._cache: dict[uuid.UUID | bytes, tuple[float, ApiKey]] = {}

    async def find(self, db: Db, credentials: Credentials, now: datetime) -> tuple[ApiKey, bool]:
        """Return the key that a call shows, and whether it shows a secret of that key.

        Refuses an unknown or revoked key, and a secret that is not the key's or has expired.
        """
        api_key = _as_key(credentials.api_key)
        shown_secrets = [text for text in (api_key is None and credentials.api_key, credentials.api_secret) if text]
        if api_key is not None:
            key = await self._key(db, api_key)
        elif shown_secrets and is_whole(shown_secrets[0]):
            key = await self._key(db, hash_secret(shown_secrets[0]))
        else:
            raise NoKey
        if not all(key.knows(text, now) for text in shown_secrets):
            message = "the api_secret is not one of this key's"
            raise NoKey(message)
        return key, bool(shown_secrets)

    async def _key(self, db: Db, key_id: uuid.UUID | bytes) -> ApiKey:
        entry = self._cache.get(key_id)
        if entry and time.monotonic() - entry[0] < KEPT_SECONDS:
            return entry[1]
        key = await _load(db, key_id)
        if len(self._cache) >= KEPT_KEYS:
            self._cache.clear()
        self._cache[key_id] = (time.monotonic(), key)
        return key


def _as_key(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "") if len(text or "") <= LONGEST_SHOWN else None
    except ValueError:
        return None


async def _load(db: Db, key_id: uuid.UUID | bytes) -> ApiKey:
    # The one statement that does not name the account: it is how the account is found.
    rows = await db.rows(
        """
        select a.account_id, a.account_name, a.time_zone, a.country_code, a.currency,
               k.api_key, k.scopes, k.rate_limit, s.secret_hash, s.expires_at
        from api_keys k
        join accounts a on a.account_id = k.account_id
        left join api_secrets s on s.account_id = k.account_id and s.api_key = k.api_key
        where k.revoked_at is null
          and k.api_key = coalesce($1, (select shown.api_key from api_secrets shown where shown.secret_hash = $2))
        """,
        key_id if isinstance(key_id, uuid.UUID) else None,
        key_id if isinstance(key_id, bytes) else None,
    )
    if not rows:
        raise NoKey
    row = rows[0]
    account = Account(row["account_id"], row["account_name"], row["time_zone"], row["country_code"], row["currency"])
    hashes = tuple((each["secret_hash"], each["expires_at"]) for each in rows if each["secret_hash"])
    return ApiKey(account, row["api_key"], frozenset(row["scopes"]), row["rate_limit"], hashes)
