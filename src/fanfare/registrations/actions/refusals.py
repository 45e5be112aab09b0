"""Errors of passes, and the messages for scans that were refused."""

from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Record
from fanfare.kernel.errors import Conflict
from fanfare.kernel.wire import unix
from fanfare.kernel.wire.zones import zone_of


class PassUse(msgspec.Struct, frozen=True):
    """When and where a pass was used; the zone is the campaign's."""

    moment: datetime
    gate_name: str | None
    time_zone: str

    def sentence(self) -> str:
        """Return a message for people at a gate."""
        local = self.moment.astimezone(zone_of(self.time_zone))
        place = f" at {self.gate_name}" if self.gate_name else ""
        return f"the pass was used on {local:%Y-%m-%d at %H:%M:%S} ({self.time_zone}){place}"


class PassAlreadyUsed(Conflict):
    """The pass has already been used"""

    def __init__(self, used: PassUse) -> None:
        self.used = used
        super().__init__(used.sentence())

    def problem(self) -> dict[str, object]:
        """Return the members of the problem+json response, with the time (unix seconds and local) and the gate."""
        local = self.used.moment.astimezone(zone_of(self.used.time_zone))
        return {
            **super().problem(),
            "check_in_timestamp": unix(self.used.moment),
            "check_in_local_time": local.isoformat(timespec="seconds"),
            "time_zone": self.used.time_zone,
            "gate_name": self.used.gate_name,
        }


class PassCancelled(Conflict):
    """The pass was cancelled"""


class PassTransferred(Conflict):
    """The pass was transferred and has another code"""


class PassOfAnotherEvent(Conflict):
    """The pass is not for this event"""


class PassClaimed(Conflict):
    """Another fan holds the pass; transfer it instead"""


class SectionFull(Conflict):
    """The section does not have that many places left"""


class SectionInUse(Conflict):
    """The section has more passes than that"""


class SectionNameTaken(Conflict):
    """Another section of the campaign has this name"""


# Messages for the values of scans.refusal; that of pass_already_used has the time and the gate.
REASONS = {
    "refused_at_gate": "the gate did not admit the holder",
    "unknown_pass": "no such pass",
    "pass_transferred": "the pass was transferred and has another code",
    "pass_cancelled": "the pass was cancelled",
    "pass_of_another_event": "the pass is not for this event",
    "ambiguous_code": "a pass and a registration of this event both have this code",
}


def reason(scan: Record, zone: str) -> str | None:
    """Return why a scan was refused, or None. `scan` includes the pass's check-in and the campaign's time zone."""
    if scan["refusal"] == "pass_already_used":
        return PassUse(scan["checked_in_at"], scan["gate_name"], scan["time_zone"] or zone).sentence()
    return REASONS.get(scan["refusal"])
