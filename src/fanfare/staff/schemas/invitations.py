"""Shapes of invitations and of the members of an account, on the wire."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, Ids, JsonObject, TextForm
from fanfare.staff.schemas.roles import AREA_NAMES, CUSTOM, RIGHTS, ROLES

Email = Annotated[str, TextForm(320)]
RoleName = Annotated[str, ChoiceForm(*ROLES)]
RIGHTS_FAULT = "must be an object of areas with lists of rights (read, write, export, personal)"


def rights_fault(custom_rights: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the rights of a custom role."""
    for area, rights in custom_rights.items():
        if area not in AREA_NAMES:
            return f"names an unknown area {area[:40]!r}; there are {', '.join(AREA_NAMES)}"
        if not isinstance(rights, list) or any(right not in RIGHTS for right in rights):
            return RIGHTS_FAULT
        if rights and "read" not in rights:
            return f"has rights in {area} without read"
    return None


def _role_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rights = values.get("custom_rights")
    if values.get("role") == CUSTOM and not rights:
        yield "custom_rights", "is required for the role custom"
    elif rights and "role" in values and values["role"] != CUSTOM:
        yield "custom_rights", "is only for the role custom"
    elif rights and (fault := rights_fault(rights)):
        yield "custom_rights", fault
    if values.get("business_ids") == []:
        yield "business_ids", "must have at least one id; leave the field out for all businesses"


class NewInvitation(Params):
    """A person to invite."""

    email: Annotated[Email, "Email address of the person."]
    role: Annotated[RoleName, "What the person may do: full, editor, analyst, legal or custom."]
    custom_rights: Annotated[
        JsonObject | None,
        "For the role custom: for each area the rights read, write, export and personal (see docs/staff.md).",
    ] = None
    business_ids: Annotated[Ids | None, "Only these businesses; all if left out."] = None
    language: Annotated[Annotated[str, TextForm(35)] | None, "Language of the mail, such as de."] = None

    example: ClassVar[Mapping[str, object]] = {"email": "jo@example.com", "role": "editor"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the rights."""
        yield from _role_faults(values)


class OneInvitation(Params):
    """Which invitation."""

    invitation_id: Annotated[Id, "Invitation by its id."]


class OneMember(Params):
    """Which person."""

    staff_id: Annotated[Id, "Person by their id."]


class MemberChanges(OneMember):
    """What a person may do from now on."""

    role: Annotated[RoleName, "What the person may do: full, editor, analyst, legal or custom."]
    custom_rights: Annotated[
        JsonObject | None,
        "For the role custom: for each area the rights read, write, export and personal (see docs/staff.md).",
    ] = None
    business_ids: Annotated[
        Ids | None | msgspec.UnsetType, "Only these businesses; null for all. Left out, they stay as they are."
    ] = msgspec.UNSET

    example: ClassVar[Mapping[str, object]] = {"role": "analyst"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the rights."""
        yield from _role_faults(values)


class Invitation(msgspec.Struct):
    """An invitation that waits. Timestamps are unix seconds."""

    invitation_id: int
    email: str
    role: str
    custom_rights: dict[str, list[str]]
    business_ids: list[int] | None
    creation_timestamp: int
    expiry_timestamp: int


class SentInvitation(msgspec.Struct):
    """An invitation that was made. The link is null if it was sent by mail; it is shown only once."""

    invitation_id: int
    email: str
    role: str
    expiry_timestamp: int
    invitation_url: str | None


class StaffMember(msgspec.Struct):
    """A person of the account. Timestamps are unix seconds; `use_timestamp` is the last use of a session good here."""

    staff_id: int
    email: str
    staff_name: str
    role: str
    custom_rights: dict[str, list[str]]
    business_ids: list[int] | None
    has_second_factor: bool
    creation_timestamp: int
    use_timestamp: int | None
