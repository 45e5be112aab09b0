"""Shapes of the pages of preferences: links, and what a fan chooses."""

from typing import Annotated

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Flag, Id, Ids, TextForm

MAX_LINK = 100
MAX_SHOWN = 100_000
SealedLink = Annotated[Annotated[str, TextForm(MAX_LINK)], "The text that names the fan, as the link has it."]


class PreferencesLink(Params):
    """A link to the preferences of a fan."""

    link: SealedLink
    is_saved: Annotated[Flag, "The choices were just saved."] = False


class Choices(Params, kw_only=True):
    """What a fan ticked; what is not ticked is a no."""

    email: Annotated[Flag, "Mail is welcome."] = False
    phone: Annotated[Flag, "Text messages are welcome."] = False
    business_ids: Annotated[Ids | None, "Businesses that are welcome to write."] = None
    old_ticks: Annotated[
        Annotated[str, TextForm(MAX_SHOWN)] | None,
        "The boxes that were ticked when the page was shown: email, phone, and ids of businesses, separated by spaces.",
    ] = None
    is_nothing: Annotated[Flag, "Nothing at all is welcome, whatever is ticked."] = False


class LinkChoices(Choices, kw_only=True):
    """What a fan ticked who came by a link."""

    link: SealedLink


class FanLinks(Params):
    """The fan whose links are to be made."""

    fan_id: Annotated[Id, "Fan who gets the links."]
    business_id: Annotated[Id | None, "Business whose messages the fan can end; the account when left out."] = None


class PreferenceLinks(msgspec.Struct):
    """Links for messages to one fan, and the two headers that let mail programs unsubscribe with one click (RFC 8058).

    Whoever has a link can change what the fan is sent, so put it into messages to that fan alone.
    """

    preferences_url: str
    unsubscribe_url: str
    list_unsubscribe: str
    list_unsubscribe_post: str


class Choice(msgspec.Struct, frozen=True):
    """A business that a fan may hear from, and whether the fan wants to."""

    business_id: int
    business_name: str
    is_opted_in: bool
