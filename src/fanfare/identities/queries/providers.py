"""Reads identity providers."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from fanfare.identities.schemas.presets import PRESETS, Preset
from fanfare.identities.schemas.providers import IdentityProvider
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.wire import unix

ADDRESSES = ("jwks_url", "authorization_url", "token_url", "userinfo_url")
COLUMNS = (
    "account_id, provider_id, business_id, preset, title, issuer, client_ids, sealed_secret, team_id, key_id, jwks_url,"
    " authorization_url, token_url, userinfo_url, is_email_trusted, is_access_token_accepted, is_enabled, created_at,"
    " updated_at"
)


class Provider(msgspec.Struct, frozen=True):
    """A provider as logins use it, with the addresses of its preset."""

    account_id: int
    provider_id: int
    preset_name: str
    title: str
    issuer: str
    client_ids: list[str]
    sealed_secret: str | None
    team_id: str | None
    key_id: str | None
    jwks_url: str | None
    authorization_url: str | None
    token_url: str | None
    userinfo_url: str | None
    is_email_trusted: bool
    is_access_token_accepted: bool

    @property
    def preset(self) -> Preset:
        """Return what is the same for all providers of this kind."""
        return PRESETS[self.preset_name]

    @property
    def issuers(self) -> tuple[str, ...]:
        """Return the issuer in all spellings of its tokens."""
        aliases = self.preset.issuer_aliases if self.issuer == self.preset.issuer else ()
        return (self.issuer, *aliases)


async def providers(db: Db, account_id: int) -> list[IdentityProvider]:
    """Return the providers of an account, the oldest first."""
    rows = await db.rows(
        f"select {COLUMNS} from identity_providers where account_id = $1 order by provider_id",  # noqa: S608 - constants
        account_id,
    )
    return [_as_answer(row) for row in rows]


FOR_LOGIN = f"""
    select {COLUMNS} from identity_providers
    where account_id = $1 and is_enabled and (business_id = $2 or business_id is null)
      and ($3::text is null or preset = $3) and ($4::bigint is null or provider_id = $4)
      and ($5::text is null or issuer = $5)
    order by business_id nulls last, provider_id limit 1
"""  # noqa: S608 - constants
BUTTONS = f"""
    select {COLUMNS} from identity_providers
    where account_id = $1 and is_enabled and (business_id = $2 or business_id is null)
    order by provider_id limit 20
"""  # noqa: S608 - constants


async def find_provider(
    db: Db, account_id: int, business_id: int | None, *, preset: str | None = None, name: str | None = None
) -> Provider | None:
    """Return the enabled provider of a business or of the whole account: by preset, or by its id or issuer."""
    provider_id = int(name) if name and name.isdecimal() and len(name) < 19 else None  # noqa: PLR2004 - digits of an id
    issuer = name if provider_id is None else None
    row = await db.row(FOR_LOGIN, account_id, business_id, preset, provider_id, issuer)
    return _provider(row) if row else None


async def login_providers(db: Db, account_id: int, business_id: int | None) -> list[Provider]:
    """Return the providers that a login page offers."""
    return [_provider(row) for row in await db.rows(BUTTONS, account_id, business_id)]


def _addresses(row: Record) -> dict[str, Any]:
    preset = PRESETS[row["preset"]]
    return {name: row[name] or getattr(preset, name) for name in ADDRESSES}


def _provider(row: Record) -> Provider:
    names = (
        "account_id",
        "provider_id",
        "issuer",
        "client_ids",
        "sealed_secret",
        "team_id",
        "key_id",
        "is_email_trusted",
    )
    return Provider(
        preset_name=row["preset"],
        title=_title(row),
        is_access_token_accepted=row["is_access_token_accepted"],
        **{name: row[name] for name in names},
        **_addresses(row),
    )


def _title(row: Record) -> str:
    return row["title"] or PRESETS[row["preset"]].title or issuer_title(row["issuer"])


def issuer_title(issuer: str) -> str:
    """Return the name of a provider of which only the issuer is known: that of a preset, else its host."""
    presets = (each.title for each in PRESETS.values() if each.issuer == issuer)
    return next(presets, "") or urlsplit(issuer).hostname or issuer


def _as_answer(row: Record) -> IdentityProvider:
    names = (
        "provider_id", "business_id", "preset", "issuer", "client_ids", "team_id", "key_id", "is_email_trusted",
        "is_access_token_accepted",
        "is_enabled",
    )  # fmt: skip
    return IdentityProvider(
        title=_title(row),
        has_client_secret=row["sealed_secret"] is not None,
        creation_timestamp=unix(row["created_at"]),
        last_update_timestamp=unix(row["updated_at"]),
        **{name: row[name] for name in names},
        **_addresses(row),
    )
