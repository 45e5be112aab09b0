"""What callers store as JSON is bounded, and so is every list that has no pages, whatever was stored before."""

from collections.abc import Iterator
from typing import Any

import pytest

from fanfare import app
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lines import ItemForm
from fanfare.kernel.data.lists import MAX_LIST_BYTES
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, Slot, read, slots
from fanfare.kernel.wire import AnyForm, JsonForm, ListForm
from fanfare.kernel.wire.lists import MAX_JSON_BYTES
from tests.api import Api

MANAGE = "/api/v1/manage"
OBJECT_BYTES = 1_000_000


def structs() -> Iterator[type[Params]]:
    """Yield the parameters of all calls, and those of their batches."""
    for endpoint in app.endpoints():
        if endpoint.params:
            yield endpoint.params
            for slot in slots(endpoint.params):
                form = slot.form.each if isinstance(slot.form, ListForm) else slot.form
                if isinstance(form, ItemForm):
                    yield form.struct


def json_slots() -> dict[str, tuple[type[Params], Slot]]:
    """Return the fields that are stored as JSON: objects, and values under names that callers choose."""
    return {
        f"{struct.__name__}.{slot.name}": (struct, slot)
        for struct in structs()
        for slot in slots(struct)
        if isinstance(slot.form, JsonForm) or (slot.prefix and isinstance(slot.form, AnyForm))
    }


@pytest.mark.parametrize(("struct", "slot"), json_slots().values(), ids=json_slots())
def test_every_value_that_is_stored_as_json_is_bounded(struct: type[Params], slot: Slot) -> None:
    half: Any = "x" * (MAX_JSON_BYTES // 2)
    name = f"{slot.prefix}*" if slot.prefix else slot.name
    raw: Any = {f"{slot.prefix}{each}": [half] for each in "ab"} if slot.prefix else {name: [{"a": half, "b": half}]}
    with pytest.raises(BadParameters) as refused:
        read(struct, raw)
    assert (name, f"must be at most {MAX_JSON_BYTES} bytes as JSON") in refused.value.errors


INSERTS = {
    "businesses": "insert into businesses (account_id, business_name, style_props, created_at, updated_at)"
    " select $1, number, jsonb_build_object('a', repeat('x', $2)), now(), now() from generate_series(1, $3) number",
    "campaigns": "insert into campaigns (account_id, title, props, created_at, updated_at)"
    " select $1, number, jsonb_build_object('a', repeat('x', $2)), now(), now() from generate_series(1, $3) number",
}


@pytest.mark.parametrize("kind", INSERTS)
async def test_a_list_of_what_was_stored_before_is_bounded(api: Api, db: Db, kind: str) -> None:
    path = f"/api/v1/{kind}"
    assert await api.ok(await api.get(path)) == []
    count = MAX_LIST_BYTES // OBJECT_BYTES
    await db.execute(INSERTS[kind], api.account_id, OBJECT_BYTES, count)
    assert len(await api.ok(await api.get(path))) == count
    await db.execute(INSERTS[kind].replace("(1, $3)", "(100, 100 + $3)"), api.account_id, OBJECT_BYTES, 1)
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "narrow the list" in answer.json()["detail"]


async def test_a_list_of_items_is_bounded(api: Api, db: Db) -> None:
    campaign = await api.ok(await api.post(f"{MANAGE}/campaigns", title="Many items"))
    path = f"{MANAGE}/campaigns/{campaign['page_tab_id']}/items"
    await db.execute(
        "insert into campaign_items (account_id, page_tab_id, title, place, props, created_at, updated_at)"
        " select $1, $2, number, number, jsonb_build_object('a', repeat('x', $3)), now(), now()"
        " from generate_series(1, $4) number",
        api.account_id, campaign["page_tab_id"], OBJECT_BYTES, MAX_LIST_BYTES // OBJECT_BYTES + 1,
    )  # fmt: skip
    assert (await api.get(path)).status_code == 413
