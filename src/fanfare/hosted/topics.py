"""What hosted pages announce."""

import msgspec

from fanfare.kernel.data.announcements import Topic


class Decided(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the fan was erased, or staff refused it; without both the fan took the request back."""

    is_done: bool
    is_refused: bool


ERASURE_REQUEST_CREATED = Topic(
    "erasure_request.created", "A fan asked to be erased.", "erasure_request_id", "always"
)  # fmt: skip
ERASURE_REQUEST_UPDATED = Topic(
    "erasure_request.updated",
    "A request for erasure was withdrawn, refused or carried out.",
    "erasure_request_id",
    "always",
    Decided,
)
REDIRECT_URL_CREATED = Topic("redirect_url.created", "The login page may lead back to one URL more.", "redirect_url_id")
REDIRECT_URL_DELETED = Topic(
    "redirect_url.deleted", "The login page may no longer lead back to a URL.", "redirect_url_id"
)
