"""Leaves people out who were erased here, also where a row of the source has their address or number and no fan."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from fanfare.fans.actions.erasure import add_identities
from fanfare.fans.actions.importing import erased_identifiers
from fanfare.fans.contact import mail_key, phone_number
from fanfare.kernel.data.db import Db
from fanfare.moving.actions.state import Move, fan_ids, id_there
from fanfare.moving.schemas import Outcome, Row

# A move has no upload: whoever was ever erased here stays away.
EVER = datetime.fromtimestamp(0, UTC)
CONTACTS = {"email": ("email",), "phone": ("phone", "add_phone")}


def _identifiers(move: Move, row: Row) -> Iterator[tuple[str, str]]:
    """Yield network and value of each address and number of a row that can be read."""
    region = row.get("country_code") or move.account.country_code
    for network, names in CONTACTS.items():
        for text in (str(row[name]) for name in names if row.get(name)):
            try:
                yield network, mail_key(text) if network == "email" else phone_number(text, region)
            except ValueError:
                continue


async def keep_out(move: Move, db: Db, rows: Sequence[Row]) -> None:
    """Remember what the source has of people who were erased here: its other tables may name only that."""
    keys = [key for row in rows for key in _identifiers(move, row)]
    if keys:
        networks, values = [network for network, _ in keys], [value for _, value in keys]
        await add_identities(db, move.account.id, (networks, values), move.now())


async def rows_of_people(
    move: Move, db: Db, rows: Sequence[Row], outcomes: Sequence[Outcome]
) -> list[tuple[Row, int | None, Outcome]]:
    """Return the rows that may be written, each with its fan here, if the source names one, and its outcome.

    A row is left out, with a note, if its fan is not here, or if it names no fan and has the address or number of a
    person who was erased here. A row of a fan who is here loses such an address or number.
    """
    fans = await fan_ids(move, db, [row.get("fan_id") or None for row in rows])
    keys = [(place, *key) for place, row in enumerate(rows) for key in _identifiers(move, row)]
    columns = ([each[0] for each in keys], [each[1] for each in keys], [each[2] for each in keys])
    erased: dict[int, set[str]] = {}
    for place, network in await erased_identifiers(db, move.account.id, columns, EVER):
        erased.setdefault(place, set()).add(network)
    result: list[tuple[Row, int | None, Outcome]] = []
    for place, (row, outcome) in enumerate(zip(rows, outcomes, strict=True)):
        fan_id = fans.get(id_there(row["fan_id"])) if row.get("fan_id") else None
        if row.get("fan_id") and fan_id is None:
            outcome.note("the fan is not here")
        elif place in erased and fan_id is None:
            outcome.note("was erased here")
        else:
            lost = {name for network in erased.get(place, ()) for name in CONTACTS[network]}
            for name in sorted(lost & row.keys()):
                outcome.note(f"{name}: is of a person who was erased here")
            result.append(({name: value for name, value in row.items() if name not in lost}, fan_id, outcome))
    return result
