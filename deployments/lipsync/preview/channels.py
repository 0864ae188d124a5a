"""What moves the preview mouth: the channels of its drive, and the grid on which they are computed."""

from __future__ import annotations

CHANNELS = ("gap", "corner", "pucker", "lift", "teeth", "tongue")
"""Rows of a preview drive's features, in this order.

gap: opening between the inner lips at the middle of the mouth, in W (0.64 of the distance between the outer
eye corners); 0 is shut. corner: outward travel of each mouth corner, in W, negative for rounding. pucker: how
far the lips are pushed out, 0 to 1. lift: how much of the gap the upper lip makes beyond its usual fifth, 0 to 1
(F and V show the upper teeth). teeth: lower teeth behind the gap, 0 to 1 (S, SH, CH). tongue: tongue between
or behind the teeth, 0 to 1 (TH, L, N, D).
"""

LIFE = ("turn", "nod", "tilt", "blink")
"""Rows that follow where the head lives: a sway to the right, down and clockwise, each -1 to 1, and how far the eyes
are shut, 0 to 1."""

GAP = CHANNELS.index("gap")

GRID_HZ = 200
"""Everything about timing happens on this grid; sample k is at k / GRID_HZ seconds."""
