"""What an account sets up about fans leaves its row in the change log too, and nothing personal in it."""

from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api

MANAGE = "/api/v1/manage"


async def logged(db: Db, api: Api) -> list[tuple[str, str]]:
    rows = await db.rows(
        "select topic, subject_id, data from changes where account_id = $1 order by position", api.account_id
    )
    assert "192.0.2" not in str(rows)
    assert "offside" not in str(rows)
    return [(row["topic"], row["subject_id"]) for row in rows]


async def test_each_write_is_in_the_log_once(api: Api, db: Db) -> None:
    old = len(await logged(db, api))
    entry: dict[str, Any] = {"ip_address": "192.0.2.0/24", "is_blocked": True}
    word = {"word": "offside", "is_allowed": False}
    token = {"user_key": "u", "push_token": "t", "device_network": "ios"}
    tag_id = (await api.ok(await api.post(f"{MANAGE}/tags", tag_name="Season Ticket")))["tag_id"]
    for _ in range(2):
        assert (await api.ok(await api.post(f"{MANAGE}/tags", tag_name="season ticket")))["tag_id"] == tag_id
        await api.ok(await api.post("/api/v1/crm/ip_addresses", **entry))
        await api.ok(await api.post(f"{MANAGE}/display_name_words", **word))
        await api.ok(await api.post("/api/v1/yinzcam/push_tokens", **token))
    await api.ok(await api.delete(f"{MANAGE}/tags/{tag_id}"))
    await api.ok(await api.delete("/api/v1/crm/ip_addresses", **entry))
    await api.ok(await api.delete(f"{MANAGE}/display_name_words", word="OFFSIDE"))
    assert (await logged(db, api))[old:] == [
        ("tag.created", str(tag_id)),
        ("address.created", "0"),
        ("name_word.created", ""),
        ("push_token.created", ""),
        ("tag.deleted", str(tag_id)),
        ("address.deleted", "0"),
        ("name_word.deleted", ""),
    ]


async def test_a_tag_finds_an_address_in_any_writing(api: Api) -> None:
    created = await api.ok(await api.post("/api/v1/crm/fans", email="Zoë@bücher.example"))
    values = {"tag_name": "Readers", "emails": [" ZOË@xn--bcher-kva.example", "nobody", "nobody@example.com"]}
    rows = (await api.ok(await api.post(f"{MANAGE}/tags/fans", **values)))["rows"]
    assert [(row["email"], row["status"]) for row in rows] == [
        (values["emails"][0].strip(), "added"),
        ("nobody", "unknown"),
        ("nobody@example.com", "unknown"),
    ]
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{created['fan_id']}")))["tags"] == ["Readers"]
