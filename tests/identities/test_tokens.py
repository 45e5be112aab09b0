"""A token logs in whom its provider means, and nobody else: every hostile one is refused and nothing is written."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.identities.logins import accept_provider, faults, login, try_login
from tests.identity_provider import CLIENT_ID, KEYS, Provider, spare_key
from tests.sessions.logins import try_connect

NOW = int(time.time())
pytestmark = pytest.mark.usefixtures("provider_id")
WRITTEN = """
    select (select count(*) from fans where account_id = $1) || ' '
        || (select count(*) from sessions where account_id = $1) || ' '
        || (select count(*) from fan_identities where account_id = $1) || ' '
        || (select count(*) from used_tokens where account_id = $1)
"""
WRONG_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"aud": "another-client"}, "aud"),
    ({"aud": [CLIENT_ID, "another-client"]}, "aud"),
    ({"aud": []}, "aud"),
    ({"aud": None}, "lacks"),
    ({"aud": {"x": CLIENT_ID}}, "lacks"),
    ({"azp": "another-client"}, "azp"),
    ({"iss": "https://accounts.google.com"}, "iss"),
    ({"iss": ""}, "iss"),
    ({"iss": None}, "lacks"),
    ({"sub": None}, "lacks"),
    ({"sub": ""}, "sub"),
    ({"sub": 5}, "lacks"),
    ({"sub": "x" * 256}, "sub"),
    ({"sub": "a\0b"}, "sub"),
    ({"exp": NOW - 3600}, "expired"),
    ({"exp": None}, "lacks"),
    ({"exp": "later"}, "lacks"),
    ({"exp": True}, "lacks"),
    ({"exp": float("nan")}, "expired"),
    ({"iat": NOW + 3600}, "future"),
    ({"iat": NOW - 90_000}, "day ago"),
    ({"iat": float("nan")}, "future"),
    ({"iat": None}, "lacks"),
    ({"nbf": NOW + 3600}, "future"),
]


@pytest.mark.parametrize(("claims", "word"), WRONG_CLAIMS)
async def test_a_token_with_wrong_claims_is_refused(
    api: Api, db: Db, provider: Provider, claims: dict[str, Any], word: str
) -> None:
    before = await db.value(WRITTEN, api.account_id)
    answer = await try_login(api, provider, provider.token(**claims))
    assert word in faults(answer)["id_token"]
    assert await db.value(WRITTEN, api.account_id) == before


def public_pem(provider: Provider) -> bytes:
    key = provider.keys[0]
    assert isinstance(key, RSAKey)
    return key.as_pem(private=False)


def unsigned(provider: Provider, algorithm: str, signature: str = "") -> str:
    payload = provider.token().split(".")[1]
    return ".".join([encoded({"alg": algorithm, "kid": provider.keys[0].kid}), payload, signature])


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed_by_public_key(provider: Provider) -> str:
    """The confusion of a public key with a shared one."""
    head = unsigned(provider, "HS256").rpartition(".")[0]
    signature = hmac.digest(public_pem(provider), head.encode(), "sha256")
    return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def altered(provider: Provider) -> str:
    head, payload, signature = provider.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return ".".join([head, encoded({**claims, "sub": "person-2"}), signature])


def deep(provider: Provider) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 700).decode().rstrip("=")
    return ".".join([head, *provider.token().split(".")[1:]])


OTHER = spare_key(7)
FORGED: dict[str, Callable[[Provider], str]] = {
    "nothing": lambda _: "x",
    "two parts": lambda p: p.token().rpartition(".")[0],
    "four parts": lambda p: p.token() + ".x",
    "alg none": lambda p: unsigned(p, "none"),
    "alg none with a signature": lambda p: unsigned(p, "none", "AA"),
    "alg None": lambda p: unsigned(p, "nOnE", "AA"),
    "alg missing": lambda p: encoded({"kid": "x"}) + "." + p.token().split(".", 1)[1],
    "HS256 with the public key": signed_by_public_key,
    "HS256 with the client secret": lambda p: p.token(
        OctKey.import_key("made-up-client-secret"), {"kid": p.keys[0].kid}
    ),
    "altered claims": altered,
    "another's key with this name": lambda p: p.token(OTHER, {"kid": p.keys[0].kid}),
    "unknown key": lambda p: p.token(OTHER),
    "key by a path": lambda p: p.token(OTHER, {"kid": "../../etc/passwd"}),
    "key by SQL": lambda p: p.token(OTHER, {"kid": "' or 1=1 --"}),
    "key within": lambda p: p.token(OTHER, {"kid": p.keys[0].kid, "jwk": OTHER.as_dict(private=False)}),
    "extension": lambda p: p.token(header={"crit": ["b64"], "b64": False}),
    "wrong algorithm of the right key": lambda p: ".".join(
        [encoded({"alg": "ES256", "kid": p.keys[0].kid}), *p.token().split(".")[1:]]
    ),
    "deep header": deep,
    "header is a list": lambda p: encoded([]) + "." + p.token().split(".", 1)[1],
    "header is no JSON": lambda p: "AAAA." + p.token().split(".", 1)[1],
    "claims are a list": lambda p: p.token().split(".")[0] + ".W10." + p.token().split(".")[2],
    "huge payload": lambda p: p.token(x="y" * 7000),
    "long header": lambda p: p.token(header={"x": "y" * 2000}),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused(api: Api, db: Db, provider: Provider, name: str) -> None:
    before = await db.value(WRITTEN, api.account_id)
    answer = await try_login(api, provider, FORGED[name](provider))
    assert set(faults(answer)) == {"id_token"}
    assert await db.value(WRITTEN, api.account_id) == before


async def test_addresses_of_keys_in_a_token_are_not_asked(api: Api, provider: Provider) -> None:
    trap = {"jku": f"{provider.url}/trap", "x5u": f"{provider.url}/trap"}
    for key in (OTHER, provider.keys[0]):
        await try_login(api, provider, provider.token(key, {**trap, "kid": provider.keys[0].kid}))
    assert "/trap" not in provider.requests


@pytest.mark.parametrize("size", [10_001, 500_000])
async def test_a_long_token_is_refused_before_the_provider_is_asked(api: Api, provider: Provider, size: int) -> None:
    answer = await try_login(api, provider, "x" * size)
    assert answer.status_code in (413, 422)
    assert provider.requests == []


KINDS = [
    *[(spare_key(3), name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")],
    (ECKey.generate_key("P-256", {"kid": "ec"}), "ES256"),
    (ECKey.generate_key("P-384", {"kid": "ec"}), "ES384"),
    (ECKey.generate_key("P-521", {"kid": "ec"}), "ES512"),
    (OKPKey.generate_key("Ed25519", {"kid": "ed"}), "EdDSA"),
]


@pytest.mark.parametrize(("key", "algorithm"), KINDS, ids=[name for _, name in KINDS])
async def test_every_algorithm_with_a_key_pair_is_accepted(
    api: Api, provider: Provider, key: Any, algorithm: str
) -> None:
    provider.keys = [key]
    session = await login(api, provider, provider.token(header={"alg": algorithm}))
    assert session["fan_id"]


async def test_keys_that_are_unfit_are_left_out(api: Api, provider: Provider) -> None:
    short = RSAKey.generate_key(1024, {"kid": "short"})
    good = provider.keys[0].as_dict(private=False)
    entries = [
        short.as_dict(private=False), {**good, "kid": "for encryption", "use": "enc"}, 5, {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"}, {"kty": "EC", "kid": "curve", "crv": "P-999"}, good,
    ]  # fmt: skip
    provider.replies[KEYS] = (200, json.dumps({"keys": entries}).encode())
    for key in (short, OTHER):
        answer = await try_login(api, provider, provider.token(key, {"kid": "short"}))
        assert "does not publish" in faults(answer)["id_token"]
    assert await login(api, provider, provider.token(header={"kid": good["kid"]}))


async def test_a_token_without_a_key_name_needs_the_only_key(api: Api, provider: Provider) -> None:
    assert await login(api, provider, provider.token(header={"kid": None}))
    provider.replies[KEYS] = (200, json.dumps({"keys": [spare_key(n).as_dict(private=False) for n in (0, 3)]}).encode())
    second = await accept_provider(api, provider, jwks_url=f"{provider.url}{KEYS}", issuer=f"{provider.url}/two")
    token = provider.token(iss=f"{provider.url}/two", header={"kid": None})
    assert "does not publish" in faults(await try_login(api, provider, token, provider=str(second)))["id_token"]


async def test_a_nonce_that_is_sent_must_be_that_of_the_token(api: Api, provider: Provider) -> None:
    for token in (provider.token(nonce="one"), provider.token(), provider.token(nonce="")):
        assert "nonce" in faults(await try_login(api, provider, token, nonce="two"))["id_token"]
    assert await login(api, provider, provider.token(nonce="one"), nonce="one")


async def test_a_token_logs_in_once(api: Api, db: Db, provider: Provider) -> None:
    token = provider.token()
    await login(api, provider, token)
    before = await db.value(WRITTEN, api.account_id)
    assert "was used" in faults(await try_login(api, provider, token))["id_token"]
    assert await db.value(WRITTEN, api.account_id) == before


async def test_another_accounts_provider_is_as_unknown_as_nobodys(
    other_api: Api, provider: Provider, provider_id: int
) -> None:
    for name in (provider.url, str(provider_id), "999999999", "https://nobody.example", "9" * 30):
        answer = await try_login(other_api, provider, provider.token(), provider=name)
        assert faults(answer) == {"provider": "names no identity provider that is enabled for this business"}
    assert provider.requests == []


async def test_a_step_without_its_token_says_so(api: Api) -> None:
    assert set(faults(await try_connect(api, "oidc"))) == {"provider", "id_token"}
    assert set(faults(await try_connect(api, "google"))) == {"id_token"}
    assert set(faults(await try_connect(api, "spotify"))) == {"access_token"}
    assert set(faults(await try_connect(api, "google", id_token="x"))) == {"network"}


async def test_wrong_tokens_are_counted_as_wrong_passwords(
    base_url: str, db: Db, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fanfare.sessions.actions import identities  # noqa: PLC0415 - what is patched
    from fanfare.sessions.actions.budgets import FAILURES, Budget  # noqa: PLC0415 - the same

    monkeypatch.setattr(identities, "FAILURES", Budget(FAILURES.name, 3, FAILURES.window))
    async with new_api(base_url, db) as api:
        await accept_provider(api, provider)
        for _ in range(5):
            await login(api, provider)
        for _ in range(3):
            assert (await try_login(api, provider, "x")).status_code == 422
        assert (await try_login(api, provider, "x")).status_code == 429
