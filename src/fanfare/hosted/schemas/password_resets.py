"""Shapes of the page that sets a new password."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fanfare.hosted.schemas.login import SealedStruct
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, Uuid
from fanfare.sessions.schemas.connect import LoginPassword, weak_password


class ResetRequest(SealedStruct, frozen=True):
    """A link that somebody asked for: what identifies the fan, as it was typed, and for which page.

    `path` is the page that follows.
    """

    identity: tuple[str, str]
    recipient: str
    business_id: int | None
    language: str
    path: str


class ResetQuery(Params, kw_only=True):
    """Whose password is set."""

    account_id: Annotated[Id, "Account of the fan."]
    reset_uid: Annotated[Uuid, "One-time id, as the link has it."]
    business_id: Annotated[Id | None, "Business in whose look the page is shown."] = None


class ResetForm(ResetQuery, kw_only=True):
    """The new password."""

    password: Annotated[LoginPassword, "New password, at least 8 characters."]

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a password that is easily guessed."""
        yield from weak_password(values)
