"""The frame of pages: navigation, accounts of the person, theme, and what has just happened (the flash)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from fanfare.console.shell.failures import failure_text
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.page import Answer, View, Visit
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.staff.queries.people import AccountChoice, session_accounts
from fanfare.staff.schemas.members import Member, StaffSession

THEME_COOKIE, FLASH_COOKIE = "theme", "flash"
THEMES = ("light", "dark")
PURPOSE = "flash"


class Place(msgspec.Struct, frozen=True):
    """An entry of the navigation: path below the account, name, icon, and the area that must be readable."""

    path: str
    name: str
    icon: str
    area: str


class PlaceGroup(msgspec.Struct, frozen=True):
    """Entries with a title, which is empty for the first."""

    title: str
    places: tuple[Place, ...]


# In the order in which it is shown. An entry is shown to those who may open its page.
NAVIGATION: tuple[PlaceGroup, ...] = (
    PlaceGroup("", (Place("", "Home", "home", "home"),)),
    PlaceGroup(
        "People",
        (
            Place("/fans", "Fans", "fans", "fans"),
            Place("/segments", "Segments", "segments", "segments"),
            Place("/messages", "Messages", "mail", "messages"),
        ),
    ),
    PlaceGroup(
        "Engagement",
        (
            Place("/campaigns", "Campaigns", "horn", "campaigns"),
            Place("/streams", "Streams", "talk", "streams"),
            Place("/performances", "Performances", "day", "performances"),
            Place("/points", "Points", "star", "points"),
            Place("/idols", "Idols", "voice", "points"),
        ),
    ),
    PlaceGroup(
        "Sales",
        (
            Place("/tickets", "Tickets", "ticket", "tickets"),
            Place("/registrations", "Registrations", "gate", "tickets"),
            Place("/passes", "Passes", "check", "tickets"),
            Place("/purchases", "Purchases", "bag", "purchases"),
            Place("/products", "Products", "tag", "purchases"),
            Place("/links", "Links", "link", "links"),
            Place("/ads", "Ads", "horn", "links"),
        ),
    ),
    PlaceGroup("Figures", (Place("/reports", "Reports", "chart", "reports"),)),
    PlaceGroup(
        "Data",
        (
            Place("/imports", "Imports", "in", "transfers"),
            Place("/exports", "Exports", "out", "transfers"),
            Place("/webhooks", "Webhooks", "hook", "settings"),
            Place("/console", "API console", "console", "home"),
        ),
    ),
    PlaceGroup(
        "Set-up",
        (
            Place("/settings", "Settings", "sliders", "settings"),
            Place("/keys", "API keys", "shield", "keys"),
            Place("/staff", "Staff", "fans", "staff"),
            Place("/audit", "Audit log", "shield", "audit"),
        ),
    ),
)


# What can be begun from everywhere, by those who may open its page; what has no page is not offered.
ACTIONS: tuple[Place, ...] = (
    Place("/campaigns/new", "New campaign", "plus", "campaigns"),
    Place("/segments/new", "New segment", "plus", "segments"),
    Place("/links/new", "New link", "plus", "links"),
    Place("/reports/new", "New report", "plus", "reports"),
    Place("/imports/new", "New import", "plus", "transfers"),
    Place("/exports/new", "New export", "plus", "transfers"),
    Place("/webhooks/new", "New endpoint", "plus", "settings"),
    Place("/keys/new", "New key", "plus", "keys"),
    Place("/staff/new", "Invite a person", "plus", "staff"),
    Place("/audit/verification", "Verify the audit log", "shield", "audit"),
)


class Flash(msgspec.Struct):
    """What has just happened: a text with its values, and whether it is good."""

    text: str
    values: dict[str, str]
    kind: str
    # the text for other numbers than one, and the number
    plural: str = ""
    number: int = 0


MayOpen = Callable[[str], bool]


class Shell(msgspec.Struct, frozen=True):
    """What the frame shows."""

    session: StaffSession
    member: Member | None
    groups: list[PlaceGroup]
    accounts: list[AccountChoice]
    theme: str
    flash: Flash | None
    # whether a page below the account, which needs no more of its path, is open to the person
    may_open: MayOpen

    @property
    def root(self) -> str:
        """The path of the account."""
        return f"/manage/{self.member.account.id}" if self.member else "/manage"


def flash(visit: Visit, text: str, values: Mapping[str, str] | None = None, *, kind: str = "good") -> None:
    """Say on the next page what has just happened; `text` is an English text of the catalogues."""
    _put_flash(visit, Flash(text, dict(values or {}), kind))


def flash_count(
    visit: Visit, texts: tuple[str, str], number: int, values: Mapping[str, str] | None = None, *, kind: str = "good"
) -> None:
    """Say on the next page what has just happened to so many; `texts` are for one and for more, with `%(count)s`."""
    singular, plural = texts
    _put_flash(visit, Flash(singular, dict(values or {}), kind, plural, number))


def _put_flash(visit: Visit, message: Flash) -> None:
    visit.new_cookies[FLASH_COOKIE] = Cookie(secret_keys.seal(PURPOSE, msgspec.json.encode(message)))


def _take_flash(visit: Visit) -> Flash | None:
    text = visit.cookies.get(FLASH_COOKIE, "")
    if not text:
        return None
    visit.new_cookies.setdefault(FLASH_COOKIE, Cookie(""))
    try:
        return msgspec.json.decode(secret_keys.unseal(PURPOSE, text), type=Flash)
    except (NotSealed, msgspec.MsgspecError):
        return None


def theme_of(visit: Visit) -> str:
    """Return the theme that the person chose; empty for that of the system."""
    theme = visit.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def open_groups(may_open: MayOpen) -> list[PlaceGroup]:
    """Return the navigation of somebody, without what is closed to them."""
    groups = (
        PlaceGroup(each.title, tuple(place for place in each.places if may_open(place.path))) for each in NAVIGATION
    )
    return [group for group in groups if group.places]


async def framed(
    db: Db, visit: Visit, answer: Answer, *, member: Member | None, session: StaffSession, may_open: MayOpen
) -> Answer:
    """Return a view with what the frame shows; other answers as they are."""
    if not isinstance(answer, View):
        return answer
    shell = Shell(
        session,
        member,
        open_groups(may_open),
        await session_accounts(db, session),
        theme_of(visit),
        _take_flash(visit),
        may_open,
    )
    values: dict[str, Any] = {
        **answer.values, "shell": shell, "member": member, "person": session.person,
        "failure_text": partial(failure_text, visit.language),
    }  # fmt: skip
    return View(answer.template, values, answer.status, answer.retry_after)
