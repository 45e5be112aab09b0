"""Keys of awards: those of callers, and those that Fanfare makes itself."""

import uuid
from typing import Annotated

from fanfare.kernel.wire import KeyForm

# Keys of awards that Fanfare makes itself. With one of a caller's they could be blocked, or pretended.
QUEST, REWARD, RETURN, FAN_JOB, UNDONE = "quest:", "reward:", "reward-return:", "fan-job:", "undo:"


class AwardKeyForm(KeyForm):
    """A key that a caller chose for an award, outside of those that Fanfare makes."""

    def read(self, raw: object) -> str:
        """Return the key; ValueError for one that begins like ours."""
        key = super().read(raw)
        for prefix in (QUEST, REWARD, RETURN, FAN_JOB, UNDONE):
            if key.startswith(prefix):
                message = f"must not begin with {prefix}, as the keys of Fanfare's own awards do"
                raise ValueError(message)
        return key


AwardKey = Annotated[str, AwardKeyForm()]


def quest_key(page_tab_id: int, fan_id: int) -> str:
    """Return the key of the points of a quest that a fan completed."""
    return f"{QUEST}{page_tab_id}:{fan_id}"


def reward_key(reward_claim_id: int) -> str:
    """Return the key of what a claim costs."""
    return f"{REWARD}{reward_claim_id}"


def return_key(reward_claim_id: int) -> str:
    """Return the key of what comes back when a claim is undone."""
    return f"{RETURN}{reward_claim_id}"


def fan_job_key(fan_job_uid: uuid.UUID, fan_id: int) -> str:
    """Return the key of the points that an action on many fans gives a fan."""
    return f"{FAN_JOB}{fan_job_uid}:{fan_id}"


def undo_key(fan_point_uid: uuid.UUID) -> str:
    """Return the key of the points that take an award back."""
    return f"{UNDONE}{fan_point_uid}"
