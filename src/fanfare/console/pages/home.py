"""The way in, and the first page of an account."""

from fanfare.console.shell.access import manage, personal
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.page import Redirect, View
from fanfare.kernel.running.public_address import public_address
from fanfare.staff.queries.people import accounts_of
from fanfare.staff.schemas.members import Member, StaffSession

TEMPLATES = "console/templates"


@personal.get("")
async def index(db: Db, session: StaffSession) -> View | Redirect:
    """Lead to the first account of the person."""
    accounts = await accounts_of(db, session.person.staff_id)
    if accounts:
        return Redirect(f"/manage/{accounts[0].account_id}")
    return View(f"{TEMPLATES}/no_account.html")


@manage.get("", area="home")
async def home(member: Member) -> View:  # noqa: ARG001 - its figures follow
    """Show the account at a glance."""
    return View(f"{TEMPLATES}/home.html")


@personal.get("/components")
async def components(session: StaffSession) -> View:  # noqa: ARG001 - for people who are signed in
    """Show every component, while the server is not reached over TLS: for those who make pages."""
    if public_address.base.startswith("https://"):
        raise Unknown
    return View(f"{TEMPLATES}/all_components.html")
