"""Shapes of the forms of staff, beside those that calls have."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, Ids, ListForm
from fanfare.staff.schemas.invitations import Email, MemberChanges, NewInvitation, RoleName
from fanfare.staff.schemas.roles import AREAS, CUSTOM, RIGHTS

# The boxes of a custom role: area and right.
CELLS = tuple(f"{area.name}.{right}" for area in AREAS for right in RIGHTS)
Cells = Annotated[list[str], ListForm(ChoiceForm(*CELLS))]


class RoleForm(Params, kw_only=True):
    """A role, with the boxes of a custom one."""

    role: Annotated[RoleName, "The role."]
    cells: Annotated[Cells | None, "Boxes of a custom role."] = None
    business_ids: Annotated[Ids | None, "Only these businesses."] = None

    @property
    def custom_rights(self) -> dict[str, list[str]] | None:
        """The boxes as rights by area; whoever may do something may read."""
        if self.role != CUSTOM:
            return None
        rights: dict[str, list[str]] = {}
        for cell in self.cells or ():
            area, _, right = cell.partition(".")
            rights.setdefault(area, ["read"] if right != "read" else []).append(right)
        return {area: list(dict.fromkeys(each)) for area, each in rights.items()} or None


class InvitationForm(RoleForm, kw_only=True):
    """A person to invite."""

    email: Annotated[Email, "Email address."]

    def invitation(self, language: str) -> NewInvitation:
        """Return the invitation as the API has it."""
        return NewInvitation(
            email=self.email, role=self.role, custom_rights=self.custom_rights, business_ids=self.business_ids,
            language=language,
        )  # fmt: skip


class MemberForm(RoleForm, kw_only=True):
    """What a person may do from now on."""

    staff_id: Annotated[Id, "The person."]

    def changes(self) -> MemberChanges:
        """Return the change as the API has it."""
        return MemberChanges(
            staff_id=self.staff_id, role=self.role, custom_rights=self.custom_rights, business_ids=self.business_ids
        )
