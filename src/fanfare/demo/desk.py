"""What people at the demo's desks set up and did: settings, requests of fans, two records made one, the audit log."""

from datetime import datetime, timedelta
from typing import Any

from fanfare.demo.colleagues import COLLEAGUES
from fanfare.fans.actions.identifiers import save_address
from fanfare.fans.actions.merging import merge_fans
from fanfare.fans.actions.names import save_word
from fanfare.fans.schemas.attributes import AddressEntry
from fanfare.fans.schemas.merges import MergeOther
from fanfare.hosted.actions import erasure_requests
from fanfare.hosted.actions.redirect_urls import add_redirect_url
from fanfare.hosted.schemas.redirect_urls import NewRedirectUrl
from fanfare.identities.actions.providers import create_provider
from fanfare.identities.schemas.providers import NewProvider
from fanfare.kernel.callers import Account
from fanfare.kernel.data.audit import Action, Actor, append
from fanfare.kernel.data.db import Db
from fanfare.kernel.parameters import read
from fanfare.openid.actions.clients import create_client
from fanfare.openid.schemas.clients import NewClient
from fanfare.reports.actions.links import create_link
from fanfare.reports.schemas.links import NewLink
from fanfare.staff.actions.invitations import invite
from fanfare.staff.schemas.invitations import NewInvitation
from fanfare.streams.actions.sources import add_source
from fanfare.streams.schemas.sources import NewSource
from fanfare.trackers.actions.domains import add_domain

INVITED = "jonas.petit@harbour-city.example"
SITE = "https://www.harbour-city.example"
WORDS = (("referee", False), ("offside", True))
ADDRESSES = (("198.51.100.0/24", True), ("198.51.100.7", False))
# Who did what how many days ago, with the row before and after; the oldest first.
Entry = tuple[int, int, str, dict[str, Any], dict[str, Any]]
ENTRIES: tuple[Entry, ...] = (
    (58, 0, "business_create", {}, {"business_id": {"business_name": "Harbour City FC"}}),
    (41, 1, "segment_save", {}, {"filter_uid": {"filter_name": "Lapsing", "group_name": "Season tickets"}}),
    (33, 3, "business_update", {"business_id": {"legal_terms": None}},
     {"business_id": {"legal_terms": "https://club.example.com/terms"}}),
    (20, 1, "campaign_update", {"page_tab_id": {"is_active": False}}, {"page_tab_id": {"is_active": True}}),
    (12, 0, "member_update", {"staff_id": {"role": "analyst"}}, {"staff_id": {"role": "editor"}}),
    (9, 1, "template_save", {}, {"template_id": {"template_name": "login_code", "channel": "email"}}),
    (4, 2, "export_create", {}, {}),
    (1, 3, "erasure_request_create", {}, {}),
)  # fmt: skip
PEOPLE = """
    select s.staff_id, s.email from staff s join staff_memberships m on m.staff_id = s.staff_id
    where m.account_id = $1 and s.email = any($2::text[])
"""
WALL = """
    select s.stream_key, (select max(c.page_tab_id) from campaigns c where c.account_id = $1) as page_tab_id
    from streams s where s.account_id = $1 order by s.stream_id limit 1
"""
NEWEST = "select fan_id from fans where account_id = $1 order by fan_id desc limit 12"


async def furnish(db: Db, account: Account, now: datetime) -> None:
    """Set up what an account has after some time, and let its people have done some things."""
    for word, is_allowed in WORDS:
        await save_word(db, account.id, word, now, is_allowed=is_allowed)
    for address, is_blocked in ADDRESSES:
        entry = read(AddressEntry, {"ip_address": [address], "is_blocked": [is_blocked]})
        await save_address(db, account.id, entry, now)
    await add_redirect_url(db, account.id, NewRedirectUrl(redirect_url=f"{SITE}/login"), now)
    client = NewClient(client_name="Fan shop", redirect_uris=[f"{SITE}/shop/callback"])
    await create_client(db, account.id, client, now)
    await create_provider(db, account.id, NewProvider(preset="google", client_ids=["harbour-city.example"]), now)
    await add_domain(db, account.id, "go.harbour-city.example", now)
    await _read_a_form(db, account.id, now)
    await invite(db, account.id, NewInvitation(email=INVITED, role="editor"), now)
    await _share_a_report(db, account.id, now)
    await _serve_fans(db, account.id, now)
    await _audit(db, account.id, now)


async def _read_a_form(db: Db, account_id: int, now: datetime) -> None:
    """Let the wall show what fans write in a campaign, which calls nobody."""
    row = await db.row(WALL, account_id)
    if row is not None and row["page_tab_id"] is not None:
        source = NewSource(
            stream_key=row["stream_key"], source_kind="form", source_name="Messages to the team",
            page_tab_id=row["page_tab_id"], caption_field="message",
        )  # fmt: skip
        await add_source(db, account_id, source, now)


async def _share_a_report(db: Db, account_id: int, now: datetime) -> None:
    sql = "select report_uid from reports where account_id = $1 order by report_id limit 1"
    await create_link(db, account_id, NewLink(report_uid=await db.value(sql, account_id)), now)


async def _serve_fans(db: Db, account_id: int, now: datetime) -> None:
    """Note that a fan asked by letter to be erased, and make one of two records."""
    fan_ids = [row["fan_id"] for row in await db.rows(NEWEST, account_id)]
    if len(fan_ids) < 12:  # noqa: PLR2004 - as many as are asked for
        return
    origin = erasure_requests.Origin("manage centre")
    await erasure_requests.request_erasure(db, account_id, fan_ids[4], now, origin)
    pair = MergeOther(fan_id=fan_ids[11], merged_fan_id=fan_ids[9])
    await merge_fans(db, account_id, pair, now, source="manage centre")


async def _audit(db: Db, account_id: int, now: datetime) -> None:
    """Append the entries, by the people of the account."""
    emails = [email for email, _, _ in COLLEAGUES]
    staff_ids = {row["email"]: row["staff_id"] for row in await db.rows(PEOPLE, account_id, emails)}
    for days, place, name, row_before, row_after in ENTRIES:
        moment, email = now - timedelta(days=days, minutes=97 * place + 31 * days % 300), emails[place]
        actor = Actor("staff", str(staff_ids[email]), email, f"203.0.113.{10 + place}")
        await append(db, account_id, Action(name, actor, None), moment, (row_before, row_after))
