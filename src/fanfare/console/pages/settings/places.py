"""The pages of settings, in the order in which they are shown."""

import msgspec

from fanfare.console.shell.frame import Place
from fanfare.kernel.pages.page import View
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/settings"
SETTINGS = (
    Place("/settings/businesses", "Businesses and legal texts", "shield", "settings"),
    Place("/settings/home", "Time zone and currency", "day", "settings"),
    Place("/settings/fields", "Custom fields", "lines", "settings"),
    Place("/settings/tags", "Tags", "tag", "settings"),
    Place("/settings/addresses", "Banned addresses", "gate", "settings"),
    Place("/settings/words", "Words in display names", "talk", "settings"),
    Place("/settings/erasures", "Erasure requests", "cross", "settings"),
    Place("/settings/redirect_urls", "Redirect URLs", "right", "settings"),
    Place("/settings/openid_clients", "Programs that log fans in", "out", "settings"),
    Place("/settings/identity_providers", "Identity providers", "fans", "settings"),
    Place("/settings/suppressions", "Addresses without messages", "mail", "settings"),
    Place("/settings/storages", "Storages", "bag", "settings"),
    Place("/settings/senders", "Senders", "mail", "settings"),
    Place("/settings/retention", "How long things are kept", "day", "settings"),
    Place("/settings/places", "Places of fans", "gate", "settings"),
    Place("/settings/account", "Account and server", "info", "settings"),
)


class Setting(msgspec.Struct, frozen=True):
    """What every page of settings shows around its own."""

    places: tuple[Place, ...]
    path: str


def setting(name: str, member: Member, values: dict[str, object]) -> View:
    """Return the page of a setting."""
    path = f"/settings/{name}"
    may_write = member.may("settings", "write")
    return View(f"{TEMPLATES}/{name}.html", {**values, "setting": Setting(SETTINGS, path), "may_write": may_write})


def path_of(name: str, member: Member) -> str:
    """Return the path of a page of settings."""
    return f"/manage/{member.account.id}/settings/{name}"
