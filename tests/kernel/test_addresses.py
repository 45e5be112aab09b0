"""One normal form of IP addresses, and whose address a call counts for."""

import ipaddress

import asyncpg
import pytest

from fanfare import app
from fanfare.kernel.addresses import MAX_HOPS, address, named_address, nearest_address, network, networks, subscriber
from fanfare.kernel.data.migrate import FOLDER, migrate
from fanfare.kernel.parameters import slots
from fanfare.kernel.wire import AddressForm, AddressRangeForm
from tests.conftest import NewDatabase
from tests.yardstick import cpu_seconds, takes_longer

PROXIES = networks(["10.0.0.0/8", "::ffff:172.16.0.0/108", "2001:db8:ffff::/48"])


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:207", "192.0.2.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.9/24", "192.0.2.0/24"),
        ("::ffff:192.0.2.9/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:192.0.2.7/128", "192.0.2.7"),
        ("2001:db8::1%eth0/64", "2001:db8::/64"),
    ],
)
def test_every_spelling_has_one_normal_form(written: str, normal: str) -> None:
    if "/" not in written:
        assert address(written) == normal
    assert network(written) == ipaddress.ip_network(normal)


@pytest.mark.parametrize("text", ["", "192.0.2.256", "192.0.2.7%eth0", "1.2.3.4" + " " * 200 + "x", "1" * 1000, "a.b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    for read in (address, network):
        with pytest.raises(ValueError, match=r"\w"):
            read(text)


@pytest.mark.parametrize(
    ("forwarded", "nearest"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5678", "192.0.2.1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1:5678", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1, 10.0.0.2:81, ::ffff:172.16.0.3", "192.0.2.1"),
        # What stands before a hop that cannot be read may be the caller's own words.
        ("198.51.100.9, unknown", "10.0.0.1"),
        ("198.51.100.9, _hidden, 10.0.0.2", "10.0.0.2"),
        ("198.51.100.9, 192.0.2.1:port", "10.0.0.1"),
        ("198.51.100.9,", "10.0.0.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("198.51.100.9, " + "1" * 10_000, "10.0.0.1"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_counts(forwarded: str, nearest: str) -> None:
    headers = {"x-forwarded-for": forwarded, "x-real-ip": "203.0.113.5"}
    assert nearest_address("10.0.0.1", headers, PROXIES) == nearest
    assert nearest_address("::ffff:10.0.0.1", headers, PROXIES) == nearest


@pytest.mark.parametrize("hop", ["10.{}.{}.7", "2001:db8:ffff::{}:{}", "::ffff:10.0.{}.{}"])
def test_no_chain_of_proxies_takes_long_to_follow(hop: str) -> None:
    chain = [hop.format(each >> 8 & 255, each & 255) for each in range(4000)]
    headers = {"x-forwarded-for": ",".join(chain)}
    assert nearest_address("10.0.0.1", headers, PROXIES) == address(chain[-MAX_HOPS])
    assert not takes_longer(5, lambda: cpu_seconds(nearest_address, "10.0.0.1", headers, PROXIES))


def test_a_stranger_is_not_believed() -> None:
    headers = {"x-forwarded-for": "198.51.100.9", "x-real-ip": "198.51.100.9"}
    assert nearest_address("::ffff:192.0.2.1", headers, PROXIES) == "192.0.2.1"
    assert nearest_address(None, headers, PROXIES) is None
    assert nearest_address("10.0.0.1", {"x-real-ip": "192.0.2.1"}, PROXIES) == "192.0.2.1"
    assert nearest_address("10.0.0.1", {}, PROXIES) == "10.0.0.1"


def test_a_caller_with_the_secret_names_the_fans_address() -> None:
    assert named_address({"x-real-ip": "[2001:db8::1]:80"}) == "2001:db8::1"
    assert named_address({"x-forwarded-for": "192.0.2.1:5678, 10.0.0.1"}) == "192.0.2.1"
    assert named_address({"x-forwarded-for": "unknown, 10.0.0.1"}) is None


def test_calls_are_counted_by_subscriber() -> None:
    assert subscriber("192.0.2.1") == "192.0.2.1"
    assert subscriber("2001:db8:1:2:3:4:5:6") == subscriber("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert subscriber(None) == "unknown"


async def test_stored_entries_are_brought_to_the_normal_form(empty_database: NewDatabase) -> None:
    url = await empty_database()
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("insert into accounts (account_id, account_name, created_at) values (1, 'a', now())")
        await connection.execute(
            """
            insert into ip_addresses (account_id, page_tab_id, ip_address, is_blocked, created_at)
            select 1, page_tab_id, ip_address::cidr, is_blocked, now() from (values
                (0, '::ffff:192.0.2.0/120', true), (0, '::ffff:198.51.100.7', true), (0, '198.51.100.7', false),
                (5, '::ffff:198.51.100.7', true), (0, '::ffff:0:0/96', true), (0, '2001:db8::/32', true)
            ) as entries (page_tab_id, ip_address, is_blocked)
            """
        )
        await connection.execute((FOLDER / "0029_addresses.sql").read_text())
        rows = await connection.fetch(
            "select page_tab_id, ip_address, is_blocked from ip_addresses order by page_tab_id, ip_address"
        )
    finally:
        await connection.close()
    assert [(row["page_tab_id"], str(row["ip_address"]), row["is_blocked"]) for row in rows] == [
        (0, "0.0.0.0/0", True), (0, "192.0.2.0/24", True), (0, "198.51.100.7/32", False), (0, "2001:db8::/32", True),
        (5, "198.51.100.7/32", True)]  # fmt: skip


def test_every_parameter_that_is_an_address_is_read_by_the_form() -> None:
    structs = {endpoint.params for endpoint in app.endpoints() if endpoint.params}
    read = [slot.form for struct in structs for slot in slots(struct) if slot.name.endswith("ip_address")]
    assert {type(form) for form in read} == {AddressForm, AddressRangeForm}
