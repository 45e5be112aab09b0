"""Consents of many fans of an import, written by one statement; `importing.import_changes` does the same for one fan.

No yes overrides a no. The fans are locked before their ledgers are read, so of two imports that write the same consent
at once the second one finds it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from fanfare.fans.actions.consents import NEVER, ConsentContext, ConsentEntry, ConsentState
from fanfare.fans.topics import CONSENT_GIVEN, CONSENT_WITHDRAWN, FAN_UPDATED
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Arrays, Sql

# A row can have a consent in each of a thousand columns; so many are written at once.
MAX_ENTRIES = 10_000
EPOCH = datetime.fromtimestamp(0, UTC)
FLAGS = ("is_subscribed", "is_phone_subscribed", "is_optout")
STATE_COLUMNS = (*FLAGS, "email_word_at", "phone_word_at", "optout_word_at")


class Words(msgspec.Struct, frozen=True):
    """What a row says for its fan: consents of one time, with one proof; with `is_once` not those in the ledger."""

    entries: list[ConsentEntry]
    context: ConsentContext
    is_once: bool = False

    @property
    def business_ids(self) -> list[int]:
        """The businesses that are named."""
        return [each.business_id for each in self.entries if each.business_id is not None]


class WordsOutcome(msgspec.Struct):
    """What became of the words of a row: the ids of its consents, and how many opt-ins were left out."""

    consent_ids: list[int]
    refused_count: int


class FanWords(NamedTuple):
    """A fan and what a row says for the fan."""

    fan_id: int
    words: Words


class _Consent(NamedTuple):
    """A consent of a fan with its circumstances, and the place of its row."""

    place: int
    fan_id: int
    entry: ConsentEntry
    context: ConsentContext

    @property
    def key(self) -> tuple[int, ConsentEntry, str | None]:
        return self.fan_id, self.entry, self.context.wording

    @property
    def moment(self) -> datetime | None:
        """When it was given, None if nobody knows."""
        return None if self.context.is_undated else self.context.moment

    @property
    def columns(self) -> dict[str, Any]:
        entry, context = self.entry, self.context
        return {
            "fan_id": self.fan_id,
            "channel": entry.channel,
            "business_id": entry.business_id,
            "is_granted": entry.is_granted,
            "wording": context.wording,
            "consent_source": context.source,
            "ip_address": context.address,
            "given_at": context.moment,
            "is_undated": entry.is_granted and context.is_undated,
        }


async def write_words(
    db: Db, account_id: int, rows: Sequence[FanWords], uploaded_at: datetime, now: datetime
) -> tuple[list[WordsOutcome], list[int]]:
    """Write what rows say for their fans as if one row came after the other.

    Returns an outcome for each row, and the positions of the changes of fans. Part of the caller's transaction, which
    holds the fans against merges and erasures; the businesses exist.
    """
    outcomes: list[WordsOutcome] = []
    positions: list[int] = []
    for part in _parts(rows):
        ledgers = await _read(db, account_id, part, uploaded_at)
        refused_counts = [ledgers.add(place, row) for place, row in enumerate(part)]
        results = [WordsOutcome([], count) for count in refused_counts]
        for row in await _write(db, account_id, ledgers, now):
            if row["place"] is None:
                positions.append(row["position"])
            else:
                results[ledgers.consents[row["place"]].place].consent_ids.append(row["position"])
        outcomes += results
    return outcomes, positions


def _parts(rows: Sequence[FanWords]) -> Iterator[list[FanWords]]:
    """Yield the rows in parts with as many consents as are written at once."""
    part: list[FanWords] = []
    count = 0
    for row in rows:
        if part and count + len(row.words.entries) > MAX_ENTRIES:
            yield part
            part, count = [], 0
        part.append(row)
        count += len(row.words.entries)
    if part:
        yield part


class _Ledgers:
    """What is in the ledgers of fans, and what a batch adds to them."""

    def __init__(self, fans: dict[int, Record]) -> None:
        self.fans = fans
        self.states = {fan_id: ConsentState() for fan_id in fans}
        # Of each fan and channel or business, the last yes with a time, until the upload.
        self.yes_at: dict[tuple[int, str, int | None], datetime] = {}
        # What is there once, with its time, and the last no of the same words.
        self.recorded: set[tuple[tuple[int, ConsentEntry, str | None], datetime | None]] = set()
        self.no_at: dict[tuple[int, ConsentEntry, str | None], datetime] = {}
        self.consents: list[_Consent] = []

    def add(self, place: int, row: FanWords) -> int:
        """Add what is to be written of a row; return the number of opt-ins that would override a no."""
        fan_id, words = row
        state, context = self.states[fan_id], words.context
        consents = [_Consent(place, fan_id, entry, context) for entry in words.entries]
        if words.is_once:
            consents = [each for each in consents if not self._has(each)]
        valid = [each for each in consents if not state.would_override(each.entry, context.moment)]
        for each in valid:
            self._add(each)
        self.consents += valid
        return len(consents) - len(valid)

    def _add(self, each: _Consent) -> None:
        entry, context = each.entry, each.context
        is_undated = entry.is_granted and context.is_undated
        self.states[each.fan_id].add(entry, EPOCH if is_undated else context.moment)
        self.recorded.add((each.key, each.moment))
        if not entry.is_granted:
            self.no_at[each.key] = max(context.moment, self.no_at.get(each.key, NEVER))
        elif not is_undated:
            self.note_yes(each.fan_id, entry, context.moment)

    def note_yes(self, fan_id: int, entry: ConsentEntry, moment: datetime) -> None:
        """Note a yes with its time; every yes ends a no to everything."""
        for key in ((fan_id, entry.channel, entry.business_id), (fan_id, "everything", None)):
            self.yes_at[key] = max(moment, self.yes_at.get(key, NEVER))

    def _has(self, each: _Consent) -> bool:
        """Return whether a consent is in the ledger.

        Nobody knows when an undated no was said. It is one that is there only if no yes came between that one and the
        upload.
        """
        if each.moment is not None or each.entry.is_granted:
            return (each.key, each.moment) in self.recorded
        no_at, entry = self.no_at.get(each.key), each.entry
        return no_at is not None and no_at >= self.yes_at.get((each.fan_id, entry.channel, entry.business_id), NEVER)


LOCK = f"""
    with {HOLD}
    select f.*
    from hold cross join (select distinct fan_id from unnest($2::bigint[]) as u (fan_id) order by fan_id) as d
    cross join lateral (
        select fan_id, {", ".join(STATE_COLUMNS)} from fans
        where account_id = $1 and fan_id = d.fan_id for no key update) f
"""  # noqa: S608 - fixed parts
# `offset 0` forces look-ups by fan, also in tables that were never analysed.
LATEST = """
    select d.fan_id, c.channel, c.business_id, c.is_granted, c.given_at, c.dated_at
    from unnest($2::bigint[]) as d (fan_id)
    cross join lateral (
        select channel, business_id, is_granted,
               max(case when is_undated then timestamptz 'epoch' else given_at end) as given_at,
               max(given_at) filter (where is_granted and not is_undated and given_at <= $3) as dated_at
        from consents where account_id = $1 and fan_id = d.fan_id
        group by channel, business_id, is_granted offset 0) c
"""
SINGLE = Arrays(
    "single",
    {
        "place": "integer", "fan_id": "bigint", "channel": "text", "business_id": "bigint", "is_granted": "boolean",
        "wording": "text", "moment": "timestamptz",
    },
)  # fmt: skip
RECORDED = Sql(f"""
    select w.place, max(c.given_at) as last_at,
           bool_or(case when w.moment is null then c.is_undated else c.given_at = w.moment and not c.is_undated end)
               as is_recorded
    from {SINGLE.unnest("w")}
    cross join lateral (
        select given_at, is_undated from consents
        where account_id = $1 and fan_id = w.fan_id and channel = w.channel
          and business_id is not distinct from w.business_id and is_granted = w.is_granted
          and wording is not distinct from w.wording
        offset 0) c
    group by w.place
""")  # noqa: S608 - fixed parts


async def _read(db: Db, account_id: int, rows: Sequence[FanWords], uploaded_at: datetime) -> _Ledgers:
    """Lock the fans of rows, and return their ledgers."""
    fan_ids = list({row.fan_id for row in rows})
    fans = {row["fan_id"]: row for row in await db.rows(LOCK, account_id, fan_ids)}
    ledgers = _Ledgers(fans)
    for row in await db.rows(LATEST, account_id, fan_ids, uploaded_at):
        entry = ConsentEntry(row["channel"], row["is_granted"], row["business_id"])
        ledgers.states[row["fan_id"]].add(entry, row["given_at"])
        if row["dated_at"] is not None:
            ledgers.note_yes(row["fan_id"], entry, row["dated_at"])
    await _read_recorded(db, account_id, rows, ledgers)
    return ledgers


async def _read_recorded(db: Db, account_id: int, rows: Sequence[FanWords], ledgers: _Ledgers) -> None:
    """Read which of the consents that are written once are in the ledger."""
    consents = [
        _Consent(0, fan_id, entry, words.context) for fan_id, words in rows if words.is_once for entry in words.entries
    ]
    if not consents:
        return
    named = [{**each.columns, "place": place, "moment": each.moment} for place, each in enumerate(consents)]
    for row in await db.rows(RECORDED, account_id, **SINGLE.arguments(named)):
        each = consents[row["place"]]
        if row["is_recorded"]:
            ledgers.recorded.add((each.key, each.moment))
        if not each.entry.is_granted:
            ledgers.no_at[each.key] = row["last_at"]


ENTRIES = Arrays(
    "entry",
    {
        "place": "integer", "fan_id": "bigint", "channel": "text", "business_id": "bigint", "is_granted": "boolean",
        "wording": "text", "consent_source": "text", "ip_address": "text", "given_at": "timestamptz",
        "is_undated": "boolean",
    },
)  # fmt: skip
STATES = Arrays(
    "state",
    {
        "fan_id": "bigint", **dict.fromkeys(FLAGS, "boolean"),
        **dict.fromkeys(STATE_COLUMNS[len(FLAGS):], "timestamptz"), "is_changed": "boolean",
    },
)  # fmt: skip
OPT_INS = Arrays(
    "opt_in", {"fan_id": "bigint", "business_id": "bigint", "is_opted_in": "boolean", "updated_at": "timestamptz"}
)
FIELDS = Arrays("field", {"fan_id": "bigint", "name": "text"})
ANNOUNCEMENT = {"position": "consent_id", "at": ":now"}
WRITE = Sql(f"""
    with entries as materialized (
        select nextval('positions') as consent_id, e.*
        from (select * from {ENTRIES.unnest("u")} order by place) as e
    ),
    insert_consents as (
        insert into consents (account_id, consent_id, fan_id, channel, business_id, is_granted, wording,
                              consent_source, ip_address, given_at, is_undated)
        select $1, consent_id, fan_id, channel, business_id, is_granted, wording, consent_source, ip_address,
               given_at, coalesce(is_undated, false)
        from entries
    ),
    save_opt_ins as (
        insert into fan_businesses (account_id, fan_id, business_id, is_opted_in, updated_at)
        select $1, fan_id, business_id, is_opted_in, updated_at from {OPT_INS.unnest("o")}
        on conflict (account_id, fan_id, business_id) do update
        set is_opted_in = excluded.is_opted_in, updated_at = excluded.updated_at
    ),
    changed as (
        select fan_id, array_agg(name order by place) as fields from {FIELDS.unnest("n", place="place")} group by fan_id
    ),
    updated as (
        update fans f
        set {", ".join(f"{column} = s.{column}" for column in STATE_COLUMNS)},
            position = case when s.is_changed then nextval('positions') else f.position end,
            updated_at = case when s.is_changed then greatest(:now, f.updated_at + interval '1 millisecond')
                              else f.updated_at end
        from {STATES.unnest("s")}
        where f.account_id = $1 and f.fan_id = s.fan_id
        returning f.fan_id, f.position, f.updated_at, s.is_changed
    ),
    announced as (
        {announce(CONSENT_GIVEN, "entries where is_granted", **ANNOUNCEMENT)}
        {also(CONSENT_WITHDRAWN, "entries where not is_granted", **ANNOUNCEMENT)}
        {
    also(FAN_UPDATED, "updated join changed using (fan_id)", position="position", at="updated_at", fields="fields")
}
    )
    select place, consent_id as position from entries
    union all
    select null, position from updated where is_changed
""")  # noqa: S608 - fixed parts
PRESENT_OPT_INS = """
    select fan_id, business_id, is_opted_in, updated_at from fan_businesses
    where account_id = $1 and fan_id = any($2::bigint[])
"""


async def _write(db: Db, account_id: int, ledgers: _Ledgers, now: datetime) -> list[Record]:
    """Write what was added, and return rows with the place and id of each consent, or with the position of a change."""
    if not ledgers.consents:
        return []
    fan_ids = list(dict.fromkeys(each.fan_id for each in ledgers.consents))
    opt_ins = await _changed_opt_ins(db, account_id, {fan_id: ledgers.states[fan_id] for fan_id in fan_ids})
    fields = [(each["fan_id"], f"business_{each['business_id']}") for each in opt_ins if each["is_changed"]]
    changed_ids = {fan_id for fan_id, _ in fields}
    states = []
    for fan_id in fan_ids:
        old, new = ledgers.fans[fan_id], ledgers.states[fan_id].columns()
        names = [name for name in FLAGS if new[name] != old[name]]
        fields += [(fan_id, name) for name in names]
        is_changed = bool(names) or fan_id in changed_ids
        if is_changed or any(value != old[name] for name, value in new.items()):
            states.append({**new, "fan_id": fan_id, "is_changed": is_changed})
    return await db.rows(
        WRITE,
        account_id,
        now=now,
        **ENTRIES.arguments([{**each.columns, "place": place} for place, each in enumerate(ledgers.consents)]),
        **OPT_INS.arguments(opt_ins),
        **FIELDS.arguments([{"fan_id": fan_id, "name": name} for fan_id, name in fields]),
        **STATES.arguments(states),
    )


async def _changed_opt_ins(db: Db, account_id: int, states: dict[int, ConsentState]) -> list[dict[str, Any]]:
    """Return the opt-ins to businesses that are to be written, and whether each is another than before."""
    opt_ins = {
        (fan_id, business_id): opt_in
        for fan_id, state in states.items()
        for business_id, opt_in in state.businesses().items()
    }
    if not opt_ins:
        return []
    rows = await db.rows(PRESENT_OPT_INS, account_id, list({fan_id for fan_id, _ in opt_ins}))
    old = {(row["fan_id"], row["business_id"]): (row["is_opted_in"], row["updated_at"]) for row in rows}
    return [
        {
            "fan_id": key[0],
            "business_id": key[1],
            "is_opted_in": opt_in[0],
            "updated_at": opt_in[1],
            "is_changed": old.get(key, (None,))[0] != opt_in[0],
        }
        for key, opt_in in opt_ins.items()
        if old.get(key) != opt_in
    ]
