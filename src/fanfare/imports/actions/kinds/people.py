"""Rows that are fans."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.importing import NOT_IMPORTED, FanLine, ImportContext, fan_line, import_fans
from fanfare.fans.actions.importing_people import ready_people
from fanfare.fans.actions.undoing import delete_unused
from fanfare.fans.schemas.fans import NewFan
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, ids, synonyms
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db

NAMES: dict[str, tuple[str, ...]] = {
    "email": ("e_mail", "mail", "email_address", "e_mail_address", "e_mail_adresse", "adresse_e_mail", "courriel"),
    "first_name": ("first", "given_name", "firstname", "fname", "vorname", "prenom"),
    "last_name": ("last", "surname", "family_name", "lastname", "lname", "nachname", "nom"),
    "phone": ("mobile", "mobile_phone", "phone_number", "telephone", "telefon", "handy", "cell", "cell_phone"),
    "birth_date": ("birthday", "date_of_birth", "dob", "birthdate", "geburtsdatum", "geburtstag", "date_de_naissance"),
    "country_code": ("country", "land", "pays"),
    "province": ("state", "region", "bundesland"),
    "city": ("town", "ort", "stadt", "ville"),
    "postal_code": ("zip", "zip_code", "postcode", "plz", "postleitzahl", "code_postal"),
    "gender": ("sex", "geschlecht", "sexe"),
    "ip_address": ("ip", "optin_ip", "confirm_ip"),
}
# A flag of somebody else's file is no word of the fan: who means it as one says so.
UNSUGGESTED = frozenset({"is_optout", "is_confirmed", "is_phone_confirmed"})


async def write(db: Db, lines: Sequence[FanLine], context: ImportContext) -> list[Outcome]:
    """Find or create the fans."""
    return [
        Outcome(ids(each.fan_id), None, each.refused_count, each.refusal)
        if each.is_created
        else Outcome((), None, each.refused_count, each.refusal, each.fan_id)
        for each in await import_fans(db, lines, context)
    ]


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Delete the fans whom nobody changed or used since."""
    deleted = await delete_unused(db, account_id, created.ids, created.writes, now)
    return Undone(deleted, len(created.ids) - deleted)


FANS = Kind(
    "fans",
    Fields(
        NewFan,
        excluded=NOT_IMPORTED,
        names=synonyms(**NAMES),
        unsuggested=UNSUGGESTED,
    ),
    fan_line,
    write,
    undo,
    batch=2000,
    people=lambda lines: ready_people(each.profile for each in lines if each.rest is None),
)
