"""What is the same for everybody who uses a provider. An account can replace each address."""

import msgspec

OIDC, GOOGLE, FACEBOOK, APPLE, SPOTIFY = "oidc", "google", "facebook", "apple", "spotify"


class Preset(msgspec.Struct, frozen=True):
    """A kind of provider. Addresses that are None are what the provider publishes at its issuer."""

    title: str = ""
    issuer: str | None = None
    # other spellings of the issuer in its tokens
    issuer_aliases: tuple[str, ...] = ()
    jwks_url: str | None = None
    authorization_url: str | None = None
    token_url: str | None = None
    userinfo_url: str | None = None
    scope: str = "openid email profile"
    # `form_post` where the provider demands it for these scopes
    response_mode: str | None = None
    # whether the client secret goes into the form when a code is exchanged, whatever the provider publishes
    posts_secret: bool = False
    # whether the address that it calls verified is trusted unless the account says otherwise
    is_email_trusted: bool = False
    # without it, the access token is shown at the userinfo address
    has_id_token: bool = True


PRESETS = {
    OIDC: Preset(),
    GOOGLE: Preset(
        "Google", "https://accounts.google.com", issuer_aliases=("accounts.google.com",), is_email_trusted=True
    ),
    # It says of no address that it is verified.
    FACEBOOK: Preset(
        "Facebook",
        "https://www.facebook.com",
        authorization_url="https://www.facebook.com/dialog/oauth",
        token_url="https://graph.facebook.com/oauth/access_token",  # noqa: S106 - an address
        scope="openid email public_profile",
        posts_secret=True,
    ),
    APPLE: Preset(
        "Apple",
        "https://appleid.apple.com",
        scope="openid email name",
        response_mode="form_post",
        posts_secret=True,
        is_email_trusted=True,
    ),
    # OAuth without OpenID; its address is not verified.
    SPOTIFY: Preset(
        "Spotify",
        "https://accounts.spotify.com",
        authorization_url="https://accounts.spotify.com/authorize",
        token_url="https://accounts.spotify.com/api/token",  # noqa: S106 - an address
        userinfo_url="https://api.spotify.com/v1/me",
        scope="user-read-email",
        has_id_token=False,
    ),
}
