"""Shapes of exports."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, IntegerForm, LimitForm, Text, Uuid

ROWS = 100
NAMES = (
    "fans", "consents", "identifiers", "tag_members", "fan_idols", "opt_ins", "snapshot_members", "merges", "messages",
    "suppressions", "activities", "points", "campaigns", "wagers", "campaign_events", "point_categories",
    "performances", "quest_progresses", "reward_claims", "idols", "stream_records", "tickets", "purchases",
    "registrations", "ticket_events", "scans", "passes", "products", "trackers", "tracker_clicks", "sales", "ad_days",
    "businesses", "tags", "fields", "filters", "segment_members", "segment_stays", "snapshots", "campaign_items",
    "quests", "rewards", "draws", "draw_winners", "idol_events", "streams", "stream_authors", "accepted_terms",
    "fan_events", "fan_performances", "pass_sections", "ad_projects", "props",
)  # fmt: skip
FileFormat = Literal["csv", "ndjson", "parquet"]
FORMATS: tuple[FileFormat, ...] = ("csv", "ndjson", "parquet")
MAX_LINK_MINUTES = 7 * 24 * 60
State = Literal["running", "delivering", "completed", "failed"]


STORAGE = "Storage to which the file is written, with its manifest; without it the file is fetched by a link."


class Export(msgspec.Struct):
    """An export and the manifest of its file. Timestamps are unix seconds.

    state: `running`, `delivering` (the file is written to its storage), `completed`, `failed` (`failure` says why).
    row_count rows were written, content_bytes before and file_bytes after compression, with gzip or within Parquet;
    sha256 is that of the file as it is fetched. The file has every row that was committed up to `watermark`, a position
    of the change log: with the changes after it a copy is brought up to date. has_file is false once the file was
    deleted here; a failed export has one if only its storage did not take it. destination is the object of a storage
    that the file becomes, or null; storage_uid is null too once the storage was deleted.
    """

    export_id: int
    export_uid: uuid.UUID
    table: str
    format: str
    name: str | None
    search_uid: uuid.UUID | None
    state: State
    has_file: bool
    storage_uid: uuid.UUID | None
    destination: str | None
    file_name: str
    row_count: int
    content_bytes: int
    file_bytes: int
    sha256: str | None
    watermark: int
    failure: str | None
    creation_timestamp: int
    finish_timestamp: int | None

    @property
    def is_fetchable(self) -> bool:
        """Whether the file is complete and here."""
        return self.has_file and self.state in ("completed", "failed")


class ExportMeta(Meta):
    """How to request the next page, and the number of exports in this one."""

    min_export_id: int | None
    count: int


class ExportCreated(msgspec.Struct):
    """A new export, which a worker writes."""

    export_uid: uuid.UUID


class ExportLink(msgspec.Struct):
    """A link with which anybody can fetch a file until it ends."""

    url: str
    expires_timestamp: int


class NewExport(Params, kw_only=True):
    """An export to start."""

    table: Annotated[
        Annotated[str, ChoiceForm(*NAMES)],
        "What the rows are: fans, consents, activities, tickets, purchases, points and so on.",
    ]
    format: Annotated[
        Annotated[FileFormat, ChoiceForm(*FORMATS)] | None,
        "csv (the default), ndjson, or parquet, which needs the extra fanfare[parquet].",
    ] = None
    search_uid: Annotated[Uuid | None, "Only the fans of this search: the meta.search_uid of a page of fans."] = None
    name: Annotated[Text | None, "What to call it."] = None
    storage_uid: Annotated[Uuid | None, STORAGE] = None

    example: ClassVar[Mapping[str, object]] = {"table": "activities", "format": "ndjson"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a search of fans for another table."""
        if values.get("search_uid") and values.get("table") != "fans":
            yield "search_uid", "is only accepted with the table fans"


class OneExport(Params):
    """The uid of an export."""

    export_uid: Annotated[Uuid, "Export by its uid."]


class NewLink(Params, kw_only=True):
    """How long a link is valid."""

    export_uid: Annotated[Uuid, "Export by its uid."]
    minutes: Annotated[
        Annotated[int, IntegerForm(1, MAX_LINK_MINUTES)] | None, "How long the link is valid; 60 when left out."
    ] = None


class ExportWindow(Params):
    """Which exports to list."""

    max_export_id: Annotated[Id | None, "Only exports before this one: the previous meta.min_export_id."] = None
    schedule_uid: Annotated[Uuid | None, "Only exports of this schedule."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Rows of a page."] = None


class CurrentExport(msgspec.Struct, frozen=True):
    """The row of an export that is worked on."""

    export_id: int
    export_uid: uuid.UUID
    table_name: str
    file_format: FileFormat
    has_rows: bool
    search_uid: uuid.UUID | None
    watermark: int
    last_key: int
    row_count: int
    content_bytes: int
    file_bytes: int
    checksum: int
    failure_count: int
    last_place: list[Any] | None
    has_destination: bool
    created_at: datetime
