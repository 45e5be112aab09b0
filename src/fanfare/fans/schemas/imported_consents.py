"""Rows of imports that are consents."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from fanfare.fans.schemas.importing import OwnedRow
from fanfare.kernel.parameters import RequestContext
from fanfare.kernel.wire import Address, ChoiceForm, Flag, Id, Moment, Text, TextForm, future_faults


class ImportedConsent(OwnedRow, kw_only=True):
    """A yes or a no of a fan, with its proof."""

    channel: Annotated[
        Annotated[str, ChoiceForm("email", "phone", "business", "everything")],
        "email, phone, business (with business_id), or everything, where a no opts out.",
    ]
    is_granted: Annotated[Flag, "true for a yes, false for a no."]
    business_id: Annotated[Id | None, "Business of a consent on the channel business."] = None
    consent_wording: Annotated[Annotated[str, TextForm(10_000)] | None, "The consent text the fan agreed to."] = None
    consent_source: Annotated[Text | None, "Where the fan consented, such as the name of a form."] = None
    consent_timestamp: Annotated[
        Moment | None, "When the consent was given. A yes without it is older than every no."
    ] = None
    is_undated: Annotated[
        Flag | None, "true: nobody knows when a yes was given, whatever consent_timestamp says, as exports have it."
    ] = None
    ip_address: Annotated[Address | None, "Address from which the consent was given."] = None

    example: ClassVar[Mapping[str, object]] = {
        "email": "sam@example.com",
        "channel": "email",
        "is_granted": True,
        "consent_wording": "Yes, send me news",
        "consent_timestamp": "2024-02-01T10:00:00Z",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a business without its channel, and the channel without a business."""
        yield from super().faults(values)
        if (values.get("channel") == "business") != ("business_id" in values):
            yield "business_id", "belongs to the channel business, which needs it"

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse consents of the future and invalid contact data."""
        yield from future_faults(context.now, values, "consent_timestamp")
        yield from super().account_faults(values, context)
