"""Shapes of the audit log on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, LimitForm, Moment, Text

ROWS = 200


class AuditQuery(Params):
    """Which entries, the newest first."""

    text: Annotated[Text | None, "Only entries whose action, actor, address or contents contain this."] = None
    since: Annotated[Moment | None, "Only entries from this moment on."] = None
    until: Annotated[Moment | None, "Only entries before this moment."] = None
    max_entry_number: Annotated[Id | None, "Only with a smaller number: the previous meta.min_entry_number."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Page size; 200 by default."] = None

    example: ClassVar[Mapping[str, object]] = {"limit": 50}


class AuditEntry(msgspec.Struct):
    """An entry of the audit log.

    actor_kind is staff (actor_key is the person's id, actor_name the address) or key (the key and its name). Rows are
    noted by the parameter that identifies them; texts that somebody typed are masked among the inputs. The timestamp is
    unix seconds, entry_hash hexadecimal.
    """

    entry_number: int
    occurrence_timestamp: int
    actor_kind: str
    actor_key: str
    actor_name: str
    ip_address: str | None
    action_name: str
    inputs: dict[str, Any]
    row_before: dict[str, Any] | None
    row_after: dict[str, Any] | None
    entry_hash: str


class AuditMeta(Meta):
    """How to request the next page, and the number of entries in this one."""

    min_entry_number: int | None
    count: int


class AuditVerification(msgspec.Struct):
    """Whether the log of an account is as it was written; else the first entry that is not.

    last_entry_hash, noted elsewhere, proves later that no entry up to it has changed since.
    """

    account_id: int
    is_valid: bool
    entry_count: int
    last_entry_hash: str
    first_wrong_entry_number: int | None
