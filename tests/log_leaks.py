"""Looks for secrets in logs: a key, a signature or what a poster says must not stand in one, in any spelling."""

import base64
import json
from urllib.parse import quote, quote_plus


def leaks(logs, **secrets):
    """`name in file:line` for each line of the log files that holds one of the named secrets."""
    spellings = {spelling: name for name, secret in secrets.items() for spelling in _spellings(secret)}
    return [
        f"{name} in {log}:{number}"
        for log in logs
        for number, line in enumerate(log.read_text(errors="replace").splitlines(), 1)
        for name in sorted({name for spelling, name in spellings.items() if spelling in line})
    ]


def _spellings(secret):
    """As it is, as JSON, repr, a URL and Basic credentials write it."""
    encoded = {base64.b64encode(form.encode()).decode().rstrip("=") for form in (secret, f"{secret}:")}
    return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret), quote_plus(secret)} | encoded
