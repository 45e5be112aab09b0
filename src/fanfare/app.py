"""The ordered list of domains, low to high, and the ASGI application built from their endpoints."""

import importlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import TypeVar

from fanfare.account_settings.queries.retention import server_periods
from fanfare.audience import counting
from fanfare.campaigns.actions import followers as campaigns
from fanfare.campaigns.followers import SETTLE
from fanfare.campaigns.queries import stats
from fanfare.console.shell.refusals import framed_refusal
from fanfare.draws.actions import followers as draws
from fanfare.exports.actions import upkeep as exports
from fanfare.exports.actions.links import PATH as EXPORT_PATH
from fanfare.exports.actions.references import refuse_scheduled
from fanfare.exports.endpoints.files import ExportFiles
from fanfare.fans import followers
from fanfare.fans.actions import own_tables as fans
from fanfare.fans.actions.identifiers import refuse_blocked
from fanfare.fans.actions.merged_ids import follow_merges
from fanfare.hosted import browser_sessions
from fanfare.hosted.actions import followers as hosted
from fanfare.hosted.queries.looks import look_of
from fanfare.identities.actions import followers as identities
from fanfare.idols.actions import links as idols
from fanfare.imports.actions import upkeep as imports
from fanfare.kernel import addresses
from fanfare.kernel.clock import Clock, system_clock
from fanfare.kernel.data import limits, references
from fanfare.kernel.data.announcements import Topic, topics_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.totals import Total
from fanfare.kernel.pages.calls.catalogue import catalogue
from fanfare.kernel.pages.page import Page
from fanfare.kernel.pages.site import Site
from fanfare.kernel.running import log, metrics
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.mail_server import mail_server
from fanfare.kernel.running.name_servers import name_servers
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web import health, http, oauth, reference
from fanfare.kernel.web.application import Application
from fanfare.kernel.web.declarations import declared_in
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.oauth import OAuthCall
from fanfare.kernel.web.openapi import OpenApi
from fanfare.messages.actions import followers as messages
from fanfare.messages.endpoints.reports import MessageReports
from fanfare.messages.schemas.reports import PATH
from fanfare.moving.actions import followers as moving
from fanfare.openid.actions import followers as openid
from fanfare.passkeys.actions import followers as passkeys
from fanfare.performances.actions import followers as performances
from fanfare.performances.actions.fan_quests import follow_click
from fanfare.performances.actions.settling import settle
from fanfare.places.geo import city_database
from fanfare.points.actions import followers as points
from fanfare.points.queries.points import CAMPAIGN_ROWS
from fanfare.purchases.actions import followers as purchases
from fanfare.registrations.actions import followers as registrations
from fanfare.search.actions import followers as search
from fanfare.search.actions.indexed import FIND_SET
from fanfare.segments.actions import followers as segments
from fanfare.segments.actions.filters import refuse_referenced
from fanfare.sessions.actions import followers as sessions
from fanfare.sessions.actions.lifetimes import lifetimes
from fanfare.staff.actions.audit import audit_log
from fanfare.streams.actions import followers as streams
from fanfare.streams.endpoints.public import Pictures, PublicRecords
from fanfare.tickets.actions import followers as tickets
from fanfare.trackers import followers as clicks
from fanfare.trackers.actions import followers as trackers
from fanfare.trackers.endpoints.routes import add_routes as add_tracker_routes
from fanfare.trackers.verdicts.networks import data_centres
from fanfare.webhooks.actions import upkeep as webhooks
from fanfare.webhooks.schemas import topic_patterns
from fanfare.webhooks.schemas.operations import operations

T = TypeVar("T")

# Each domain imports only from those before it.
DOMAINS = (
    "fanfare.accounts",
    "fanfare.places",
    "fanfare.fans",
    "fanfare.messages",
    "fanfare.idols",
    "fanfare.campaigns",
    "fanfare.streams",
    "fanfare.points",
    "fanfare.passkeys",
    "fanfare.identities",
    "fanfare.sessions",
    "fanfare.performances",
    "fanfare.tickets",
    "fanfare.registrations",
    "fanfare.purchases",
    "fanfare.trackers",
    "fanfare.moving",
    "fanfare.ads",
    "fanfare.props",
    "fanfare.ratings",
    "fanfare.search",
    "fanfare.audience",
    "fanfare.segments",
    "fanfare.draws",
    "fanfare.webhooks",
    "fanfare.storages",
    "fanfare.imports",
    "fanfare.reports",
    "fanfare.exports",
    "fanfare.account_settings",
    "fanfare.fan_jobs",
    "fanfare.profiles",
    "fanfare.hosted",
    "fanfare.openid",
    "fanfare.staff",
    "fanfare.console",
)

# Domains with data of a fan, low to high; they take part when fans are merged or erased.
FOLLOWERS = (
    fans, messages, idols, campaigns, streams, points, passkeys, identities, sessions, performances, tickets,
    registrations, purchases, trackers, moving, search, segments, draws, webhooks, imports, exports, openid, hosted,
)  # fmt: skip
followers.FOLLOWERS.set(FOLLOWERS)
followers.LINK_IDOLS.set(idols.link_by_names)
stats.HIGHER_ROWS.set(CAMPAIGN_ROWS)
SETTLE.set(settle)
FIND_SET.set(counting.fan_set)
references.CHECKS.set([refuse_referenced, refuse_scheduled])
# What follows in the transaction of a fan's click.
clicks.CLICK_FOLLOWERS.set([follow_click])
clicks.BROWSER_FAN.set(browser_sessions.fan_of)
clicks.PAGE_LOOK.set(look_of)

# Descriptions of the scopes, in the order of the reference page.
SCOPES = {
    "crm": "Fans, their fields, tags and activities, campaigns and tickets, for systems that hold the secret.",
    "segments": "Groups of fans: tags, frozen snapshots and saved searches.",
    "sessions": "Fans who log in, for sites and apps.",
    "apps": "What sites and apps show to everyone: businesses, campaigns, leaderboards.",
    "idols": "The persons and teams that fans follow, and their events.",
    "streams": "Walls of social content.",
    "reports": "Reports to share.",
    "ads": "Figures of advertising.",
    "misc": "Points, purchases, trackers and small things.",
    "manage": "What an account sets up: businesses, fields, tags, campaigns.",
}


def modules(part: str) -> Iterator[ModuleType]:
    """Yield the modules with this name, such as `endpoints` or `topics`, of all domains, low to high."""
    for domain in DOMAINS:
        if find_spec(domain) and find_spec(f"{domain}.{part}"):
            yield importlib.import_module(f"{domain}.{part}")


@cache
def _declared(part: str, name: str, kind: type[T]) -> tuple[T, ...]:
    """Return what these modules declare, which is the same for each application of a process."""
    return tuple(each for module in modules(part) for each in declared_in(module, name, kind))


def endpoints() -> list[Endpoint]:
    """Return all endpoints."""
    return list(_declared("endpoints", "endpoint", Endpoint))


def oauth_calls() -> list[OAuthCall]:
    """Return the calls in the form of OAuth 2, which have no key."""
    return list(_declared("endpoints", "oauth_call", OAuthCall))


# Pages that are counted by themselves, by the beginning of their path: no crowd elsewhere shuts people out of these.
VISITS = {
    "/manage": limits.Visits.STAFF,
    "/crm/oauth": limits.Visits.LOGIN,
    "/crm/reset": limits.Visits.LOGIN,
    "/openid": limits.Visits.LOGIN,
}


def pages() -> list[Page]:
    """Return every page that is served."""
    return list(_declared("pages", "page", Page))


def topics() -> list[Topic]:
    """Return all topics of the change log."""
    return topics_of(*modules("topics"))


def totals() -> list[Total]:
    """Return all totals that statements keep."""
    return [total for module in modules("totals") for total in module.TOTALS]


topic_patterns.TOPICS.set(tuple(topics()))


class Database:
    """Opens the database when the server starts, and closes it when it stops."""

    def __init__(self, service: http.Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings

    async def start(self) -> None:
        """Open the pool; no connection is made before the first request."""
        settings = self.settings
        await self.service.db.open(settings.database_url, size=settings.pool_size, share=settings.account_share)

    async def stop(self) -> None:
        """Wait for background work, then close the pool."""
        await self.service.db.close()
        metrics.count_answers()


def _use(settings: Settings) -> None:
    """Hand the settings to what this process has one of."""
    log.configure(settings.log_level, metrics.LOST_LINES.inc)
    city_database.use(settings.geoip_city_db)
    for each in (secret_keys, http_client, public_address, mail_server, name_servers, server_periods):
        each.use(settings)
    data_centres.use(settings.data_centres)
    lifetimes.use(settings.session_idle_days, settings.session_days)


def create(settings: Settings, clock: Clock = system_clock) -> Application:
    """Return the ASGI application; the server's lifespan opens its database."""
    _use(settings)
    proxies = addresses.networks(settings.trusted_proxies)
    service = http.Service(Db(), clock, proxies, follow_merges, refuse_blocked, audit_log)
    served = endpoints()
    app = http.application(service, served, Database(service, settings))
    app.add_route("/healthz", health.Health())
    app.add_route("/readyz", health.Ready(service.db))
    app.add_route("/metrics", health.Metrics(service.db))
    catalogue.use(served, SCOPES)
    app.add_route("/openapi.json", OpenApi(served, SCOPES, settings.public_url, operations(topics())))
    reference.add_routes(app)
    app.add_route(PATH, MessageReports(service))
    app.add_route("/streams/api/{stream_key}/records", PublicRecords(service))
    app.add_route("/streams/pictures/{account_id}/{picture_key}", Pictures(service))
    site = Site(service.db, clock, settings, proxies, VISITS, {"/manage": framed_refusal})
    app.add_route(EXPORT_PATH, ExportFiles(service, site))
    add_tracker_routes(app, service, settings, site)
    oauth.add_routes(app, service, oauth_calls())
    site.add_routes(app, pages())
    return app
