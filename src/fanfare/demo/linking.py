"""The demo's trackers: three links with a month of clicks, and sales that some of them led to."""

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
from fanfare.trackers.verdicts.rules import HUMAN, rules_version

DAYS, CLICKS_A_DAY = 30, 12
LINKS = (("Season tickets, spring mail", "Mail"), ("Line-up poster", "Posters"), ("Derby, bio link", "Social"))
# Programs are a fifth of all clicks, and one person in eight buys.
VERDICTS = ((HUMAN, "browser"),) * 4 + (("bot", "user agent of no browser"),)
BUYERS = 1 / 8


async def make_trackers(db: Db, account: Account, now: datetime, seed: int) -> None:
    """Create the trackers, their clicks, and the sales."""
    chance = Random(f"{seed} trackers")  # noqa: S311 - reproducible sample data
    for number, (name, group) in enumerate(LINKS):
        new = NewTracker(
            virtual_domain="localhost",
            target_url="https://www.harbourcity.example/tickets",
            tracker_name=name,
            tracker_group_name=group,
            utm_source="fanfare",
        )
        saved = await create_tracker(db, account.id, new, now - timedelta(days=DAYS))
        clicks = [
            _click(chance, account.id, saved.tracker_id, now - timedelta(days=chance.uniform(0, DAYS)))
            for _ in range(DAYS * CLICKS_A_DAY // (number + 1))
        ]
        clicks.sort(key=lambda click: click.clicked_at)
        await store_clicks(db, account.id, clicks)
        buyers = [click for click in clicks if click.verdict == HUMAN and chance.random() < BUYERS]
        for click in buyers:
            amount = Decimal(chance.randrange(25, 140))
            sale = NewSale(order_key=f"web-{click.visitor_uid[:10]}", purchase_amount=amount)
            moment = min(now, click.clicked_at + timedelta(minutes=chance.randrange(2, 90)))
            await record_sale(db, account, sale, Origin(click.visitor_uid, None, None), moment)


def _click(chance: Random, account_id: int, tracker_id: int, moment: datetime) -> Click:
    verdict, reason = chance.choice(VERDICTS)
    return Click(
        tracker_id=tracker_id,
        version=1,
        clicked_at=moment,
        visitor_uid=visitor_of(account_id, f"{chance.getrandbits(128):032x}"),
        is_returning=False,
        fan_id=None,
        verdict=verdict,
        reason=reason,
        rules_version=rules_version(),
        method="GET",
        purpose=None,
        ip_address=None,
        user_agent=None,
        url_param_props=None,
    )
