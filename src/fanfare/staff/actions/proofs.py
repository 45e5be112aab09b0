"""People show once more who they are, before what must not happen by accident."""

from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.staff.actions.budgets import Origin
from fanfare.staff.actions.passwords import PASSWORD, WRONG, WrongPassword, person_with_password
from fanfare.staff.actions.second_factors import check_code
from fanfare.staff.actions.sessions import note_proof
from fanfare.staff.queries.people import email_key
from fanfare.staff.schemas.members import StaffSession


async def prove(db: Db, session: StaffSession, password: str, code: str, address: str | None, now: datetime) -> None:
    """Note the proof by the password, and by a code if there is a second factor.

    WrongPassword and WrongCode (422), TooManyAttempts (429).
    """
    if not password:
        raise BadParameters([(PASSWORD, WRONG)])
    email = session.person.email
    origin = Origin(address, email_key(email), f"session {session.session_id}")
    person = await person_with_password(db, email, password, origin, now)
    if person.staff_id != session.person.staff_id:
        raise WrongPassword([(PASSWORD, WRONG)])
    if person.has_second_factor:
        await check_code(db, person, code, origin, now)
    await note_proof(db, session.session_id, now)
