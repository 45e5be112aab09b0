"""A person who has no mouse: goes through a page by the tab key, sees where the focus is, and presses keys."""

from playwright.async_api import Locator, Page

# More steps than any page has before its main part ends.
STEPS = 150
IS_FOCUSED = "element => element === document.activeElement"
IS_VISIBLE = """
    element => {
        // A box that is hidden behind its label shows the focus there.
        const all = [element, element.labels?.[0], element.closest("label")].filter(Boolean).map(getComputedStyle);
        const box = element.getBoundingClientRect();
        const isRinged = all.some(each => parseFloat(each.outlineWidth) > 0 && each.outlineStyle !== "none");
        return isRinged && box.width > 1 && box.bottom > 0 && box.top < innerHeight;
    }
"""
ACTIVE = """
    () => {
        const element = document.activeElement;
        return element === document.body ? "" : element.outerHTML.slice(0, 200);
    }
"""


async def tab_to(page: Page, target: Locator) -> None:
    """Go on with the tab key to something, which shows that it has the focus."""
    await target.wait_for()
    steps = []
    for _ in range(STEPS):
        await page.keyboard.press("Tab")
        if await target.evaluate(IS_FOCUSED):
            assert await target.evaluate(IS_VISIBLE), f"the focus is not to be seen: {target}"
            return
        steps.append(await page.evaluate(ACTIVE))
    message = f"{target} cannot be reached by the tab key; the last steps were {steps[-5:]}"
    raise AssertionError(message)


async def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Go to a link, button or box and press it."""
    await tab_to(page, target)
    await page.keyboard.press(key)


async def fill(page: Page, target: Locator, text: str) -> None:
    """Go to a field and type."""
    await tab_to(page, target)
    await page.keyboard.type(text)
