"""Keys of awards: those of callers, and those that Fanfare makes itself."""

from typing import Annotated

from fanfare.kernel.wire import KeyForm

# Keys of awards that Fanfare makes itself. With one of a caller's they could be blocked, or pretended.
QUEST, REWARD, RETURN = "quest:", "reward:", "reward-return:"


class AwardKeyForm(KeyForm):
    """A key that a caller chose for an award, outside of those that Fanfare makes."""

    def read(self, raw: object) -> str:
        """Return the key; ValueError for one that begins like ours."""
        key = super().read(raw)
        for prefix in (QUEST, REWARD, RETURN):
            if key.startswith(prefix):
                message = f"must not begin with {prefix}, as the keys of quests and rewards do"
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
