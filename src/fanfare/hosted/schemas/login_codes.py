"""Shapes of the exchange of a code of the login page for a session."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from fanfare.hosted.schemas.redirect_urls import SentUrl
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, TextForm

LONGEST_CODE = 100


class AccessToken(Params):
    """A code with which the login page led back to a site."""

    code: Annotated[Annotated[str, TextForm(LONGEST_CODE)], "Code that the login page added to the redirect_url."]
    account_id: Annotated[Id, "Account of the site, which must be that of the secret."]
    redirect_url: Annotated[SentUrl, "The redirect_url with which the login page was opened, character by character."]

    example: ClassVar[Mapping[str, object]] = {
        "code": "Zk1yV0hVbGZ4Q3hPbnVwVmpZb0tQd0l2",
        "account_id": 7,
        "redirect_url": "https://www.example.com/login",
    }
