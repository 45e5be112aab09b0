"""What is announced is listed, and the other way round; there is one way to announce, and one place for a topic's name.

That every row of the change log fits its topic is held by `tests/announcements.py` after each module of tests, and
below after a right call of every endpoint.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import get_args
from uuid import UUID

import msgspec
import pytest

from fanfare import app
from fanfare.kernel.data.announcements import Fields, Topic
from fanfare.kernel.data.db import Db
from tests import announcements, calls
from tests.api import new_api
from tests.rules import topics_file
from tests.rules.project import PACKAGE, Source, functions, sources
from tests.rules.sql import constants
from tests.rules.test_docs import CODE, documents
from tests.rules.test_placement import called

# What happens to a record, and beside it the field's own verbs. One past tense: no `changed` beside `updated`.
VERBS = frozenset({
    "created", "updated", "deleted",
    "accepted", "added", "awarded", "bounced", "built", "cancelled", "checked_in", "claimed", "clicked", "closed",
    "completed", "disabled", "entered",
    "checked", "failed", "given", "identified", "left", "matched", "merged", "placed", "removed", "reported", "sent",
    "tested", "undone",
    "struck", "transferred", "unidentified", "unmerged", "withdrawn", "won",
})  # fmt: skip
NAME = re.compile(r"([a-z]+(?:_[a-z]+)*)\.([a-z]+(?:_[a-z]+)*)")
ONE_PLACE = "src/fanfare/kernel/data/announcements.py"
MAKERS = frozenset({"announce", "also", "announced_deletion"})
# Made-up accounts are filled beside the actions, and say what the actions would.
EXEMPT = "src/fanfare/demo/"
# Of texts only these: `data` holds nothing personal.
TEXTS = frozenset({"channel", "list_hash", "network", "seed", "seed_hash"})
IMPERSONAL = (int, bool, UUID, type(None), msgspec.UnsetType)


def name_faults(topics: Iterable[Topic]) -> Iterator[str]:
    """Yield the topics whose name is no noun and verb, whose verb is not in the list, or that are listed twice."""
    observed = set[str]()
    for topic in topics:
        match = NAME.fullmatch(topic.name)
        if match is None or match[2] not in VERBS:
            yield f"{topic.name}: name it noun.verb, with a verb out of VERBS"
        if topic.name in observed:
            yield f"{topic.name} is listed twice"
        if not re.fullmatch(r"[A-Z].*\.", topic.meaning):
            yield f"{topic.name}: say what happened in a sentence"
        observed.add(topic.name)


def personal(topic: Topic) -> Iterator[str]:
    """Yield the fields of a topic's data that could hold something personal."""
    for field in msgspec.structs.fields(topic.data):
        kinds = get_args(field.type) if isinstance(field.type, UnionType) else (field.type,)
        free = {str: TEXTS, list[str]: {"fields"}}
        if not all(kind in IMPERSONAL or field.name in free.get(kind, ()) for kind in kinds):
            yield f"{topic.name}: {field.name} is {field.type}"


def fragments(code: Iterable[Source]) -> Iterator[tuple[str, str, bool]]:
    """Yield each text that announces: its file, the name of its topic's constant, whether it is made at loading."""
    for source in code:
        tree = source.tree
        late = {id(node) for function in functions(tree) for node in ast.walk(function)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS and node.args:
                yield source.name, ast.unparse(node.args[0]), id(node) not in late


def second_ways(code: Iterable[Source], names: Iterable[str]) -> Iterator[str]:
    """Yield what announces by hand, and topics whose name stands outside the list."""
    topic = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}(?![\w.])" for name in names))
    for source in code:
        for around, text in constants(source.tree):
            if match := re.search(r"insert into changes|hold_position", text):
                yield f"{source.name}:{around}: {match[0]}; use {ONE_PLACE}"
            if match := topic.search(text):
                yield f"{source.name}:{around}: import the constant of {match[0]}"


def constants_of(code: Iterable[Source]) -> dict[str, str]:
    """Return the name of each topic by the constant that lists it."""
    return {
        target.id: str(value.args[0].value)
        for source in code
        for node in source.tree.body
        if isinstance(node, ast.Assign) and isinstance(value := node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
        and isinstance(value.func, ast.Name)
        and value.func.id == "Topic"
        and isinstance(value.args[0], ast.Constant)
    }


def lists() -> list[Source]:
    return [source for source in sources(PACKAGE) if re.fullmatch(r"src/fanfare/\w+/topics\.py", source.name)]


def elsewhere() -> list[Source]:
    listing = {source.name for source in lists()}
    return [source for source in sources(PACKAGE) if source.name not in {ONE_PLACE, *listing}]


def test_topics_are_a_noun_and_a_verb_of_the_list() -> None:
    topics = app.topics()
    assert list(name_faults(topics)) == []
    assert {topic.name.partition(".")[2] for topic in topics} == VERBS, "remove verbs that no topic has"


def test_constants_are_named_as_their_topics() -> None:
    result = constants_of(lists())
    assert {name: topic.upper().replace(".", "_") for name, topic in result.items()} == {name: name for name in result}
    assert sorted(result.values()) == sorted(topic.name for topic in app.topics())


def test_what_is_announced_is_listed_and_the_other_way_round() -> None:
    announced = {topic for name, topic, _ in fragments(elsewhere()) if not name.startswith(EXEMPT)}
    assert announced == set(constants_of(lists()))


def test_texts_are_made_when_their_module_is_loaded() -> None:
    assert [(name, topic) for name, topic, is_loading in fragments(elsewhere()) if not is_loading] == []


def test_there_is_one_way_to_announce() -> None:
    assert list(second_ways(elsewhere(), [topic.name for topic in app.topics()])) == []


def test_data_holds_nothing_personal() -> None:
    assert [fault for topic in app.topics() for fault in personal(topic)] == []


def test_the_document_lists_the_topics() -> None:
    assert topics_file.FILE.read_text("utf-8") == topics_file.written(), "write it with `make topics`"


def test_topics_that_the_docs_name_exist() -> None:
    names = {topic.name for topic in app.topics()}
    nouns = {name.partition(".")[0] for name in names}
    unknown = [
        f"{name}: {word}"
        for name, text in documents().items()
        if not name.startswith("CHANGELOG")
        for word in CODE.findall(text)
        if (match := NAME.fullmatch(word))
        and match[1] in nouns
        and match[2] not in ("py", "sql", "md")
        and word not in names
    ]
    assert unknown == []


def test_a_domain_points_to_its_list_and_repeats_no_topic() -> None:
    nouns = "|".join({topic.name.partition(".")[0] for topic in app.topics()})
    heads = [source for source in sources(PACKAGE) if source.name.endswith("/__init__.py")]
    repeated = {head.name: re.findall(rf"\b(?:{nouns})\.(?!py|sql|md)[a-z]\w+", head.text) for head in heads}
    assert {name: match for name, match in repeated.items() if match} == {}


async def test_every_call_announces_what_is_listed(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        values = await calls.made_values(api)
        answered = [await called(api, endpoint, "json", values) for endpoint in calls.in_order()]
        assert {status for status, _ in answered} == {200}
        await announcements.check(db)
        assert await db.value("select count(distinct topic) from changes where account_id = $1", api.account_id) > 50


class Named(msgspec.Struct):
    display_name: str
    colours: list[str]


def test_sees_names_and_data_that_are_not_right() -> None:
    things = [Topic("thing.changed", "A thing changed.", "thing_id"), Topic("thing.updated", "changed", "thing_id")]
    assert list(name_faults([*things, things[1]]))[:2] == [
        "thing.changed: name it noun.verb, with a verb out of VERBS",
        "thing.updated: say what happened in a sentence",
    ]
    assert "thing.updated is listed twice" in name_faults([*things, things[1]])
    assert len(list(personal(Topic("thing.updated", "A thing changed.", "thing_id", data=Named)))) == 2


BAD = """
SAVE = f"with {HOLD}, made as (select 1) {announce(THING_CREATED, 'made', at='$2')} {also(THING_UPDATED, 'x', at='$2')}"
def late():
    return announce(THING_DELETED, "made", at="$2")
async def second(db):
    await db.execute("with hold as (select hold_position($1)) insert into changes select 'thing.created'")
    return change.topic == "thing.created"
"""


def test_sees_a_second_way_and_a_late_text() -> None:
    code = [Source("a.py", BAD)]
    assert sorted(fragments(code)) == [
        ("a.py", "THING_CREATED", True), ("a.py", "THING_DELETED", False), ("a.py", "THING_UPDATED", True),
    ]  # fmt: skip
    assert list(second_ways(code, ["thing.created"])) == [
        f"a.py:second: hold_position; use {ONE_PLACE}",
        "a.py:second: import the constant of thing.created",
        "a.py:second: import the constant of thing.created",
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({}, None),
        ({"topic": "thing.made"}, "thing.made is announced and not listed"),
        ({"subject_id": "seven"}, "'seven' is no thing_id"),
        ({"fan_id": None}, "the fan is None"),
        ({"data": {}}, "missing required field"),
        ({"data": {"fields": ["a"], "email": "ada@example.com"}}, "unknown field"),
        ({"data": {"fields": "a"}}, "Expected `array`"),
        ({"is_erased": True, "data": {}}, None),
    ],
)
def test_sees_a_row_that_does_not_fit(row: dict[str, object], fault: str | None) -> None:
    topics = {"thing.updated": Topic("thing.updated", "A thing changed.", "thing_id", "always", Fields)}
    fitting = {"topic": "thing.updated", "subject_id": "7", "fan_id": 7, "data": {"fields": ["a"]}, "is_erased": False}
    result = list(announcements.faults({**fitting, **row}, topics))
    assert len(result) == (1 if fault else 0)
    assert fault is None or fault in result[0]
