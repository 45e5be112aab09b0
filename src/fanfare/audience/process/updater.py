"""The updater of one account's index: loads it from its file or builds it from the tables, then follows the change log.

The index always shows the tables in one snapshot: an update reads the changes and the changed fans in the same
snapshot. So an update that starts after a query arrived includes every write acknowledged before the query.
"""

import asyncio
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from pyroaring import BitMap

from fanfare.audience.index import file
from fanfare.audience.index.account import AccountIndex
from fanfare.audience.index.file import LogState
from fanfare.audience.index.loading import ALL_PARTS, Batch, Days, batches
from fanfare.fans.topics import TAG_DELETED
from fanfare.idols.topics import IDOL_DELETED
from fanfare.kernel.data.changes import Change, settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.running.threads import run_in_thread
from fanfare.search.criteria import facts
from fanfare.search.topics import SNAPSHOT_CREATED, SNAPSHOT_DELETED

PAGE = 5_000
# Applied changes above the position of a transaction that is still open. With more of them the index gives up.
MAX_LATE_CHANGES = 10_000
ID_LIMIT = 2**32
EMPTY_LOG = LogState(0, None, frozenset())
# The parts to read again for each changed fact. Columns of `fans` that are not listed belong to OTHER_PARTS.
NUMBERS = ("rating", "birth_date", "is_subscribed", "is_phone_subscribed", "is_optout", "latitude", "longitude")
PARTS_OF: dict[str, tuple[str, ...]] = {
    facts.ACTIVITY: ("activity",),
    facts.TAG: ("tag",),
    facts.IDOL: ("idol",),
    facts.SNAPSHOT: ("snapshot",),
    facts.TICKET: ("ticket",),
    facts.EVERYTHING: ALL_PARTS,
    **dict.fromkeys(NUMBERS, ("number",)),
}
# Topics that delete a value for all fans, without a change for each fan: the facet of the value.
DELETED_FACETS = {SNAPSHOT_DELETED.name: "snapshot", IDOL_DELETED.name: "idol", TAG_DELETED.name: "tag"}
OTHER_PARTS: tuple[str, ...] = ("text", "number", "network")


class IndexUnavailable(Exception):  # noqa: N818 - a state, not a fault
    """The index cannot answer now: it is too far behind, or fan ids do not fit into bitmaps."""


class IndexUpdater:
    """The index of one account, and its position in the change log."""

    def __init__(self, db: Db, account_id: int, folder: Path) -> None:
        self.db, self.account_id = db, account_id
        self.file = folder / f"{account_id}.audience"
        self.index = AccountIndex("")
        self.log_state = EMPTY_LOG
        self.is_saved = False
        self.origin = ""
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    async def start(self, zone: str) -> None:
        """Load the index from its file and update it, or build it.

        Raises `IndexUnavailable` when the account cannot be indexed.
        """
        async with self._turn:
            self.origin = "file" if await self._load(zone) else "tables"
            if self.origin == "tables":
                await self._build(zone)

    async def refresh(self) -> AccountIndex:
        """Return the index as of a moment after this call; simultaneous calls share one update."""
        if self._next is None:
            self._next = asyncio.create_task(self._refresh_once())
        await asyncio.shield(self._next)
        return self.index

    async def _refresh_once(self) -> None:
        """Wait for the update in progress, then update; calls of `refresh` from then on need another update."""
        async with self._turn:
            self._next = None
            while not await self._apply_changes():
                pass

    async def _apply_changes(self) -> bool:
        """Apply the next page of changes; return whether it was the last."""
        if not await self._changes(self.db):
            # As most often: nothing happened, and no transaction is open above the position.
            return True
        bound = await settled(self.db, self.account_id)
        changes = await self._changes(self.db)
        if not self._new_changes(changes):
            self._advance(changes, bound)
            return True
        async with self.db.transaction("repeatable_read") as tx:
            changes = await self._changes(tx)
            new_changes = self._new_changes(changes)
            parts = await self._reread(tx, new_changes)
        for part, ids, part_batches in parts:
            self.index.remove(part, ids)
            for batch in part_batches:
                self.index.add(part, batch)
        for change in new_changes:
            if change.topic in DELETED_FACETS:
                self.index.forget(DELETED_FACETS[change.topic], change.subject_id)
        self._advance(changes, bound)
        self.is_saved = False
        return len(new_changes) < PAGE

    async def _changes(self, db: Db) -> list[Change]:
        rows = await db.rows(
            """
            select position, topic, subject_id, fan_id, occurred_at, data from changes
            where account_id = $1 and position > $2 order by position limit $3
            """,
            self.account_id,
            self.log_state.position,
            PAGE + len(self.log_state.later_positions),
        )
        return read_rows(Change, rows)

    def _new_changes(self, changes: Iterable[Change]) -> list[Change]:
        return [change for change in changes if change.position not in self.log_state.later_positions]

    def _advance(self, changes: Iterable[Change], bound: int) -> None:
        """Advance to the last change below which no other can appear any more; remember the later ones."""
        position, occurred_at = self.log_state.position, self.log_state.occurred_at
        positions = []
        for change in changes:
            if change.position <= bound:
                position, occurred_at = change.position, change.occurred_at
            else:
                positions.append(change.position)
        if len(positions) > MAX_LATE_CHANGES:
            message = "a transaction has been open for too long"
            raise IndexUnavailable(message)
        self.log_state = LogState(position, occurred_at, frozenset(positions))

    async def _reread(self, tx: Db, changes: Sequence[Change]) -> list[tuple[str, BitMap, list[Batch]]]:
        """Return for each part that changes may have changed: its name, the fans to replace, and their current data."""
        ids_by_part: defaultdict[str, set[int]] = defaultdict(set)
        for each, fan_ids in facts.fans_by_fact(changes).items():
            for part in PARTS_OF.get(each, OTHER_PARTS):
                ids_by_part[part] |= fan_ids
        for change in changes:
            if change.topic == SNAPSHOT_CREATED.name:
                ids_by_part["snapshot"].update(await self._snapshot_members(tx, change.subject_id))
        result = []
        async with tx.connection() as connection:
            for part, fan_ids in ids_by_part.items():
                if not fan_ids:
                    continue
                _check_fit(fan_ids)
                ids = sorted(fan_ids)
                part_batches = batches(connection, self.account_id, part, Days(self.index.zone), ids)
                result.append((part, BitMap(array("I", ids)), [batch async for batch in part_batches]))
        return result

    async def _snapshot_members(self, tx: Db, snapshot_uid: str) -> list[int]:
        sql = "select fan_id from snapshot_members where account_id = $1 and snapshot_uid = $2::text::uuid"
        return [row["fan_id"] for row in await tx.rows(sql, self.account_id, snapshot_uid)]

    async def _build(self, zone: str) -> None:
        """Build the index from the tables, in one snapshot."""
        bound = await settled(self.db, self.account_id)
        index, days = AccountIndex(zone), Days(zone)
        async with self.db.transaction("repeatable_read") as tx:
            self.log_state = EMPTY_LOG
            newest = await tx.value("select max(fan_id) from fans where account_id = $1", self.account_id)
            _check_fit([newest or 0])
            change = await tx.row(
                """
                select c.position, c.occurred_at from changes c
                where c.account_id = $1 and c.position <= $2 order by c.position desc limit 1
                """,
                self.account_id,
                bound,
            )
            later = "select position from changes where account_id = $1 and position > $2"
            positions = frozenset(row["position"] for row in await tx.rows(later, self.account_id, bound))
            async with tx.connection() as connection:
                for part in ALL_PARTS:
                    async for batch in batches(connection, self.account_id, part, days):
                        index.add(part, batch)
                        # Let the process answer for other accounts.
                        await asyncio.sleep(0)
        self.index, self.is_saved = index, False
        self.log_state = (
            LogState(change["position"], change["occurred_at"], positions) if change else LogState(0, None, positions)
        )

    async def _load(self, zone: str) -> bool:
        """Load the index from its file; return whether that was possible.

        The file must be of this database, schema version and format, and its position must still be in the change log.
        """
        source = await self._source()
        try:
            result = file.from_bytes(await asyncio.to_thread(self.file.read_bytes), source, zone)
        except (OSError, ValueError):
            return False
        if result is None:
            return False
        index, log_state = result
        occurred_at: datetime | None = await self.db.value(
            "select occurred_at from changes where account_id = $1 and position = $2",
            self.account_id,
            log_state.position,
        )
        if occurred_at is None or occurred_at != log_state.occurred_at:
            return False
        self.index, self.log_state, self.is_saved = index, log_state, True
        while not await self._apply_changes():
            pass
        return True

    async def _source(self) -> str:
        version = await self.db.value("select max(version) from schema_migrations")
        return f"{file.FORMAT}.{version}"

    async def save(self) -> None:
        """Save the index to its file, unless the file is up to date."""
        async with self._turn:
            if self.is_saved or not self.log_state.position:
                return
            data = file.to_bytes(self.index, await self._source(), self.log_state)
            await run_in_thread(lambda: self._write(data))
            self.is_saved = True

    def _write(self, data: bytes) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.file.with_suffix(".new")
        temporary.write_bytes(data)
        temporary.replace(self.file)


def _check_fit(fan_ids: Iterable[int]) -> None:
    if any(each >= ID_LIMIT for each in fan_ids):
        message = "fans' ids are too large for bitmaps"
        raise IndexUnavailable(message)
