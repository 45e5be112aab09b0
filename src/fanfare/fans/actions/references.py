"""What a fan names in vain, told of together when a fan is refused: fields, businesses, display name, numbers."""

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
    """Return what is wrong with the fields of a fan that only the account's own rows can tell."""
    businesses = [int(key) for key in values.get("businesses") or () if is_id(key)]
    return await faults_of(
        read_values(db, account.id, values.get("fields") or {}),
        check_businesses(db, account.id, businesses),
        checked_name(db, account, values.get("display_name")),
        _check_numbers(db, account, values),
    )


def read_numbers(values: Mapping[str, str | None], home: str | None) -> dict[str, str | None]:
    """Return a fan's numbers in E.164, read as at home where that is; refuses (422) with every wrong one."""
    numbers: dict[str, str | None] = {}
    errors: list[tuple[str, str]] = []
    for name, text in values.items():
        try:
            numbers[name] = phone_number(text, home) if text else None
        except ValueError as wrong:
            errors.append((name, str(wrong)))
    if errors:
        raise BadParameters(errors)
    return numbers


async def _check_numbers(db: Db, account: Account, values: Mapping[str, Any]) -> None:
    """Refuse numbers of a known fan, which are read as at home where the fan lives."""
    numbers = {name: values[name] for name in PHONES if values.get(name)}
    if not numbers or "fan_id" not in values or values.get("country_code"):
        return
    fan = await db.row(
        "select country_code from fans where account_id = $1 and fan_id = $2", account.id, values["fan_id"]
    )
    if fan:
        read_numbers(numbers, fan["country_code"] or account.country_code)
