"""Structs of accounts, keys and businesses."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, JsonObject, Text, TextForm

Legal = Annotated[str, TextForm(200_000)]


class NewAccount(msgspec.Struct):
    """A new account with its first key; the secret is shown only once."""

    account_id: int
    account_name: str
    api_key: uuid.UUID
    api_secret: str


class NewKey(msgspec.Struct):
    """A new key or secret; the secret is shown only once."""

    account_id: int
    api_key: uuid.UUID
    api_secret: str
    scopes: list[str]


class KeyInfo(msgspec.Struct):
    """A key in a list: of each secret only the prefix. Times are Unix seconds."""

    api_key: uuid.UUID
    key_name: str
    scopes: list[str]
    rate_limit: int
    secret_prefixes: list[str]
    creation_timestamp: int
    revocation_timestamp: int | None


class AccountInfo(msgspec.Struct):
    """An account in the operators' list; `key_count` counts the keys that are not revoked. Times are Unix seconds."""

    account_id: int
    account_name: str
    time_zone: str
    country_code: str | None
    creation_timestamp: int
    key_count: int


class Business(msgspec.Struct):
    """A team or brand of the account, with its legal texts (HTML or plain), media and styling."""

    business_id: int
    account_id: int
    business_name: str
    legal_rules: str | None
    legal_terms: str | None
    legal_privacy: str | None
    media_map: dict[str, Any]
    scheduler_props: dict[str, Any]
    locale_props: dict[str, Any]
    style_props: dict[str, Any]
    creation_timestamp: int


class OneBusiness(Params):
    """Which business."""

    business_id: Annotated[Id, "Business to read."]


class NewBusiness(Params):
    """A business to create."""

    business_name: Annotated[Text, "Name of the team or brand; unique in the account."]
    legal_rules: Annotated[Legal | None, "Contest rules."] = None
    legal_terms: Annotated[Legal | None, "Terms of use."] = None
    legal_privacy: Annotated[Legal | None, "Privacy policy."] = None
    media_map: Annotated[JsonObject | None, "Pictures by purpose, such as logo."] = None
    scheduler_props: Annotated[JsonObject | None, "Settings of the scheduler."] = None
    locale_props: Annotated[JsonObject | None, "Texts by language."] = None
    style_props: Annotated[JsonObject | None, "Colours and fonts."] = None

    example: ClassVar[Mapping[str, object]] = {
        "business_name": "Northside FC",
        "legal_terms": "https://northside.example/terms",
        "media_map": {"logo": "https://northside.example/logo.png"},
    }


class BusinessChanges(Params):
    """Fields of a business to update; an empty value clears a string; a field left out stays as it is."""

    business_id: Annotated[Id, "Business to change."]
    business_name: Annotated[Text | None | UnsetType, "Name of the team or brand; unique in the account."] = UNSET
    legal_rules: Annotated[Legal | None | UnsetType, "Contest rules."] = UNSET
    legal_terms: Annotated[Legal | None | UnsetType, "Terms of use."] = UNSET
    legal_privacy: Annotated[Legal | None | UnsetType, "Privacy policy."] = UNSET
    media_map: Annotated[JsonObject | None | UnsetType, "Pictures by purpose, such as logo."] = UNSET
    scheduler_props: Annotated[JsonObject | None | UnsetType, "Settings of the scheduler."] = UNSET
    locale_props: Annotated[JsonObject | None | UnsetType, "Texts by language."] = UNSET
    style_props: Annotated[JsonObject | None | UnsetType, "Colours and fonts."] = UNSET

    example: ClassVar[Mapping[str, object]] = {"legal_terms": "https://northside.example/terms-2026"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield an error if the name is to be cleared."""
        if "business_name" in values and values["business_name"] is None:
            yield "business_name", "must not be empty"


class BusinessSaved(msgspec.Struct):
    """The business that was saved."""

    business_id: int
