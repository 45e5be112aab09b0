"""Security headers of every page: what a browser may load, run, send and store."""

from fanfare.kernel.web.response import Response

# Only our own scripts and styles, inline styles with the nonce of this response, and, unless framed, images over TLS.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src {images}; "
    "connect-src 'self'; form-action 'self'{target}; base-uri 'none'; frame-ancestors {ancestors}"
)
SOURCES = {"ancestors": "'none'", "images": "'self' data: https:"}
# The readers of a framed page are not known to other sites.
FRAMED_SOURCES = {"ancestors": "*", "images": "'self' data:"}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # A URL may contain a secret. With `no-referrer`, browsers would also hide the origin of our own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
# Of a page that other sites show, the same for everybody.
FRAMED_HEADERS = {**HEADERS, "Cross-Origin-Resource-Policy": "cross-origin"}
FRAMED_CACHING = "public, max-age=10"
YEAR = 31_536_000


def put_headers(response: Response, nonce: str, form_target: str = "", *, is_secure: bool, is_framed: bool) -> None:
    """Set the headers; `is_secure` if browsers reach the server over TLS, `is_framed` if other sites may show the page.

    `form_target` is another site to which a form may lead: browsers apply the policy to redirects after a form too.
    """
    target = f" {form_target}" if form_target else ""
    response.set_header(
        "Content-Security-Policy",
        CONTENT_POLICY.format(nonce=nonce, target=target, **(FRAMED_SOURCES if is_framed else SOURCES)),
    )
    response.set_headers(FRAMED_HEADERS if is_framed else HEADERS)
    if is_secure:
        response.set_header("Strict-Transport-Security", f"max-age={YEAR}")
