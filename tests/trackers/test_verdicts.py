"""Verdicts: by published lists, listed with their reasons, and judged again when the lists change."""

import gzip
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

from fanfare.kernel import addresses
from fanfare.kernel.addresses import Network
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import BadSettings
from fanfare.trackers import jobs
from fanfare.trackers.verdicts import networks, rules
from fanfare.trackers.verdicts.agents import BROWSERS_TOO, device_of, program_of
from fanfare.trackers.verdicts.networks import DataCentres, data_centres
from tests.api import Api
from tests.trackers.links import SAFARI, click, figures, new_tracker, rows
from tests.waits import until

AGENTS = Path(__file__).parent / "user_agents.json.gz"
LABELLED: dict[str, list[str]] = json.loads(gzip.decompress(AGENTS.read_bytes()))


@pytest.mark.parametrize("label", LABELLED)
def test_real_user_agents_come_out_as_labelled(label: str) -> None:
    is_browser = label != "program"
    assert [agent for agent in LABELLED[label] if (program_of(agent) is None) != is_browser] == []


def test_the_labels_are_many() -> None:
    # Programs in disguise name themselves as a browser does, or nearly: no list tells them.
    counts = {label: len(agents) for label, agents in LABELLED.items()}
    assert counts["human"] > 1300
    assert counts["program"] > 600
    assert counts["disguised"] < 0.04 * counts["program"]


def test_every_crawler_of_the_list_is_a_program() -> None:
    agents = [
        agent for each in CRAWLER_USER_AGENTS_DATA if each["pattern"] not in BROWSERS_TOO for agent in each["instances"]
    ]
    assert len(agents) > 1500
    assert [agent for agent in agents if program_of(agent) is None] == []


def test_devices_are_told_apart() -> None:
    ipad = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"
    windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    assert [device_of(agent) for agent in (SAFARI, ipad, windows, "x")] == ["mobile", "tablet", "desktop", "other"]


def test_ranges_are_read_as_they_are_published(tmp_path: Path) -> None:
    (tmp_path / "ip-ranges.json").write_text('{"prefixes": [{"ip_prefix": "198.51.100.0/25", "region": "1.2.3"}]}')
    (tmp_path / "geo.csv").write_text("203.0.113.0/24,NL,NL-NH,Amsterdam\n2001:db8:1::/48,NL\n999.0.0.0/8\n")
    (tmp_path / ".partial.json").write_text("127.0.0.0/8")
    (tmp_path / "plain.txt").write_text("# ours\n198.51.100.128/25\n198.51.100.0/24\n")
    centres = DataCentres()
    centres.use(str(tmp_path))
    inside = ("198.51.100.0", "198.51.100.255", "203.0.113.9", "2001:db8:1:2::3")
    outside = ("198.51.99.255", "198.51.101.0", "203.0.112.255", "2001:db8:2::", "127.0.0.1")
    assert [centres.has(each) for each in (*inside, *outside)] == [True] * len(inside) + [False] * len(outside)
    (tmp_path / "empty.txt").write_text("nothing")
    for path in (tmp_path / "missing", tmp_path / "empty.txt"):
        with pytest.raises(BadSettings, match="FANFARE_DATA_CENTRES"):
            DataCentres().use(str(path))


# Shortened, in the form in which each provider publishes its file: name, text, and addresses inside.
PUBLISHED = [
    (
        "aws.json",
        """{"syncToken": "1764115200", "createDate": "2025-11-26-00-00-00",
            "prefixes": [{"ip_prefix": "192.0.2.0/26", "region": "eu-west-1", "service": "EC2",
                          "network_border_group": "eu-west-1"}],
            "ipv6_prefixes": [{"ipv6_prefix": "2001:db8:a::/48", "region": "GLOBAL", "service": "AMAZON"}]}""",
        ["192.0.2.63", "2001:db8:a::1"],
    ),
    (
        "google.json",
        """{"syncToken": "1764115200000", "creationTime": "2025-11-26T00:00:00.00", "prefixes": [
            {"ipv4Prefix": "192.0.2.64/26", "service": "Google Cloud", "scope": "europe-west1"},
            {"ipv6Prefix": "2001:db8:b::/48", "service": "Google Cloud", "scope": "us-east1"}]}""",
        ["192.0.2.64", "2001:db8:b::1"],
    ),
    (
        "azure.json",
        """{"changeNumber": 300, "cloud": "Public", "values": [{"name": "ActionGroup", "id": "ActionGroup",
            "properties": {"changeNumber": 42, "region": "", "addressPrefixes": ["192.0.2.128/31", "2001:db8:c::/56"],
                           "networkFeatures": ["API", "NSG"]}}]}""",
        ["192.0.2.129", "2001:db8:c::ff"],
    ),
    (
        "oracle.json",
        """{"last_updated_timestamp": "2025-11-20T22:06:48.713451", "regions": [{"region": "uk-london-1",
            "cidrs": [{"cidr": "192.0.2.192/27", "tags": ["OCI"]}]}]}""",
        ["192.0.2.192"],
    ),
    ("cloudflare-v4.txt", "198.51.100.0/22\n203.0.113.0/24", ["203.0.113.255"]),
    ("cloudflare-v6.txt", "2001:db8:d::/48\n2001:db8:e::/48\n", ["2001:db8:e::1"]),
    ("digitalocean.csv", "192.0.2.224/28,NL,NL-NH,Amsterdam,1098 XH\n2001:db8:f::/64,US,US-NY,,\n", ["192.0.2.230"]),
]


@pytest.mark.parametrize(("name", "text", "inside"), PUBLISHED)
def test_the_lists_of_the_large_providers_are_read(tmp_path: Path, name: str, text: str, inside: list[str]) -> None:
    (tmp_path / name).write_text(text)
    centres = DataCentres()
    centres.use(str(tmp_path))
    assert [each for each in inside if not centres.has(each)] == []
    assert not centres.has("192.0.2.255")
    assert not centres.has("2001:db8:0:1::1")


async def test_clicks_are_judged_again_by_other_rules(api: Api, db: Db, base_url: str, tmp_path: Path) -> None:
    saved = await new_tracker(api)
    key, tracker_id = saved["tracker_key"], saved["tracker_id"]
    for agent in (SAFARI, f"{SAFARI} tool", "curl/8.5.0"):
        await click(base_url, key, agent=agent)
    await click(base_url, key, Purpose="prefetch")
    account_db = db.for_account(api.account_id)
    before = {"human": 2, "bot": 1, "prefetch": 1}
    await jobs.judge_clicks(account_db, api.account_id, datetime.now(UTC))
    assert (await figures(api, tracker_id))["click_counts"] == before

    ranges = tmp_path / "ranges.txt"
    ranges.write_text("127.0.0.0/8")
    data_centres.use(str(ranges))
    try:
        for _ in range(2):
            await jobs.judge_clicks(account_db, api.account_id, datetime.now(UTC))
        row = await figures(api, tracker_id)
        assert {name: count for name, count in row["click_counts"].items() if count} == {
            "datacentre": 2, "bot": 1, "prefetch": 1,
        }  # fmt: skip
        assert row["total_tracker_click_count"] == 0
        assert {each["reason"] for each in await rows(db, tracker_id)} >= {"address of a data centre"}
    finally:
        data_centres.use("")
    await jobs.judge_clicks(account_db, api.account_id, datetime.now(UTC))
    row = await figures(api, tracker_id)
    assert {name: count for name, count in row["click_counts"].items() if count} == before


async def test_replaced_lists_are_read_beside_the_clicks(
    api: Api, db: Db, base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = await new_tracker(api)
    ranges = tmp_path / "ranges.txt"
    ranges.write_text("192.0.2.0/24")
    data_centres.use(str(ranges))
    threads, loops = set[int](), set[int]()
    parse, has = addresses.network, DataCentres.has

    def noted_parse(text: str) -> Network:
        threads.add(threading.get_ident())
        return parse(text)

    def noted_has(self: DataCentres, address: str) -> bool:
        loops.add(threading.get_ident())
        return has(self, address)

    monkeypatch.setattr(networks, "network", noted_parse)
    monkeypatch.setattr(networks, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(DataCentres, "has", noted_has)
    ranges.write_text("127.0.0.0/8 192.0.2.0/24")

    async def is_known() -> bool:
        await click(base_url, saved["tracker_key"])
        return bool((await rows(db, saved["tracker_id"]))[-1]["verdict"] == "datacentre")

    try:
        await until(is_known)
    finally:
        data_centres.use("")
    assert threads
    assert not threads & loops


WORKER = """
from fanfare.cli import worker
from fanfare.trackers.verdicts.networks import data_centres

async def work(*_):
    print(data_centres.has("192.0.2.7"))

worker.work = work
worker.main()
"""


def test_workers_know_the_lists_of_data_centres_too(tmp_path: Path) -> None:
    """They judge clicks again, and must come to the verdicts of the servers."""
    ranges = tmp_path / "ranges.txt"
    ranges.write_text("192.0.2.0/24")
    environment = {**os.environ, "FANFARE_DATA_CENTRES": str(ranges), "FANFARE_DATA_DIR": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", WORKER], env=environment, check=True, capture_output=True, text=True)
    assert result.stdout == "True\n"


JUDGING = """
import asyncio
import psutil
from fanfare.kernel.running.threads import run_in_thread
from fanfare.trackers import jobs
from fanfare.trackers.verdicts.agents import program_of

sizes, others = [], []

async def judge(db, account_id, now):
    note()
    await run_in_thread(lambda: program_of(f"Mozilla/5.0 (X11; {account_id})"))
    if account_id == 1:
        others[0].set()
        await others[1].wait()
    note()

def note():
    sizes.append(psutil.Process().memory_full_info().uss)

async def main():
    others.extend(asyncio.Event() for _ in range(2))
    first = asyncio.create_task(jobs.judge_clicks(None, 1, None))
    await others[0].wait()
    # Another account begins and ends meanwhile.
    await jobs.judge_clicks(None, 2, None)
    others[1].set()
    await first
    note()
    print(*sizes)

jobs.judging.judge_again = judge
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the C library returns no memory")
def test_a_worker_has_the_lists_in_memory_only_while_it_judges(tmp_path: Path) -> None:
    environment = {**os.environ, "FANFARE_DATA_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", JUDGING], env=environment, check=True, capture_output=True, text=True
    )
    before, at_second, second, first, after = map(int, result.stdout.split())
    size = first - before
    assert at_second - before > size / 2
    assert second - before > size / 2
    assert after - before < size / 2


async def test_clicks_are_listed_with_their_verdicts(api: Api, other_api: Api, base_url: str) -> None:
    saved = await new_tracker(api)
    for agent in (SAFARI, "curl/8.5.0", f"{SAFARI} again"):
        await click(base_url, saved["tracker_key"], agent=agent)
    path = f"/api/v1/manage/trackers/{saved['tracker_id']}/clicks"
    first = await api.get(path, limit=2)
    second = await api.get(path, limit=2, cursor=first.headers["X-Next-Cursor"])
    listed = [*first.json(), *second.json()]
    assert [row["verdict"] for row in listed] == ["human", "bot", "human"]
    assert [row["reason"] for row in await api.ok(await api.get(path, verdict="bot"))] == ["list of crawlers: curl"]
    assert (await api.get(path, verdict="robot")).status_code == 422
    assert (await other_api.get(path)).status_code == 404
    assert rules.rules_version().startswith(f"{rules.RULES}/")
