"""Shapes of the page that asks for the password of a link."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import TextForm
from fanfare.trackers.schemas.trackers import Password


class ProtectedLink(Params):
    """The key of a link."""

    tracker_key: Annotated[Annotated[str, TextForm(100)], "Key of the tracker."]


class EnteredPassword(ProtectedLink, kw_only=True):
    """A password that a visitor entered."""

    password: Annotated[Password, "Password of the link."]
