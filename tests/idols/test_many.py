"""Fans tied to idols in bulk."""

import json
import uuid

from tests.api import Api

PATH = "/api/v1/crm/idol_fans"


async def test_each_row_is_written_or_named(api: Api) -> None:
    idol_uid = (await api.ok(await api.post("/api/v1/idols", idol_name="The Tide")))["idol_uid"]
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="known@example.com")))["fan_id"]
    await api.ok(
        await api.post(f"/api/v1/manage/fans/{fan_id}/identifiers", network="Spotify", identifier_value="sp-1")
    )
    items = [
        {"email": "KNOWN@example.com", "idol_uid": idol_uid},
        {"email": "new@example.com", "idol_name": "the tide", "first_name": "New"},
        {"user_key": "sp-1", "network": "spotify", "idol_name": "Fresh Band", "is_explicit": False},
        {"user_key": "nobody", "network": "spotify", "idol_name": "the tide"},
        {"phone": "604 555 0177", "idol_uid": str(uuid.uuid4())},
        {"email": "x"},
        "{",
        ["list"],
    ]
    payload = [item if isinstance(item, str) else json.dumps(item) for item in items]
    saved = await api.ok(await api.post(PATH, idol_fans=payload))
    assert [(row["fan_id"] == fan_id, row["idol_uid"] == idol_uid) for row in saved["inserted"]] == [
        (True, True),
        (False, True),
        (True, False),
    ]
    assert [fault["index"] for fault in saved["errors"]] == [3, 4, 5, 6, 7]
    assert "idol_uid" in saved["errors"][1]["error"]
    idols = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}/idols"))
    assert [(idol["idol_name"], idol["is_explicit"]) for idol in idols] == [("Fresh Band", False), ("The Tide", True)]


async def test_nobody_is_made_for_an_unknown_idol(api: Api) -> None:
    item = json.dumps({"email": "nobody-made@example.com", "idol_uid": str(uuid.uuid4())})
    await api.ok(await api.post(PATH, idol_fans=[item]))
    result = await api.ok(await api.get("/api/v1/crm/fans", name="nobody-made"))
    assert result["data"] == []


async def test_a_repeat_changes_nothing(api: Api) -> None:
    items = [json.dumps({"email": f"r{n}@example.com", "idol_name": "Repeat"}) for n in range(50)] * 2
    first = await api.ok(await api.post(PATH, idol_fans=items))
    again = await api.ok(await api.post(PATH, idol_fans=items))
    assert first == again
    assert len({row["fan_id"] for row in first["inserted"]}) == 50
