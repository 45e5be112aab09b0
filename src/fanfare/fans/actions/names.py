"""Display names: validation, and the words that an account allows or refuses in them."""

from datetime import datetime
from itertools import islice

from fanfare.fans.display_names import NameRules, accepted_name, alternatives
from fanfare.fans.topics import NAME_WORD_CREATED, NAME_WORD_DELETED, NAME_WORD_UPDATED
from fanfare.kernel.callers import Account
from fanfare.kernel.clock import system_random
from fanfare.kernel.data.announcements import HOLD, also, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.folding import fold
from fanfare.kernel.running.long_inputs import run_by_rows

CANDIDATES = 12
# Each word is compared with every display name.
MAX_WORDS = 1000


class TooManyWords(Conflict):
    """The account has 1,000 words of its own already; delete some first"""


async def name_rules(db: Db, account: Account) -> NameRules:
    """Return the account's own words; the account's name is reserved."""
    rows = await db.rows("select word, is_allowed from display_name_words where account_id = $1", account.id)
    return NameRules(
        allowed=frozenset(row["word"] for row in rows if row["is_allowed"]),
        refused=frozenset(row["word"] for row in rows if not row["is_allowed"]),
        reserved=frozenset({account.name}),
    )


async def free_name(db: Db, account: Account, request: str | None, fan_id: int) -> str | None:
    """Return a display name normalised; BadParameters (422) if it is not allowed. Does not check if it is taken."""
    if request is None:
        return None
    current = await db.value("select display_name from fans where account_id = $1 and fan_id = $2", account.id, fan_id)
    return request if request == current else await _accept(db, account, request)


async def checked_name(db: Db, account: Account, request: str | None) -> None:
    """Raise BadParameters (422) for a display name that is not allowed."""
    if request:
        await _accept(db, account, request)


async def _accept(db: Db, account: Account, request: str) -> str:
    return (await _candidates(db, account, request, 0))[0]


async def _candidates(db: Db, account: Account, request: str, count: int) -> list[str]:
    """Return a display name normalised, and up to `count` similar ones; BadParameters (422) if it is not allowed."""
    rules = await name_rules(db, account)
    words = len(rules.allowed) + len(rules.refused)

    def similar() -> list[str]:
        display = accepted_name(request, rules)
        return [display, *islice(alternatives(display, frozenset(), system_random(), rules), count)]

    try:
        return await run_by_rows(account.id, words * (1 + count), similar)
    except ValueError as error:
        raise BadParameters([("display_name", str(error))]) from None


async def usable_name(db: Db, account: Account, request: str) -> str:
    """Return the requested name if it is free, else a similar one that is; BadParameters (422) if it is not allowed."""
    names = await _candidates(db, account, request, CANDIDATES)
    rows = await db.rows(
        "select fold_text(display_name) as folded_name from fans"
        " where account_id = $1 and fold_text(display_name) = any($2::text[])",
        account.id,
        [fold(name) for name in names],
    )
    used_names = {row["folded_name"] for row in rows}
    free = next((name for name in names if fold(name) not in used_names), None)
    if free is None:
        raise BadParameters([("display_name", "is taken, and so are similar names")])
    return free


SAVE_WORD = f"""
    with {HOLD},
    saved as (
        insert into display_name_words as w (account_id, word, is_allowed, created_at)
        values ($1, $2, $3, $4)
        on conflict (account_id, word) do update set is_allowed = excluded.is_allowed
        where w.is_allowed <> excluded.is_allowed
        returning xmax = 0 as is_new
    )
    {announce(NAME_WORD_CREATED, "saved where is_new", at="$4")}
    {also(NAME_WORD_UPDATED, "saved where not is_new", at="$4")}
"""  # noqa: S608 - fixed parts


async def save_word(db: Db, account_id: int, word: str, now: datetime, *, is_allowed: bool) -> None:
    """Allow or refuse a word in display names (upsert); TooManyWords (409) for more than 1,000."""
    async with db.transaction() as tx:
        await tx.execute("select pg_advisory_xact_lock($1)", lock_key("display_name_words", account_id))
        count = await tx.value(
            "select count(*) from display_name_words where account_id = $1 and word <> $2", account_id, word.lower()
        )
        if count >= MAX_WORDS:
            raise TooManyWords
        await tx.execute(
            SAVE_WORD,
            account_id,
            word.lower(),
            is_allowed,
            now,
        )


DELETE_WORD = announced_deletion(
    NAME_WORD_DELETED, "delete from display_name_words where account_id = $1 and word = $2", returning="word"
)


async def delete_word(db: Db, account_id: int, word: str, now: datetime) -> None:
    """Delete a word from the list; Unknown (404) if it is not there."""
    deleted = await db.value(
        DELETE_WORD,
        account_id,
        word.lower(),
        now,
    )
    if deleted is None:
        message = "The list has no such word"
        raise Unknown(message)
