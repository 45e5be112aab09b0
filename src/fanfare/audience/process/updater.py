"""Keeps the index of one account: built from the tables, or from what was stored, and led on by the change log.

The bitmaps are always those of one snapshot of the tables: what a round of the change log names is read anew in the
snapshot that named it. So a round that began after a question was asked contains every write acknowledged before.
"""

import asyncio
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from pyroaring import BitMap

from fanfare.audience.index import file
from fanfare.audience.index.account import Audience
from fanfare.audience.index.file import LogPosition
from fanfare.audience.index.loading import PARTS, Days, Piece, pieces
from fanfare.fans.topics import TAG_DELETED
from fanfare.idols.topics import IDOL_DELETED
from fanfare.kernel.data.changes import Change, settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.threads import run_to_its_end
from fanfare.search.criteria import facts
from fanfare.search.topics import SNAPSHOT_CREATED, SNAPSHOT_DELETED

PAGE = 5_000
# Changes beyond a transaction that does not end; with more of them the tables are asked.
MAX_LATE_CHANGES = 10_000
FITS = 2**32
NOTHING = LogPosition(0, None, frozenset())
# The parts to read anew for each thing that a change can have touched; a field of a fan that is not named is a text.
NUMBERS = ("rating", "birth_date", "is_subscribed", "is_phone_subscribed", "is_optout", "latitude", "longitude")
PARTS_OF: dict[str, tuple[str, ...]] = {
    facts.ACTIVITY: ("activity",),
    facts.TAG: ("tag",),
    facts.IDOL: ("idol",),
    facts.SNAPSHOT: ("snapshot",),
    facts.TICKET: ("ticket",),
    facts.EVERYTHING: PARTS,
    **dict.fromkeys(NUMBERS, ("number",)),
}
# What is gone as a whole; the log need not tell of each fan who had it.
ENDED = {SNAPSHOT_DELETED.name: "snapshot", IDOL_DELETED.name: "idol", TAG_DELETED.name: "tag"}
TEXT: tuple[str, ...] = ("text", "number", "network")


class Behind(Exception):  # noqa: N818 - what it is at the moment
    """The index cannot answer now: it is far behind, or holds ids that do not fit."""


class IndexUpdater:
    """The index of one account, led on whenever somebody asks."""

    def __init__(self, db: Db, account_id: int, folder: Path) -> None:
        """Take where the account is and where its index is stored."""
        self.db, self.account_id = db, account_id
        self.file = folder / f"{account_id}.audience"
        self.audience = Audience("")
        self.place = NOTHING
        self.is_stored = False
        self.origin = ""
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    async def start(self, zone: str) -> None:
        """Take what was stored and lead it on, or build anew. Raises `Behind` when the account cannot be indexed."""
        async with self._turn:
            self.origin = "from stored" if await self._load(zone) else "built"
            if self.origin == "built":
                await self._build(zone)

    async def refresh(self) -> Audience:
        """Return the bitmaps as of a moment after this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._round())
        await asyncio.shield(self._next)
        return self.audience

    async def _round(self) -> None:
        """Once the round under way is over, take in what the change log holds; whoever asks later needs another."""
        async with self._turn:
            self._next = None
            while not await self._lead_on():
                pass

    async def _lead_on(self) -> bool:
        """Take in the next changes and tell whether these were the last."""
        bound = await settled(self.db, self.account_id)
        changes = await self._changes(self.db)
        if not self._new_changes(changes):
            self._move(changes, bound)
            return True
        async with self.db.transaction("repeatable_read") as tx:
            changes = await self._changes(tx)
            new_changes = self._new_changes(changes)
            read = await self._read_anew(tx, new_changes)
        for part, ids, new_pieces in read:
            self.audience.remove(part, ids)
            for piece in new_pieces:
                self.audience.add(part, piece)
        for change in new_changes:
            if change.topic in ENDED:
                self.audience.forget(ENDED[change.topic], change.subject_id)
        self._move(changes, bound)
        self.is_stored = False
        return len(new_changes) < PAGE

    async def _changes(self, db: Db) -> list[Change]:
        rows = await db.rows(
            """
            select position, topic, subject_id, fan_id, occurred_at, data from changes
            where account_id = $1 and position > $2 order by position limit $3
            """,
            self.account_id,
            self.place.position,
            PAGE + len(self.place.later_positions),
        )
        return [Change(**row) for row in rows]

    def _new_changes(self, changes: Iterable[Change]) -> list[Change]:
        return [change for change in changes if change.position not in self.place.later_positions]

    def _move(self, changes: Iterable[Change], bound: int) -> None:
        """Go on to the last change below which nothing can appear any more, and remember the later ones."""
        position, occurred_at = self.place.position, self.place.occurred_at
        positions = []
        for change in changes:
            if change.position <= bound:
                position, occurred_at = change.position, change.occurred_at
            else:
                positions.append(change.position)
        if len(positions) > MAX_LATE_CHANGES:
            message = "a transaction has been open for too long"
            raise Behind(message)
        self.place = LogPosition(position, occurred_at, frozenset(positions))

    async def _read_anew(self, tx: Db, changes: Sequence[Change]) -> list[tuple[str, BitMap, list[Piece]]]:
        """Return for each part that changes touched whom they touched and what those have now."""
        ids_by_part: defaultdict[str, set[int]] = defaultdict(set)
        for each, fan_ids in facts.touched(changes).items():
            for part in PARTS_OF.get(each, TEXT):
                ids_by_part[part] |= fan_ids
        for change in changes:
            if change.topic == SNAPSHOT_CREATED.name:
                ids_by_part["snapshot"].update(await self._snapshot_members(tx, change.subject_id))
        read = []
        async with tx.connection() as connection:
            for part, fan_ids in ids_by_part.items():
                if not fan_ids:
                    continue
                _check_fit(fan_ids)
                ids = sorted(fan_ids)
                new_pieces = pieces(connection, self.account_id, part, Days(self.audience.zone), ids)
                read.append((part, BitMap(array("I", ids)), [piece async for piece in new_pieces]))
        return read

    async def _snapshot_members(self, tx: Db, snapshot_uid: str) -> list[int]:
        sql = "select fan_id from snapshot_members where account_id = $1 and snapshot_uid = $2::text::uuid"
        return [row["fan_id"] for row in await tx.rows(sql, self.account_id, snapshot_uid)]

    async def _build(self, zone: str) -> None:
        """Read everybody, in one snapshot."""
        bound = await settled(self.db, self.account_id)
        audience, days = Audience(zone), Days(zone)
        async with self.db.transaction("repeatable_read") as tx:
            self.place = NOTHING
            newest = await tx.value("select max(fan_id) from fans where account_id = $1", self.account_id)
            _check_fit([newest or 0])
            place = await tx.row(
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
                for part in PARTS:
                    async for piece in pieces(connection, self.account_id, part, days):
                        audience.add(part, piece)
                        # Other accounts are answered meanwhile.
                        await asyncio.sleep(0)
        self.audience, self.is_stored = audience, False
        self.place = (
            LogPosition(place["position"], place["occurred_at"], positions)
            if place
            else LogPosition(0, None, positions)
        )

    async def _load(self, zone: str) -> bool:
        """Take what was stored, when it is of this database and the change log still reaches back to it."""
        source = await self._source()
        try:
            result = file.from_bytes(await asyncio.to_thread(self.file.read_bytes), source, zone)
        except (OSError, ValueError):
            return False
        if result is None:
            return False
        audience, place = result
        occurred_at: datetime | None = await self.db.value(
            "select occurred_at from changes where account_id = $1 and position = $2", self.account_id, place.position
        )
        if occurred_at is None or occurred_at != place.occurred_at:
            return False
        self.audience, self.place, self.is_stored = audience, place, True
        while not await self._lead_on():
            pass
        return True

    async def _source(self) -> str:
        version = await self.db.value("select max(version) from schema_migrations")
        return f"{file.FORMAT}.{version}"

    async def store(self) -> None:
        """Write the index down, unless it is what was written last."""
        async with self._turn:
            if self.is_stored or not self.place.position:
                return
            data = file.to_bytes(self.audience, await self._source(), self.place)
            await run_to_its_end(lambda: self._write(data))
            self.is_stored = True

    def _write(self, data: bytes) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.file.with_suffix(".new")
        temporary.write_bytes(data)
        temporary.replace(self.file)


def _check_fit(fan_ids: Iterable[int]) -> None:
    if any(each >= FITS for each in fan_ids):
        message = "fans' ids are too large for bitmaps"
        raise Behind(message)
