"""Rows that are addresses of a suppression list."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.importing import ImportContext
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, synonyms
from fanfare.imports.actions.kinds.people import NAMES
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.messages.actions.importing import SuppressionLine, import_suppressions, lift_all, suppression_line
from fanfare.messages.schemas.suppressions import ImportedSuppression


def line(new: ImportedSuppression, context: ImportContext) -> SuppressionLine:
    """Return the line of a suppression."""
    return suppression_line(new, context.account)


async def write(db: Db, lines: Sequence[SuppressionLine], context: ImportContext) -> list[Outcome]:
    """Suppress the addresses."""
    created = await import_suppressions(db, context.account.id, lines, context.now, context.source)
    return [Outcome(tuple(each)) for each in created]


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Let the addresses get messages again that nobody else suppressed since."""
    lifted = await lift_all(db, account_id, created.ids, now, created.writes.source)
    return Undone(lifted, len(created.ids) - lifted)


SUPPRESSIONS = Kind(
    "suppressions",
    Fields(
        ImportedSuppression,
        names={
            **synonyms(email=NAMES["email"], phone=NAMES["phone"]),
            **synonyms(email=("address", "recipient"), suppression_reason=("reason", "status", "type")),
        },
    ),
    line,
    write,
    undo,
)
