"""Businesses: read with the public key, written with the secret."""

from fanfare.kernel.data.db import Db
from tests.api import Api

FIELDS = {
    "legal_rules", "legal_terms", "legal_privacy", "business_id", "business_name", "media_map", "scheduler_props",
    "locale_props", "style_props",
}  # fmt: skip


async def some_business(api: Api, name: str) -> int:
    created = await api.ok(await api.post("/api/v1/manage/businesses", business_name=name))
    return int(created["business_id"])


async def test_a_business_is_made_changed_and_read(api: Api) -> None:
    business_id = await some_business(api, "Northside FC")
    path = f"/api/v1/manage/businesses/{business_id}"
    await api.ok(await api.post(path, legal_terms="terms", legal_rules="rules", media_map={"logo": {"url": "l.png"}}))
    await api.ok(await api.post(path, legal_rules=""))
    one = await api.ok(await api.public_get(f"/api/v1/businesses/{business_id}"))
    assert set(one) >= FIELDS
    assert (one["legal_terms"], one["legal_rules"], one["media_map"]) == ("terms", None, {"logo": {"url": "l.png"}})
    assert one in await api.ok(await api.public_get("/api/v1/businesses"))


async def test_a_name_is_taken_once_in_any_case(api: Api) -> None:
    await some_business(api, "Harbour Festival")
    again = await api.post("/api/v1/manage/businesses", business_name="HARBOUR festival")
    assert (again.status_code, again.json()["code"]) == (409, "business_name_taken")
    second = await some_business(api, "Other name")
    again = await api.post(f"/api/v1/manage/businesses/{second}", business_name="harbour festival")
    assert again.status_code == 409


async def test_a_business_in_use_is_not_deleted(api: Api, db: Db) -> None:
    business_id = await some_business(api, "Used")
    await db.execute(
        "insert into campaigns (account_id, title, business_id, created_at, updated_at)"
        " values ($1, 'Uses it', $2, now(), now())",
        api.account_id,
        business_id,
    )
    answer = await api.delete(f"/api/v1/manage/businesses/{business_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "business_in_use")
    free = await some_business(api, "Free")
    assert await api.ok(await api.delete(f"/api/v1/manage/businesses/{free}")) is True
    assert (await api.public_get(f"/api/v1/businesses/{free}")).status_code == 404


async def test_every_write_is_in_the_change_log(api: Api, db: Db) -> None:
    business_id = await some_business(api, "Logged")
    await api.ok(await api.post(f"/api/v1/manage/businesses/{business_id}", legal_terms="x"))
    await api.ok(await api.delete(f"/api/v1/manage/businesses/{business_id}"))
    rows = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = $2 order by position",
        api.account_id,
        str(business_id),
    )
    assert [row["topic"] for row in rows] == ["business.created", "business.updated", "business.deleted"]


async def test_other_accounts_see_and_change_nothing(api: Api, other_api: Api) -> None:
    business_id = await some_business(api, "Ours")
    unknown = await other_api.public_get("/api/v1/businesses/999999999")
    hidden = await other_api.public_get(f"/api/v1/businesses/{business_id}")
    assert hidden.status_code == unknown.status_code == 404
    assert hidden.json()["detail"].replace(str(business_id), "999999999") == unknown.json()["detail"]
    assert (await other_api.post(f"/api/v1/manage/businesses/{business_id}", legal_terms="x")).status_code == 404
    assert (await other_api.delete(f"/api/v1/manage/businesses/{business_id}")).status_code == 404
    assert await other_api.ok(await other_api.public_get("/api/v1/businesses")) == []
