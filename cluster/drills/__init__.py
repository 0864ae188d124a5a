"""Drills: each breaks a service of its own on this machine, and looks what became of its jobs."""
