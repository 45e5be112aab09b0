"""The wall in a real browser, inside another site: widths, light and dark, axe, and what comes by itself."""

import io
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Page

from fanfare.kernel.data.db import Db
from fanfare.streams.actions.pictures import copy_pictures
from tests.api import Api
from tests.hosted.closer import look_closer
from tests.hosted.test_in_a_browser import CHROMIUM, VIEWS, browser, findings, keep_picture, new_context
from tests.streams.sites import Site, site
from tests.streams.test_records import moderate, new_stream, submit

__all__ = ["browser"]
PICTURES = Path(__file__).parent / "pictures"
CAPTIONS = [
    "What a night! The whole north stand sang until the lights went out. #northside",
    "Away end on the last train home. Lost my scarf and my voice, found three new friends and a pasty.",
    "First match for the little one.",
    """4:3 after being three down at half-time. I will never leave early again, and neither will my father,
    who has left early since 1987 and missed all of the good ones. #derby #northside #comeback""",
    "Rain, mud, glory.",
    "Does anybody know what the new song is called?",
]
COLOURS = ["#7a1f2b", "#20506b", "#c98b2b", "#35694a"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which .ci/run installs")


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site() as result:
        yield result


@pytest.fixture(scope="module")
async def key(api: Api, db: Db, web: Site) -> str:
    """A stream with posts, every other one with a picture."""
    result = await new_stream(api, stream_name="Northside wall")
    for number in range(9):
        fields: dict[str, Any] = {"name": ["Ada", "Zoë Núñez-Montgomery of the upper tier", "Bea"][number % 3]}
        if number % 2:
            file = io.BytesIO()
            Image.new("RGB", (640, 480 + 90 * number), COLOURS[number % 4]).save(file, "JPEG")
            fields["image_url"] = web.put(f"/{number}.jpg", file.getvalue())
        caption = CAPTIONS[number % len(CAPTIONS)]
        record_id = await submit(api, result, caption, email=f"fan{number % 3}@example.com", **fields)
        await copy_pictures(db, api.account_id, record_id, datetime.now(UTC))
    return result


@pytest.fixture
async def page(browser: Browser, base_url: str) -> AsyncIterator[Page]:
    context = await new_context(browser, base_url=base_url, locale="en")
    yield await context.new_page()
    await context.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
async def test_the_wall_can_be_read(browser: Browser, base_url: str, key: str, width: int, scheme: Any) -> None:
    PICTURES.mkdir(exist_ok=True)
    context = await new_context(
        browser, base_url=base_url, viewport={"width": width, "height": 800}, color_scheme=scheme, locale="en"
    )
    faults: list[str] = []
    page = await context.new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    for name, query in [
        ("tiled", "min_cell=2&max_cell=3"),
        ("list", "render_mode=list&rate=0"),
        ("empty", "q=nothing"),
    ]:
        await page.goto(f"/streams/{key}/stream_widget?{query}")
        await page.wait_for_load_state("networkidle")
        await keep_picture(page, PICTURES / f"wall-{name}-{width}-{scheme}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert faults == [], name
        assert await findings(page) == [], name
        await look_closer(page, name, width)
    await context.close()


async def test_another_site_frames_it_and_it_follows_by_itself(
    page: Page, api: Api, base_url: str, key: str, web: Site
) -> None:
    await page.clock.install()
    source = f"{base_url}/streams/{key}/stream_widget?rate=5&limit=50"
    shop = web.put(
        "/shop", f'<title>Shop</title><iframe title="wall" src="{source}"></iframe>', Content_Type="text/html"
    )
    await page.goto(shop.replace("127.0.0.1", "localhost"))
    frame = page.frame_locator("iframe")
    await frame.locator(".tile").first.wait_for()
    gone = int((await frame.locator(".tile").last.get_attribute("id") or "").removeprefix("record-"))
    new = await submit(api, key, "Just now", email="new@example.com")
    await moderate(api, key, gone, "remove")
    await page.clock.run_for(20_000)
    await frame.locator(f"#record-{new}").wait_for()
    assert await frame.locator(".tile").first.get_attribute("id") == f"record-{new}"
    assert await frame.locator(f"#record-{gone}").count() == 0
    # It stops when it is told to, and goes on.
    pause = frame.get_by_role("button", name="Pause")
    await pause.press("Enter")
    assert await pause.get_attribute("aria-pressed") == "true"
    later = await submit(api, key, "Later", email="new@example.com")
    await page.clock.run_for(60_000)
    assert await frame.locator(f"#record-{later}").count() == 0
    await pause.press("Enter")
    await frame.locator(f"#record-{later}").wait_for()


async def test_it_needs_no_script(browser: Browser, base_url: str, key: str) -> None:
    context = await new_context(browser, base_url=base_url, java_script_enabled=False, locale="en")
    page = await context.new_page()
    await page.goto(f"/streams/{key}/stream_widget")
    assert await page.locator(".tile").count() > 5
    assert await page.get_by_role("button").count() == 0
    await context.close()
