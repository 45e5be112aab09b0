"""What is stored of people outlasts the keys of the installation."""

from datetime import UTC, datetime

import pyotp

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.staff.actions.budgets import Origin
from fanfare.staff.actions.people import seal_again
from fanfare.staff.actions.second_factors import check_code, new_secret, set_totp
from fanfare.staff.queries.people import person_by_id
from tests.api import Api
from tests.conftest import SECRET_KEY
from tests.console.people import add_person, code_at

NEXT_KEY = "made-up-secret-key-of-the-next-year-0123456789"


async def test_an_app_works_after_its_key_has_ended(db: Db, api: Api) -> None:
    staff_id, now, secret = await add_person(db, api.account_id, "keys@example.com"), datetime.now(UTC), new_secret()
    app = pyotp.TOTP(secret)
    await set_totp(db, staff_id, secret, code_at(app, now, -1), now)
    try:
        secret_keys.use(Settings(secret_key=(NEXT_KEY, SECRET_KEY)))
        await seal_again(db)
        secret_keys.use(Settings(secret_key=(NEXT_KEY,)))
        await check_code(db, await person_by_id(db, staff_id), code_at(app, now), Origin(None), now)
    finally:
        secret_keys.use(Settings(secret_key=(SECRET_KEY,)))
