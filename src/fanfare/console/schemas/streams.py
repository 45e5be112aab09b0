"""Shapes of the forms of streams."""

from typing import Annotated

from fanfare.kernel.data.paging import NextCursor, ReadingOrder
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, NetworkName, Text, TextForm
from fanfare.streams.schemas.records import AuthorStatus, Bulk, Label, OneRecord, RecordIds, Status
from fanfare.streams.schemas.sources import NewSource, OneSource
from fanfare.streams.schemas.streams import Code, Days, Limit, NewStream, OneStream, Rate, Trust

ROWS = 30
Act = Annotated[Annotated[Bulk, ChoiceForm("approve", "remove", "wait", "label", "unlabel")], "What to do."]
Next = Annotated[Annotated[str, TextForm(2000)] | None, "Path of the page that follows."]


class QueueQuery(OneStream, kw_only=True):
    """Which records of a stream the queue shows."""

    record_status: Annotated[
        Annotated[Status, ChoiceForm("waiting", "approved", "removed")], "Only records with this status."
    ] = "waiting"
    network: Annotated[NetworkName | None, "Only records of this network."] = None
    label_key: Annotated[Label | None, "Only records with this label."] = None
    author_id: Annotated[Id | None, "Only records of this author."] = None
    order: ReadingOrder = "asc"
    cursor: NextCursor = None
    last: Annotated[Id | None, "The record that was moderated last."] = None
    last_status: Annotated[Annotated[Status | None, ChoiceForm("waiting", "approved", "removed")], "As it was."] = None


class RecordForm(OneRecord, kw_only=True):
    """What to do with a record, and where to go on."""

    action: Act
    label_key: Annotated[Label | None, "Label to attach or detach."] = None
    record_status: Annotated[
        Annotated[Status | None, ChoiceForm("waiting", "approved", "removed")], "As it was, to be undone."
    ] = None
    next: Next = None
    shows: Annotated[Annotated[str, ChoiceForm("record")] | None, "What follows in place of `next`."] = None


class BulkForm(OneStream, kw_only=True):
    """What to do with the records that are picked."""

    feed_record_ids: Annotated[RecordIds | None, "Records by their ids."] = None
    action: Act
    label_key: Annotated[Label | None, "Label to attach or detach."] = None
    next: Next = None


class AuthorForm(OneStream, kw_only=True):
    """Whether an author is trusted or blocked, and where to go on."""

    author_id: Annotated[Id, "Author by its id."]
    author_status: Annotated[Annotated[AuthorStatus, ChoiceForm("new", "trusted", "blocked")], "Status."]
    next: Next = None


class StreamForm(OneStream, kw_only=True):
    """The settings of a stream."""

    stream_name: Annotated[Text, "Name of the stream."]
    trust_level: Trust
    is_public: Annotated[Flag, "Whether it can be embedded."] = False
    record_limit: Limit = 50
    author_limit: Rate = 20
    has_word_list: Annotated[Flag, "Whether words wait for staff."] = False
    retention_days: Annotated[Days | None, "Days after which records are deleted."] = None
    css_text: Code = ""


class NewStreamForm(Params):
    """A stream to create."""

    stream_name: Annotated[Text, "Name of the stream."]
    trust_level: Trust = "moderated"
    is_public: Annotated[Flag, "Whether it can be embedded."] = False

    def new(self) -> NewStream:
        """Return the stream as the API has it."""
        return NewStream(stream_name=self.stream_name, trust_level=self.trust_level, is_public=self.is_public)


class SourceSwitch(OneSource, kw_only=True):
    """Whether a source is read."""

    is_enabled: Annotated[Flag, "Whether it is read."] = False


class SourceForm(NewSource, kw_only=True):
    """A source to add."""


class WordForm(OneStream, kw_only=True):
    """A word that makes records wait."""

    word: Annotated[Annotated[str, TextForm(60)], "The word."]
