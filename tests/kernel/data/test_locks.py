"""The keys of advisory locks: whose text it is chooses no other's lock."""

import re
import uuid

import asyncpg

from fanfare.kernel.data.locks import lock_key
from tests.api import Api
from tests.rules.project import PACKAGE

MAKE = "/api/v1/manage/businesses"
# That the secret was shown.
HAS_SECRET = [True]


def test_each_name_has_a_key_of_its_own() -> None:
    names: list[tuple[str, list[int | str]]] = [
        ("a", ["b c"]), ("a b", ["c"]), ("a", ["b", "c"]), ("a", [1]), ("a", ["1"]), ("a", [11]), ("a", [1, 1]),
        ("a", []),
    ]  # fmt: skip
    keys = {lock_key(domain, *parts) for domain, parts in names}
    assert len(keys) == len(names)
    assert all(-(2**63) <= key < 2**63 for key in keys)


async def test_a_word_takes_no_lock_that_its_text_was_chosen_for(api: Api, database_url: str) -> None:
    """Whoever knows the hash of PostgreSQL can find a word that has the hash of another lock."""
    word = str(uuid.uuid4())
    connection = await asyncpg.connect(database_url)
    try:
        name = f"{api.account_id} {api.keys['Api-Key']} True {word}"
        await connection.execute("select pg_advisory_lock(hashtextextended($1, 0))", name)
        created = await api.post(MAKE, {"Idempotency-Key": word}, business_name=word)
        assert created.status_code == 200, created.text
        key = lock_key("idempotency", api.account_id, api.keys["Api-Key"], *HAS_SECRET, f"{word} again")
        await connection.execute("select pg_advisory_lock($1::bigint)", key)
        running = await api.post(MAKE, {"Idempotency-Key": f"{word} again"}, business_name=f"{word} again")
        assert (running.status_code, running.json()["code"]) == (409, "still_running")
    finally:
        await connection.close()


def test_no_lock_is_named_by_a_hash_of_postgresql() -> None:
    named = re.compile(r"advisory[a-z_]*\((?!\$[0-9]|account_id)")
    match = [f"{path}: {line.strip()}" for path in PACKAGE.rglob("*.py") for line in path.read_text().splitlines()
             if named.search(line)]  # fmt: skip
    assert match == []
