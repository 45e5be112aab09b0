"""The whole document: its paths, its components and the introduction."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fanfare.kernel.callers import PUBLIC
from fanfare.kernel.parameters import slots
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.openapi import responses
from fanfare.kernel.web.openapi.parameters import body, parameters, sentence

Json = dict[str, Any]

CONSOLE_CALL = "/manage/console?call={}"
ABOUT = """
A self-hosted fan CRM and engagement server. Staff can send each call from the
[API console](/manage/console), with a key of their own.

## Keys
Public calls need the account's **api_key** (header `Api-Key`); secret calls need its **api_secret** (header
`Api-Secret`), beside the key, alone or in its place. A key serves the scopes it was created with; they are the sections
of this page. Both may also be sent as the parameters `api_key` and `api_secret`, but prefer the headers: URLs end up in
logs, and a body that alone holds the key may have 256 KiB, others 1 MiB.

## Parameters
They may come in the query string, in a form (`application/x-www-form-urlencoded`, `multipart/form-data`) or as a JSON
object; for writes this document lists the JSON object alone. A call has at most 1,000 parameters, uncompressed: one
merged set, in which the path takes precedence over the body, and the body over the query. Unknown names are ignored. A
flag is `true`/`false`, also `on`/`off`, `1`/`0`, `yes`/`no`. A list is a repeated name, `name[]`, a comma list or a
JSON array. A day is `YYYY-MM-DD`; a moment is ISO 8601, `YYYY-MM-DD HH:MM:SS` in GMT or unix seconds. An empty value
counts as left out, except where null is listed as a type: there it clears the field.

## Errors
They are `application/problem+json` (RFC 9457). Programs compare `code`; people read `detail`; a 422 names every wrong
parameter in `errors`. An object of another account gives the same 404 as one that does not exist.

## Retries
A write with an `Idempotency-Key` happens once: the same parameters under the same key within 24 hours get the stored
answer; calls with the secret and calls without it do not share keys. 429 and 503 say in `Retry-After` how long to wait.

## Limits
With its secret a key may make 10,000 calls a minute unless another limit was set for it. Calls with the api_key alone
are counted by the address that they come from (IPv6 by its /64), each address up to the key's limit. After 600 refusals
in a minute for a wrong key or secret, further such calls from that address get 429. `X-RateLimit-Limit`,
`X-RateLimit-Remaining` and `X-RateLimit-Reset` describe the limit the call was counted against.

## Paging
Each list says in its description how it is paged. A reader that follows the rule sees every committed row exactly once,
whatever is written meanwhile.
"""


def document(
    endpoints: Iterable[Endpoint],
    version: str,
    scopes: Mapping[str, str] | None = None,
    webhooks: Mapping[str, Json] | None = None,
) -> Json:
    """Return the OpenAPI 3.1 document of some endpoints, and of the webhooks that the server sends.

    `scopes` describes each scope, in the order of the page.
    """
    all_endpoints = list(endpoints)
    answers = responses.Answers(all_endpoints)
    schemas: Json = dict(answers.schemas)
    paths: dict[str, Json] = {}
    for endpoint in all_endpoints:
        operations = paths.setdefault(endpoint.path, {})
        operations[endpoint.method.lower()] = _operation(endpoint, answers, schemas)
        for slot in slots(endpoint.params) if endpoint.params else ():
            schemas.update(slot.form.components())
    spec: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Fanfare API",
            "version": version,
            "description": ABOUT.strip(),
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "tags": _tags(all_endpoints, scopes or {}),
        "paths": paths,
        **({"webhooks": webhooks} if webhooks else {}),
        "components": _components(schemas),
    }
    return with_url(spec, "")


# The URL of a server started without settings; used if no other is known.
NO_URL = "http://127.0.0.1:8080"


def with_url(spec: Json, url: str) -> Json:
    """Return the document with the server's URL, or `NO_URL` if it is empty.

    The URL is absolute, because some programs cannot call a server that has only a path.
    """
    url = url or NO_URL
    contact = {"name": "Operator of this server", "url": url}
    return {
        **spec,
        "info": {**spec["info"], "contact": contact},
        "servers": [{"url": url, "description": "This server"}],
        "paths": {
            path: {
                verb: {**operation, "externalDocs": _console_form(operation, url)} for verb, operation in item.items()
            }
            for path, item in spec["paths"].items()
        },
    }


def _console_form(operation: Json, url: str) -> Json:
    """Return the link to the form of a call: programs that make clients leave it out, the reference page has it."""
    link = url + CONSOLE_CALL.format(operation["operationId"])
    return {"url": link, "description": "Send it from the API console"}


def _operation(endpoint: Endpoint, answers: responses.Answers, schemas: Json) -> Json:
    summary, description = _summary_and_description(endpoint.handler.__doc__ or endpoint.call_id)
    operation: Json = {"operationId": endpoint.call_id, "tags": [endpoint.scope], "summary": summary}
    operation["description"] = "\n\n".join(each for each in (description, _access(endpoint)) if each)
    operation["security"] = security(endpoint)
    # Scalar shows these beside the title.
    operation["x-badges"] = [{"name": f"{endpoint.key} key"}]
    operation["parameters"] = parameters(endpoint)
    request_body = body(endpoint, schemas)
    if request_body:
        operation["requestBody"] = request_body
    operation["responses"] = responses.responses_of(endpoint, answers)
    return operation


def _summary_and_description(docstring: str) -> tuple[str, str]:
    """Return the first clause of a docstring as the summary, and the rest as the description, a line per paragraph."""
    first, *paragraphs = (" ".join(each.split()) for each in docstring.strip().split("\n\n"))
    summary, *remainder = re.split(r"[.;] ", first, maxsplit=1)
    rest = [sentence(clause) for clause in remainder]
    return summary.removesuffix(".").replace("`", ""), "\n\n".join(rest + paragraphs)


def _access(endpoint: Endpoint) -> str:
    """Return a sentence about the credentials that a call needs."""
    credential = "api_key" if endpoint.key == PUBLIC else "api_secret"
    return f"Needs the {credential} of a key with the scope `{endpoint.scope}`."


def security(endpoint: Endpoint) -> list[Json]:
    """Return the security requirements. They name headers only: generated clients would put a query key into URLs.

    The secret alone comes first: importers that support one credential per request use the first alternative.
    """
    if endpoint.key == PUBLIC:
        return [{"ApiKey": []}]
    return [{"ApiSecret": []}, {"ApiKey": [], "ApiSecret": []}]


def _tags(endpoints: Iterable[Endpoint], scopes: Mapping[str, str]) -> list[Json]:
    used = dict.fromkeys(endpoint.scope for endpoint in endpoints)
    names = [*(name for name in scopes if name in used), *(name for name in used if name not in scopes)]
    return [{"name": name, "description": scopes[name]} if name in scopes else {"name": name} for name in names]


def _components(schemas: Json) -> Json:
    return {
        "schemas": dict(sorted(schemas.items())),
        "responses": responses.shared_responses(),
        "headers": responses.headers(),
        "parameters": {
            "IdempotencyKey": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A key chosen by the caller, such as a UUID; a write with this key happens only once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            },
            "IfNoneMatch": {
                "name": "If-None-Match",
                "in": "header",
                "description": "The ETag of the answer that the caller has.",
                "schema": {"type": "string", "pattern": "^[ -~]*$"},
            },
        },
        "securitySchemes": {
            "ApiKey": _key("Api-Key", "The account's public key, a UUID."),
            "ApiSecret": _key("Api-Secret", "The secret of a key; it identifies the key by itself."),
        },
    }


def _key(name: str, description: str) -> Json:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}
