"""Validates what only the account's rows can: custom fields, businesses, display name, numbers of a fan."""

from collections.abc import Mapping
from typing import Any

from fanfare.fans.actions.consents import check_businesses
from fanfare.fans.actions.fields import read_values
from fanfare.fans.actions.names import checked_name
from fanfare.fans.contact import PHONES, phone_number
from fanfare.fans.schemas.fans import is_id
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, faults_of


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a fan's parameters, as (name, message), that can only be found in the account's rows."""
    businesses = [int(key) for key in values.get("businesses") or () if is_id(key)]
    return await faults_of(
        read_values(db, account.id, values.get("fields") or {}),
        check_businesses(db, account.id, businesses),
        checked_name(db, account, values.get("display_name")),
        _check_numbers(db, account, values),
    )


def read_numbers(values: Mapping[str, str | None], home: str | None) -> dict[str, str | None]:
    """Return numbers in E.164; `home` is the country of national ones. BadParameters (422) names each invalid one."""
    numbers: dict[str, str | None] = {}
    errors: list[tuple[str, str]] = []
    for name, text in values.items():
        try:
            numbers[name] = phone_number(text, home) if text else None
        except ValueError as error:
            errors.append((name, str(error)))
    if errors:
        raise BadParameters(errors)
    return numbers


async def _check_numbers(db: Db, account: Account, values: Mapping[str, Any]) -> None:
    """Raise BadParameters (422) for invalid numbers of an existing fan, whose country is that of national numbers."""
    numbers = {name: values[name] for name in PHONES if values.get(name)}
    if not numbers or "fan_id" not in values or values.get("country_code"):
        return
    fan = await db.row(
        "select country_code from fans where account_id = $1 and fan_id = $2", account.id, values["fan_id"]
    )
    if fan:
        read_numbers(numbers, fan["country_code"] or account.country_code)
