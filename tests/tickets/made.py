"""Makes tickets and their event for the rules that try every call."""

from typing import Any

Values = dict[str, Any]
# Events of tickets are of another kind than those of idols, which have the same name on the wire.
EVENT_CALLS = {
    (f"manage_{call}", "event_uid"): "ticket_event_uid"
    for call in ("ticket_events_get", "ticket_event_curves", "ticket_event_gates", "ticket_event_scans")
}
EVENT_IDS = {"with_event_uids": "ticket_event_uid", "max_scan_key": "scan_key"}


async def made_tickets(post: Any, mark: str) -> Values:
    """Make two lines of tickets of one event."""
    event = {"event_date": "2026-07-03", "event_name": "Final", "event_key": f"{mark}-event"}
    ticket = {
        "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "paid_amount": 5, "num_seats": 1,
        "purchase_timestamp": "2026-05-01 17:30:00", **event,
    }  # fmt: skip
    await post("crm/tickets", **ticket, ticket_key=f"{mark}-ticket_key-0")
    created = await post("crm/tickets", **ticket, ticket_key=f"{mark}-ticket_key-1")
    saved = await post("crm/tickets/events", **event)
    return {"ticket_id": created["ticket_id"], "ticket_event_uid": saved["event_uid"]}
