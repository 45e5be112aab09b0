"""Takes three pictures of the demo for those who read the README: Home, the search of fans, one fan.

make walk            # a demo of its own with 3,000 fans; the pictures are in docs/pictures, which is not committed
"""

import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import async_playwright

from tests.hosted.test_in_a_browser import CHROMIUM, new_context
from tests.running import PATIENCE, PAUSE, Program

PICTURES = Path("docs/pictures")
LINK = re.compile(r"http://\S+/manage/link\?token=\S+")
SEARCH = "fans?fan_provinces=BC&fan_is_subscribed=true&crm_active_days=90"


@contextmanager
def demo(folder: str) -> Iterator[str]:
    """Run a demo in a folder and give the link that signs in."""
    program = Program([".ci/demo", "3000"], FANFARE_DATA_DIR=folder, FANFARE_PORT="0")
    end = time.monotonic() + PATIENCE
    try:
        while not (match := LINK.search(program.output)):
            if program.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"the demo did not start: {program.errors}")
            time.sleep(PAUSE)
        yield match[0]
    finally:
        program.end()


async def take(link: str, account_id: int) -> None:
    """Sign in and take the pictures."""
    root = f"/manage/{account_id}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        address = re.match(r"https?://[^/]+", link)
        context = await new_context(
            browser, base_url=address[0] if address else "", viewport={"width": 1280, "height": 900}, locale="en"
        )
        page = await context.new_page()
        await page.goto(link)
        await page.get_by_role("main").get_by_role("button").click()
        await page.get_by_role("heading", name="Home").wait_for()
        for name, path in (("home", root), ("fans", f"{root}/{SEARCH}"), ("fan", f"{root}/fans/1")):
            await page.goto(path, wait_until="networkidle")
            await page.screenshot(path=PICTURES / f"{name}.png")
        await browser.close()


def main() -> None:
    """Make the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(folder) as link:
        account_id = json.loads((Path(folder) / "demo.json").read_text())["account_id"]
        asyncio.run(take(link, account_id))


if __name__ == "__main__":
    main()
