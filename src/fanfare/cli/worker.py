"""The worker process `python -m fanfare.cli.worker`, started by `fanfare up` and `fanfare work`."""

import asyncio

from fanfare.app import modules
from fanfare.audience.need import index_calls
from fanfare.kernel.data.jobs import jobs_of
from fanfare.kernel.data.worker import work
from fanfare.kernel.running import log
from fanfare.kernel.running import settings as settings_
from fanfare.kernel.running.exits import in_one_line
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.mail_server import mail_server
from fanfare.kernel.running.name_servers import name_servers
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.messages.gateways.outgoing import outgoing
from fanfare.trackers.actions.retention import retention
from fanfare.trackers.verdicts.networks import data_centres
from fanfare.webhooks.actions.upkeep import delivery_retention


def main() -> None:
    """Run the jobs of all domains until SIGTERM, then finish running ones."""
    with in_one_line():
        settings = settings_.from_environment()
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
        asyncio.run(work(settings, [*jobs_of(modules("jobs")), *index_calls()]))


if __name__ == "__main__":
    main()
