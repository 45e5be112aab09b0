"""People who work in the demo account, one of each role; links sign them in, for they have no passwords."""

from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.staff.actions.people import add_person

# Whom `make demo` lets in.
FIRST = "maren.castellane@harbour-city.example"
COLLEAGUES = (
    (FIRST, "Maren Castellane", "full"),
    ("theo.lindqvist@harbour-city.example", "Theo Lindqvist", "editor"),
    ("aiko.brandt@harbour-city.example", "Aiko Brandt", "analyst"),
    ("samuel.okafor@harbour-city.example", "Samuel Okafor", "legal"),
)


async def add_colleagues(db: Db, account_id: int, now: datetime) -> None:
    """Let people of each role belong to the account."""
    for email, name, role in COLLEAGUES:
        await add_person(db, account_id, email, name, role, now)
