"""API keys: finds the account for a key or secret. Keys are cached for a second, so a revoked key stops within that."""

import hashlib
import hmac
import secrets
import string
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from fanfare.kernel.callers import SECRET, Account, Level
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Forbidden, NoKey

CACHE_SECONDS = 1.0
MAX_CACHED_KEYS = 10_000
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6
PREFIX = "ffs_"
# Longer than any spelling of a key or secret.
MAX_CREDENTIAL_LENGTH = 100
K = TypeVar("K")
V = TypeVar("V")


class ReadOnlyKey(Forbidden):
    """The key is for calls that read"""


class Credentials(msgspec.Struct, frozen=True):
    """The credentials of a request: a key, its secret, both, or the secret in place of the key. Empty means missing."""

    api_key: str | None = None
    api_secret: str | None = None

    @classmethod
    def read(cls, raw: Mapping[str, Sequence[object]]) -> "Credentials":
        """Return the credentials among the parameters of a request."""
        values = {name: raw[name][0] for name in ("api_key", "api_secret") if raw.get(name)}
        return cls(**{name: text for name, text in values.items() if isinstance(text, str)})

    def with_fallback(self, fallback: "Credentials") -> "Credentials":
        """Return these credentials, with missing ones taken from the fallback."""
        return Credentials(self.api_key or fallback.api_key, self.api_secret or fallback.api_secret)

    def digest(self) -> bytes:
        """Return a hash of both, under which they are cached: the secret itself stays nowhere."""
        return hash_secret(f"{self.api_key}\n{self.api_secret}")


class ApiKey(msgspec.Struct, frozen=True):
    """A public key with its permissions and the hashes of its valid secrets."""

    account: Account
    api_key: uuid.UUID
    scopes: frozenset[str]
    rate_limit: int
    secrets: tuple[tuple[bytes, datetime | None], ...]
    name: str = ""
    # whether the key calls nothing that writes, and when it ends
    is_read_only: bool = False
    expires_at: datetime | None = None

    def require_scope(self, scope: str) -> None:
        """Raise Forbidden unless the key has the scope."""
        if scope not in self.scopes:
            message = f"the key lacks the scope {scope}"
            raise Forbidden(message)

    def require_read(self, *, is_write: bool) -> None:
        """Raise ReadOnlyKey for a call that writes, unless the key may."""
        if self.is_read_only and is_write:
            raise ReadOnlyKey

    def require_secret(self, level: Level, *, has_secret: bool) -> None:
        """Raise Forbidden for a secret call without the secret."""
        if level == SECRET and not has_secret:
            message = "this call needs the api_secret"
            raise Forbidden(message)

    def accepts(self, secret: str, now: datetime) -> bool:
        """Return whether a secret is valid for this key; the time does not depend on the secret."""
        digest = hash_secret(secret)
        is_known = False
        for secret_hash, expires_at in self.secrets:
            is_known |= hmac.compare_digest(digest, secret_hash) and (expires_at is None or expires_at > now)
        return is_known


def _checksum(body: str) -> str:
    number, checksum = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        checksum = ALPHABET[digit] + checksum
    return checksum


def new_secret() -> str:
    """Return a new secret: a prefix that secret scanners know, 32 random characters (190 bits) and a checksum."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    return f"{PREFIX}{body}{_checksum(body)}"


def has_valid_checksum(secret: str) -> bool:
    """Return whether the checksum of a secret is right; needs no database query."""
    body, checksum = secret[len(PREFIX) : -CHECKSUM_LENGTH], secret[-CHECKSUM_LENGTH:]
    return secret.startswith(PREFIX) and len(body) == SECRET_LENGTH and checksum == _checksum(body)


def hash_secret(secret: str) -> bytes:
    """Return the hash of a secret or token. They have at least 190 random bits, so a fast hash is safe."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


class _Checked(msgspec.Struct, frozen=True):
    """Credentials that were right, until they are checked again."""

    key: ApiKey
    has_secret: bool
    loaded_at: float
    # when the first of the key's valid secrets expires
    expires_at: datetime | None


class Keyring:
    """A cache for one second: keys by key and by hash of their secrets, and which credentials were right."""

    def __init__(self) -> None:
        self._cache: dict[uuid.UUID | bytes, tuple[float, ApiKey]] = {}
        self._checked: dict[bytes, _Checked] = {}

    def recall(self, credentials: Credentials, now: datetime) -> tuple[ApiKey, bool] | None:
        """Return what `find` would return, if it found these credentials right within the last second."""
        checked = self._checked.get(credentials.digest())
        if checked is None or time.monotonic() - checked.loaded_at >= CACHE_SECONDS:
            return None
        if checked.expires_at is not None and checked.expires_at <= now:
            return None
        return checked.key, checked.has_secret

    async def find(self, db: Db, credentials: Credentials, now: datetime) -> tuple[ApiKey, bool]:
        """Return the key for some credentials, and whether they include one of its secrets.

        Raises NoKey for an unknown or revoked key, and for a secret that does not belong to the key or has expired.
        """
        api_key = _as_key(credentials.api_key)
        secrets_sent = [text for text in (api_key is None and credentials.api_key, credentials.api_secret) if text]
        if api_key is not None:
            loaded_at, key = await self._key(db, api_key)
        elif secrets_sent and has_valid_checksum(secrets_sent[0]):
            loaded_at, key = await self._key(db, hash_secret(secrets_sent[0]))
        else:
            raise NoKey
        if key.expires_at is not None and key.expires_at <= now:
            raise NoKey
        if not all(key.accepts(text, now) for text in secrets_sent):
            message = "the api_secret is not one of this key's"
            raise NoKey(message)
        ends = [key.expires_at, *(end for _, end in key.secrets)]
        expires_at = min((end for end in ends if end is not None and end > now), default=None)
        _put(self._checked, credentials.digest(), _Checked(key, bool(secrets_sent), loaded_at, expires_at))
        return key, bool(secrets_sent)

    async def _key(self, db: Db, key_id: uuid.UUID | bytes) -> tuple[float, ApiKey]:
        entry = self._cache.get(key_id)
        if entry and time.monotonic() - entry[0] < CACHE_SECONDS:
            return entry
        key = await _load(db, key_id)
        entry = time.monotonic(), key
        _put(self._cache, key_id, entry)
        return entry


def _put(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= MAX_CACHED_KEYS:
        cache.clear()
    cache[key] = value


def _as_key(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "") if len(text or "") <= MAX_CREDENTIAL_LENGTH else None
    except ValueError:
        return None


async def _load(db: Db, key_id: uuid.UUID | bytes) -> ApiKey:
    # The only statement that does not take the account: it finds the account.
    rows = await db.rows(
        """
        select a.account_id, a.account_name, a.time_zone, a.country_code, a.currency,
               k.api_key, k.key_name, k.scopes, k.rate_limit, k.is_read_only, k.expires_at as key_expires_at,
               s.secret_hash, s.expires_at
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
    return ApiKey(
        account, row["api_key"], frozenset(row["scopes"]), row["rate_limit"], hashes, row["key_name"],
        is_read_only=row["is_read_only"], expires_at=row["key_expires_at"],
    )  # fmt: skip
