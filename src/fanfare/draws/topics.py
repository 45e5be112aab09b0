"""Topics of the change log about draws of winners."""

import msgspec

from fanfare.kernel.data.announcements import Topic


class Commitment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The campaign, and the SHA-256 of the seed in hex, which was chosen before."""

    page_tab_id: int
    seed_hash: str


class Completion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The campaign, the seed and the SHA-256 of the list of entrants, both in hex, and how many fans are on it."""

    page_tab_id: int
    seed: str
    list_hash: str
    entrant_count: int


class OfCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The campaign of the draw."""

    page_tab_id: int


class Win(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The campaign of the draw, and the number of the winner in it."""

    page_tab_id: int
    winner_number: int


DRAW_CREATED = Topic(
    "draw.created", "A draw was created, with a seed that its hash fixes.", "draw_uid", data=Commitment
)
DRAW_COMPLETED = Topic("draw.completed", "Winners were drawn; the seed is public now.", "draw_uid", data=Completion)
DRAW_WITHDRAWN = Topic("draw.withdrawn", "A draw was withdrawn before it took place.", "draw_uid", data=OfCampaign)
DRAW_WON = Topic("draw.won", "A fan won in a draw, at once or as a replacement.", "draw_uid", "always", Win)
DRAW_STRUCK = Topic(
    "draw.struck", "The win of a fan was struck, with a reason; the fan may be erased.", "draw_uid", "sometimes", Win
)
