"""Looks closer at a page that is open: at 320 px, with its text doubled, and on paper."""

from playwright.async_api import Page

# The narrowest screen, and that with text of twice the size, which leaves half the room; a sheet of A4 between margins.
NARROWEST, DOUBLED, PAPER = 320, 640, 718
# What stands beyond the right edge, where the page is too wide.
BEYOND = """
    () => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
        .filter(each => each.checkVisibility() && !each.closest(".scroll"))
        .filter(each => each.getBoundingClientRect().right > innerWidth)
        .map(each => each.outerHTML.slice(0, 120))
"""
# What is too small to be hit: links in a sentence are as high as its lines, and a box is hit by its label.
SMALL_TARGETS = """
    () => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
        .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.closest(".unseen"))
        .filter(each => !(each.matches("a") && getComputedStyle(each).display === "inline"))
        .map(each => [each, (each.closest("label") ?? each).getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && box.height > 0 && (box.width < 23.5 || box.height < 23.5))
        .map(([each, box]) => `${each.outerHTML.slice(0, 120)} ${box.width} x ${box.height}`)
"""
# What hides a part of its text, and what leaves its page without a way to scroll to it.
OVERFLOWS = """
    () => [...document.querySelectorAll("main *")]
        .filter(each => each.checkVisibility() && !each.closest("svg, .unseen, caption, input"))
        .filter(each => ["hidden", "clip"].includes(getComputedStyle(each).overflowX))
        .filter(each => each.scrollWidth > each.clientWidth + 1)
        .map(each => each.outerHTML.slice(0, 120))
"""
# What is wider than the paper, and what nobody can press there.
UNPRINTABLE = """
    () => [
        ...[...document.querySelectorAll("main .scroll, main table")]
            .filter(each => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1),
        ...[...document.querySelectorAll("nav, header.bar, .btn, .tabs")].filter(each => each.checkVisibility()),
    ].map(each => each.outerHTML.slice(0, 120))
"""


async def look_closer(page: Page, name: str, width: int) -> None:
    """Make a page as narrow as it may be, double its text, and print it: nothing is lost or too small to hit.

    That is done where the page is narrow already, as `width` says, and it is as wide again in the end.
    """
    if width > PAPER:
        return
    for narrow, size in ((NARROWEST, "100%"), (DOUBLED, "200%")):
        await page.set_viewport_size({"width": narrow, "height": 800})
        await page.evaluate("size => { document.documentElement.style.fontSize = size }", size)
        assert await page.evaluate(BEYOND) == [], (name, narrow)
        assert await page.evaluate(OVERFLOWS) == [], (name, narrow)
        assert await page.evaluate(SMALL_TARGETS) == [], (name, narrow)
    await page.evaluate("document.documentElement.style.fontSize = ''")
    await page.set_viewport_size({"width": PAPER, "height": 800})
    await page.emulate_media(media="print")
    assert await page.evaluate(UNPRINTABLE) == [], (name, "paper")
    await page.emulate_media(media="screen")
    await page.set_viewport_size({"width": width, "height": 800})
