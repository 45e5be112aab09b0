"""Shapes of the calls that manage API keys."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.callers import SCOPES
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, IntegerForm, ListForm, TextForm, Uuid

DEFAULT_RATE, MAX_RATE, MAX_HOURS = 10_000, 1_000_000, 24 * 30
KeyName = Annotated[str, TextForm(200)]
Scopes = Annotated[list[str], ListForm(ChoiceForm(*SCOPES))]


class NewApiKey(Params):
    """A key to make."""

    key_name: Annotated[KeyName, "What the key is for."]
    scopes: Annotated[Scopes, f"What the key may call: {', '.join(SCOPES)}."]
    rate_limit: Annotated[Annotated[int, IntegerForm(1, MAX_RATE)] | None, "Calls per minute; 10,000 by default."] = (
        None
    )

    example: ClassVar[Mapping[str, object]] = {"key_name": "website", "scopes": ["apps", "sessions"]}


class OneApiKey(Params):
    """Which key."""

    managed_key: Annotated[Uuid, "The key that is managed."]


class KeyRotation(OneApiKey):
    """A key whose secret is replaced."""

    overlap_hours: Annotated[
        Annotated[int, IntegerForm(0, MAX_HOURS)] | None, "Hours for which the old secrets still work; 24 by default."
    ] = None

    example: ClassVar[Mapping[str, object]] = {"overlap_hours": 1}

    @property
    def overlap(self) -> timedelta:
        """How long the old secrets still work."""
        return timedelta(hours=24 if self.overlap_hours is None else self.overlap_hours)


class ManagedKey(msgspec.Struct):
    """A key in a list: of each secret only the first letters.

    Timestamps are unix seconds, that of the last use to the minute.
    """

    managed_key: str
    key_name: str
    scopes: list[str]
    rate_limit: int
    secret_prefixes: list[str]
    creation_timestamp: int
    use_timestamp: int | None
    revocation_timestamp: int | None


class ManagedSecret(msgspec.Struct):
    """A new key or a new secret of a key; the secret is shown only once."""

    managed_key: str
    managed_secret: str
    scopes: list[str]
