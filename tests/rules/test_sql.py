"""The account comes first, and every statement names it; SQL is lower case and names its columns."""

import re
from collections.abc import Iterable, Iterator

from tests.rules import waivers
from tests.rules.project import PACKAGE, Source, sources
from tests.rules.schema import migration_texts, tables
from tests.rules.sql import constants, tables_of, texts

WRITES = re.compile(r"\b(insert into|delete from|update \w+ (\w+ )?set)\b")
LOUD = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|JOIN|VALUES|RETURNING|ORDER BY|GROUP BY)\b")


def tenants_tables() -> set[str]:
    created = tables(migration_texts())
    return {name for name, table in created.items() if "account_id" in table.columns and name not in waivers.TABLES}


def account_faults(code: Iterable[Source], owned: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the statements on tenants' tables that do not name the account for each table they name."""
    for source in code:
        for text in texts(source):
            named = [name for name in tables_of(text.sql) if name in owned]
            if named and text.sql.count("account_id") < len(named):
                yield text.place, f"{', '.join(named)} without its account: {' '.join(text.sql.split())[:90]}"


def account_places(code: Iterable[Source]) -> Iterator[str]:
    """Yield the statements whose account is not the first argument."""
    for source in code:
        for text in texts(source):
            for match in re.finditer(r"\baccount_id = (\$\d+|:\w+)", text.sql):
                if match[1] != "$1":
                    yield f"{text.place}: the account is {match[1]}, not $1"


def numbered_arguments(code: Iterable[Source]) -> Iterator[str]:
    """Yield the texts with so many arguments by number that nobody can tell which is which."""
    for source in code:
        for place, text in constants(source.tree):
            if match := re.search(r"\$\d\d", text):
                yield f"{source.name}:{place}: {match[0]} in a statement; give its arguments names, or one record"


def style_faults(code: Iterable[Source], row: set[str]) -> Iterator[str]:
    """Yield capitals in SQL, and the columns of stored tables that are not named."""
    for source in code:
        for text in texts(source):
            if match := LOUD.search(text.sql):
                yield f"{text.place}: {match[0]} in capitals"
            starred = re.findall(r"\bselect (?:\w+\.)?\* from (\w+)", text.sql)
            yield from (f"{text.place}: the columns of {name} are not named" for name in starred if name in row)


def writing_queries(code: Iterable[Source]) -> Iterator[str]:
    """Yield the statements of queries that write."""
    for source in code:
        if re.match(r"src/fanfare/\w+/queries(\.py|/)", source.name):
            for text in texts(source):
                if match := WRITES.search(text.sql):
                    yield f"{text.place}: {match[0]} in a query; what writes is an action"


def test_every_statement_names_the_account() -> None:
    assert waivers.without(account_faults(sources(PACKAGE), tenants_tables()), waivers.STATEMENTS) == []


def test_the_account_is_the_first_argument() -> None:
    assert list(account_places(sources(PACKAGE))) == []


def test_many_arguments_have_names() -> None:
    assert list(numbered_arguments(sources(PACKAGE))) == []


def test_sql_is_lower_case_and_names_its_columns() -> None:
    assert list(style_faults(sources(PACKAGE), set(tables(migration_texts())))) == []


def test_queries_write_nothing() -> None:
    assert list(writing_queries(sources(PACKAGE))) == []


def test_sees_a_query_that_writes() -> None:
    wrong = 'async def noted(db):\n    await db.execute("update fans f set is_optout = true where f.account_id = $1")\n'
    code = [Source(f"src/fanfare/fans/{name}.py", wrong) for name in ("queries/fans", "queries", "actions")]
    assert list(writing_queries(code)) == [
        f"{source.name}:noted: update fans f set in a query; what writes is an action" for source in code[:2]
    ]


BAD = '''
"""Docstring: select everything from fans."""
WHOLE = "select fan_id from fans where fan_id = $1"
async def join(db):
    """Say select x from tags."""
    await db.rows("select 1 from fans f join tags t on t.tag_id = f.tag_id where f.account_id = $1")
async def gap(db, order):
    await db.rows(f"select fan_id from fans where {order} " + order)
async def good(db):
    await db.rows("select 1 from fans f join tags t on t.account_id = f.account_id where f.account_id = $1")
    raise ValueError("no tag from tags was meant")
async def second(db):
    await db.rows("SELECT * from fans where account_id = $2")
    await db.rows("with few as (select fan_id from fans where account_id = $1) select * from few")
    await db.rows("select f.* from fans f where account_id = $1")
'''


def test_sees_a_statement_without_its_account() -> None:
    results = [place for place, _ in account_faults([Source("a.py", BAD)], {"fans", "tags"})]
    assert results == ["a.py:module", "a.py:join", "a.py:gap"]


def test_sees_another_place_capitals_and_unnamed_columns() -> None:
    assert list(account_places([Source("a.py", BAD)])) == ["a.py:second: the account is $2, not $1"]
    named = BAD.replace("account_id = $2", "account_id = :account_id")
    assert list(account_places([Source("a.py", named)])) == ["a.py:second: the account is :account_id, not $1"]
    count = BAD.replace("{order}", "price > $10") + "MORE = 'and name = $99'"
    assert list(numbered_arguments([Source("a.py", count)])) == [
        f"a.py:{place}: {number} in a statement; give its arguments names, or one record"
        for place, number in (("gap", "$10"), ("module", "$99"))
    ]
    assert list(style_faults([Source("a.py", BAD)], {"fans"})) == [
        "a.py:second: SELECT in capitals",
        "a.py:second: the columns of fans are not named",
    ]
