"""Every row of a change log fits its topic: the list that domains give, the subject, the fan, the data.

A database is looked through when its module's tests are over, so each test holds what it makes the server announce.
Tests of the log itself write topics of their own, whose noun is `thing`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from fanfare import app
from fanfare.kernel.data.announcements import NoData, Topic
from fanfare.kernel.data.db import Db

OF_TESTS = "thing."
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# The value of a column by how its name ends; others are texts.
VALUES = {"id": r"\d+", "uid": UUID}
TOPICS = {topic.name: topic for topic in app.topics()}
# Rows that differ in nothing but ids are looked at once.
DISTINCT = r"""
    select distinct on (topic, subject, has_fan, is_erased, shape) topic, subject_id, fan_id, data, is_erased
    from (
        select topic, subject_id, fan_id, data, fan_id is not null as has_fan,
               exists (select from erasures e
                       where e.account_id = c.account_id and c.fan_id = any(e.fan_id || e.former_ids)) as is_erased,
               regexp_replace(regexp_replace(subject_id, $2, 'uid', 'g'), '\d+', '0', 'g') as subject,
               regexp_replace(regexp_replace(data::text, $2, 'uid', 'g'), '\d+', '0', 'g') as shape
        from changes c where topic not like $1 || '%'
    ) as each
"""


def subject_pattern(topic: Topic) -> str:
    """Return the pattern of a topic's subjects: of one column, or of those that `or` and `:` join."""
    if not topic.subject:
        return ""
    ways = [
        ":".join(VALUES.get(part.rpartition("_")[2], ".+") for part in way.split(":"))
        for way in topic.subject.split(" or ")
    ]
    return "|".join(f"(?:{way})" for way in ways)


def faults(row: Mapping[str, Any], topics: Mapping[str, Topic]) -> Iterator[str]:
    """Yield how a row of the log differs from its topic."""
    topic = topics.get(row["topic"])
    if topic is None:
        yield f"{row['topic']} is announced and not listed"
        return
    pattern = str(row["fan_id"] or "") if topic.subject == "fan_id" else subject_pattern(topic)
    if not re.fullmatch(pattern, row["subject_id"], re.DOTALL):
        yield f"{topic.name}: {row['subject_id']!r} is no {topic.subject}"
    if topic.fan != "sometimes" and (topic.fan == "always") != (row["fan_id"] is not None):
        yield f"{topic.name}: the fan is {row['fan_id']}, and told to be there {topic.fan}"
    # An erasure leaves of a fan's rows what happened when.
    kind = NoData if row["is_erased"] and not row["data"] else topic.data
    try:
        msgspec.convert(row["data"], kind)
    except msgspec.ValidationError as error:
        yield f"{topic.name}: {row['data']}: {error}"


async def check(db: Db) -> None:
    """Hold the change log of a database against the topics."""
    rows = await db.rows(DISTINCT, OF_TESTS, UUID)
    result = sorted({fault for row in rows for fault in faults(dict(row), TOPICS)})
    assert not result, result
