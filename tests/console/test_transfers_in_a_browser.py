"""Webhooks, imports and exports in Chromium: a file is uploaded, tried and run; an endpoint is registered."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.looking import (
    NEEDS_CHROMIUM,
    VIEWS,
    View,
    base_url,
    browser,
    context,
    look_at,
    signed_in_page,
    watched,
)
from tests.console.people import add_person, session_cookie
from tests.exports.test_exports import work_all as write_exports
from tests.imports.files import imported, inspected, work_all
from tests.imports.test_workbooks import uploaded, workbook_of
from tests.storages.stores import Service, new_storage

__all__ = ["base_url", "browser", "context"]
pytestmark = NEEDS_CHROMIUM
CSV = b"E-mail,Vorname,Town\nmaren@example.com,Maren,Vancouver\nidris@example.com,Idris,Seattle\nno address,Nobody,\n"


@pytest.fixture(scope="module")
async def urls(db: Db, api: Api, store: Service) -> dict[str, str]:
    """The pages, with an endpoint that was tested, imports in two states and two exports."""
    new = {"url": "https://203.0.114.10/hooks", "topics": ["fan.*"], "description": "The ticket shop"}
    webhook = await api.ok(await api.post("/api/v1/manage/webhooks", **new))
    await api.ok(await api.post(f"/api/v1/manage/webhooks/{webhook['webhook_uid']}/test"))
    ready = await inspected(api, db, CSV)
    complete = await imported(api, db, CSV)
    waiting = await api.ok(await api.post("/api/v1/manage/imports", kind="fans", name="Members of 2026"))
    for table in ("fans", "tickets"):
        await api.ok(await api.post("/api/v1/manage/exports", table=table))
    await write_exports(api, db)
    storage = await new_storage(api, store, store.new_bucket(), name="Warehouse", prefix="club")
    store.call("PUT", storage["bucket"], "club/members-2026.csv", CSV)
    await api.ok(await api.post(f"/api/v1/manage/storages/{storage['storage_uid']}/test"))
    nightly = {"table": "fans", "frequency": "weekly", "weekday": 5, "hour": 6, "name": "Fans for the warehouse"}
    new_schedule = {**nightly, "storage_uid": storage["storage_uid"]}
    schedule = await api.ok(await api.post("/api/v1/manage/export_schedules", **new_schedule))
    book = await uploaded(api, db, workbook_of(Members=[["email"], ["a@example.com"]], Guests=[["email"]]))
    paths = {
        "webhooks": "/webhooks", "webhook_new": "/webhooks/new", "webhook": f"/webhooks/{webhook['webhook_uid']}",
        "imports": "/imports", "import_new": "/imports/new", "import_ready": f"/imports/{ready['import_uid']}",
        "import_complete": f"/imports/{complete['import_uid']}", "import_file": f"/imports/{waiting['import_uid']}",
        "exports": "/exports", "export_new": "/exports/new", "export_schedules": "/exports/schedules",
        "export_schedule_new": "/exports/schedules/new",
        "export_schedule": f"/exports/schedules/{schedule['schedule_uid']}", "storages": "/settings/storages",
        "import_objects": f"/imports/objects?storage_uid={storage['storage_uid']}",
        "import_workbook": f"/imports/{book['import_uid']}",
    }  # fmt: skip
    return {name: f"/manage/{api.account_id}{path}" for name, path in paths.items()}


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_can_be_read(
    browser: Browser, base_url: str, db: Db, api: Api, urls: dict[str, str], view: View
) -> None:
    token = await session_cookie(db, await add_person(db, api.account_id, f"reader{view[0]}{view[1]}@example.com"))
    await look_at(browser, base_url, view, urls, token)


@pytest.fixture
async def page(context: BrowserContext, db: Db, api: Api, request: Any) -> AsyncIterator[Page]:
    page = await signed_in_page(context, db, api.account_id, f"{request.node.name}@example.com")
    faults = watched(page)
    yield page
    assert faults == []


async def test_a_file_is_uploaded_tried_and_run(page: Page, db: Db, api: Api) -> None:
    await page.goto(f"/manage/{api.account_id}")
    await page.get_by_role("link", name="Imports").click()
    await page.get_by_role("link", name="New import").click()
    await page.get_by_label("What to call it").fill("Subscribers")
    await page.get_by_role("button", name="Go on to the file").click()
    file: Any = {"name": "members.csv", "mimeType": "text/csv", "buffer": CSV}
    await page.locator("#upload-file").set_input_files(file)
    await page.get_by_role("button", name="Upload the file").click()
    await expect(page.get_by_label("E-mail")).to_have_value("email")
    await page.get_by_label("Vorname").select_option("first_name")
    await page.get_by_role("button", name="Save, and try without writing").click()
    await expect(page.locator("#work")).to_contain_text("dry run")
    await work_all(api, db)
    # The page asks again by itself.
    await expect(page.locator("#work")).to_contain_text("This is what a run would do")
    await page.reload()
    await page.get_by_role("button", name="Run the import").click()
    await work_all(api, db)
    await expect(page.locator("#work")).to_contain_text("complete")


async def test_an_endpoint_is_registered_and_tested(page: Page, api: Api) -> None:
    await page.goto(f"/manage/{api.account_id}/webhooks")
    await page.get_by_role("link", name="New endpoint").click()
    await page.get_by_label("Address").fill("https://203.0.114.10/shop")
    await page.get_by_label("Topics", exact=True).fill("fan.created, ticket.*")
    await page.get_by_role("button", name="Register the endpoint").click()
    await expect(page.locator("#webhook-secret")).to_contain_text("whsec_")
    await page.get_by_role("link", name="I have kept it").click()
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator("#delivery-list")).to_contain_text("webhook.tested")


async def test_a_storage_is_made_and_an_object_of_it_read(page: Page, api: Api, store: Service) -> None:
    bucket = store.new_bucket()
    store.call("PUT", bucket, "guests.csv", CSV)
    await page.goto(f"/manage/{api.account_id}/settings/storages")
    for label, text in (
        ("Name", "Stadium"), ("Address of the service", store.url), ("Bucket", bucket),
        ("Id of the access key", store.access_key_id), ("Secret of the access key", store.secret),
    ):  # fmt: skip
        await page.locator("#new + *, section[aria-labelledby=new]").get_by_label(label, exact=True).fill(text)
    await page.get_by_role("button", name="Create the storage").click()
    row = page.get_by_role("row").filter(has_text="Stadium")
    await row.get_by_role("button", name="Test", exact=True).click()
    await expect(page.get_by_role("row").filter(has_text="Stadium")).to_contain_text("works")
    await page.goto(f"/manage/{api.account_id}/imports/new")
    await page.get_by_role("link", name="From a storage").click()
    await page.get_by_label("Storage", exact=True).select_option(label="Stadium")
    await page.get_by_role("button", name="Show the objects").click()
    await page.get_by_label("guests.csv").check()
    await page.get_by_role("button", name="Read the object").click()
    await expect(page.locator("#work")).to_contain_text("is being fetched")
