"""The demo's trackers: links with a month of clicks by people and programs, and sales that some of them led to."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.trackers.actions.clicks import Click, store_clicks
from fanfare.trackers.actions.sales import Origin, record_sale
from fanfare.trackers.actions.trackers import create_tracker
from fanfare.trackers.queries.visitors import visitor_of
from fanfare.trackers.schemas.sales import NewSale
from fanfare.trackers.schemas.trackers import NewTracker
from fanfare.trackers.verdicts.rules import HUMAN, Signals, judge, rules_version

DAYS, CLICKS_A_DAY = 30, 12
# Name, group and network; the networks are those of the demo's ads.
LINKS = (
    ("Season tickets, spring mail", "Mail", "custom"),
    ("Derby, bio link", "Social", "instagram"),
    ("Match day, search ad", "Ads", "google"),
    ("Line-up poster", "Posters", "custom"),
)
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36"
BROWSERS = (
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) {WEBKIT}",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {BLINK}",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
# Method, purpose and user agent of what is no person's click.
PROGRAMS = (
    ("HEAD", None, BROWSERS[2]),
    ("GET", "prefetch;prerender", BROWSERS[1]),
    ("GET", None, "WhatsApp/2.25.13.77 A"),
    ("GET", None, "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
)
# A quarter of all clicks is by programs, one visitor in six clicks another link too, one in twelve taps again, and one
# person in eight buys.
PROGRAM_SHARE, RETURNING, TWICE, BUYERS = 1 / 4, 1 / 6, 1 / 12, 1 / 8


async def make_trackers(db: Db, account: Account, now: datetime, seed: int) -> None:
    """Create the trackers, their clicks, and the sales."""
    chance = Random(f"{seed} trackers")  # noqa: S311 - reproducible sample data
    visitors: list[str] = []
    for number, (name, group, network) in enumerate(LINKS):
        new = NewTracker(
            virtual_domain="localhost",
            target_url="https://www.harbourcity.example/tickets",
            tracker_name=name,
            tracker_group_name=group,
            network=network,
            utm_source="fanfare",
        )
        saved = await create_tracker(db, account.id, new, now - timedelta(days=DAYS))
        clicks: list[Click] = []
        for _ in range(DAYS * CLICKS_A_DAY // (number + 1)):
            moment = now - timedelta(days=chance.uniform(0, DAYS), minutes=1)
            returning = chance.choice(visitors) if visitors and chance.random() < RETURNING else None
            visitor = returning or visitor_of(account.id, f"{chance.getrandbits(128):032x}")
            clicks += _visit(chance, saved.tracker_id, visitor, moment)
        clicks.sort(key=lambda click: click.clicked_at)
        await store_clicks(db, account.id, clicks)
        people = [click for click in clicks if click.verdict == HUMAN and not click.is_returning]
        visitors += [click.visitor_uid for click in people]
        await _sell(db, account, [click for click in people if chance.random() < BUYERS], chance, now)


async def _sell(db: Db, account: Account, buyers: list[Click], chance: Random, now: datetime) -> None:
    for click in buyers:
        amount = Decimal(chance.randrange(25, 140))
        key = f"web-{click.tracker_id}-{click.visitor_uid[:10]}"
        sale = NewSale(order_key=key, purchase_amount=amount)
        moment = min(now, click.clicked_at + timedelta(minutes=chance.randrange(2, 90)))
        await record_sale(db, account, sale, Origin(click.visitor_uid, click.ip_address, click.user_agent), moment)


def _visit(chance: Random, tracker_id: int, visitor: str, moment: datetime) -> list[Click]:
    """Return the click of a visitor, and at times a second tap."""
    is_program = chance.random() < PROGRAM_SHARE
    method, purpose, agent = chance.choice(PROGRAMS) if is_program else ("GET", None, chance.choice(BROWSERS))
    address = f"198.51.100.{chance.randrange(1, 255)}"
    verdict = judge(Signals(method, purpose, agent, address))
    seconds = (0, 3) if not is_program and chance.random() < TWICE else (0,)
    return [
        Click(
            tracker_id=tracker_id,
            version=1,
            clicked_at=moment + timedelta(seconds=second),
            visitor_uid=visitor,
            is_returning=second > 0,
            verdict=verdict.verdict,
            reason=verdict.reason,
            rules_version=rules_version(),
            method=method,
            purpose=purpose,
            ip_address=address,
            user_agent=agent,
        )
        for second in seconds
    ]
