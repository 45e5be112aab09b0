"""Takes three pictures of the demo for those who read the README: Home, the search of fans, one fan.

make walk            # a demo of its own with 3,000 fans; the pictures are in docs/pictures, which is not committed
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import async_playwright

from tests.hosted.test_in_a_browser import CHROMIUM, new_context

PICTURES = Path("docs/pictures")
LINK = re.compile(r"http://\S+/manage/link\?token=\S+")
SEARCH = "fans?fan_provinces=BC&fan_is_subscribed=true&crm_active_days=90"


@contextmanager
def demo(folder: str) -> Iterator[str]:
    """Run a demo in a folder and give the link that signs in."""
    environment = {**os.environ, "FANFARE_DATA_DIR": folder, "FANFARE_PORT": "0"}
    command = [".ci/demo", "3000"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        try:
            for line in child.stdout or ():
                if match := LINK.search(line):
                    yield match[0]
                    return
            sys.exit("the demo did not start")
        finally:
            child.terminate()


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
