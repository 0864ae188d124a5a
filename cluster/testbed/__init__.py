"""Whole installations on this machine, with ports and folders of their own: for tests, drills, benchmarks, the demo."""
