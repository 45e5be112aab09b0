"""Passes and their sections: made within the capacity, claimed, transferred, cancelled, and drawn as QR codes."""

import asyncio
import random
import uuid
from typing import Any

import segno

from fanfare.kernel.data.db import Db
from fanfare.performances.actions.codes import LETTERS, random_code
from fanfare.registrations.actions.passes import CODE_LETTERS
from tests.api import Api
from tests.kernel.test_pictures import points_of_png, points_of_svg
from tests.registrations.gates import some_campaign, some_fan, some_passes
from tests.registrations.test_registrations import topics

MANAGE = "/api/v1/manage"


async def some_section(api: Api, page_tab_id: int, name: str = "Floor", **extra: Any) -> str:
    path = f"{MANAGE}/campaigns/{page_tab_id}/pass_sections"
    uid: str = (await api.ok(await api.post(path, section_name=name, **extra)))["section_uid"]
    return uid


async def sections(api: Api, page_tab_id: int) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = await api.ok(await api.get(f"{MANAGE}/campaigns/{page_tab_id}/pass_sections"))
    return result


async def act(api: Api, rows: dict[str, Any], kind: str, **values: Any) -> Any:
    return await api.post(f"{MANAGE}/passes/{rows['pass_uid']}/{kind}", **values)


async def listed(api: Api, page_tab_id: int, **question: Any) -> list[dict[str, Any]]:
    page = await api.ok(await api.get(f"{MANAGE}/campaigns/{page_tab_id}/passes", **question))
    assert page["meta"]["count"] == len(page["data"])
    rows: list[dict[str, Any]] = page["data"]
    return rows


async def test_a_pass_is_answered_with_every_field(api: Api, db: Db) -> None:
    page_tab_id, fan_id = await some_campaign(api), await some_fan(api, "made@example.com")
    section_uid = await some_section(api, page_tab_id, capacity=10)
    new_pass, _ = await some_passes(api, page_tab_id, section_uid=section_uid, quantity=2, fan_id=fan_id)
    assert len(new_pass["pass_code"]) == 8
    assert set(new_pass["pass_code"]) <= set(LETTERS)
    created = new_pass["creation_timestamp"]
    assert new_pass == {
        "pass_uid": new_pass["pass_uid"], "pass_id": new_pass["pass_id"], "pass_code": new_pass["pass_code"],
        "page_tab_id": page_tab_id, "section_uid": section_uid, "section_name": "Floor", "event_key": None,
        "fan_id": fan_id, "claim_fan_id": None, "checked_in": False, "gate_name": None, "creation_timestamp": created,
        "claim_timestamp": None, "transfer_timestamp": None, "cancellation_timestamp": None,
        "check_in_timestamp": None,
    }  # fmt: skip
    assert await api.ok(await api.get(f"{MANAGE}/passes/{new_pass['pass_uid']}")) == new_pass
    assert await topics(db, api, new_pass["pass_uid"]) == ["pass.created"]
    (section,) = await sections(api, page_tab_id)
    assert section == {
        "section_uid": section_uid, "page_tab_id": page_tab_id, "section_name": "Floor", "capacity": 10,
        "pass_count": 2, "creation_timestamp": section["creation_timestamp"],
    }  # fmt: skip
    assert await topics(db, api, section_uid) == ["pass_section.created"]


async def test_sections_are_known_by_name_and_can_be_changed(api: Api, db: Db) -> None:
    page_tab_id = await some_campaign(api)
    floor, camping = await some_section(api, page_tab_id, capacity=3), await some_section(api, page_tab_id, "Camping")
    path = f"{MANAGE}/campaigns/{page_tab_id}/pass_sections"
    used = await api.post(path, section_name="FLOOR")
    assert (used.status_code, used.json()["code"]) == (409, "section_name_taken")
    await some_passes(api, page_tab_id, section_uid=floor, quantity=3)
    for values, status in (
        ({"capacity": 2}, 409),
        ({"section_name": "camping"}, 409),
        ({"section_name": ""}, 422),
        ({"capacity": -1}, 422),
        ({"capacity": 5, "section_name": "Front"}, 200),
    ):
        assert (await api.post(f"{MANAGE}/pass_sections/{floor}", **values)).status_code == status, values
    await api.ok(await api.post(f"{MANAGE}/pass_sections/{camping}", capacity=7))
    await api.ok(await api.post(f"{MANAGE}/pass_sections/{camping}", capacity=None))
    assert [(row["section_name"], row["capacity"]) for row in await sections(api, page_tab_id)] == [
        ("Camping", None), ("Front", 5),
    ]  # fmt: skip
    assert await topics(db, api, floor) == ["pass_section.created", "pass_section.updated"]
    assert (await api.post(f"{MANAGE}/pass_sections/{uuid.uuid4()}", capacity=1)).status_code == 404
    assert (await api.get(f"{MANAGE}/campaigns/999999/pass_sections")).status_code == 404
    assert (await api.post(f"{MANAGE}/campaigns/999999/pass_sections", section_name="A")).status_code == 404


async def test_what_cannot_be_made_is_refused(api: Api) -> None:
    page_tab_id, second = await some_campaign(api), await some_campaign(api, "Other")
    elsewhere = await some_section(api, second)
    path = f"{MANAGE}/campaigns/{page_tab_id}/passes"
    wrong = await api.post(path, section_uid=elsewhere)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "section_uid")
    assert (await api.post(path, fan_id=999_999_999)).status_code == 404
    assert (await api.post(f"{MANAGE}/campaigns/999999/passes")).status_code == 404
    for quantity in (0, 1001, "many"):
        assert (await api.post(path, quantity=quantity)).json()["errors"][0]["field"] == "quantity"


async def test_a_section_is_never_overfull_under_racing_writers(api: Api, db: Db) -> None:
    page_tab_id = await some_campaign(api)
    section_uid = await some_section(api, page_tab_id, capacity=24)
    chance = random.Random(5)
    fan_ids = await asyncio.gather(*(some_fan(api, f"race{n}@example.com") for n in range(8)))
    remaining: list[dict[str, Any]] = []
    maximum = 0

    async def work(fan_id: int) -> None:
        nonlocal maximum
        for _ in range(6):
            values = {"section_uid": section_uid, "quantity": chance.choice((1, 2, 5)), "fan_id": fan_id}
            answer = await api.post(f"{MANAGE}/campaigns/{page_tab_id}/passes", **values)
            assert answer.status_code in (200, 409), answer.text
            if answer.status_code == 409:
                assert answer.json()["code"] == "section_full"
                continue
            created = answer.json()
            maximum = max(maximum, (await sections(api, page_tab_id))[0]["pass_count"])
            assert (await act(api, created[0], "claim", fan_id=fan_id)).status_code == 200
            if chance.random() < 0.6:
                # Twice at once: the place is freed once.
                gone = created.pop()
                pair = await asyncio.gather(*(act(api, gone, "cancel") for _ in range(2)))
                assert {each.status_code for each in pair} == {200}
            remaining.extend(created)

    await asyncio.gather(*(work(fan_id) for fan_id in fan_ids))
    live = "select count(*) from passes where account_id = $1 and section_uid = $2 and cancelled_at is null"
    assert len(remaining) == await db.value(live, api.account_id, uuid.UUID(section_uid))
    assert maximum <= 24
    assert (await sections(api, page_tab_id))[0]["pass_count"] == len(remaining) <= 24
    rest = 24 - len(remaining)
    assert (await api.post(f"{MANAGE}/campaigns/{page_tab_id}/passes", section_uid=section_uid, quantity=rest + 1)
            ).status_code == 409  # fmt: skip
    if rest:
        await some_passes(api, page_tab_id, section_uid=section_uid, quantity=rest)


async def test_one_of_racing_claimants_holds_the_pass(api: Api, db: Db) -> None:
    page_tab_id = await some_campaign(api)
    (new_pass,) = await some_passes(api, page_tab_id)
    fan_ids = await asyncio.gather(*(some_fan(api, f"claim{n}@example.com") for n in range(10)))
    answers = await asyncio.gather(*(act(api, new_pass, "claim", fan_id=fan_id) for fan_id in fan_ids))
    (winner,) = [fan_id for fan_id, answer in zip(fan_ids, answers, strict=True) if answer.status_code == 200]
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {"pass_claimed"}
    again = await api.ok(await act(api, new_pass, "claim", fan_id=winner))
    assert again["claim_fan_id"] == winner
    assert again["claim_timestamp"] >= new_pass["creation_timestamp"]
    assert await topics(db, api, new_pass["pass_uid"]) == ["pass.created", "pass.claimed"]


async def test_a_transferred_pass_has_a_new_code_and_the_old_one_opens_nothing(api: Api, db: Db) -> None:
    page_tab_id = await some_campaign(api)
    (new_pass,) = await some_passes(api, page_tab_id)
    seller, buyer = await some_fan(api, "seller@example.com"), await some_fan(api, "heir@example.com")
    await api.ok(await act(api, new_pass, "claim", fan_id=seller))
    moved = await api.ok(await act(api, new_pass, "transfer", fan_id=buyer))
    assert (moved["claim_fan_id"], moved["pass_code"] == new_pass["pass_code"]) == (buyer, False)
    assert moved["transfer_timestamp"] is not None
    assert await api.ok(await act(api, new_pass, "transfer", fan_id=buyer)) == moved
    gate = f"/api/v1/campaigns/{page_tab_id}/passes/check_in"
    old = await api.post(gate, pass_code=new_pass["pass_code"])
    assert (old.status_code, old.json()["code"]) == (409, "pass_transferred")
    elsewhere = await some_campaign(api, "Elsewhere")
    other_gate = f"/api/v1/campaigns/{elsewhere}/passes/check_in"
    assert (await api.post(other_gate, pass_code=new_pass["pass_code"])).status_code == 404
    assert (await api.post(gate, pass_code=moved["pass_code"])).status_code == 200
    late = await act(api, new_pass, "transfer", fan_id=seller)
    assert (late.status_code, late.json()["code"]) == (409, "pass_already_used")
    expected = ["pass.created", "pass.claimed", "pass.transferred", "pass.checked_in"]
    assert await topics(db, api, new_pass["pass_uid"]) == expected


async def test_of_racing_transfers_each_ends_the_code_before_it(api: Api) -> None:
    page_tab_id = await some_campaign(api)
    (new_pass,) = await some_passes(api, page_tab_id)
    fan_ids = await asyncio.gather(*(some_fan(api, f"heir{n}@example.com") for n in range(8)))
    answers = await asyncio.gather(*(act(api, new_pass, "transfer", fan_id=fan_id) for fan_id in fan_ids))
    assert {answer.status_code for answer in answers} == {200}
    codes = {new_pass["pass_code"], *(answer.json()["pass_code"] for answer in answers)}
    assert len(codes) == 9
    remaining = await api.ok(await api.get(f"{MANAGE}/passes/{new_pass['pass_uid']}"))
    gate = f"/api/v1/campaigns/{page_tab_id}/passes/check_in"
    response = {code: (await api.post(gate, pass_code=code)).json().get("code") for code in codes}
    assert response == dict.fromkeys(codes, "pass_transferred") | {remaining["pass_code"]: None}


async def test_what_is_spent_cannot_change_hands(api: Api) -> None:
    page_tab_id = await some_campaign(api)
    used, gone = await some_passes(api, page_tab_id, quantity=2)
    fan_id = await some_fan(api, "late@example.com")
    await api.ok(await api.post(f"/api/v1/campaigns/{page_tab_id}/passes/check_in", pass_uid=used["pass_uid"]))
    cancelled = await api.ok(await act(api, gone, "cancel"))
    assert cancelled["cancellation_timestamp"] is not None
    assert await api.ok(await act(api, gone, "cancel")) == cancelled
    for created, code in ((used, "pass_already_used"), (gone, "pass_cancelled")):
        for kind in ("claim", "transfer"):
            answer = await act(api, created, kind, fan_id=fan_id)
            assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert (await act(api, used, "cancel")).json()["code"] == "pass_already_used"
    stranger = {"pass_uid": str(uuid.uuid4())}
    for kind, values in (("claim", {"fan_id": fan_id}), ("transfer", {"fan_id": fan_id}), ("cancel", {})):
        assert (await act(api, stranger, kind, **values)).status_code == 404
    (fresh,) = await some_passes(api, page_tab_id)
    for kind in ("claim", "transfer"):
        assert (await act(api, fresh, kind, fan_id=999_999_999)).status_code == 404
        assert (await act(api, fresh, kind)).json()["errors"][0]["field"] == "fan_id"


async def test_passes_are_listed_by_pages_and_filters(api: Api) -> None:
    page_tab_id = await some_campaign(api)
    section_uid = await some_section(api, page_tab_id)
    fan_id, claimant = await some_fan(api, "lister@example.com"), await some_fan(api, "lister2@example.com")
    plain = await some_passes(api, page_tab_id, quantity=1000)
    placed = await some_passes(api, page_tab_id, section_uid=section_uid, quantity=2, fan_id=fan_id)
    await api.ok(await act(api, plain[5], "claim", fan_id=claimant))
    first = await api.ok(await api.get(f"{MANAGE}/campaigns/{page_tab_id}/passes"))
    second = await listed(api, page_tab_id, next_pass_id=first["meta"]["next_pass_id"])
    assert [row["pass_uid"] for row in first["data"] + second] == [row["pass_uid"] for row in plain + placed]
    assert await listed(api, page_tab_id, section_uid=section_uid) == placed
    assert await listed(api, page_tab_id, fan_id=fan_id) == placed
    assert [row["pass_uid"] for row in await listed(api, page_tab_id, fan_id=claimant)] == [plain[5]["pass_uid"]]
    assert (await api.get(f"{MANAGE}/campaigns/999999/passes")).status_code == 404


async def test_codes_draw_from_every_letter() -> None:
    chance = random.Random(3)
    codes = [random_code(chance, CODE_LETTERS) for _ in range(500)]
    assert {len(code) for code in codes} == {8}
    assert set("".join(codes)) == set(LETTERS)
    assert not set("01IO") & set(LETTERS)


async def test_the_qr_code_says_the_code_that_the_gate_takes(api: Api) -> None:
    page_tab_id = await some_campaign(api)
    (new_pass,) = await some_passes(api, page_tab_id)
    path = f"{MANAGE}/passes/{new_pass['pass_uid']}/qr"
    svg, png = await api.get(f"{path}.svg"), await api.get(f"{path}.png")
    assert (svg.headers["content-type"], png.headers["content-type"]) == ("image/svg+xml", "image/png")
    points = points_of_png(png.content)
    assert points_of_svg(svg.text) == points
    modules = segno.make_qr(new_pass["pass_code"], error="q").matrix_iter(border=4)
    assert points == ["".join(map(str, row)) for row in modules]
    await api.ok(await api.post(f"/api/v1/campaigns/{page_tab_id}/passes/check_in", pass_code=new_pass["pass_code"]))
    assert (await api.get(f"{MANAGE}/passes/{uuid.uuid4()}/qr.svg")).status_code == 404


async def test_other_accounts_see_nothing(api: Api, other_api: Api) -> None:
    page_tab_id = await some_campaign(api)
    section_uid = await some_section(api, page_tab_id)
    (new_pass,) = await some_passes(api, page_tab_id)
    fan_id = await some_fan(other_api, "thief@example.com")
    for kind in ("", "/qr.svg", "/qr.png"):
        assert (await other_api.get(f"{MANAGE}/passes/{new_pass['pass_uid']}{kind}")).status_code == 404
    for kind, values in (("claim", {"fan_id": fan_id}), ("transfer", {"fan_id": fan_id}), ("cancel", {})):
        assert (await act(other_api, new_pass, kind, **values)).status_code == 404
    assert (await other_api.post(f"{MANAGE}/pass_sections/{section_uid}", capacity=0)).status_code == 404
    assert (await act(api, new_pass, "claim", fan_id=fan_id)).status_code == 404
    assert await listed(api, page_tab_id) == [new_pass]


async def test_a_fan_who_goes_holds_no_pass(api: Api) -> None:
    page_tab_id = await some_campaign(api)
    (new_pass,) = await some_passes(api, page_tab_id, fan_id=await some_fan(api, "leaver@example.com"))
    await api.ok(await act(api, new_pass, "claim", fan_id=new_pass["fan_id"]))
    await api.ok(await api.delete(f"/api/v1/crm/fans/{new_pass['fan_id']}"))
    (row,) = await listed(api, page_tab_id)
    assert (row["fan_id"], row["claim_fan_id"]) == (None, None)
