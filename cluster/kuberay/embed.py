"""Writes configs/production.yaml into rayservice.yaml, word for word: python cluster/kuberay/embed.py."""

import textwrap
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BEFORE = "  serveConfigV2: |\n"
AFTER = "  rayClusterConfig:\n"


def embedded(manifest: str, config: str) -> str:
    """The manifest with another Serve config in it."""
    head, _, rest = manifest.partition(BEFORE)
    tail = rest[rest.index(AFTER) :]
    return head + BEFORE + textwrap.indent(config.rstrip() + "\n", "    ") + tail


def main() -> None:
    """Rewrite rayservice.yaml."""
    manifest = FOLDER / "rayservice.yaml"
    config = FOLDER.parents[1] / "configs" / "production.yaml"
    manifest.write_text(embedded(manifest.read_text(), config.read_text()))


if __name__ == "__main__":
    main()
