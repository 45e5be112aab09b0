"""The keys that sign ID tokens: shared, rotated with an overlap while clients verify, sealed in the database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.openid.actions import keys
from tests.api import Api, new_api
from tests.conftest import SECRET_KEY, serving
from tests.openid.provider import CLIENTS, Client, fan_browser, get_tokens, new_client, new_fan
from tests.waits import until_blocked
from tests.yardstick import LINE_MILLISECONDS, cpu_seconds, takes_longer

NEW_SECRET_KEY = "another-made-up-secret-key-of-the-tests-01234"


@pytest.fixture
async def account(base_url: str, db: Db) -> AsyncIterator[Api]:
    """An account with a client, and without a key so far."""
    async with new_api(base_url, db, "Keys") as client:
        await new_client(client)
        yield client


async def published(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await api.client.get(f"/openid/{api.account_id}/jwks")).json()["keys"]
    return rows


def key_of(id_token: str) -> str:
    return str(jws.extract_compact(id_token.encode()).headers()["kid"])


async def login(api: Api, client: Client, browser: httpx.AsyncClient) -> str:
    token: str = (await get_tokens(api, browser, client))["id_token"]
    return token


def is_valid(id_token: str, rows: list[dict[str, Any]]) -> bool:
    try:
        jwt.decode(id_token, KeySet.import_key_set({"keys": rows}), algorithms=["RS256"])
    except (JoseError, ValueError):
        return False
    return True


async def test_servers_that_begin_at_once_make_one_key(account: Api, settings: Settings) -> None:
    with serving(settings) as second:
        async with httpx.AsyncClient(timeout=60) as client:
            urls = [f"{base}/openid/{account.account_id}/jwks" for base in (account.client.base_url, second)] * 4
            answers = await asyncio.gather(*(client.get(url) for url in urls))
    assert {answer.text for answer in answers} == {answers[0].text}
    (key,) = answers[0].json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()


async def test_tokens_can_be_verified_all_through_a_rotation(account: Api, db: Db) -> None:
    client, now = await new_client(account), datetime.now(UTC)
    async with fan_browser(account, (await new_fan(account))["session_uid"]) as browser:
        before = await login(account, client, browser)
        cached = await published(account)
        (added, old) = await keys.rotate(db, account.account_id, now)
        # The new key is published; the old one signs until clients have read it.
        assert [row["kid"] for row in await published(account)] == [added.public_key["kid"], old.public_key["kid"]]
        meanwhile = await login(account, client, browser)
        assert is_valid(meanwhile, cached)
        cached = await published(account)
        await let_pass(db, account, keys.BEGINS_AFTER)
        after = await login(account, client, browser)
        assert (key_of(before), key_of(meanwhile), key_of(after)) == (
            old.public_key["kid"], old.public_key["kid"], added.public_key["kid"],
        )  # fmt: skip
        assert [is_valid(each, cached) for each in (before, meanwhile, after)] == [True] * 3
        await let_pass(db, account, keys.OVERLAP)
        cached = await published(account)
        assert [is_valid(each, cached) for each in (before, meanwhile, after)] == [False, False, True]


async def let_pass(db: Db, api: Api, time: timedelta) -> None:
    """Let a time pass for the keys of an account."""
    await db.execute(
        "update openid_keys set begins_at = begins_at - $2::interval, ends_at = ends_at - $2::interval"
        " where account_id = $1",
        api.account_id,
        time,
    )


async def test_two_rotations_at_once_add_one_key(account: Api, db: Db) -> None:
    await published(account)
    async with db.transaction() as tx:
        # All have read the last number and generated a key before the first can write its own.
        await tx.execute("lock table openid_keys in share mode")
        rotations = [asyncio.create_task(keys.rotate(db, account.account_id, datetime.now(UTC))) for _ in range(4)]
        await until_blocked(db, tx, count=len(rotations))
    await asyncio.gather(*rotations)
    assert len(await published(account)) == 2


async def test_the_worker_rotates_an_old_key_and_deletes_what_has_ended(account: Api, db: Db) -> None:
    (first,) = await published(account)
    await keys.keep_keys(db, account.account_id, datetime.now(UTC))
    assert await published(account) == [first]
    await let_pass(db, account, keys.MAX_AGE)
    await keys.keep_keys(db, account.account_id, datetime.now(UTC))
    assert len(await published(account)) == 2
    await let_pass(db, account, keys.BEGINS_AFTER + keys.OVERLAP)
    await keys.keep_keys(db, account.account_id, datetime.now(UTC))
    assert await db.value("select count(*) from openid_keys where account_id = $1", account.account_id) == 1
    async with new_api(str(account.client.base_url), db, "No clients") as other:
        await keys.keep_keys(db, other.account_id, datetime.now(UTC))
        assert await db.value("select count(*) from openid_keys where account_id = $1", other.account_id) == 0


@pytest.fixture
def other_secret_keys(settings: Settings) -> Iterator[list[Settings]]:
    """The settings during a rotation of the secret keys, and after it."""
    yield [settings.replace(secret_key=(NEW_SECRET_KEY, SECRET_KEY)), settings.replace(secret_key=(NEW_SECRET_KEY,))]
    secret_keys.use(settings)


async def test_a_key_outlives_the_secret_key_that_sealed_it(
    account: Api, db: Db, other_secret_keys: list[Settings]
) -> None:
    before = await keys.signing_key(db, account.account_id, datetime.now(UTC))
    secret_keys.use(other_secret_keys[0])
    await keys.keep_keys(db, account.account_id, datetime.now(UTC))
    secret_keys.use(other_secret_keys[1])
    assert (await keys.signing_key(db, account.account_id, datetime.now(UTC))).key_id == before.key_id


async def test_a_lost_secret_key_costs_no_login(account: Api, db: Db, other_secret_keys: list[Settings]) -> None:
    before = await keys.signing_key(db, account.account_id, datetime.now(UTC))
    secret_keys.use(other_secret_keys[1])
    await keys.keep_keys(db, account.account_id, datetime.now(UTC))
    after = await keys.signing_key(db, account.account_id, datetime.now(UTC))
    assert after.key_id != before.key_id
    # What the lost key signed can still be verified.
    assert [row["kid"] for row in await published(account)] == [after.key_id, before.key_id]


async def test_the_private_key_is_sealed(account: Api, db: Db) -> None:
    await published(account)
    row = await db.row("select * from openid_keys where account_id = $1", account.account_id)
    assert row is not None
    assert b"PRIVATE KEY" in secret_keys.unseal(keys.PURPOSE, row["sealed_key"])
    assert '"d"' not in str(dict(row))


async def test_strangers_make_no_key_for_an_account_without_clients(base_url: str, db: Db) -> None:
    async with new_api(base_url, db, "No clients") as api:
        answer = await api.client.get(f"/openid/{api.account_id}/jwks")
        # Not an empty list, which would be cached until after the first login.
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
        assert await db.value("select count(*) from openid_keys where account_id = $1", api.account_id) == 0
        client = await new_client(api)
        assert len(await published(api)) == 1
        await api.ok(await api.delete(f"{CLIENTS}/{client.client_id}"))
        assert len(await published(api)) == 1


async def test_a_key_is_read_without_checking_its_numbers(account: Api, db: Db) -> None:
    """The check takes 100 ms and the interpreter lock, so the server would answer nothing else."""
    await published(account)
    sealed_key = await db.value("select sealed_key from openid_keys where account_id = $1", account.account_id)
    private_key = secret_keys.unseal(keys.PURPOSE, sealed_key)
    assert not takes_longer(LINE_MILLISECONDS, lambda: cpu_seconds(keys.load_key.__wrapped__, private_key))
