"""The templates that come with Fanfare, in English, German and French; an account or a business may have its own."""

from collections.abc import Mapping

import msgspec

DEFAULT_LANGUAGE = "en"
BUSINESS = "business_name"
# The links that each marketing message can show, and its mail has in the header, with samples.
UNSUBSCRIBE_URL, PREFERENCES_URL = "unsubscribe_url", "preferences_url"
LINK_SAMPLES = {
    UNSUBSCRIBE_URL: "https://fans.example.com/crm/unsubscribe?link=sample",
    PREFERENCES_URL: "https://fans.example.com/crm/preferences?link=sample",
}


class Text(msgspec.Struct, frozen=True):
    """What a template consists of. SMS have no subject and no HTML; mail without HTML is plain."""

    text: str
    subject: str = ""
    html: str = ""


class Kind(msgspec.Struct, frozen=True):
    """What a message is for, and the values that its templates may show, each with a sample.

    `secret_names` are those that no record keeps. A marketing message goes only to a fan who agreed to it, and gets the
    links of `LINK_SAMPLES` when it is sent.
    """

    samples: Mapping[str, str]
    secret_names: frozenset[str]
    is_marketing: bool = False
    # whether its record forgets the recipient once it is done with: the last mail to somebody who is erased
    is_last: bool = False
    # whether it lets staff in: its text is the server's, whatever an account writes
    is_for_staff: bool = False

    @property
    def masked_names(self) -> frozenset[str]:
        """Return the values that records mask: the secret ones and the links."""
        return self.secret_names | (LINK_SAMPLES.keys() if self.is_marketing else frozenset())

    @property
    def sent_names(self) -> frozenset[str]:
        """Return the values that whoever queues a message states."""
        return frozenset(self.samples) - {BUSINESS, *(LINK_SAMPLES if self.is_marketing else ())}


def new_kind(samples: Mapping[str, str], *, is_marketing: bool = False, **secret_samples: str) -> Kind:
    """Return a kind with these values; the name of the business belongs to each, links to marketing messages."""
    links = LINK_SAMPLES if is_marketing else {}
    values = {BUSINESS: "Northside FC", **samples, **secret_samples, **links}
    return Kind(values, frozenset(secret_samples), is_marketing)


KINDS: Mapping[str, Kind] = {
    "login_code": new_kind({"minutes": "10"}, code="493817"),
    "verify_code": new_kind({"minutes": "10"}, code="493817"),
    "password_reset": new_kind({"minutes": "60"}, link="https://fans.example.com/reset?token=sample"),
    "staff_invitation": msgspec.structs.replace(
        new_kind({"hours": "24"}, link="https://fans.example.com/manage/invitation?token=sample"), is_for_staff=True
    ),
    "staff_password": msgspec.structs.replace(
        new_kind({"minutes": "60"}, link="https://fans.example.com/manage/password/new?token=sample"), is_for_staff=True
    ),
    "erasure_done": msgspec.structs.replace(
        new_kind({"certificate": "4711", "digest": "0f343b0931126a20f133d67c2b018a3b"}), is_last=True
    ),
}
# The names of the kinds whose records forget the recipient.
LAST = tuple(name for name, kind in KINDS.items() if kind.is_last)
# The names of the kinds whose texts an account may write.
OF_ACCOUNTS = tuple(name for name, kind in KINDS.items() if not kind.is_for_staff)

PAGE = (
    '<!doctype html><html lang="{language}"><body style="font-family:sans-serif;font-size:16px;line-height:1.5;'
    'color:#1c1c1c;background:#ffffff;max-width:32em;margin:0 auto;padding:24px">'
    "<p><strong>{{{{ business_name }}}}</strong></p>{body}</body></html>"
)
CODE = '<p style="font-size:32px;letter-spacing:6px;font-family:monospace">{{ code }}</p>'
CERTIFICATE = '<p style="font-size:24px;font-family:monospace">{{ certificate }}</p>'
LINK = '<p><a href="{{ link }}">{{ link }}</a></p>'
MARKS = {"code": CODE, "link": LINK, "certificate": CERTIFICATE}

# For each kind and language: the subject, what it says, what stands for itself, what follows it.
SENTENCES: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("login_code", "en"): (
        "{{ code }} is your code for {{ business_name }}",
        "Your code to log in:",
        "It is valid for {{ minutes }} minutes. If you did not ask for it, ignore this message.",
    ),
    ("login_code", "de"): (
        "{{ code }} ist Ihr Code für {{ business_name }}",
        "Ihr Code zum Anmelden:",
        "Er gilt {{ minutes }} Minuten. Wenn Sie ihn nicht angefordert haben, ignorieren Sie diese Nachricht.",
    ),
    ("login_code", "fr"): (
        "{{ code }} est votre code pour {{ business_name }}",
        "Votre code de connexion :",
        "Il est valable {{ minutes }} minutes. Si vous ne l'avez pas demandé, ignorez ce message.",
    ),
    ("verify_code", "en"): (
        "{{ code }} confirms your address at {{ business_name }}",
        "Your code to confirm this address:",
        "It is valid for {{ minutes }} minutes. If you did not ask for it, ignore this message.",
    ),
    ("verify_code", "de"): (
        "{{ code }} bestätigt Ihre Adresse bei {{ business_name }}",
        "Ihr Code, um diese Adresse zu bestätigen:",
        "Er gilt {{ minutes }} Minuten. Wenn Sie ihn nicht angefordert haben, ignorieren Sie diese Nachricht.",
    ),
    ("verify_code", "fr"): (
        "{{ code }} confirme votre adresse chez {{ business_name }}",
        "Votre code pour confirmer cette adresse :",
        "Il est valable {{ minutes }} minutes. Si vous ne l'avez pas demandé, ignorez ce message.",
    ),
    ("password_reset", "en"): (
        "Your new password for {{ business_name }}",
        "Set a new password here:",
        "The link works once, for {{ minutes }} minutes. If you did not ask for it, ignore this message.",
    ),
    ("password_reset", "de"): (
        "Ihr neues Passwort für {{ business_name }}",
        "Hier setzen Sie ein neues Passwort:",
        "Der Link gilt einmal, {{ minutes }} Minuten lang. Wenn Sie das nicht waren, ignorieren Sie diese Nachricht.",
    ),
    ("password_reset", "fr"): (
        "Votre nouveau mot de passe pour {{ business_name }}",
        "Choisissez un nouveau mot de passe ici :",
        "Le lien est valable une fois, {{ minutes }} minutes. Si vous ne l'avez pas demandé, ignorez ce message.",
    ),
    ("staff_invitation", "en"): (
        "You are invited to work on {{ business_name }}",
        "You are invited to the Manage Centre of {{ business_name }}. Accept here:",
        "The link works once, for {{ hours }} hours. If you do not expect it, ignore this message.",
    ),
    ("staff_invitation", "de"): (
        "Einladung zur Mitarbeit bei {{ business_name }}",
        "Sie sind in die Verwaltung von {{ business_name }} eingeladen. Hier nehmen Sie an:",
        "Der Link gilt einmal, {{ hours }} Stunden lang. Wenn Sie nichts erwarten, ignorieren Sie diese Nachricht.",
    ),
    ("staff_invitation", "fr"): (
        "Invitation à travailler sur {{ business_name }}",
        "Vous êtes invité au centre de gestion de {{ business_name }}. Acceptez ici :",
        "Le lien est valable une fois, {{ hours }} heures. Si vous ne l'attendez pas, ignorez ce message.",
    ),
    ("staff_password", "en"): (
        "Your new password for the Manage Centre",
        "Set a new password for the Manage Centre here:",
        "The link works once, for {{ minutes }} minutes. If you did not ask for it, ignore this message.",
    ),
    ("staff_password", "de"): (
        "Ihr neues Passwort für die Verwaltung",
        "Hier setzen Sie ein neues Passwort für die Verwaltung:",
        "Der Link gilt einmal, {{ minutes }} Minuten lang. Wenn Sie das nicht waren, ignorieren Sie diese Nachricht.",
    ),
    ("staff_password", "fr"): (
        "Votre nouveau mot de passe pour le centre de gestion",
        "Choisissez un nouveau mot de passe pour le centre de gestion ici :",
        "Le lien est valable une fois, {{ minutes }} minutes. Si vous ne l'avez pas demandé, ignorez ce message.",
    ),
    ("erasure_done", "en"): (
        "Your data at {{ business_name }} is erased",
        "We have erased your data as you asked. The certificate has the number:",
        "Its checksum is {{ digest }}. This is our last message to you.",
    ),
    ("erasure_done", "de"): (
        "Ihre Daten bei {{ business_name }} sind gelöscht",
        "Wir haben Ihre Daten gelöscht, wie Sie es verlangt haben. Der Nachweis hat die Nummer:",
        "Seine Prüfsumme ist {{ digest }}. Dies ist unsere letzte Nachricht an Sie.",
    ),
    ("erasure_done", "fr"): (
        "Vos données chez {{ business_name }} sont effacées",
        "Nous avons effacé vos données comme vous l'avez demandé. L'attestation porte le numéro :",
        "Sa somme de contrôle est {{ digest }}. Ceci est notre dernier message.",
    ),
}


def _mark(name: str) -> str:
    """Return the value that stands for itself in the built-in texts."""
    return next(each for each in MARKS if each in KINDS[name].samples)


def _mail(name: str, language: str) -> Text:
    subject, opening, closing = SENTENCES[name, language]
    mark = _mark(name)
    html = PAGE.format(language=language, body=f"<p>{opening}</p>{MARKS[mark]}<p>{closing}</p>")
    return Text(f"{opening}\n\n    {{{{ {mark} }}}}\n\n{closing}\n\n{{{{ business_name }}}}\n", subject, html)


def _sms(name: str, language: str) -> Text:
    _, opening, _ = SENTENCES[name, language]
    mark = _mark(name)
    return Text(f"{{{{ business_name }}}}: {opening} {{{{ {mark} }}}}")


BUILTIN: Mapping[tuple[str, str, str], Text] = {
    (name, channel, language): make(name, language)
    for name, language in SENTENCES
    for channel, make in (("email", _mail), ("sms", _sms))
}
