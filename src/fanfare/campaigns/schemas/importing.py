"""Rows of imports that are activities."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from fanfare.fans.schemas.importing import ConsentingRow
from fanfare.kernel.parameters import RequestContext
from fanfare.kernel.wire import Address, AnyForm, Id, JsonObject, Moment, OuterKey, Text, Wildcard, future_faults


class ImportedActivity(ConsentingRow, kw_only=True):
    """An activity of the past."""

    activity_timestamp: Annotated[Moment, "When the fan did it."]
    campaign_title: Annotated[Text | None, "Name of the custom campaign; created when new."] = None
    page_tab_id: Annotated[Id | None, "Campaign by id; wins over its title."] = None
    ip_address: Annotated[Address | None, "Address that the fan used."] = None
    user_key: Annotated[OuterKey | None, "The integration's id of the fan or the visit."] = None
    details: Annotated[JsonObject | None, "Values to record, as in an export."] = None
    props: Annotated[
        dict[str, Any] | None, Wildcard("field_", AnyForm()), "Value to record; the part after field_ is its name."
    ] = None

    example: ClassVar[Mapping[str, object]] = {
        "email": "sam@example.com",
        "activity_timestamp": "2025-05-01T17:30:00Z",
        "campaign_title": "Half-time quiz",
        "field_team": "blue",
    }

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse activities of the future and invalid contact data."""
        yield from future_faults(context.now, values, "activity_timestamp")
        yield from super().account_faults(values, context)
