"""The public keys of providers and the addresses they publish, remembered in the process for an hour.

A token that names an unknown key lets the keys be read again, at most once a minute: providers replace keys, and
anybody can make up names of keys. What is remembered is of one provider of one account; another account asks itself.
"""

import asyncio
import warnings
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from fanfare.identities.gateways.documents import ProviderUnavailable, document, unavailable
from fanfare.identities.queries.providers import Provider
from fanfare.kernel.running.http_client import http_client

# The library warns of short keys, which are left out here, and of the older name of EdDSA.
warnings.simplefilter("ignore", SecurityWarning)
KEEP = timedelta(hours=1)
# Between two readings for an unknown key, and after a reading that failed.
PAUSE = timedelta(minutes=1)
FAILURE_PAUSE = timedelta(seconds=5)
MAX_PROVIDERS = 1000
MAX_KEYS = 50
SHORTEST_RSA = 2048
Key = RSAKey | ECKey | OKPKey


class Published(msgspec.Struct, frozen=True):
    """What a provider publishes at its issuer, as far as it is used."""

    issuer: str
    jwks_uri: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    token_endpoint_auth_methods_supported: list[str] = []
    end_session_endpoint: str = ""


class _Reading:
    """When a document of a provider was read, and who may read it now: one at a time, after a failure a bit later."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._read_at: datetime | None = None
        # also of a reading that failed
        self._begun_at: datetime | None = None
        self._failure_count = 0

    def is_fresh(self, now: datetime) -> bool:
        return self._read_at is not None and now - self._read_at < KEEP

    def began_within(self, pause: timedelta, now: datetime) -> bool:
        return self._begun_at is not None and now - self._begun_at < pause

    @asynccontextmanager
    async def turn(self, account_id: int, now: datetime, serves: Callable[[], bool]) -> AsyncIterator[bool]:
        """Yield whether the caller has to read; who waited for a reading that failed, fails with it."""
        failure_count = self._failure_count
        async with self._lock:
            if serves():
                yield False
                return
            is_paused = not self.is_fresh(now) and self.began_within(FAILURE_PAUSE, now)
            if is_paused or self._failure_count != failure_count:
                raise unavailable(account_id, "did not respond a moment ago")
            self._begun_at = now
            try:
                yield True
            except ProviderUnavailable:
                self._failure_count += 1
                raise
            self._read_at = now


class _Memory:
    """What is remembered of one provider. Its keys can be read without what it publishes, and the other way round."""

    def __init__(self) -> None:
        self.published: Published | None = None
        self.publishing = _Reading()
        self.keys: list[Key] = []
        self.key_reading = _Reading()

    def answers(self, kid: str | None, now: datetime) -> bool:
        """Return whether nothing need or may be read for a token that names this key."""
        if not self.key_reading.is_fresh(now):
            return False
        has_key = kid is None or any(key.kid == kid for key in self.keys)
        return has_key or self.key_reading.began_within(PAUSE, now)


@cache
def _memories(_: asyncio.AbstractEventLoop) -> OrderedDict[tuple[object, ...], _Memory]:
    return OrderedDict()


def _memory(provider: Provider) -> _Memory:
    memories = _memories(asyncio.get_running_loop())
    # Addresses that the account changes are others.
    key = (provider.account_id, provider.provider_id, provider.issuer, provider.jwks_url)
    memory = memories.setdefault(key, _Memory())
    memories.move_to_end(key)
    if len(memories) > MAX_PROVIDERS:
        memories.popitem(last=False)
    return memory


async def keys(provider: Provider, kid: str | None, now: datetime) -> list[Key]:
    """Return the keys of a provider, read again if a name of a key is unknown; refuses (503) when it does not respond.

    Call it outside of any transaction.
    """
    memory = _memory(provider)

    def serves() -> bool:
        return memory.answers(kid, now)

    if not serves():
        async with memory.key_reading.turn(provider.account_id, now, serves) as has_to_read:
            if has_to_read:
                address = provider.jwks_url or _address((await published(provider, now)).jwks_uri, provider)
                memory.keys = usable_keys(await document(address, provider.account_id))
    return memory.keys


def _address(url: str, provider: Provider) -> str:
    """Return a published address if calls may go to it."""
    if http_client.url_fault(url):
        raise unavailable(provider.account_id, "publishes no usable address")
    return url


async def published(provider: Provider, now: datetime) -> Published:
    """Return what a provider publishes at its issuer; refuses (503) when that fails, or names another issuer."""
    memory = _memory(provider)

    def serves() -> bool:
        return memory.published is not None and memory.publishing.is_fresh(now)

    if not serves():
        async with memory.publishing.turn(provider.account_id, now, serves) as has_to_read:
            if has_to_read:
                memory.published = await _read_published(provider)
    assert memory.published is not None  # noqa: S101 - for mypy: a reading without result raises
    return memory.published


async def _read_published(provider: Provider) -> Published:
    url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        configuration = msgspec.convert(await document(url, provider.account_id), Published)
    except msgspec.ValidationError:
        raise unavailable(provider.account_id, "publishes no configuration") from None
    if configuration.issuer not in provider.issuers:
        raise unavailable(provider.account_id, "publishes another issuer")
    return configuration


async def authorization_url(provider: Provider, now: datetime) -> str:
    """Return the address of a provider's login page."""
    return provider.authorization_url or _address((await published(provider, now)).authorization_endpoint, provider)


async def token_url(provider: Provider, now: datetime) -> str:
    """Return the address that exchanges codes for tokens."""
    return provider.token_url or _address((await published(provider, now)).token_endpoint, provider)


async def end_session_url(provider: Provider, now: datetime) -> str:
    """Return the address at which sessions of the provider itself are ended; empty if it publishes none."""
    url = (await published(provider, now)).end_session_endpoint
    return _address(url, provider) if url else ""


def usable_keys(jwks: dict[str, Any]) -> list[Key]:
    """Return the public keys that can verify signatures; other entries are left out."""
    entries = jwks.get("keys")
    return [key for each in (entries if isinstance(entries, list) else [])[:MAX_KEYS] if (key := _key(each))]


def _key(entry: Any) -> Key | None:  # noqa: ANN401 - JSON
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    try:
        key = JWKRegistry.import_key({name: entry[name] for name in entry if name != "key_ops"})
        # Made now, so that a wrong one is left out here.
        size = getattr(key.public_key, "key_size", None)
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None
    is_short = isinstance(key, RSAKey) and (size or 0) < SHORTEST_RSA
    return key if isinstance(key, RSAKey | ECKey | OKPKey) and not is_short else None
