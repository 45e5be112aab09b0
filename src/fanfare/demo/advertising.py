"""The demo's advertising: a project with budget lines, and two months of figures on four platforms."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from fanfare.ads.actions.figures import save_figures
from fanfare.ads.actions.projects import add_line, create_project
from fanfare.ads.schemas.figures import AdFigure
from fanfare.ads.schemas.projects import NewLine, NewProject
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db

DAYS = 60
CAMPAIGNS = (("meta", "Season tickets"), ("google", "Match day"), ("tiktok", "Tideline line-up"), ("x", "Derby"))
LINES = (("Social ads", 6500), ("Search ads", 2500), ("Radio", 1200))


async def make_ads(db: Db, account: Account, business_id: int, now: datetime, seed: int) -> None:
    """Create the project and store the figures."""
    chance = Random(f"{seed} ads")  # noqa: S311 - reproducible sample data
    began = now - timedelta(days=DAYS)
    project = NewProject(project_name="Summer", business_id=business_id)
    project_uid = await create_project(db, account.id, project, began)
    for name, amount in LINES:
        line = NewLine(project_uid=project_uid, name=name, budget_amount=Decimal(amount), notes="May to September")
        await add_line(db, account.id, line, began)
    figures = [
        _figure(chance, network, name, began + timedelta(days=day))
        for day in range(DAYS)
        for network, name in CAMPAIGNS
    ]
    await save_figures(db, account, figures, now)


def _figure(chance: Random, network: str, name: str, moment: datetime) -> AdFigure:
    impressions = chance.randrange(2_000, 30_000)
    clicks = int(impressions * chance.uniform(0.006, 0.02))
    purchases = int(clicks * chance.uniform(0.01, 0.06))
    return AdFigure(
        network=network,
        day=moment.date(),
        ad_account_key="harbour-city",
        campaign_key=name,
        campaign_name=name,
        spend=Decimal(clicks) * Decimal("0.45"),
        impressions=impressions,
        clicks=clicks,
        conversion_count=Decimal(purchases),
        conversion_amount=Decimal(purchases * 65),
    )
