"""Keys: what they allow, how they change, and what is stored of them."""

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from fanfare.accounts import actions, queries
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import CACHE_SECONDS, Credentials, Keyring, has_valid_checksum, hash_secret
from fanfare.kernel.errors import BadParameters, NoKey, Unknown
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.conftest import serving
from tests.sessions.test_sessions import Watch


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def base_url(settings: Settings, watch: Watch) -> Iterator[str]:
    with serving(settings, watch) as url:
        yield url


def now() -> datetime:
    return datetime.now(UTC)


async def status(api: Api, api_key: uuid.UUID, secret: str | None, path: str = "/api/v1/manage/businesses") -> int:
    headers = {"Api-Key": str(api_key)} | ({"Api-Secret": secret} if secret else {})
    answer = await api.client.post(path, headers=headers, json={"business_name": f"B {uuid.uuid4()}"})
    return answer.status_code


async def test_a_secret_is_whole_by_its_checksum(api: Api) -> None:
    secret = api.keys["Api-Secret"]
    assert has_valid_checksum(secret)
    assert not has_valid_checksum(secret[:-1] + ("a" if secret[-1] != "a" else "b"))
    assert not has_valid_checksum("ffs_short")


async def test_only_hashes_are_stored(api: Api, db: Db) -> None:
    secret = api.keys["Api-Secret"]
    rows = await db.rows("select s::text as row, secret_hash from api_secrets s where account_id = $1", api.account_id)
    assert [row["secret_hash"] for row in rows] == [hash_secret(secret)]
    assert all(secret not in row["row"] for row in rows)


async def test_scope_and_secret_are_needed(api: Api, db: Db) -> None:
    key = await actions.create_key(db, api.account_id, ["apps"], now())
    assert await status(api, key.api_key, key.api_secret) == 403
    full = await actions.create_key(db, api.account_id, ["manage"], now())
    assert await status(api, full.api_key, None) == 403
    assert await status(api, full.api_key, key.api_secret) == 401
    assert await status(api, full.api_key, full.api_secret) == 200
    assert await status(api, uuid.uuid4(), full.api_secret) == 401


async def test_a_wrong_secret_is_refused_on_public_calls_too(api: Api) -> None:
    headers = {"Api-Key": api.keys["Api-Key"], "Api-Secret": "wrong"}
    assert (await api.client.get("/api/v1/businesses", headers=headers)).status_code == 401


async def test_rotation_leaves_an_overlap(api: Api, db: Db, watch: Watch) -> None:
    key = await actions.create_key(db, api.account_id, ["manage"], now())
    new = await actions.rotate_key(db, api.account_id, key.api_key, watch.now, overlap=timedelta(seconds=2))
    assert await status(api, key.api_key, key.api_secret) == 200
    assert await status(api, key.api_key, new.api_secret) == 200
    watch.now += timedelta(seconds=2.1)
    assert await status(api, key.api_key, key.api_secret) == 401
    assert await status(api, key.api_key, new.api_secret) == 200


async def test_a_revoked_key_ends_within_a_second(api: Api, db: Db) -> None:
    key = await actions.create_key(db, api.account_id, ["manage"], now())
    assert await status(api, key.api_key, key.api_secret) == 200
    await actions.revoke_key(db, api.account_id, key.api_key, now())
    await asyncio.sleep(CACHE_SECONDS + 0.1)
    assert await status(api, key.api_key, key.api_secret) == 401
    with pytest.raises(Unknown):
        await actions.revoke_key(db, api.account_id, key.api_key, now())


async def test_what_was_checked_is_recalled_until_a_secret_expires(api: Api, db: Db) -> None:
    key = await actions.create_key(db, api.account_id, ["manage"], now())
    await actions.rotate_key(db, api.account_id, key.api_key, now(), overlap=timedelta(minutes=1))
    keyring, credentials = Keyring(), Credentials(str(key.api_key), key.api_secret)
    assert keyring.recall(credentials, now()) is None
    recalled = await keyring.find(db, credentials, now())
    assert keyring.recall(credentials, now()) == recalled
    assert keyring.recall(credentials, now() + timedelta(minutes=2)) is None
    assert keyring.recall(Credentials(str(key.api_key), key.api_secret + "x"), now()) is None
    assert keyring.recall(Credentials(str(key.api_key)), now()) is None
    # Neither a key nor a wrong secret is remembered as right.
    with pytest.raises(NoKey):
        await keyring.find(db, Credentials(str(key.api_key), "wrong"), now())
    assert keyring.recall(Credentials(str(key.api_key), "wrong"), now()) is None


async def test_keys_are_listed_by_prefix(api: Api, db: Db) -> None:
    key = await actions.create_key(db, api.account_id, ["crm", "misc"], now(), name="shop", rate_limit=7)
    listed = {each.api_key: each for each in await queries.keys(db, api.account_id)}
    mine = listed[key.api_key]
    assert (mine.key_name, mine.scopes, mine.rate_limit) == ("shop", ["crm", "misc"], 7)
    assert mine.secret_prefixes == [key.api_secret[:8]]
    assert mine.revocation_timestamp is None


async def test_unknown_scopes_and_accounts_are_refused(db: Db) -> None:
    with pytest.raises(BadParameters):
        await actions.create_key(db, 1, ["everything"], now())
    with pytest.raises(Unknown):
        await actions.create_key(db, 2**40, ["crm"], now())
