"""Shapes of requests for erasure."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec

from fanfare.hosted.schemas.my_data import MyDataQuery
from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, LimitForm

ROWS = 200
STATES = ("waiting", "withdrawn", "refused", "done")
Decision = Literal["erase", "refuse"]
MAX_DAYS = 30


class ErasureRequest(msgspec.Struct):
    """A request for erasure. Timestamps are unix seconds.

    state: `waiting`, `withdrawn` (by the fan), `refused` or `done`. due_timestamp is the end of the month within which
    it must be decided; erase_timestamp is when it is carried out without staff. erasure_id is the certificate.
    """

    erasure_request_id: int
    fan_id: int
    state: str
    source: str
    creation_timestamp: int
    due_timestamp: int
    erase_timestamp: int | None
    decision_timestamp: int | None
    erasure_id: int | None


class ErasureRequestMeta(Meta):
    """How to request the next page, and the number of requests in this one."""

    min_erasure_request_id: int | None
    count: int


class ErasureRequestWindow(Params):
    """Which requests, the newest first."""

    state: Annotated[Annotated[str, ChoiceForm(*STATES)] | None, "Only requests in this state."] = None
    fan_id: Annotated[Id | None, "Only those of this fan."] = None
    max_erasure_request_id: Annotated[
        Id | None, "Only with a smaller id: the previous meta.min_erasure_request_id."
    ] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Page size; 200 by default."] = None

    example: ClassVar[Mapping[str, object]] = {"state": "waiting"}


class NewErasureRequest(Params):
    """A request that did not come by the page, such as a letter."""

    fan_id: Annotated[Id, "Fan who asks to be erased."]


class ErasureDecision(Params):
    """What becomes of a request."""

    erasure_request_id: Annotated[Id, "Request to decide."]
    decision: Annotated[Annotated[Decision, ChoiceForm("erase", "refuse")], "erase or refuse."]

    example: ClassVar[Mapping[str, object]] = {"decision": "refuse"}


class ErasureSettings(Params):
    """When requests for erasure are carried out without staff."""

    automatic_days: Annotated[
        Annotated[int, IntegerForm(0, MAX_DAYS)] | None, "Days after the request, at most 30; empty if staff decide."
    ] = None

    example: ClassVar[Mapping[str, object]] = {"automatic_days": 14}


class ErasureConfirmation(MyDataQuery, kw_only=True):
    """The press of the fan who asks for erasure."""

    is_confirmed: Annotated[Flag, "The fan has ticked that the data is to be erased."] = False
