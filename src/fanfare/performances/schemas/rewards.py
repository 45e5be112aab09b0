"""Shapes of rewards and their claims."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, LimitForm, OuterKey, Text, Texts, Uuid
from fanfare.performances.schemas.performances import OnePerformance
from fanfare.points.schemas.points import MAX_POINTS

ROWS = 1000
MAX_REWARDS = 200
MAX_CODES = 1000
RewardType = Annotated[str, ChoiceForm("custom", "atvenu", "bestring")]
CodeType = Annotated[str, ChoiceForm("none", "uploaded", "generated")]
Count = Annotated[int, IntegerForm(1, MAX_POINTS)]


class Reward(msgspec.Struct, kw_only=True):
    """A reward of a performance. creation_timestamp is in unix seconds.

    `available_count` is how many can still be claimed; null when the stock is not limited.
    """

    reward_uid: uuid.UUID
    performance_uid: uuid.UUID
    reward_title: str
    reward_type: str
    atvenu_sales_event_key: str | None
    atvenu_promo_key: str | None
    fan_points_required: int
    creation_timestamp: int
    bestring_location_group_id: str | None
    bestring_promotion_id: str | None
    point_uid: uuid.UUID | None
    stock: int | None
    claim_limit: int
    code_type: str
    claim_count: int
    available_count: int | None


class NewReward(OnePerformance, kw_only=True):
    """A reward to add to a performance."""

    reward_title: Annotated[Text, "Title of the reward."]
    reward_type: Annotated[RewardType, "Kind of reward: custom, atvenu or bestring."]
    fan_points_required: Annotated[Annotated[int, IntegerForm(0, MAX_POINTS)], "Points that a claim costs; 0 for none."]
    atvenu_sales_event_key: Annotated[OuterKey | None, "atVenu sales event."] = None
    atvenu_promo_key: Annotated[OuterKey | None, "atVenu promotion."] = None
    bestring_location_group_id: Annotated[OuterKey | None, "Bestring location group."] = None
    bestring_promotion_id: Annotated[OuterKey | None, "Bestring promotion."] = None
    point_uid: Annotated[Uuid | None, "Category of the points; by default that of the performance."] = None
    stock: Annotated[Count | None, "How often it can be claimed; unlimited when left out."] = None
    claim_limit: Annotated[Count, "How often one fan can claim it; once by default."] = 1
    code_type: Annotated[CodeType, "Whether a claim gets a code: none, an uploaded or a generated one."] = "none"

    example: ClassVar[Mapping[str, object]] = {
        "reward_title": "Signed scarf",
        "reward_type": "custom",
        "fan_points_required": 120,
        "stock": 50,
    }


class RewardSaved(msgspec.Struct):
    """The reward that was added."""

    reward_uid: uuid.UUID


class OneReward(Params):
    """The uid of a reward."""

    reward_uid: Annotated[Uuid, "Reward by its uid."]


class PerformanceReward(OnePerformance, kw_only=True):
    """A reward of a performance."""

    reward_uid: Annotated[Uuid, "Reward by its uid."]


class NewCodes(OneReward, kw_only=True):
    """Codes for claims of a reward."""

    codes: Annotated[Texts, "Codes, at most 1000; one that was uploaded before is skipped."]

    example: ClassVar[Mapping[str, object]] = {"codes": ["SCARF-0001", "SCARF-0002"]}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject too many codes."""
        if len(values.get("codes") or ()) > MAX_CODES:
            yield "codes", f"must be at most {MAX_CODES} codes"


class CodesSaved(msgspec.Struct):
    """How many of the codes are new, and how many are left for claims."""

    saved_count: int
    available_count: int


class ClaimQuery(OneReward, kw_only=True):
    """Claims of a reward."""

    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class RewardClaim(msgspec.Struct):
    """A claim of a reward; timestamps in unix seconds. undo_timestamp is null unless it was undone."""

    reward_claim_id: int
    reward_uid: uuid.UUID
    reward_title: str
    fan_id: int
    point_count: int
    reward_code: str | None
    claim_key: str | None
    creation_timestamp: int
    undo_timestamp: int | None


ClaimKey = Annotated[OuterKey | None, "Key chosen by the caller: repeated, it returns the same claim."]


class NewFanClaim(OneReward, kw_only=True):
    """A claim for a fan."""

    fan_id: Annotated[Id, "Fan who claims."]
    claim_key: ClaimKey = None

    example: ClassVar[Mapping[str, object]] = {"claim_key": "till-4-0017"}


class NewSessionClaim(OneReward, kw_only=True):
    """A claim by the fan of a session."""

    session_uid: Annotated[Uuid, "Session of the fan."]
    claim_key: ClaimKey = None

    example: ClassVar[Mapping[str, object]] = {"claim_key": "tap-0017"}


class ClaimUndoing(Params):
    """A claim to undo."""

    reward_claim_id: Annotated[Id, "Claim by its id."]
    is_code_returned: Annotated[
        Flag, "Whether the uploaded code can be given to somebody else; the fan may have noted it."
    ] = False


class FanClaims(Params):
    """The fan whose claims are listed."""

    fan_id: Annotated[Id, "Fan to read."]


class SessionClaims(Params):
    """The session whose fan's claims are listed."""

    session_uid: Annotated[Uuid, "Session of the fan."]


class SessionRewards(OnePerformance, kw_only=True):
    """The session of a fan, and a performance."""

    session_uid: Annotated[Uuid, "Session of the fan."]


class FanReward(Reward, kw_only=True):
    """A reward as a fan sees it: the balance, the fan's own claims, and whether a claim would succeed now."""

    balance: int
    fan_claim_count: int
    can_claim: bool
