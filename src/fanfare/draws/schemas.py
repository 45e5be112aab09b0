"""Shapes of draws, their entrants and winners."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, LimitForm, Moment, Text, TextForm, Uuid

ROWS, ENTRANT_ROWS = 200, 10_000
MAX_WINNERS = 1000
EntryRule = Literal["one_per_fan", "every_entry"]
WinnersExcluded = Literal["none", "campaign", "account"]
WinnerCount = Annotated[int, IntegerForm(1, MAX_WINNERS)]
ReserveCount = Annotated[int, IntegerForm(0, MAX_WINNERS)]


class Draw(msgspec.Struct, kw_only=True):
    """A draw. Timestamps in unix seconds; hashes and the seed in hex.

    `draw_state` is waiting, completed or withdrawn. The seed and the public value are null while it is waiting,
    `list_hash` and the counts until it is completed. `entry_count` are the entries in time, `entrant_count` the fans on
    the list; the counts of the excluded are fans too, each counted for the first reason that applies.
    """

    draw_uid: uuid.UUID
    page_tab_id: int
    campaign_title: str
    draw_number: int
    draw_name: str | None
    draw_state: str
    winner_count: int
    reserve_count: int
    entry_rule: str
    start_timestamp: int | None
    end_timestamp: int | None
    is_staff_excluded: bool
    winners_excluded: str
    is_blocked_excluded: bool
    public_source: str | None
    public_value: str | None
    seed_hash: str
    seed: str | None
    list_hash: str | None
    entry_count: int | None
    entrant_count: int | None
    excluded_staff_count: int | None
    excluded_winner_count: int | None
    excluded_blocked_count: int | None
    creation_timestamp: int
    completion_timestamp: int | None


class EntrantCounts(msgspec.Struct):
    """Who would be on the list if the draw took place now: entries in time, fans on the list, and fans left out."""

    entry_count: int
    entrant_count: int
    excluded_staff_count: int
    excluded_winner_count: int
    excluded_blocked_count: int


class Entrant(msgspec.Struct):
    """An entry on the list, and the first entry of the same fan."""

    activity_id: int
    first_activity_id: int


class DrawWinner(msgspec.Struct, kw_only=True):
    """A step of a draw: a winner, a reserve, a strike, a replacement, or a pass over an entrant who could not win.

    `target_number` is the winner that a strike ends or a replacement replaces. fan_id is null after an erasure.
    `is_valid`: the fan has won as it stands, which ends with a strike; a reserve's until it becomes a replacement.
    """

    winner_number: int
    winner_kind: str
    draw_place: int
    activity_id: int
    fan_id: int | None
    target_number: int | None
    reason: str | None
    is_valid: bool
    creation_timestamp: int


class NewDraw(Params):
    """A draw to create. Its seed is chosen at once and shown as a hash; its conditions never change."""

    page_tab_id: Annotated[Id, "Campaign whose entries take part."]
    winner_count: Annotated[WinnerCount, "How many win."]
    reserve_count: Annotated[ReserveCount, "How many are drawn besides, to follow if a winner is struck."] = 0
    draw_name: Annotated[Text | None, "What is drawn, such as the prize."] = None
    entry_rule: Annotated[
        Annotated[str, ChoiceForm("one_per_fan", "every_entry")],
        "one_per_fan: each fan has one chance; every_entry: one for each entry. A fan wins once at most.",
    ] = "one_per_fan"
    start_timestamp: Annotated[Moment | None, "Only entries from this moment on."] = None
    end_timestamp: Annotated[Moment | None, "Only entries before this moment."] = None
    is_staff_excluded: Annotated[Flag, "Leave out fans with the email address of staff of the account."] = True
    winners_excluded: Annotated[
        Annotated[str, ChoiceForm("none", "campaign", "account")],
        "Leave out fans who won before: in this campaign, or in any of the account.",
    ] = "campaign"
    is_blocked_excluded: Annotated[Flag, "Leave out hidden fans, and entries from banned IP addresses."] = True
    public_source: Annotated[
        Text | None,
        "Where a value comes from that nobody can know yet, such as the numbers of Saturday's lottery; the draw needs "
        "the value then.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {
        "page_tab_id": 7,
        "winner_count": 3,
        "reserve_count": 2,
        "draw_name": "Signed shirt",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a time range that ends before it starts."""
        start, end = values.get("start_timestamp"), values.get("end_timestamp")
        if start is not None and end is not None and end <= start:
            yield "end_timestamp", "must be later than start_timestamp"


class DrawSaved(msgspec.Struct):
    """The draw that was created, and the SHA-256 of its seed in hex."""

    draw_uid: uuid.UUID
    seed_hash: str


class OneDraw(Params):
    """The uid of a draw."""

    draw_uid: Annotated[Uuid, "Draw by its uid."]


class DrawStart(OneDraw, kw_only=True):
    """What completes a draw."""

    public_value: Annotated[
        Annotated[str, TextForm(200)] | None, "The value that public_source announced, exactly as it was published."
    ] = None

    example: ClassVar[Mapping[str, object]] = {}


class DrawQuery(Params):
    """Draws to list."""

    page_tab_id: Annotated[Id | None, "Only draws of this campaign."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class EntrantQuery(OneDraw, kw_only=True):
    """The list of a draw."""

    limit: Annotated[Annotated[int, LimitForm(ENTRANT_ROWS)], "Maximum number of rows to return."] = ENTRANT_ROWS
    cursor: NextCursor = None


class WinnerQuery(OneDraw, kw_only=True):
    """The steps of a draw."""

    limit: Annotated[Annotated[int, LimitForm(ENTRANT_ROWS)], "Maximum number of rows to return."] = ENTRANT_ROWS
    cursor: NextCursor = None


class Strike(OneDraw, kw_only=True):
    """A winner whose win ends, and why."""

    winner_number: Annotated[Annotated[int, IntegerForm(1)], "Number of the winner or replacement."]
    reason: Annotated[Text, "Why, such as: did not answer within seven days. Never a name."]

    example: ClassVar[Mapping[str, object]] = {"winner_number": 1, "reason": "Did not answer within seven days"}


class Replacement(msgspec.Struct):
    """The strike, and the replacement that followed; null if nobody was left."""

    strike_number: int
    winner_number: int | None
    fan_id: int | None
