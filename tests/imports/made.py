"""Imports and an export of an account, for the rules over all calls."""

from typing import Any

from tests.storages.made import made_storages

BULK_IDS = {
    "max_export_id": "export_id", "max_import_id": "import_id", "max_schedule_id": "schedule_id",
    "max_object_id": "erasure_id",
}  # fmt: skip
# Of storages.
OBJECT_KEYS = ("access_key_id", "object_key", "last_object_key")
# Each of these calls needs an import of its own.
IMPORT_CALLS = {
    (call, "import_uid"): kind
    for call, kind in (
        ("manage_imports_upload", "empty_import_uid"),
        ("manage_imports_run", "second_import_uid"),
        ("manage_imports_undo", "third_import_uid"),
    )
}


async def made_imports(api: Any, post: Any, got: Any) -> dict[str, Any]:
    """Create imports, one without its file; return their ids."""
    values: dict[str, Any] = {"empty_import_uid": (await post("manage/imports", kind="fans"))["import_uid"]}
    for kind in ("import_uid", "second_import_uid", "third_import_uid"):
        values[kind] = (await post("manage/imports", kind="fans"))["import_uid"]
        url = f"/api/v1/manage/imports/{values[kind]}/file"
        await api.ok(await api.client.post(url, content=b"email\nimported@example.com\n", headers=api.keys))
    values["import_id"] = (await got(f"manage/imports/{values['import_uid']}"))["import_id"]
    values["export_uid"] = (await post("manage/exports", table="fans"))["export_uid"]
    new_schedule = {"table": "activities", "frequency": "daily", "hour": 4}
    values["schedule_uid"] = (await post("manage/export_schedules", **new_schedule))["schedule_uid"]
    values["schedule_id"] = (await got(f"manage/export_schedules/{values['schedule_uid']}"))["schedule_id"]
    values |= await made_storages(post)
    return {**values, "export_id": (await got(f"manage/exports/{values['export_uid']}"))["export_id"]}
