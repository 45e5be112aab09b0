"""Topics of the change log about streams."""

import msgspec

from fanfare.kernel.data.announcements import Fields, Topic


class InStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stream of a record or source, by its id."""

    stream_id: int


class StreamFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stream of a record or source, and the names of the fields that changed."""

    stream_id: int
    fields: list[str]


STREAM_CREATED = Topic("stream.created", "A stream was created.", "stream_key")
STREAM_UPDATED = Topic("stream.updated", "Fields of a stream changed.", "stream_key", data=Fields)
STREAM_DELETED = Topic("stream.deleted", "A stream was deleted with its records.", "stream_key")
STREAM_RECORD_CREATED = Topic(
    "stream_record.created", "A record came to a stream, published or not.", "feed_record_id", data=InStream
)
STREAM_RECORD_UPDATED = Topic(
    "stream_record.updated",
    "A record was approved, removed or labelled, or its source changed it.",
    "feed_record_id",
    data=StreamFields,
)
STREAM_RECORD_DELETED = Topic(
    "stream_record.deleted",
    "A record was deleted: by its source, with its fan, or because it was old.",
    "feed_record_id",
    data=InStream,
)
STREAM_SOURCE_CREATED = Topic("stream_source.created", "A source was added to a stream.", "source_id", data=InStream)
STREAM_SOURCE_UPDATED = Topic(
    "stream_source.updated", "Settings of a source of a stream changed.", "source_id", data=StreamFields
)
STREAM_SOURCE_DELETED = Topic(
    "stream_source.deleted", "A source of a stream was deleted; its records stay.", "source_id", data=InStream
)
STREAM_AUTHOR_UPDATED = Topic("stream_author.updated", "An author of a stream was trusted or blocked.", "author_id")
