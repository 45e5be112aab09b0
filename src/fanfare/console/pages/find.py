"""The command palette: any page, action or thing by letters of its name; `/find` works without a script."""

from fanfare.console.pages.settings.places import SETTINGS
from fanfare.console.queries.find import things
from fanfare.console.schemas.find import FindQuery, FoundEntry
from fanfare.console.shell.access import ACCOUNT_ROOT, manage
from fanfare.console.shell.frame import ACTIONS, NAVIGATION
from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import View, Visit
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/find"


@manage.get("/find", area="home", is_for_all=True)
async def find(db: Db, member: Member, visit: Visit, query: FindQuery) -> View:
    """Show what has these letters in its name, of what the person may open."""
    text = query.q or ""
    entries = [*_places(member, visit.language, text), *await things(db, member, text, _paths(member))]
    name = "list" if query.part else "find"
    return View(f"{TEMPLATES}/{name}.html", {"entries": entries, "text": text})


def _paths(member: Member) -> set[str]:
    """Return the pages below an account that are open to the person."""
    return {
        path.removeprefix(ACCOUNT_ROOT)
        for method, path in manage.accesses
        if method == "GET" and manage.may_open(member, path.removeprefix(ACCOUNT_ROOT))
    }


def _places(member: Member, language: Language, text: str) -> list[FoundEntry]:
    """Return the pages and actions with these words in their name, in the language of the reader or in English."""
    words, root, paths = fold(text).split(), f"/manage/{member.account.id}", _paths(member)
    places = [(place, "page") for group in NAVIGATION for place in group.places]
    places += [(place, "setting") for place in SETTINGS]
    places += [(place, "action") for place in ACTIONS]
    result = []
    for place, kind in places:
        names = f"{fold(place.name)} {fold(language.text(place.name))}"
        if place.path in paths and all(word in names for word in words):
            result.append(FoundEntry(language.text(place.name), root + place.path, kind, place.icon))
    return result
