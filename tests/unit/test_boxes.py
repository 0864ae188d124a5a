import struct

import numpy as np
import pytest
from clips import make_clip

from deployments.boxes import clip_type, overstated

BLACK = np.zeros((64, 64, 3), np.uint8)
SOUND = (np.sin(np.arange(32_000) / 5) * 8000).astype(np.int16)
FRAGMENTS = {"movflags": "frag_keyframe+delay_moov"}


def patched(data, box, offset, *values):
    """The clip with other 32-bit numbers `offset` bytes behind the name of its first box of that name."""
    forged = bytearray(data)
    struct.pack_into(f">{len(values)}I", forged, forged.index(box) + 4 + offset, *values)
    return bytes(forged)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b"\0\0\0\x14ftypisom", "video/mp4"),
        (b"\0\0\0\x14ftypM4A ", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
        (b"\0\0\x01\0moov\0\0\0\x6cmvhd", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", None),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", None),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", None),
        (b"\0\0\0\x18uuid", None),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"ftyp", None),
        (b"", None),
    ],
)
def test_the_type_is_that_of_the_first_bytes(first, kind):
    assert clip_type(first) == kind


@pytest.mark.parametrize("muxer", [{}, {"movflags": "faststart"}, FRAGMENTS])
def test_a_whole_clip_names_no_more_than_it_has(muxer):
    assert not overstated(make_clip(None, [BLACK] * 50, bframes=2, sound=SOUND, muxer=muxer))


@pytest.mark.parametrize(
    ("box", "offset", "values"),
    [(b"stsz", 4, (1, 2**24)), (b"trun", 4, (2**24,)), (b"elst", 4, (2**24,))],
)
def test_a_table_of_millions_in_a_small_clip_is_too_much(box, offset, values):
    data = make_clip(None, [BLACK] * 10, bframes=2, muxer=FRAGMENTS if box == b"trun" else {})
    assert overstated(patched(data, box, offset, *values))


def test_tables_count_together():
    data = make_clip(None, [BLACK] * 10, bframes=2, sound=SOUND)
    most = 2 * len(data)
    one = patched(data, b"stsz", 4, 1, most * 3 // 4)
    assert not overstated(one)
    sound = one.rindex(b"stsz")
    assert sound > one.index(b"stsz")
    assert overstated(one[:sound] + patched(one[sound:], b"stsz", 4, 1, most * 3 // 4))
    assert overstated(patched(one, b"elst", 4, 2))


@pytest.mark.parametrize("size", ["short", "long", "open"])
def test_what_the_media_spell_by_chance_is_no_table(size):
    table = b"stsz" + struct.pack(">III", 0, 1, 2**24)
    header = {"short": struct.pack(">I4s", 24, b"mdat"), "long": struct.pack(">I4sQ", 1, b"mdat", 32)}
    media = header.get(size, struct.pack(">I4s", 0, b"mdat")) + table
    start = b"\0\0\0\x0cftypisom"
    assert not overstated(start + media)
    assert overstated(start + media + struct.pack(">I4s", 24, b"moov") + table) == (size != "open")
