"""Defines custom fields, and validates and stores the values of fans."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from fanfare.fans.schemas.attributes import FieldDefinition
from fanfare.fans.topics import FIELD_CREATED, FIELD_DELETED, FIELD_UPDATED
from fanfare.kernel.data.announcements import HOLD, also, announce, hold
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.folding import fold
from fanfare.kernel.running.long_inputs import run_by_rows
from fanfare.kernel.wire import DayForm, FlagForm, ListForm, NumberForm, TextForm, word_of

LONG_TEXT = TextForm(10_000)
# Integers of 15 digits are exact as a float.
NUMBER = NumberForm(-999_999_999_999_999, 999_999_999_999_999)
# Options that an error lists.
MAX_LISTED = 20
URL = TextForm(2000, r"https?://[^\s]+", "must be a URL that starts with http:// or https://")


def _number(raw: object, _: list[str]) -> int | float:
    number = NUMBER.read(raw)
    return int(number) if number.is_integer() else number


def _choice(raw: object, options: list[str]) -> str:
    return _option(raw, options, {fold(option): option for option in options})


def _choices(raw: object, options: list[str]) -> list[str]:
    by_word = {fold(option): option for option in options}
    return list(dict.fromkeys(_option(each, options, by_word) for each in ListForm(TextForm()).read(raw)))


def _option(raw: object, options: list[str], by_word: Mapping[str, str]) -> str:
    option = by_word.get(word_of(raw))
    if option is None:
        suffix = ", …" if len(options) > MAX_LISTED else ""
        message = f"must be one of {', '.join(options[:MAX_LISTED])}{suffix}"
        raise ValueError(message)
    return option


# The parser of each type; its second argument are the options of a choice.
TYPES: dict[str, Callable[[object, list[str]], Any]] = {
    "text": lambda raw, _: LONG_TEXT.read(raw),
    "number": _number,
    "date": lambda raw, _: DayForm().read(raw).isoformat(),
    "boolean": lambda raw, _: FlagForm().read(raw),
    "url": lambda raw, _: URL.read(raw),
    "choice": _choice,
    "choices": _choices,
}


async def save_field(db: Db, account_id: int, params: FieldDefinition, now: datetime) -> None:
    """Create a field or update it; BadParameters (422) for another type while fans have values in the field."""
    async with db.transaction() as tx:
        await _lock(tx, account_id, params.crm_field_key)
        saved = await tx.value(
            SAVE,
            account_id,
            params.crm_field_key,
            params.field_type,
            params.field_options or [],
            params.is_active is not False,
            bool(params.is_global),
            now,
        )
    if saved is None:
        raise BadParameters([("field_type", "cannot change while fans have values in the field")])


async def _lock(db: Db, account_id: int, crm_field_key: str) -> None:
    """Lock a field's definition; transactions that set values lock it too, so the next statement sees all values."""
    await db.execute(
        "select from crm_fields where account_id = $1 and crm_field_key = $2 for update", account_id, crm_field_key
    )


SAVE = f"""
        with {HOLD},
        saved as (
            insert into crm_fields as f (account_id, crm_field_key, field_type, field_options, is_active, is_global,
                                         created_at, updated_at)
            select $1, $2, $3, $4, $5, $6, $7, $7
            on conflict (account_id, crm_field_key) do update
            set field_type = excluded.field_type, field_options = excluded.field_options,
                is_active = excluded.is_active, is_global = excluded.is_global, updated_at = excluded.updated_at
            where f.field_type = excluded.field_type or not exists (
                select from fan_fields v where v.account_id = $1 and v.crm_field_key = f.crm_field_key)
            returning crm_field_key, xmax = 0 as is_new
        ),
        announced as (
            {announce(FIELD_CREATED, "saved where is_new", at="$7")}
            {also(FIELD_UPDATED, "saved where not is_new", at="$7")}
        )
        select crm_field_key from saved
"""  # noqa: S608 - fixed parts


DELETE_FIELD = f"""
    with deleted as (
        delete from crm_fields where account_id = $1 and crm_field_key = $2 returning crm_field_key
    ),
    announced as (
        {announce(FIELD_DELETED, "deleted", position="nextval('positions')", at="$3")}
    )
    select crm_field_key from deleted
"""  # noqa: S608 - fixed parts


async def delete_field(db: Db, account_id: int, crm_field_key: str, now: datetime) -> None:
    """Delete a field with the values of all fans; Unknown (404) if it does not exist."""
    async with db.transaction() as tx:
        await hold(tx, account_id)
        await _lock(tx, account_id, crm_field_key)
        await tx.execute(
            "delete from fan_fields where account_id = $1 and crm_field_key = $2", account_id, crm_field_key
        )
        deleted = await tx.value(
            DELETE_FIELD,
            account_id,
            crm_field_key,
            now,
        )
        if deleted is None:
            raise Unknown(custom_field=crm_field_key)


async def read_values(db: Db, account_id: int, fields: Mapping[str, object]) -> dict[str, Any]:
    """Return custom values parsed by the types of their fields; BadParameters (422) names every invalid one.

    Locks the definitions: no field is deleted or gets another type before the caller's transaction ends.
    """
    (values,) = await read_value_sets(db, account_id, [fields])
    if isinstance(values, BadParameters):
        raise values
    return values


async def read_value_sets(
    db: Db, account_id: int, field_sets: Sequence[Mapping[str, object]]
) -> list[dict[str, Any] | BadParameters]:
    """Return the custom values of several fans, each as `read_values` does, or what it would raise."""
    rows = await db.rows(
        "select crm_field_key, field_type, field_options, is_active from crm_fields"
        " where account_id = $1 and crm_field_key = any($2::text[]) order by crm_field_key for share",
        account_id,
        sorted({key for fields in field_sets for key in fields}),
    )
    definitions = {row["crm_field_key"]: row for row in rows if row["is_active"]}
    count = sum(len(fields) for fields in field_sets) + sum(len(row["field_options"]) for row in rows)
    return await run_by_rows(account_id, count, lambda: [_parse(fields, definitions) for fields in field_sets])


def _parse(fields: Mapping[str, object], definitions: Mapping[str, Record]) -> dict[str, Any] | BadParameters:
    values: dict[str, Any] = {}
    errors = list(_unknown(fields, definitions))
    for key in sorted(set(fields) & set(definitions)):
        try:
            row = definitions[key]
            values[key] = None if fields[key] is None else TYPES[row["field_type"]](fields[key], row["field_options"])
        except ValueError as error:
            errors.append((f"field_{key}", str(error)))
    return BadParameters(errors) if errors else values


def _unknown(values: Mapping[str, object], definitions: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key in sorted(set(values) - set(definitions)):
        yield f"field_{key}", "is not an active custom field of this account"


async def set_values(
    db: Db, account_id: int, fan_id: int, values: Mapping[str, Any], now: datetime, *, fills: bool
) -> list[str]:
    """Set a fan's custom values (None deletes) in the caller's transaction; return the fields that changed.

    With `fills`, existing values are kept.
    """
    present = {key: value for key, value in values.items() if value is not None}
    rows = await db.rows(
        """
        with deleted as (
            delete from fan_fields where account_id = $1 and fan_id = $2 and crm_field_key = any($3::text[])
            returning crm_field_key
        ),
        saved as (
            insert into fan_fields as f (account_id, fan_id, crm_field_key, field_value, updated_at)
            select $1, $2, key, value, $5 from jsonb_each($4::jsonb) as new (key, value)
            on conflict (account_id, fan_id, crm_field_key) do update
            set field_value = excluded.field_value, updated_at = excluded.updated_at
            where not $6 and f.field_value <> excluded.field_value
            returning crm_field_key
        )
        select crm_field_key from deleted union all select crm_field_key from saved
        """,
        account_id,
        fan_id,
        [key for key, value in values.items() if value is None and not fills],
        present,
        now,
        fills,
    )
    return sorted(row["crm_field_key"] for row in rows)
