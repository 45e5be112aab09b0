"""What an entry of the audit log says, as people read it: fields by their names, each value before and after."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import msgspec

from fanfare.kernel.data.audit import MASK, SECRET
from fanfare.kernel.pages.languages import Language
from fanfare.staff.schemas.audit import AuditEntry

# What a parameter identifies, as its row is noted.
THINGS = {
    "business_id": "Business",
    "page_tab_id": "Campaign",
    "draw_uid": "Draw",
    "filter_uid": "Filter",
    "snapshot_uid": "Snapshot",
    "tag_id": "Tag",
    "crm_field_key": "Field",
    "managed_key": "API key",
    "staff_id": "Person",
    "invitation_id": "Invitation",
    "webhook_id": "Endpoint",
    "report_uid": "Report",
    "redirect_url_id": "Address to lead back to",
    "client_id": "Client",
    "template_id": "Template",
    "sender_id": "Sender",
    "passkey_origin_id": "Site with passkeys",
    "currency": "Account",
    "country_code": "Account",
    "retention_kind": "Retention",
    "fan_id": "Fan",
    "idol_id": "Idol",
    "stream_id": "Stream",
    "point_id": "Kind of points",
    "tracker_id": "Link",
    "performance_id": "Performance",
    "import_uid": "Import",
    "export_uid": "Export",
}
# The fields of those rows.
FIELDS = {
    "business_name": "Name",
    "legal_rules": "Contest rules",
    "legal_terms": "Terms of use",
    "legal_privacy": "Privacy policy",
    "media_map": "Pictures",
    "scheduler_props": "Settings of the schedule",
    "locale_props": "Texts",
    "style_props": "Appearance",
    "title": "Title",
    "app_type": "Kind",
    "is_active": "Is on",
    "is_scheduled": "Shown by the scheduler",
    "start": "Starts at",
    "end": "Ends at",
    "stream_key": "Stream",
    "starts_at": "Starts at",
    "ends_at": "Ends at",
    "closed_at": "Closed",
    "draw_number": "Number",
    "draw_state": "State",
    "winner_count": "Winners",
    "reserve_count": "Reserves",
    "entry_rule": "What counts as an entry",
    "is_staff_excluded": "Without staff",
    "winners_excluded": "Without earlier winners",
    "is_blocked_excluded": "Without fans who are banned",
    "seed_hash": "Hash of the seed",
    "list_hash": "Hash of the list",
    "entrant_count": "Entrants",
    "filter_name": "Name",
    "group_name": "Group",
    "criteria": "Criteria",
    "snapshot_name": "Name",
    "made_from": "Made from",
    "tag_name": "Name",
    "field_type": "Kind",
    "field_options": "Options",
    "is_global": "For all businesses",
    "key_name": "Name",
    "scopes": "Scopes",
    "rate_limit": "Calls a minute",
    "revoked_at": "Ended",
    "role": "Role",
    "custom_rights": "Rights",
    "business_ids": "Businesses",
    "expires_at": "Valid until",
    "url": "Address",
    "topics": "Topics",
    "description": "Description",
    "payload_format": "Format",
    "is_enabled": "Is on",
    "report_name": "Name",
    "report_type": "Kind",
    "start_date": "First day",
    "end_date": "Last day",
    "redirect_url": "Address",
    "client_name": "Name",
    "client_type": "Kind",
    "redirect_uris": "Addresses to lead back to",
    "is_pkce_required": "With PKCE alone",
    "template_name": "Name",
    "channel": "Channel",
    "template_language": "Language",
    "subject": "Subject",
    "text_body": "Text",
    "html_body": "HTML",
    "from_name": "Name",
    "from_address": "Address",
    "reply_to": "Replies go to",
    "sms_sender": "Sender of text messages",
    "confirmed_at": "Confirmed",
    "origin": "Address",
    "rp_id": "Domain",
    "time_zone": "Time zone",
    "retention_days": "Days",
}
# Numbers that are names.
NAMES = re.compile(r"(?:_id|_ids|_number|_key|_code|year)$")
# JSON has no times of its own.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
# Longer lists are folded.
MAX_IN_LINE = 5


class ShownValue(msgspec.Struct, frozen=True):
    """A value of a row: in a line, or with the values in it, which are folded."""

    name: str
    # the name in the language of the page; nothing where it is that of the API
    label: str
    text: str
    parts: tuple["ShownValue", ...] = ()


class ShownField(msgspec.Struct, frozen=True):
    """A field of a row, before and after; None where there was no row."""

    label: str
    name: str
    before: ShownValue | None
    after: ShownValue | None


class ShownChange(msgspec.Struct, frozen=True):
    """What a thing was and is: the fields that differ."""

    label: str
    fields: tuple[ShownField, ...]
    is_new: bool
    is_gone: bool


class ShownEntry(msgspec.Struct, frozen=True):
    """An entry of the audit log."""

    entry: AuditEntry
    inputs: tuple[ShownValue, ...]
    # parameters that somebody typed, whose values the log does not have
    typed_inputs: tuple[ShownValue, ...]
    changes: tuple[ShownChange, ...]


def shown_entry(entry: AuditEntry, language: Language, time_zone: str) -> ShownEntry:
    """Return what an entry says, in a language and with the times of a zone."""
    reader = _Reader(language, time_zone)
    before, after = entry.row_before or {}, entry.row_after or {}
    changes = tuple(reader.change(name, before.get(name), after.get(name)) for name in {**before, **after})
    inputs = reader.values(entry.inputs)
    # What the row tells as well needs no word.
    typed = tuple(each for each in inputs if each.text == MASK and not changes)
    return ShownEntry(entry, tuple(each for each in inputs if each.text != MASK), typed, changes)


def shown_values(values: Mapping[str, Any], language: Language, time_zone: str) -> tuple[ShownValue, ...]:
    """Return the values of a JSON object as people read them."""
    return _Reader(language, time_zone).values(values)


def _is_folded(values: list[Any]) -> bool:
    return len(values) > MAX_IN_LINE or any(isinstance(each, list | dict) for each in values)


class _Reader:
    def __init__(self, language: Language, time_zone: str) -> None:
        self.language = language
        self.time_zone = time_zone

    def change(self, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> ShownChange:
        rows = (before or {}, after or {})
        fields = tuple(
            ShownField(self._label(field), field, *(self.value(field, row[field]) if row else None for row in rows))
            for field in {**rows[0], **rows[1]}
            if rows[0].get(field) != rows[1].get(field)
        )
        return ShownChange(self._label(name), fields, is_new=before is None, is_gone=after is None)

    def values(self, values: Mapping[str, Any]) -> tuple[ShownValue, ...]:
        return tuple(self.value(name, value) for name, value in values.items())

    def value(self, name: str, value: object) -> ShownValue:
        label = self._label(name)
        if SECRET.search(name):
            return ShownValue(name, label, MASK)
        if isinstance(value, Mapping) and value:
            return ShownValue(name, label, "", self.values(value))
        if isinstance(value, list) and _is_folded(value):
            parts = tuple(
                msgspec.structs.replace(self.value(name, each), name=str(number), label=self.language.number(number))
                for number, each in enumerate(value, 1)
            )
            return ShownValue(name, label, "", parts)
        if isinstance(value, list):
            return ShownValue(name, label, ", ".join(self._text(name, each) for each in value))
        return ShownValue(name, label, self._text(name, value))

    def _label(self, name: str) -> str:
        return self.language.text(THINGS.get(name) or FIELDS.get(name) or "")

    def _text(self, name: str, value: object) -> str:
        if isinstance(value, bool):
            return self.language.text("yes" if value else "no")
        if isinstance(value, int | float):
            return self._number(name, value)
        return self._time(value) if isinstance(value, str) else ""

    def _number(self, name: str, value: float) -> str:
        if name.endswith("_timestamp"):
            return self.language.instant(int(value), self.time_zone)
        return str(value) if NAMES.search(name) else self.language.number(value)

    def _time(self, value: str) -> str:
        """Return a text; a moment or a day as such."""
        with suppress(ValueError):
            if DAY.fullmatch(value):
                return self.language.calendar_day(date.fromisoformat(value))
            if MOMENT.fullmatch(value) and (moment := datetime.fromisoformat(value)).tzinfo:
                return self.language.moment(moment, self.time_zone)
        return value
