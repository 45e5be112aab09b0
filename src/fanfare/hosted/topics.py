"""What hosted pages announce."""

from fanfare.kernel.data.announcements import Topic

REDIRECT_URL_CREATED = Topic("redirect_url.created", "The login page may lead back to one URL more.", "redirect_url_id")
REDIRECT_URL_DELETED = Topic(
    "redirect_url.deleted", "The login page may no longer lead back to a URL.", "redirect_url_id"
)
