"""Shapes of projects and their budget lines."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, LimitForm, LongText, Money, Text, Uuid

ROWS = 500


class NewProject(Params):
    """A project to create."""

    project_name: Annotated[Text, "Name of the project."]
    business_id: Annotated[Id | None, "Business that advertises."] = None

    example: ClassVar[Mapping[str, object]] = {"project_name": "Season tickets 2027"}


class OneProject(Params):
    """The uid of a project."""

    project_uid: Annotated[Uuid, "Project by its uid."]


class ProjectQuery(Params):
    """Which projects."""

    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class Project(msgspec.Struct):
    """A project; budget_amount is the sum of its lines, in the account's currency. The timestamp is in unix seconds."""

    project_uid: uuid.UUID
    account_id: int
    project_name: str
    business_id: int | None
    budget_amount: Decimal
    line_count: int
    creation_timestamp: int


class ProjectSaved(msgspec.Struct):
    """The project that was saved."""

    project_uid: uuid.UUID


class NewLine(OneProject, kw_only=True):
    """A budget line to add to a project."""

    name: Annotated[Text, "Name of the budget line."]
    budget_amount: Annotated[Money, "Money on the budget line, in the account's currency."]
    notes: Annotated[LongText, "Notes on the budget line."]

    example: ClassVar[Mapping[str, object]] = {"name": "Social ads", "budget_amount": 2500, "notes": "June to August"}


class LineSaved(msgspec.Struct):
    """The budget line that was saved."""

    project_line_uid: uuid.UUID


class LineQuery(OneProject, kw_only=True):
    """Which budget lines."""

    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class Line(msgspec.Struct):
    """A budget line, in the account's currency. The timestamp is in unix seconds."""

    project_line_uid: uuid.UUID
    project_uid: uuid.UUID
    name: str
    budget_amount: Decimal
    notes: str
    creation_timestamp: int


class OneLine(Params):
    """The uid of a budget line."""

    project_line_uid: Annotated[Uuid, "Budget line by its uid."]
