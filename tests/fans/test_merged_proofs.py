"""Proofs of contacts through merges and their undoing."""

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.fans.histories import rows
from tests.fans.test_merging import FANS, create, merged, parted


async def test_an_undo_leaves_what_an_earlier_merge_kept_of_a_proof(api: Api, db: Db) -> None:
    """The address that the first merge filled in was proved before the second merge, so also after its undoing."""
    ada, bea, cea = await create(api, phone="+16045550111"), await create(api), await create(api)
    await api.ok(await api.post(f"{FANS}/{bea}", is_confirmed=True))
    await merged(api, ada, bea)
    old = await rows(db, api.account_id)
    await merged(api, cea, ada)
    await parted(api, cea, ada)
    assert await rows(db, api.account_id) == old
    await parted(api, ada, bea)
    assert "true" not in str(
        [each for each in (await rows(db, api.account_id))["fan_identifiers"] if "is_proved" in each]
    )
