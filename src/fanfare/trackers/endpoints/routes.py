"""The routes of links and pixels, whose callers have no key."""

from fanfare.kernel.pages.site import Site
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web import http
from fanfare.kernel.web.application import Application
from fanfare.trackers.endpoints.pixels import DomainCheck, Pixels, PixelScript
from fanfare.trackers.endpoints.redirects import Redirects
from fanfare.trackers.gateways.domains import CHECK_PATH


def add_routes(app: Application, service: http.Service, settings: Settings, site: Site) -> None:
    """Serve links, the pixel and the check of domains."""
    pixels = Pixels(service, settings)
    app.add_route("/trk/{tracker_key}", Redirects(service, settings, site))
    app.add_route("/trk/pixel.gif", pixels)
    app.add_route("/trk/events", pixels)
    app.add_route("/trk/pixel.js", PixelScript())
    app.add_route(CHECK_PATH, DomainCheck(service))
