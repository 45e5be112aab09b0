"""Projects of advertising and their budget lines."""

import uuid

from fanfare.kernel.data.db import Db
from tests.api import Api

PROJECTS = "/api/v1/manage/ad_projects"


async def some_project(api: Api, name: str = "Season tickets") -> str:
    return str((await api.ok(await api.post(PROJECTS, project_name=name)))["project_uid"])


async def test_a_project_has_budget_lines(api: Api, db: Db) -> None:
    uid = await some_project(api)
    path = f"/api/v1/ads/projects/{uid}/lines"
    first, second = [
        (await api.ok(await api.post(path, name=name, budget_amount=amount, notes="June")))["project_line_uid"]
        for name, amount in [("Social ads", "2500.50"), ("Radio", 1000)]
    ]
    rows = await api.ok(await api.get(f"{PROJECTS}/{uid}/lines"))
    assert [(row["project_line_uid"], row["name"], float(row["budget_amount"])) for row in rows] == [
        (first, "Social ads", 2500.5),
        (second, "Radio", 1000),
    ]
    project = next(row for row in await api.ok(await api.get(PROJECTS)) if row["project_uid"] == uid)
    assert (float(project["budget_amount"]), project["line_count"]) == (3500.5, 2)
    assert await api.ok(await api.delete(f"/api/v1/manage/ad_project_lines/{first}"))
    assert (await api.delete(f"/api/v1/manage/ad_project_lines/{first}")).status_code == 404
    assert [row["project_line_uid"] for row in await api.ok(await api.get(f"{PROJECTS}/{uid}/lines"))] == [second]
    assert await api.ok(await api.delete(f"{PROJECTS}/{uid}"))
    for answer in (await api.delete(f"{PROJECTS}/{uid}"), await api.get(f"{PROJECTS}/{uid}/lines")):
        assert answer.status_code == 404
    topics = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = any($2) order by position",
        api.account_id,
        [uid, first, second],
    )
    assert [row["topic"] for row in topics] == [
        "ad_project.created", "ad_project_line.created", "ad_project_line.created", "ad_project_line.deleted",
        "ad_project.deleted",
    ]  # fmt: skip


async def test_pages_of_projects_and_lines(other_api: Api) -> None:
    uids = [await some_project(other_api, name) for name in "abc"]
    first = await other_api.get(PROJECTS, limit=2)
    second = await other_api.get(PROJECTS, limit=2, cursor=first.headers["X-Next-Cursor"])
    assert [row["project_uid"] for row in [*first.json(), *second.json()]] == uids


async def test_wrong_fields_are_named(api: Api) -> None:
    answer = await api.post(PROJECTS, business_id=1)
    assert [error["field"] for error in answer.json()["errors"]] == ["project_name", "business_id"]
    answer = await api.post(f"/api/v1/ads/projects/{uuid.uuid4()}/lines", budget_amount="much")
    assert [error["field"] for error in answer.json()["errors"]] == ["name", "budget_amount", "notes"]
    line = {"name": "x", "budget_amount": 1, "notes": "x"}
    assert (await api.post(f"/api/v1/ads/projects/{uuid.uuid4()}/lines", **line)).status_code == 404
