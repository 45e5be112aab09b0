"""What an integrator writes with the client that openapi-python-client makes."""

import os

# It is made by the test, so the type checker never sees it.
from fanfare_api import AuthenticatedClient  # type: ignore[import-not-found]
from fanfare_api.api.crm import crm_fans_create, crm_fans_search  # type: ignore[import-not-found]
from fanfare_api.models import FanSaved, FoundFanPage, NewFan  # type: ignore[import-not-found]

client = AuthenticatedClient(
    base_url=os.environ["FANFARE"], token=os.environ["API_SECRET"], prefix="", auth_header_name="Api-Secret"
)
with client:
    fan = crm_fans_create.sync(
        client=client, body=NewFan(email="python@example.com", is_subscribed=True), idempotency_key="python-1"
    )
    assert isinstance(fan, FanSaved), fan
    page = crm_fans_search.sync(client=client, name="python@example.com", fan_is_subscribed=True, limit=10)
    assert isinstance(page, FoundFanPage), page
    assert [each.fan_id for each in page.data] == [fan.fan_id]
    strangers = crm_fans_search.sync(client=client, name="python@example.com", fan_is_subscribed=False)
    assert isinstance(strangers, FoundFanPage), strangers
    assert strangers.data == []
