"""Requests without a key are counted by address, each kind by itself: a crowd at one does not shut out another."""

import httpx
import pytest

from fanfare.kernel.data.limits import VISIT_LIMITS, Visits
from fanfare.trackers.endpoints import redirects
from tests.running import PATIENCE

PATHS = {
    "/crm/preferences?link=x": Visits.PAGES,
    "/crm/my_data": Visits.PAGES,
    "/trk/none": Visits.CLICKS,
    "/trk/pixel.gif": Visits.SALES,
    "/streams/api/none/records": Visits.WALLS,
    "/streams/none/stream_widget": Visits.WALLS,
    "/streams/pictures/1/none": Visits.PICTURES,
    "/crm/oauth": Visits.LOGIN,
    "/crm/reset": Visits.LOGIN,
    "/openid/1/authorize": Visits.LOGIN,
    "/manage": Visits.STAFF,
    "/manage/sign_in": Visits.STAFF,
    "/manage/1": Visits.STAFF,
}


@pytest.mark.parametrize("kind", Visits)
async def test_who_uses_up_one_limit_has_the_others(
    base_url: str, monkeypatch: pytest.MonkeyPatch, kind: Visits
) -> None:
    monkeypatch.setattr(redirects, "FREE_CLICKS", 0)
    monkeypatch.setitem(VISIT_LIMITS, kind, 0)
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        refused = {path for path in PATHS if (await client.get(path)).status_code == 429}
    assert refused == {path for path, each in PATHS.items() if each is kind}
