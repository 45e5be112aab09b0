"""The options for a login are written by hand, so that the login page loads no library; it would write the same."""

import base64
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import webauthn
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import UserVerificationRequirement

from fanfare.passkeys.actions.challenges import LIFETIME, LOGIN, Challenge, login_options


def test_login_options_are_those_of_the_library() -> None:
    challenge = Challenge(1, LOGIN, "example.com", datetime.now(UTC) + LIFETIME)
    ours = login_options(challenge)
    text = str(ours["challenge"])
    theirs = webauthn.generate_authentication_options(
        rp_id="example.com",
        challenge=base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)),
        timeout=LIFETIME // timedelta(milliseconds=1),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    assert ours == options_to_json_dict(theirs)


def test_the_login_page_does_not_load_the_library() -> None:
    """It takes half a second, in which the event loop would stand still."""
    code = "import sys; from fanfare import app; app.endpoints(), app.pages(); sys.exit('webauthn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
