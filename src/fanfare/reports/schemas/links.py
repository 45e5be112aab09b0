"""Shapes of links to reports."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, IntegerForm, TextForm
from fanfare.reports.schemas.reports import OneReport

MAX_LINK = 200
MAX_DAYS = 366


class NewLink(OneReport):
    """A link to a report."""

    days: Annotated[
        Annotated[int, IntegerForm(1, MAX_DAYS)], f"Days after which the link ends by itself; at most {MAX_DAYS}."
    ] = 30

    example: ClassVar[Mapping[str, object]] = {"days": 14}


class LinkCreated(msgspec.Struct):
    """A new link. `url` is shown once; the timestamp is in unix seconds."""

    report_link_id: int
    url: str
    expiration_timestamp: int


class Link(msgspec.Struct):
    """A link to a report, without its URL. Timestamps are in unix seconds."""

    report_link_id: int
    creation_timestamp: int
    expiration_timestamp: int


class OneLink(Params):
    """Which link."""

    report_link_id: Annotated[Id, "Link to a report by its id."]


class SharedReport(Params):
    """The link by which a report is shown."""

    link: Annotated[Annotated[str, TextForm(MAX_LINK)], "Text of the link."]
