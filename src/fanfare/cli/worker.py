"""The worker process `python -m fanfare.cli.worker`, started by `fanfare up` and `fanfare work`."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

# Before the fork: an import after it copies megabytes that are shared otherwise.
import fanfare.messages.gateways.sms
import fanfare.messages.gateways.smtp  # noqa: F401 - `outgoing` imports both
from fanfare.app import modules
from fanfare.audience.need import index_calls
from fanfare.kernel.data.jobs import Job, jobs_of
from fanfare.kernel.data.worker import work
from fanfare.kernel.running import log
from fanfare.kernel.running import settings as settings_
from fanfare.kernel.running.exits import in_one_line
from fanfare.kernel.running.garbage import collect_rarely
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.mail_server import mail_server
from fanfare.kernel.running.name_servers import name_servers
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.threads import switch_often
from fanfare.messages.gateways.outgoing import outgoing
from fanfare.trackers.actions.retention import retention
from fanfare.trackers.verdicts.networks import data_centres
from fanfare.webhooks.actions.upkeep import delivery_retention


def prepare(settings: Settings) -> Callable[[], None]:
    """Load all that works, and return what works until SIGTERM; that may run in a fork of this process."""
    return partial(_work, settings, jobs_of(modules("jobs")))


def _work(settings: Settings, jobs: Sequence[Job]) -> None:
    """Run the jobs of all domains until SIGTERM, then finish running ones."""
    with in_one_line():
        log.configure(settings.log_level)
        secret_keys.use(settings)
        http_client.use(settings)
        public_address.use(settings)
        mail_server.use(settings)
        name_servers.use(settings)
        outgoing.use(settings)
        data_centres.use(settings.data_centres)
        retention.use(settings)
        delivery_retention.use(settings)
        # Imports read rows in a thread while PostgreSQL writes.
        switch_often()
        collect_rarely()
        asyncio.run(work(settings, [*jobs, *index_calls()]))


def main() -> None:
    """Work with the settings of the environment."""
    with in_one_line():
        prepare(settings_.from_environment())()


if __name__ == "__main__":
    main()
