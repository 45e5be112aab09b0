"""The demo's wristbands, passes and scans hold together as the domains' own statements would leave them."""

import pytest

from fanfare.kernel.data.db import Db
from tests.demo.made import FANS, account_id, database_url

__all__ = ["account_id", "database_url"]


@pytest.mark.parametrize(
    ("table", "condition", "minimum"),
    [
        ("registrations", "true", FANS // 10),
        ("registrations", "is_minor", 1),
        ("passes", "true", FANS // 15),
        ("passes", "claim_fan_id is null", 3),
        ("passes", "cancelled_at is not null", 2),
        ("passes", "checked_in_at is not null", 10),
        ("scans", "true", FANS // 5),
        ("scans", "access_mode = 'exit'", FANS // 20),
        ("scans", "pass_uid is not null", 10),
        ("scans", "registration_key is null", 1),
        ("pass_sections", "pass_count > 0", 4),
    ],
)
async def test_there_is_something_of_each(db: Db, account_id: int, table: str, condition: str, minimum: int) -> None:
    count = await db.value(f"select count(*) from {table} where account_id = $1 and {condition}", account_id)
    assert minimum <= count <= FANS * 3


# What must not be: rows by what is wrong with them.
WRONG = {
    "registered before the fan came": """
        registrations r join fans f using (account_id, fan_id)
        where r.account_id = $1 and r.registered_at < f.created_at
    """,
    "registered to another address": """
        registrations r join fans f using (account_id, fan_id)
        where r.account_id = $1 and (r.email <> f.email or r.mail_key <> lower(r.email))
    """,
    "registered after the festival": """
        registrations r where account_id = $1 and registered_at::date > event_date + 6
    """,
    "made before the fan came": """
        passes p join fans f using (account_id, fan_id) where p.account_id = $1 and p.created_at < f.created_at
    """,
    "out of order": """
        passes p where account_id = $1 and (
            claim_fan_id <> fan_id or claimed_at < created_at or cancelled_at < claimed_at or checked_in_at < claimed_at
            or updated_at <> greatest(created_at, claimed_at, cancelled_at, checked_in_at))
    """,
    "let in without being held": """
        passes p
        where account_id = $1 and checked_in_at is not null and (claimed_at is null or cancelled_at is not null)
    """,
    "in a section of another campaign": """
        passes p join pass_sections s using (account_id, section_uid)
        where p.account_id = $1 and p.page_tab_id <> s.page_tab_id
    """,
    "used by no scan": """
        passes p left join scans s using (account_id, scan_key)
        where p.account_id = $1 and p.checked_in_at is not null
          and (p.pass_uid, p.pass_code, p.checked_in_at, p.gate_name)
              is distinct from (s.pass_uid, s.pass_code, s.scanned_at, s.node_name)
    """,
    "a scan that used no pass": """
        scans s left join passes p using (account_id, scan_key)
        where s.account_id = $1 and s.is_success and s.pass_uid is distinct from p.pass_uid
    """,
    "a refused scan of a pass that was not used before": """
        scans s left join passes p using (account_id, pass_uid)
        where s.account_id = $1 and not s.is_success
          and (s.refusal is distinct from 'pass_already_used' or p.checked_in_at is null
               or p.checked_in_at >= s.scanned_at)
    """,
    "a scan of another band": """
        scans s left join registrations r using (account_id, network, registration_key)
        where s.account_id = $1 and s.registration_key is not null
          and (r.barcode is distinct from s.barcode or r.registered_at > s.scanned_at or r.event_key <> s.event_key)
    """,
    "a scan on another day": """
        scans s where account_id = $1 and scanned_at::date not between event_date and event_date + 6
    """,
    "a section with another count": """
        pass_sections s where account_id = $1 and pass_count <> (
            select count(*) from passes p
            where p.account_id = $1 and p.section_uid = s.section_uid and p.cancelled_at is null)
    """,
    "told as something else": """
        (select scan_key as position, 'scan.created' as topic, created_at, account_id from scans
         union all select pass_id, 'pass.created', created_at, account_id from passes
         union all select registration_id, 'registration.created', created_at, account_id from registrations) m
        left join changes c using (account_id, position)
        where m.account_id = $1 and (c.topic, c.occurred_at) is distinct from (m.topic, m.created_at)
    """,
}


@pytest.mark.parametrize("kind", WRONG)
async def test_nothing_is(kind: str, db: Db, account_id: int) -> None:
    assert await db.value(f"select count(*) from {WRONG[kind]}", account_id) == 0
