"""The audit log: who changed or exported what, in the transaction of the change itself.

Entries of an account are numbered without a gap, and the hash of each covers the hash of the one before. Whoever
appends one locks the account's head at the end of the transaction, so that parallel writers wait for each other only
then. Inputs are those of fixed form (ids, numbers, choices, days); texts that people typed are masked, for they may
name fans.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.parameters import Params, slots
from fanfare.kernel.wire import ChoiceForm, FlagForm, Form, ListForm, UuidForm

T = TypeVar("T")
MASK = "…"
MAX_ENTRIES, MAX_TEXT = 20, 300
# Fields whose values are for nobody to read, wherever they stand.
SECRET = re.compile(r"(?:^|_)(?:secret|password|token|credential|private_key)")
# Values of a fixed form: they cannot contain what somebody typed.
PLAIN = (bool, int, float, Decimal, date)
PLAIN_FORMS = (ChoiceForm, FlagForm, UuidForm)


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a person of staff (their id) or an API key, by name, and from which address."""

    kind: Literal["staff", "key"]
    key: str
    name: str
    ip_address: str | None


class Subject(msgspec.Struct, frozen=True):
    """What a parameter identifies: a statement that returns its row as JSON; $1 is the account, $2 the key as text."""

    parameter: str
    statement: str


class Action(msgspec.Struct, frozen=True):
    """What is done: its name, and its parameters."""

    name: str
    actor: Actor
    params: Params | None


def no_keys(_: object) -> Mapping[str, Any]:
    """Return no keys."""
    return {}


class AuditLog:
    """Appends entries; `subjects` says of which things the row before and after is noted."""

    def __init__(self, subjects: tuple[Subject, ...] = ()) -> None:
        """Begin with the things that have rows."""
        self.subjects = subjects

    async def change(
        self,
        db: Db,
        account_id: int,
        action: Action,
        now: datetime,
        act: Callable[[Db], Awaitable[T]],
        *,
        keys_in: Callable[[T], Mapping[str, Any]] = no_keys,
    ) -> T:
        """Run a change and append its entry, both or neither. `keys_in` reads keys from an answer that is no struct."""
        async with db.transaction() as tx:
            keys = {each.parameter: getattr(action.params, each.parameter, None) for each in self.subjects}
            rows_before = await self._rows(tx, account_id, keys)
            answer = await act(tx)
            led_to = {name: key for name, key in keys_in(answer).items() if name in keys}
            rows_after = await self._rows(tx, account_id, {**keys, **led_to, **_keys_of(answer, keys)})
            names = {name for name in {*rows_before, *rows_after} if rows_before.get(name) != rows_after.get(name)}
            rows = [{name: row for name, row in each.items() if name in names} for each in (rows_before, rows_after)]
            await append(tx, account_id, action, now, rows)
        return answer

    async def export(
        self, db: Db, account_id: int, action: Action, now: datetime, act: Callable[[Db], Awaitable[T]]
    ) -> T:
        """Run an export, or a change that waits for a turn, and append its entry before anybody has the answer."""
        answer = await act(db)
        async with db.transaction() as tx:
            await append(tx, account_id, action, now)
        return answer

    async def _rows(self, db: Db, account_id: int, keys: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rows of the things that parameters identify, by the name of the parameter."""
        result = {}
        for subject in self.subjects:
            key = keys.get(subject.parameter)
            if not isinstance(key, int | str | uuid.UUID):
                continue
            if row := await db.value(subject.statement, account_id, str(key)):
                result[subject.parameter] = {name: _shortened(name, value) for name, value in row.items()}
        return result


def _keys_of(answer: object, names: Container[str]) -> dict[str, Any]:
    """Return the keys of things in an answer, or in what a page shows: what was made has its key there alone."""
    body, values = getattr(answer, "body", None), getattr(answer, "values", None)
    things: list[Any] = [msgspec.json.decode(body)] if isinstance(body, bytes) and body[:1] == b"{" else []
    if isinstance(values, Mapping):
        things += [msgspec.to_builtins(value) for value in values.values() if isinstance(value, msgspec.Struct)]
    return {name: key for thing in things for name, key in thing.items() if name in names and key is not None}


def shown_inputs(params: Params | None) -> dict[str, Any]:
    """Return the parameters of a call as the log has them."""
    result = {}
    for slot in slots(type(params)) if params is not None else ():
        value = getattr(params, slot.name)
        if value is not None and value is not msgspec.UNSET:
            result[slot.name] = _masked(slot.form, value)
    return result


def _masked(form: Form, value: object) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        each = form.each if isinstance(form, ListForm) else form
        return [_masked(each, entry) for entry in value[:MAX_ENTRIES]] + [MASK] * (len(value) > MAX_ENTRIES)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Params):
        return shown_inputs(value)
    if isinstance(value, PLAIN) or isinstance(form, PLAIN_FORMS):
        return str(value)
    return MASK


def _shortened(name: str, value: object) -> Any:  # noqa: ANN401 - any JSON value
    if SECRET.search(name):
        return MASK
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}{MASK}"
    if isinstance(value, dict | list) and len(msgspec.json.encode(value)) > 10 * MAX_TEXT:
        return MASK
    return {each: _shortened(each, part) for each, part in value.items()} if isinstance(value, dict) else value


# What the hash of an entry covers beside the hash before; `e` is the entry.
CONTENT = """
    convert_to(jsonb_build_array(
        e.account_id, e.entry_number, floor(extract(epoch from e.occurred_at) * 1000000)::bigint, e.actor_kind,
        e.actor_key, e.actor_name, e.ip_address, e.action_name, e.inputs, e.row_before, e.row_after)::text, 'UTF8')
"""
NEXT = """
    insert into audit_heads (account_id, entry_number, entry_hash) values ($1, 1, '')
    on conflict (account_id) do update set entry_number = audit_heads.entry_number + 1
    returning entry_number, entry_hash
"""
APPEND = Sql(f"""
    with e as (
        select $1::bigint as account_id, :entry_number::bigint as entry_number, :now::timestamptz as occurred_at,
               :actor_kind::text as actor_kind, :actor_key::text as actor_key, :actor_name::text as actor_name,
               :ip_address::text as ip_address, :action_name::text as action_name, :inputs::jsonb as inputs,
               :row_before::jsonb as row_before, :row_after::jsonb as row_after
    ),
    appended as (
        insert into audit_entries (account_id, entry_number, occurred_at, actor_kind, actor_key, actor_name, ip_address,
                                   action_name, inputs, row_before, row_after, entry_hash)
        select e.account_id, e.entry_number, e.occurred_at, e.actor_kind, e.actor_key, e.actor_name, e.ip_address,
               e.action_name, e.inputs, e.row_before, e.row_after, sha256(:hash_before::bytea || {CONTENT})
        from e
        returning account_id, entry_hash
    )
    update audit_heads h set entry_hash = a.entry_hash from appended a
    where h.account_id = $1 and a.account_id = h.account_id
""")  # noqa: S608 - fixed parts


async def append(
    db: Db, account_id: int, action: Action, now: datetime, rows: Sequence[dict[str, Any]] = ({}, {})
) -> None:
    """Append an entry; part of the caller's transaction. `rows` are those before and after."""
    head = await db.row(NEXT, account_id)
    assert head is not None  # noqa: S101 - the upsert returns a row
    row_before, row_after = rows
    await db.execute(
        APPEND, account_id, entry_number=head["entry_number"], hash_before=head["entry_hash"], now=now,
        actor_kind=action.actor.kind, actor_key=action.actor.key, actor_name=action.actor.name,
        ip_address=action.actor.ip_address, action_name=action.name, inputs=shown_inputs(action.params),
        row_before=row_before or None, row_after=row_after or None,
    )  # fmt: skip
