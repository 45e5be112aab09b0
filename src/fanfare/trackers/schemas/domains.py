"""Shapes of virtual domains."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, LimitForm
from fanfare.trackers.schemas.urls import Host

ROWS = 500


class NewDomain(Params):
    """A host on which trackers are to redirect."""

    virtual_domain: Annotated[Host, "Host name, such as go.example.com."]

    example: ClassVar[Mapping[str, object]] = {"virtual_domain": "go.example.com"}


class OneDomain(Params):
    """The id of a virtual domain."""

    domain_id: Annotated[Id, "Virtual domain by its id."]


class DomainQuery(Params):
    """Which virtual domains."""

    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class Domain(msgspec.Struct, kw_only=True):
    """A virtual domain; links redirect once is_confirmed.

    txt_name and txt_value are the DNS record that confirms it. is_secure says whether the last check reached this
    server over TLS, check_fault what was wrong. Timestamps are in unix seconds.
    """

    domain_id: int
    account_id: int
    virtual_domain: str
    is_confirmed: bool
    is_secure: bool
    check_fault: str | None
    txt_name: str
    txt_value: str
    creation_timestamp: int
    check_timestamp: int | None


class DomainSaved(msgspec.Struct):
    """The virtual domain that was added."""

    domain_id: int
