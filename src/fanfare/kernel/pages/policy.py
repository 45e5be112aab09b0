"""The headers of every page: what its browser may load, run, send and keep."""

from falcon.asgi import Response

# Nothing but what is listed: our own scripts and styles, the style of this answer by its nonce, pictures over TLS.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: https:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # An address may hold what allows its page. With `no-referrer` browsers would hide the origin of our own forms too.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
YEAR = 31_536_000


def put_headers(response: Response, nonce: str, *, is_secure: bool) -> None:
    """Set the headers; `is_secure` when browsers reach the server over TLS."""
    response.set_header("Content-Security-Policy", CONTENT_POLICY.format(nonce=nonce))
    response.set_headers(HEADERS)
    if is_secure:
        response.set_header("Strict-Transport-Security", f"max-age={YEAR}")
