"""After a restore everybody of the certificates is erased again; one for whom that fails keeps no other waiting."""

import uuid
from datetime import UTC, datetime

from fanfare.fans.actions.erasing_again import erase_again
from fanfare.fans.schemas.erasures import Certificate
from fanfare.kernel.data.db import Db
from tests.api import Api

POISON = """
    create function poison() returns trigger language plpgsql as $$ begin raise 'poisoned'; end $$;
    create trigger poison before delete on fans for each row when (old.fan_id = {fan_id}) execute function poison();
"""


async def test_one_who_cannot_be_erased_keeps_no_other_from_it(api: Api, other_api: Api, db: Db) -> None:
    fans = []
    for each in (api, api, other_api):
        created = await each.ok(await each.post("/api/v1/crm/fans", email=f"{uuid.uuid4().hex}@example.com"))
        fans.append((each.account_id, created["fan_id"]))
    certificates = [Certificate(account_id, 1, fan_id, [], 0, "") for account_id, fan_id in fans]
    await db.execute(POISON.format(fan_id=fans[0][1]))
    erased = await erase_again(db, certificates, datetime.now(UTC))
    assert (erased.count, erased.remaining) == (2, [fans[0]])
    await db.execute("drop function poison() cascade")
    erased = await erase_again(db, certificates, datetime.now(UTC))
    assert (erased.count, erased.remaining) == (1, [])
