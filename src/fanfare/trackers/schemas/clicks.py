"""Shapes of clicks."""

from typing import Annotated, Any

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, LimitForm
from fanfare.trackers.verdicts.rules import VERDICTS

ROWS = 500


class ClickQuery(Params, kw_only=True):
    """Which clicks of a tracker."""

    tracker_id: Annotated[Id, "Tracker by its id."]
    verdict: Annotated[Annotated[str, ChoiceForm(*VERDICTS)] | None, "Only clicks with this verdict."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class TrackerClick(msgspec.Struct, kw_only=True):
    """A click: who or what made it, and why we think so. The timestamp is in unix seconds."""

    click_id: int
    tracker_id: int
    creation_timestamp: int
    verdict: str
    reason: str
    fan_id: int | None
    ip_address: str | None
    user_agent: str | None
    url_param_props: dict[str, Any] | None


class FanLinkQuery(Params, kw_only=True):
    """A tracker, and the fan whom its link names."""

    tracker_id: Annotated[Id, "Tracker by its id."]
    fan_id: Annotated[Id, "Fan whom a click on the link is of."]


class FanLink(msgspec.Struct):
    """The link of a tracker for one fan."""

    url: str
