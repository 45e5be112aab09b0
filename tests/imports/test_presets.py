"""Exports of other products are recognised; only an explicit opt-in is a yes, and every kind of no is one."""

from pathlib import Path
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import PATH, imported, inspected

SAMPLES = Path(__file__).parent / "samples"
FANS = "/api/v1/crm/fans"
# Of each fan: the email opt-in, the phone opt-in.
EXPECTED = {
    "mailchimp_subscribed": {"ada": (True, False), "added": (False, False), "both": (True, False)},
    "mailchimp_unsubscribed": {"both": (False, False)},
    "mailchimp_cleaned": {"gone": (False, False)},
    "klaviyo": {
        "ada": (True, False),
        "never": (False, False),
        "out": (False, False),
        "bounced": (False, False),
        "yes": (True, False),
    },
    "hubspot": {
        "ada": (True, False),
        "prospect": (False, False),
        "out": (False, False),
        "part": (False, False),
        "bounced": (False, False),
    },
    "mautic": {"ada": (False, False), "out": (False, False)},
}
# Those who refused, in the ledger too; the others said nothing.
REFUSALS = {
    "mailchimp_subscribed": set(),
    "mailchimp_unsubscribed": {"both"},
    "mailchimp_cleaned": {"gone"},
    "klaviyo": {"ada", "out", "bounced"},
    "hubspot": {"out", "part", "bounced"},
    "mautic": {"out"},
}


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.csv").read_bytes()


def address(name: str, person: str) -> str:
    return f"{person}@{name.partition('_')[0]}.example"


async def fan_of(api: Api, email: str) -> dict[str, Any]:
    page: dict[str, Any] = await api.ok(await api.get(FANS, name=email))
    (fan,) = page["data"]
    result: dict[str, Any] = await api.ok(await api.get(f"{FANS}/{fan['fan_id']}"))
    return result


async def consents(api: Api, db: Db, email: str) -> list[dict[str, Any]]:
    """Return the ledger of a fan."""
    sql = """
        select c.channel, c.is_granted, c.consent_source, c.given_at::text as given_at, c.is_undated, c.ip_address
        from consents c join fans f using (account_id, fan_id)
        where account_id = $1 and f.email = $2 order by c.consent_id
    """
    return [dict(row) for row in await db.rows(sql, api.account_id, email)]


@pytest.mark.parametrize("name", EXPECTED)
async def test_an_export_is_recognised_and_its_words_are_read(api: Api, db: Db, name: str) -> None:
    done = await imported(api, db, sample(name))
    assert (done["preset"], done["error_count"]) == (name.partition("_")[0], 0), done
    for person, flags in EXPECTED[name].items():
        fan = await fan_of(api, address(name, person))
        assert (fan["is_subscribed"], fan["is_phone_subscribed"]) == flags, person
        refused = [each for each in await consents(api, db, fan["email"]) if not each["is_granted"]]
        assert bool(refused) == (person in REFUSALS[name]), person


async def test_a_yes_has_its_proof(api: Api, db: Db) -> None:
    await imported(api, db, sample("mailchimp_subscribed"))
    *_, yes = await consents(api, db, "ada@mailchimp.example")
    assert yes == {
        "channel": "email",
        "is_granted": True,
        "consent_source": "Mailchimp: opt-in",
        "given_at": "2021-03-04 10:05:12+00",
        "is_undated": False,
        "ip_address": "203.0.113.8",
    }


async def test_contacts_arrive_with_their_fields(api: Api, db: Db) -> None:
    for name in ("klaviyo", "hubspot", "mautic"):
        await imported(api, db, sample(name))
        fan = await fan_of(api, address(name, "ada"))
        names = ("first_name", "last_name", "city", "province", "country_code", "postal_code")
        assert [fan[each] for each in names] == ["Ada", "Okoro", "Vancouver", "BC", "CA", "V5K 0A1"], name
    assert [(await fan_of(api, address(name, "ada")))["phone"] for name in ("klaviyo", "hubspot", "mautic")] == [
        "+16045550143",
        "+16045550146",
        "+16045550147",
    ]


async def test_the_order_of_files_does_not_matter(api: Api, db: Db) -> None:
    done = {}
    for name in ("mailchimp_unsubscribed", "mailchimp_subscribed"):
        done = await imported(api, db, sample(name).replace(b"both@", b"turned@"))
    fan = await fan_of(api, "turned@mailchimp.example")
    # Its yes of 2019 is history: the no of 2022 came later.
    assert (fan["is_subscribed"], done["refused_optin_count"]) == (False, 0)


async def test_a_yes_and_a_no_of_a_row_have_no_time_of_one_another(api: Api, db: Db) -> None:
    await imported(api, db, sample("klaviyo"))
    words = await consents(api, db, "ada@klaviyo.example")
    assert [(each["channel"], each["is_granted"], each["is_undated"]) for each in words[-2:]] == [
        ("email", True, True),
        ("phone", False, False),
    ]


async def test_the_mapping_is_shown_and_can_be_changed(api: Api, db: Db) -> None:
    result = await inspected(api, db, sample("mailchimp_subscribed"))
    assert result["mapping"]["Email Address"] == "email"
    # Where an IP address seems to be is no word of the contact.
    assert [result["mapping"][name] for name in ("LATITUDE", "REGION", "OPTIN_IP")] == [None] * 3
    preview = await api.ok(await api.get(f"{PATH}/{result['import_uid']}/preview"))
    assert preview["rows"][0]["fields"]["is_subscribed"] == "true"
    await api.ok(await api.post(f"{PATH}/{result['import_uid']}", preset="none"))
    preview = await api.ok(await api.get(f"{PATH}/{result['import_uid']}/preview"))
    assert "is_subscribed" not in preview["rows"][0]["fields"]


async def test_a_column_does_not_hide_a_no(api: Api, db: Db) -> None:
    content = sample("hubspot").replace(b"Lead Status", b"is_subscribed").replace(b",Customer,,", b",Customer,yes,")
    await imported(api, db, content, mapping={"is_subscribed": "is_subscribed"})
    assert (await fan_of(api, "out@hubspot.example"))["is_subscribed"] is False


async def test_other_files_have_no_preset(api: Api, db: Db) -> None:
    assert (await inspected(api, db, b"email,first_name\na@example.com,A\n"))["preset"] is None


async def test_a_short_row_has_the_columns_of_its_file(api: Api, db: Db) -> None:
    head = "Email Address,LEID,EUID,OPTIN_TIME,UNSUB_TIME\n"
    row = "short@mailchimp.example,7,ab,2021-03-04 10:04:12\n"
    done = await imported(api, db, (head + row).encode())
    assert (done["preset"], done["error_count"]) == ("mailchimp", 0), done
    (word,) = await consents(api, db, "short@mailchimp.example")
    assert (word["is_granted"], word["consent_source"]) == (False, "Mailchimp: unsubscribed")


@pytest.mark.parametrize("place", ["mapping", "values"])
async def test_a_time_beside_the_words_of_a_product_is_not_theirs(api: Api, db: Db, place: str) -> None:
    person = f"list-{place}@hubspot.example"
    content = f"Record ID,Email,First Name,Made {place},Unsubscribed from all email\n9,{person},Ida,2019-01-01,true\n"
    chosen = {"mapping": {"Made mapping": "consent_timestamp"}, "values": {"consent_timestamp": "2019-01-01"}}
    changes: dict[str, Any] = {place: chosen[place]}
    await api.ok(await api.post(FANS, email=person, is_subscribed=True, consent_timestamp="2022-01-01"))
    done = await imported(api, db, content.encode(), **changes)
    assert (done["preset"], done["error_count"]) == ("hubspot", 0), done
    # As late as the file: the yes of 2022 came before.
    assert (await fan_of(api, person))["is_subscribed"] is False
