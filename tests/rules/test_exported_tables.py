"""Each table of an account is exported, or a reason stands beside it; so no new one is forgotten."""

import re
from collections.abc import Iterable, Mapping

from fanfare.exports.queries.tables.not_exported import NOT_EXPORTED, REASONS
from fanfare.exports.queries.tables.statements import TABLES
from fanfare.exports.schemas.exports import NAMES
from tests.rules.schema import migration_texts, tables


def owned_tables() -> set[str]:
    """Return the names of the tables of accounts."""
    return {each.name for each in tables(migration_texts()).values() if "account_id" in each.columns} - {"accounts"}


def faults(owned: Iterable[str], sources: Iterable[str], reasons: Mapping[str, str]) -> list[str]:
    """Return what is wrong with tables that are exported, from these sources, or for these reasons are not."""
    exported = {re.match(r"\w+", source)[0] for source in sources}  # type: ignore[index] # each begins with its table
    forgotten = [f"{name} is not exported: add it to a file of exports/queries/tables, or to not_exported.py"
                 for name in sorted(set(owned) - exported - set(reasons))]  # fmt: skip
    both = [f"{name} is exported, and not" for name in sorted(exported & set(reasons))]
    return forgotten + both + [f"{name} is no table" for name in sorted(set(reasons) - set(owned))]


def test_each_table_of_an_account_is_exported_or_has_a_reason() -> None:
    assert faults(owned_tables(), [each.source for each in TABLES.values()], NOT_EXPORTED) == []
    assert len(NOT_EXPORTED) == sum(len(names) for names in REASONS.values())


def test_each_table_that_is_exported_can_be_chosen() -> None:
    assert sorted(NAMES) == sorted(TABLES)


def test_sees_what_was_forgotten() -> None:
    wrong = faults({"a", "b", "c"}, ["a t join b on true"], {"a": "both", "d": "gone"})
    assert [each.partition(":")[0] for each in wrong] == [
        "b is not exported", "c is not exported", "a is exported, and not", "d is no table",
    ]  # fmt: skip
