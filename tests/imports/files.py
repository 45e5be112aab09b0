"""Uploads files and works on imports, for tests."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from fanfare.imports.actions.running import work
from fanfare.kernel.data.db import Db
from tests.api import Api

PATH = "/api/v1/manage/imports"


async def upload(api: Api, content: bytes, kind: str = "fans", file_format: str = "csv", **params: Any) -> str:
    """Create an import and upload its file; return the uid."""
    uid: str = (await api.ok(await api.post(PATH, kind=kind, format=file_format)))["import_uid"]
    answer = await api.client.post(f"{PATH}/{uid}/file", content=content, headers=api.keys, params=params)
    assert answer.status_code == 200, answer.text
    return uid


async def work_all(api: Api, db: Db) -> None:
    """Do what workers would do."""
    while await work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
        pass


async def inspected(api: Api, db: Db, content: bytes, kind: str = "fans", file_format: str = "csv") -> dict[str, Any]:
    """Return an import whose file was inspected."""
    del db
    uid = await upload(api, content, kind, file_format)
    return await state_of(api, uid)


async def state_of(api: Api, uid: str) -> dict[str, Any]:
    """Return an import."""
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    return result


async def run(api: Api, db: Db, uid: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Run an import to its end and return it."""
    await api.ok(await api.post(f"{PATH}/{uid}/run", dry_run=dry_run))
    await work_all(api, db)
    return await state_of(api, uid)


async def imported(
    api: Api, db: Db, content: bytes, kind: str = "fans", file_format: str = "csv", **changes: Any
) -> dict[str, Any]:
    """Return an import that ran to its end."""
    result = await inspected(api, db, content, kind, file_format)
    assert result["state"] == "ready", result
    if changes:
        await api.ok(await api.post(f"{PATH}/{result['import_uid']}", **changes))
        await work_all(api, db)
    return await run(api, db, result["import_uid"])


async def statements_of(api: Api, db: Db, uid: str, statements: list[str], rows: int) -> Counter[str]:
    """Run an import that creates so many rows, and return how often each of the noted statements was sent."""
    await api.ok(await api.post(f"{PATH}/{uid}/run"))
    statements.clear()
    await work_all(api, db)
    # A later call may look its key up.
    result = Counter(statements)
    assert (await state_of(api, uid))["created_count"] == rows
    return result
