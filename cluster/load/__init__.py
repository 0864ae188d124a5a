"""Load as an exhibition makes it, by Locust: `python -m cluster.load`, or `scripts/load`."""
