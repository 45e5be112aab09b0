"""Batches that are read ahead: every row of a file is read once, wherever its pieces end."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from fanfare.fans.actions import importing
from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_people import ready_people
from fanfare.imports.actions import reading
from fanfare.imports.actions.kinds.suppressions import SUPPRESSIONS
from fanfare.imports.actions.reading import Ahead, Batch
from fanfare.imports.queries.imports import current_import
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import imported, upload


async def test_rows_longer_than_a_piece_are_each_read_once(api: Api, db: Db) -> None:
    long = ",".join(["x" * 120_000] * 8)
    short = "x," * 7 + "y" * 900
    rows = [f"r{number}@reading.example,{long if number % 900 == 899 else short}" for number in range(3_000)]
    head = "email," + ",".join(f"note {number}" for number in range(8))
    done = await imported(api, db, "\n".join([head, *rows]).encode(), "suppressions")
    assert (done["row_count"], done["created_count"], done["error_count"]) == (3_000, 3_000, 0), done


async def test_the_next_batch_is_read_ahead(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 3 * SUPPRESSIONS.batch
    content = "\n".join(["email", *(f"a{number}@ahead.example" for number in range(count))]).encode()
    uid = await upload(api, content, "suppressions")
    now = datetime.now(UTC)
    context = ImportContext(Account(api.account_id, "A", "UTC", None, "CAD"), "import", now, now)
    ahead, numbers, read = Ahead(), [], []
    current = await current_import(db, api.account_id, UUID(uid))
    read_from_file = reading._read  # noqa: SLF001 - counted

    async def counted(*args: Any) -> Batch:
        read.append(args)
        return await read_from_file(*args)

    monkeypatch.setattr(reading, "_read", counted)
    while current.run_offset < current.file_bytes:
        batch = await ahead.batch(db, api.account_id, current, context)
        numbers += [line.row.number for line in batch.lines]
        assert batch.last is not None
        current = msgspec.structs.replace(current, run_offset=batch.last.end, run_row=batch.last.number + 1)
    assert numbers == list(range(2, count + 2))
    assert len(read) == 1


async def test_a_batch_that_was_read_for_another_place_is_dropped(api: Api, db: Db) -> None:
    rows = [f"d{number}@dropped.example" for number in range(2 * SUPPRESSIONS.batch)]
    uid = await upload(api, "\n".join(["email", *rows]).encode(), "suppressions")
    now = datetime.now(UTC)
    context = ImportContext(Account(api.account_id, "A", "UTC", None, "CAD"), "import", now, now)
    ahead = Ahead()
    current = await current_import(db, api.account_id, UUID(uid))
    first = await ahead.batch(db, api.account_id, current, context)
    # A transaction that failed leaves the import where it was.
    again = await ahead.batch(db, api.account_id, current, context)
    await ahead.end()
    assert [line.row for line in first.lines] == [line.row for line in again.lines]


# Of each kind whose rows have persons: its columns, and a row by the address.
PERSONS = {
    "fans": ("email,first_name", "{0},Ada"),
    "consents": ("email,channel,is_granted,consent_timestamp", "{0},email,yes,2024-01-01"),
    "activities": ("email,campaign_title,activity_timestamp", "{0},Quiz,2024-01-01"),
    "tickets": (
        "email,first_name,last_name,purchase_timestamp,paid_amount,num_seats,event_date,event_name",
        "{0},A,B,2024-01-01,10,1,2024-02-01,Match",
    ),
    "purchases": (
        "purchase_key,network,order_key,merchant_key,order_timestamp,gross_sale_amount,net_sale_amount,email",
        "{0},shop,1,m,2024-01-01,10,9,{0}",
    ),
    "points": ("email,point_name,point_count,award_timestamp", "{0},Ready,10,2024-01-01"),
    "registrations": (
        "email,registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name",
        "{0},{0},gate,2024-01-01,Tide,2024-02-01,A,B",
    ),
}


@pytest.mark.parametrize("kind", PERSONS)
async def test_the_arguments_of_a_batch_are_made_with_its_lines(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """In the thread that reads the lines, while the batch before is written, and not again by the statements."""
    head, row = PERSONS[kind]
    if kind == "points":
        await api.ok(await api.post("/api/v1/manage/points", point_name="Ready"))
    sizes: list[int] = []

    def counted(people: Any) -> Any:
        result = ready_people(people)
        sizes.append(len(result.entries))
        return result

    monkeypatch.setattr(importing, "ready_people", counted)
    rows = [row.format(f"ready-{kind}{number}@example.com") for number in range(5)]
    done = await imported(api, db, "\n".join([head, *rows]).encode(), kind)
    assert (done["created_count"], done["error_count"]) == (5, 0)
    assert sizes == []
