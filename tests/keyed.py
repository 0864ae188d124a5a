"""What a service with API keys and webhooks is started with, for all tests that need one."""

import base64

from cluster.drills import tenants
from cluster.testbed.webhooks import SECRET

KEYS = {name: f"key-of-the-{name}-0123456789" for name in ("backend", "other", "clients")}
NEW_SECRET = "whsec_" + base64.b64encode(b"\2" * 32).decode()
"""What webhooks are signed with, too, while `SECRET` is rotated."""
ENV = {f"KEY_{name.upper()}": key for name, key in KEYS.items()}
ENV |= tenants.ENV | {
    "SIGNING_SECRET": "s" * 40,
    "WEBHOOK_SECRETS": f"{NEW_SECRET} {SECRET}",
}
ARGS = {
    "lipsync": {"engine": "preview"},
    "access": {
        "required": True,
        "keys": [
            *({"name": name, "env": f"KEY_{name.upper()}", "requests_per_minute": 300} for name in KEYS),
            *tenants.keys(jobs=3),
        ],
    },
    "webhooks": {"secrets_env": "WEBHOOK_SECRETS"},
    "outbound": {"allow_networks": ["127.0.0.0/8"]},
}
