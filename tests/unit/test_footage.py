import random
import re
import resource
import struct
from fractions import Fraction
from io import BytesIO
from itertools import islice

import av
import numpy as np
import psutil
import pytest
from av.stream import Disposition
from av.video.reformatter import ColorRange, Colorspace
from clips import make_clip, moving_poster, moving_poster_matrix

from deployments.boxes import clip_type
from deployments.errors import ClipTooLarge, InvalidRequest, UnreadableClip
from deployments.footage import ClipLimits, Footage, playlist, shaped, shrunk
from deployments.media import SourceOptions

BITS = 8
ANYTHING = SourceOptions()
COLOURS = np.array(
    [[200, 40, 30], [20, 180, 60], [30, 50, 220], [255] * 3, [0] * 3, [128] * 3, [250, 240, 10], [90, 20, 140]]
)


def numbered(n, height=96, width=128):
    """Frames that carry their number: eight bars, black or white, above some moving texture."""
    grain = np.random.default_rng(0).integers(0, 256, (-(-height // 8), (width + n) // 8 + 1, 3), np.uint8)
    texture = grain.repeat(8, 0).repeat(8, 1)
    for i in range(n):
        frame = texture[:height, i : i + width].copy()
        bits = np.unpackbits(np.uint8(i)) * np.uint8(255)
        frame[: height // 2] = bits.repeat(-(-width // BITS))[:width, None]
        yield frame


def number(frame):
    height, width = frame.shape[:2]
    bars = frame[height // 4, width // (2 * BITS) :: width // BITS, 1][:BITS]
    return int(np.packbits(bars > 127)[0])


def bars(height=480, width=640):
    return COLOURS.repeat(width // BITS, 0)[None].repeat(height, 0).astype(np.uint8)


def seen(frame):
    height, width = frame.shape[:2]
    return frame[height // 2, width // (2 * BITS) :: width // BITS].astype(int)


def opened(data, options=ANYTHING, max_side_px=4096, **limits):
    return Footage(data, options, max_side_px, ClipLimits(**limits))


def numbers(data, options=ANYTHING):
    with opened(data, options) as footage:
        return [number(frame) for frame in footage.frames()]


def first_frame(data, options=ANYTHING, max_side_px=4096):
    with opened(data, options, max_side_px) as footage:
        frame = next(footage.frames())
        assert frame.shape == (footage.height, footage.width, 3)
        return frame


def patched(data, box, offset, form, *values):
    """The clip with other numbers `offset` bytes behind the name of its first box of that name."""
    forged = bytearray(data)
    struct.pack_into(form, forged, forged.index(box) + 4 + offset, *values)
    return bytes(forged)


def packets_of(data):
    with av.open(BytesIO(data)) as container:
        return [packet for packet in container.demux() if packet.size]


def repacked(template, packets):
    """A WebM of these packets, 33 ms each, under the header of another clip."""
    file = BytesIO()
    with av.open(file, "w", format="webm") as output, av.open(BytesIO(template)) as clip:
        stream = output.add_stream_from_template(clip.streams.video[0])
        for i, packet in enumerate(packets):
            packet.stream, packet.pts, packet.dts = stream, 33 * i, 33 * i
            output.mux(packet)
    return file.getvalue()


def joined(*parts):
    """A WebM whose pictures change their size on the way."""
    clips = [make_clip(None, frames, container="webm", codec="libvpx") for frames in parts]
    return repacked(clips[0], [packet for clip in clips for packet in packets_of(clip)])


# What a clip is


@pytest.mark.parametrize(
    ("container", "codec", "kind"),
    [("mp4", "libx264", "video/mp4"), ("mov", "libx264", "video/quicktime"), ("webm", "libvpx", "video/webm")],
)
def test_a_clip_is_known_by_its_content_and_every_frame_comes_once(container, codec, kind):
    data = make_clip(None, numbered(40), container=container, codec=codec)
    assert clip_type(data) == kind
    with opened(data) as footage:
        assert (footage.width, footage.height, footage.fps, footage.count) == (128, 96, 30.0, 40)
    assert numbers(data) == list(range(40))


def test_pictures_sounds_and_other_containers_are_no_clips():
    matroska = make_clip(None, numbered(2), container="matroska")
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    for data in (b"", b"\x89PNG\r\n\x1a\n" + bytes(32), b"RIFF\0\0\0\0WAVEfmt ", b"#EXTM3U\nfile:///x", heic, matroska):
        assert clip_type(data) is None
        with pytest.raises(UnreadableClip, match="MP4, MOV or WebM"):
            opened(data)


def test_a_mov_older_than_its_ftyp_box_is_a_clip():
    data = make_clip(None, numbered(5), container="mov", muxer={"movflags": "faststart"})
    headless = data[int.from_bytes(data[:4]) :]
    offset = len(data) - len(headless)
    at = headless.index(b"stco") + 12
    headless = headless[:at] + struct.pack(">I", int.from_bytes(headless[at : at + 4]) - offset) + headless[at + 4 :]
    assert clip_type(headless) == "video/quicktime"
    assert numbers(headless) == list(range(5))


def test_the_frames_cannot_be_written_to():
    assert not first_frame(make_clip(None, numbered(1))).flags.writeable


# When its frames are shown


@pytest.mark.parametrize("fps", [24, 25, 50, 60, Fraction(24000, 1001), Fraction(30000, 1001)])
def test_a_clip_keeps_its_own_rate(fps):
    for container, codec in (("mp4", "libx264"), ("webm", "libvpx")):
        data = make_clip(None, numbered(50), fps=fps, container=container, codec=codec)
        with opened(data) as footage:
            assert footage.fps == pytest.approx(float(fps), rel=1e-9 if container == "mp4" else 1e-3)
        assert numbers(data) == list(range(50))


def test_a_rate_that_is_asked_for_resamples():
    data = make_clip(None, numbered(60), fps=30)
    latest = [(6 * i + 1) // 5 for i in range(50)]  # 30 to 25; a third of a frame early is early enough, a half is not
    assert numbers(data, SourceOptions(fps=25.0)) == [
        min(n, 59) if n * 5 <= 6 * i + 1.5 else n - 1 for i, n in enumerate(latest)
    ]
    assert numbers(data, SourceOptions(fps=15.0)) == list(range(0, 60, 2))
    assert numbers(data, SourceOptions(fps=60.0)) == [i // 2 for i in range(120)]


@pytest.mark.parametrize(
    ("fps", "kept", "expected"), [(5, 10.0, [0, 0, 1, 1, 2, 2]), (240, 60.0, [0, 4, 8, 12, 16, 20])]
)
def test_a_slow_or_fast_clip_is_resampled_to_what_a_mouth_needs(fps, kept, expected):
    data = make_clip(None, numbered(24), fps=fps)
    with opened(data) as footage:
        assert footage.fps == kept
    assert numbers(data)[:6] == expected


@pytest.mark.parametrize("options", [{}, {"container": "webm", "codec": "libvpx", "fps": 1000}])
def test_a_variable_rate_is_shown_at_its_average_by_time(options):
    times = [*range(0, 30_000, 1_000), *range(30_000, 90_000, 2_000)]  # a second at 30, two at 15
    data = make_clip(None, numbered(60), pts=times, tick=Fraction(1, 30_000), **options)
    with opened(data) as footage:
        shown = footage.fps
    assert shown == pytest.approx(60 / 3, rel=0.03)
    for i, n in enumerate(numbers(data)):
        now = i / shown * 30_000
        assert times[n] <= now + 0.3 * 1_500 + 1
        assert n == 59 or times[n + 1] > now


def test_times_that_waver_as_those_of_phones_lose_no_frame():
    wavering = random.Random(0)
    times = [0, *(3_000 * i + wavering.randint(-250, 250) for i in range(1, 120))]
    assert numbers(make_clip(None, numbered(120), pts=times, tick=Fraction(1, 90_000))) == list(range(120))


@pytest.mark.parametrize("start", [31, 100])
def test_the_first_frame_is_where_time_starts(start):
    for container, codec in (("mp4", "libx264"), ("webm", "libvpx")):
        times = range(start, start + 40)
        assert numbers(make_clip(None, numbered(40), pts=times, container=container, codec=codec)) == list(range(40))


def test_a_clip_that_begins_between_two_key_pictures_is_shown_from_the_next():
    data = make_clip(None, numbered(60), container="webm", codec="libvpx", gop=24)
    assert numbers(repacked(data, packets_of(data)[10:])) == list(range(24, 60))


def test_an_edit_list_cuts_what_comes_before_it():
    data = make_clip(None, numbered(60), pts=range(-20, 40), gop=24, bframes=2, muxer={"avoid_negative_ts": "disabled"})
    assert b"elst" in data
    assert numbers(data) == list(range(20, 60))


def test_a_clip_of_one_frame_is_a_clip():
    for container, codec in (("mp4", "libx264"), ("webm", "libvpx")):
        assert numbers(make_clip(None, numbered(1), container=container, codec=codec)) == [0]


@pytest.mark.parametrize(
    ("box", "offset", "value"),
    [(b"stts", 12, 0), (b"mdhd", 12, 2**31 - 1), (b"stts", 12, 2**31 - 1), (b"mdhd", 12, 1), (b"mvhd", 12, 1)],
)
def test_absurd_times_do_no_harm(box, offset, value):
    data = patched(make_clip(None, numbered(30)), box, offset, ">I", value)
    try:
        footage = opened(data, max_s=5.0)
    except (UnreadableClip, ClipTooLarge):
        return
    with footage:
        assert 10 <= footage.fps <= 60
        assert len([*footage.frames()]) == footage.count <= 300


# How they look


@pytest.mark.parametrize("height", [480, 720])
@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("colorspace", [Colorspace.ITU709, Colorspace.ITU601])
def test_colours_follow_the_tags(colorspace, color_range, height):
    data = make_clip(None, [bars(height)], lossless=True, colorspace=colorspace, color_range=color_range)
    assert np.abs(seen(first_frame(data)) - COLOURS).max() <= 3


@pytest.mark.parametrize(("height", "expected"), [(480, Colorspace.ITU601), (720, Colorspace.ITU709)])
def test_colours_without_tags_are_those_of_their_size(height, expected):
    for colorspace in (Colorspace.ITU601, Colorspace.ITU709):
        data = make_clip(None, [bars(height)], lossless=True, colorspace=colorspace, tagged=False)
        assert (np.abs(seen(first_frame(data)) - COLOURS).max() <= 3) == (colorspace == expected)


@pytest.mark.parametrize(
    ("container", "codec", "pix_fmt"),
    [
        ("mp4", "libx264", "yuv420p10le"),
        ("mov", "prores_ks", "yuva444p10le"),
        ("mov", "qtrle", "argb"),
        ("mov", "png", "rgba"),
        ("webm", "libvpx-vp9", "yuva420p"),
    ],
)
def test_ten_bits_and_transparency_are_read(container, codec, pix_fmt):
    data = make_clip(None, [bars(720)] * 2, container=container, codec=codec, pix_fmt=pix_fmt)
    assert np.abs(seen(first_frame(data)) - COLOURS).max() <= 4


def test_colour_tags_that_nobody_knows_are_as_none():
    options = {"x264-params": "colormatrix=YCgCo"}
    data = make_clip(None, [bars(720)], lossless=True, tagged=False, options=options)
    assert np.abs(seen(first_frame(data)) - COLOURS).max() <= 3


CORNERS = np.kron(np.array([[0, 80, 80], [160, 255, 255]], np.uint8), np.ones((48, 48), np.uint8))
ONE = 1 << 16


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, ONE, 0, -ONE, 0, 0, 96 << 16, 0, 1 << 30), np.rot90(CORNERS, -1)),  # what an iPhone held upright writes
        ((-ONE, 0, 0, 0, -ONE, 0, 144 << 16, 96 << 16, 1 << 30), np.rot90(CORNERS, 2)),
        ((0, -ONE, 0, ONE, 0, 0, 0, 144 << 16, 1 << 30), np.rot90(CORNERS, 1)),
        ((-ONE, 0, 0, 0, ONE, 0, 144 << 16, 0, 1 << 30), CORNERS[:, ::-1]),
        ((0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), CORNERS.T),
    ],
)
def test_a_turned_or_mirrored_clip_is_shown_upright(matrix, upright):
    data = make_clip(None, [CORNERS[:, :, None].repeat(3, 2)] * 2)
    frame = first_frame(patched(data, b"tkhd", 40, ">9i", *matrix))
    assert frame.shape[:2] == upright.shape
    assert np.abs(frame[:, :, 0] - upright.astype(int)).mean() < 6


@pytest.mark.parametrize(("container", "codec"), [("mp4", "libx264"), ("webm", "libvpx")])
def test_a_phone_s_clip_is_turned_clockwise_to_be_upright(container, codec):
    upright = next(moving_poster(0.1, 30, (160, 240)))
    data = make_clip(None, [np.rot90(upright)] * 2, container=container, codec=codec, rotation=90)
    assert np.abs(first_frame(data) - upright.astype(int)).mean() < 8


def test_pixels_that_are_not_square_are_stretched_sideways():
    data = make_clip(None, numbered(2), aspect=Fraction(3, 2))
    assert first_frame(data).shape == (96, 192, 3)
    assert number(first_frame(data)) == 0
    turned = make_clip(None, numbered(2), aspect=Fraction(3, 2), rotation=90)
    assert first_frame(turned).shape == (192, 96, 3)


def test_odd_sizes_are_kept():
    for options in ({"codec": "libvpx", "container": "webm"}, {"pix_fmt": "yuv444p"}):
        assert first_frame(make_clip(None, numbered(3, 95, 131), **options)).shape == (95, 131, 3)


def test_the_picture_may_change_its_size_on_the_way():
    data = joined(numbered(2), numbered(2, 192, 256))
    with opened(data) as footage:
        assert [(frame.shape, number(frame)) for frame in footage.frames()] == [((96, 128, 3), i) for i in (0, 1, 0, 1)]


# What the options do


def test_a_frame_is_divided_then_turned_then_cut():
    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    halved = rgb.reshape(30, 2, 45, 2, 3).mean((1, 3))
    frame = shaped(rgb, SourceOptions(resize_factor=2, rotate=True, crop=(5, 40, 3, -1)))
    assert frame.shape == (35, 27, 3)
    assert np.abs(frame - np.rot90(halved, -1)[5:40, 3:]).max() <= 0.5
    np.testing.assert_array_equal(shaped(rgb, ANYTHING), rgb)


def test_minus_one_is_the_edge_itself():
    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    np.testing.assert_array_equal(shaped(rgb, SourceOptions(crop=(-1, 50, -1, -1))), rgb[:50])


@pytest.mark.parametrize(
    "crop", [(0, 46, 0, -1), (10, 10, 0, -1), (0, -1, 20, 10), (0, -1, 0, 31), (-2, -1, 0, -1), (0, -3, 0, -1)]
)
def test_a_crop_that_does_not_fit_is_refused_with_the_size(crop):
    with pytest.raises(InvalidRequest, match="30 pixels wide and 45 high") as refused:
        shaped(np.zeros((60, 90, 3), np.uint8), SourceOptions(resize_factor=2, rotate=True, crop=crop))
    assert refused.value.data == {"crop": list(crop), "width": 30, "height": 45}
    assert "send" in str(refused.value)


def test_a_clip_takes_the_options_on_its_upright_frames_and_is_shrunk_last():
    data = make_clip(None, [np.rot90(frame) for frame in moving_poster(0.1, 30, (240, 320))], rotation=90)
    upright = first_frame(data)
    assert upright.shape == (320, 240, 3)
    options = SourceOptions(resize_factor=2, crop=(10, -1, 0, 100))
    frame = first_frame(data, options, max_side_px=75)
    assert frame.shape == (75, 50, 3)
    np.testing.assert_array_equal(frame, shrunk(shaped(upright, options), 75))
    with pytest.raises(InvalidRequest, match="120 pixels wide and 160 high"):
        opened(data, SourceOptions(resize_factor=2, crop=(0, 161, 0, -1)))


def test_shrinking_averages_and_never_enlarges():
    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    assert shrunk(rgb, 90) is rgb
    assert np.abs(shrunk(rgb, 45) - rgb.reshape(30, 2, 45, 2, 3).mean((1, 3))).max() <= 0.5
    assert shrunk(np.zeros((2, 900, 3), np.uint8), 90).shape == (1, 90, 3)


# How it is played


def shown(frames, wanted, extend):
    return [*islice(playlist(frames, extend), wanted)]


@pytest.mark.parametrize(
    ("extend", "expected"),
    [
        ("loop", [0, 1, 2, 3, 0, 1, 2, 3, 0]),
        ("bounce", [0, 1, 2, 3, 2, 1, 0, 1, 2]),
        ("hold", [0, 1, 2, 3, 3, 3, 3, 3, 3]),
    ],
)
def test_a_clip_is_extended_as_asked_and_cut_where_it_is_longer(extend, expected):
    assert shown(4, 9, extend) == expected
    assert shown(4, 3, extend) == [0, 1, 2]
    assert shown(1, 3, extend) == [0, 0, 0]
    assert shown(2, 5, extend) == {"hold": [0, 1, 1, 1, 1]}.get(extend, [0, 1, 0, 1, 0])


SEEKING = {
    "closed groups with B-frames": {"gop": 24, "bframes": 2},
    "open groups": {"bframes": 3, "options": {"x264-params": "open-gop=1:keyint=24:min-keyint=24:scenecut=0"}},
    "keys that are none": {"options": {"x264-params": "intra-refresh=1:keyint=24:min-keyint=24:scenecut=0"}},
    "HEVC, open groups": {
        "codec": "libx265",
        "options": {"preset": "ultrafast", "x265-params": "open-gop=1:keyint=24:min-keyint=24:log-level=none"},
    },
    "fragments": {"gop": 24, "bframes": 2, "muxer": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}},
    "edit list": {"gop": 24, "bframes": 2, "pts": range(-20, 80), "muxer": {"avoid_negative_ts": "disabled"}},
    "negative times": {
        "gop": 24,
        "bframes": 2,
        "pts": range(-20, 80),
        "muxer": {"avoid_negative_ts": "disabled", "use_editlist": "0"},
    },
    "late start": {"gop": 24, "bframes": 2, "pts": range(50, 150)},
    "one group": {"gop": 250},
    "WebM": {"gop": 24, "codec": "libvpx", "container": "webm"},
    "WebM without cues": {"gop": 24, "codec": "libvpx", "container": "webm", "muxer": {"live": "1"}},
    "VP9": {"gop": 24, "codec": "libvpx-vp9", "container": "webm"},
}


@pytest.mark.parametrize("case", SEEKING)
def test_a_frame_is_the_same_however_it_is_reached(case):
    data = make_clip(None, numbered(100), **SEEKING[case])
    with opened(data) as footage:
        frames = [frame.copy() for frame in footage.frames()]
    assert [number(frame) for frame in frames] == list(range(100 - len(frames), 100))
    assert len(frames) == (80 if case == "edit list" else 100)
    n = len(frames)
    with opened(data) as footage:
        for extend in ("bounce", "loop"):
            for index, frame in zip(order := shown(n, 2 * n + 30, extend), footage.play(order), strict=True):
                np.testing.assert_array_equal(frame, frames[index], err_msg=f"{extend} {index}")
    with opened(data) as footage:
        order = random.Random(0).choices(range(n), k=25)
        for index, frame in zip(order, footage.play(order), strict=True):
            np.testing.assert_array_equal(frame, frames[index], err_msg=str(index))


def test_frames_may_be_taken_anew_at_any_time():
    with opened(make_clip(None, numbered(40), gop=12)) as footage:
        assert [number(frame) for frame, _ in zip(footage.frames(), range(30), strict=False)] == list(range(30))
        assert [number(frame) for frame in footage.play([39, 3, 3, 4])] == [39, 3, 3, 4]
        assert [number(frame) for frame in footage.frames()] == list(range(40))
        with pytest.raises(IndexError, match="frame 40 of 40"):
            [*footage.play([40])]


def test_a_frame_that_stays_is_developed_once():
    with opened(make_clip(None, numbered(5))) as footage:
        first, second = footage.play([2, 2])
        assert first is second


def test_playing_keeps_a_handful_of_frames_however_long_the_clip():
    height, width = 480, 640
    with opened(make_clip(None, numbered(200, height, width), gop=60)) as footage:
        process = psutil.Process()
        [*zip(range(20), footage.frames(), strict=False)]
        before = process.memory_info().rss
        order = shown(200, 600, "bounce")
        most = max(process.memory_info().rss for _ in footage.play(order))
    assert most - before < 40 * height * width * 3


@pytest.mark.parametrize("astray", [15_000, 2**16 - 1])  # amid the clusters, and behind the last
def test_an_index_that_leads_astray_is_no_harm(astray):
    data = make_clip(None, numbered(100, 64, 64), container="webm", codec="libvpx", gop=24)
    assert 15_000 < len(data) < 2**16
    cues = data.rindex(b"\x1c\x53\xbb\x6b")
    position = b"\xf1\x82" + struct.pack(">H", astray)
    misled = data[:cues] + re.sub(rb"\xf1\x82..", position, data[cues:], flags=re.DOTALL)
    assert misled != data
    with opened(misled) as footage:
        order = shown(100, 250, "bounce")
        assert [number(frame) for frame in footage.play(order)] == order


def test_times_in_disorder_mean_the_same_forwards_and_backwards():
    data = make_clip(None, numbered(100), gop=12, bframes=2)
    shuffled = random.Random(0)
    count = int.from_bytes(data[data.index(b"ctts") + 8 :][:4])
    for i in range(count):
        data = patched(data, b"ctts", 12 + 8 * i, ">I", 512 * shuffled.randrange(30))
    with opened(data) as footage:
        frames = [frame.copy() for frame in footage.frames()]
    with opened(data) as footage:
        order = shown(len(frames), 2 * len(frames), "bounce") + shuffled.choices(range(len(frames)), k=25)
        for index, frame in zip(order, footage.play(order), strict=True):
            np.testing.assert_array_equal(frame, frames[index], err_msg=str(index))


# What is refused


@pytest.mark.parametrize("part", [0.3, 0.7, 0.9])
@pytest.mark.parametrize(
    ("container", "codec", "muxer"),
    [("mp4", "libx264", {"movflags": "faststart"}), ("mp4", "libx264", {}), ("webm", "libvpx", {})],
)
def test_a_clip_that_is_cut_off_is_not_taken_for_a_shorter_one(container, codec, muxer, part):
    sound = (np.sin(np.arange(80_000) / 5) * 8000).astype(np.int16)
    data = make_clip(None, numbered(150), container=container, codec=codec, muxer=muxer, gop=30, sound=sound)
    assert numbers(data) == list(range(150))
    with pytest.raises(UnreadableClip, match="send a whole"):
        opened(data[: int(len(data) * part)])


def test_sound_that_is_longer_than_the_pictures_is_no_damage():
    sound = (np.sin(np.arange(80_000) / 5) * 8000).astype(np.int16)
    for container, codec in (("mp4", "libx264"), ("webm", "libvpx")):
        data = make_clip(None, numbered(30), container=container, codec=codec, sound=sound)
        assert numbers(data) == list(range(30))


def damaged(data, indices, change):
    """The clip with the bytes of those packets changed in place."""
    packets = [bytes(packet) for packet in packets_of(data)]
    for packet in (packets[i] for i in indices):
        data = data.replace(packet, change(packet).ljust(len(packet), b"\0"))
    return data


@pytest.mark.parametrize("kept", [30, 0])  # bytes of a picture: one that FFmpeg makes up for, one that it does not
def test_damage_on_the_way_is_refused_when_it_is_reached(kept):
    data = damaged(make_clip(None, numbered(100), gop=25), [60], lambda packet: packet[:kept])
    with opened(data) as footage:
        frames = footage.frames()
        assert [number(next(frames)) for _ in range(50)] == list(range(50))
        with pytest.raises(UnreadableClip, match="send a whole"):
            list(frames)


def test_an_end_in_which_nothing_is_shown_is_refused():
    data = make_clip(None, numbered(100), container="webm", codec="libvpx", gop=250)
    hidden = damaged(data, range(70, 100), lambda packet: bytes([packet[0] & ~0x10]) + packet[1:])  # VP8's show_frame
    with opened(hidden) as footage, pytest.raises(UnreadableClip, match=r"last 1\.0 seconds .* send a whole"):
        list(footage.frames())


def test_pictures_that_cannot_be_decoded_are_refused():
    data = bytearray(make_clip(None, numbered(30)))
    start = data.index(b"mdat") + 4
    data[start : data.index(b"moov") - 4] = bytes(data.index(b"moov") - 4 - start)
    with pytest.raises(UnreadableClip, match="send a whole"):
        opened(bytes(data))


def sound_only(cover):
    file = BytesIO()
    with av.open(file, "w", format="mp4") as output:
        voice = output.add_stream("aac", 48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        if cover:
            picture = output.add_stream("png", 25, width=64, height=64, pix_fmt="rgb24")
            picture.disposition = Disposition.attached_pic
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        output.mux([*voice.encode(frame), *voice.encode()])
    return file.getvalue()


@pytest.mark.parametrize("cover", [False, True])
def test_a_sound_file_has_no_moving_picture_even_with_a_cover(cover):
    data = sound_only(cover)
    with av.open(BytesIO(data)) as container:
        assert len(container.streams.video) == cover
    with pytest.raises(UnreadableClip, match="no moving picture"):
        opened(data)


def test_titles_in_no_known_alphabet_are_no_damage():
    data = make_clip(None, numbered(5))
    assert numbers(data.replace(b"Lavf", b"\xff\xfe\xfd\xfc")) == list(range(5))


def test_another_container_in_the_guise_of_a_clip_is_not_opened():
    stream = make_clip(None, numbered(30), container="mpegts")
    data = b"\0\0\0\x0cftypjp2 " + stream
    with av.open(BytesIO(data)) as container:
        assert container.format.name == "mpegts"
    with pytest.raises(UnreadableClip):
        opened(data)


def test_the_limits_are_kept_and_named():
    data = make_clip(None, numbered(60))
    with opened(data, max_bytes=len(data), max_pixels=128 * 96, max_s=2.0) as footage:
        assert footage.count == 60
    for limits, sentence in (
        ({"max_bytes": len(data) - 1}, f"{len(data)} bytes"),
        ({"max_pixels": 128 * 96 - 1}, "128 by 96 pixels"),
        ({"max_s": 1.9}, "lasts 2.0 seconds and the limit is 1.9"),
    ):
        with pytest.raises(ClipTooLarge, match=sentence) as refused:
            opened(data, **limits)
        assert refused.value.data.items() >= limits.items()


def test_a_frame_shown_for_hours_is_too_long():
    with pytest.raises(ClipTooLarge, match="seconds"):
        opened(make_clip(None, numbered(3), pts=[0, 1, 30 * 36_000]))


@pytest.mark.parametrize(
    ("container", "codec", "pix_fmt"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "qtrle", "rgb24"),
        ("webm", "libvpx", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
    ],
)
def test_a_picture_above_the_limit_is_refused_by_the_header(container, codec, pix_fmt):
    black = np.zeros((1080, 1920, 3), np.uint8)
    data = make_clip(None, [black], container=container, codec=codec, pix_fmt=pix_fmt)
    with pytest.raises(ClipTooLarge, match="limit is 1000000 pixels"):
        opened(data, max_pixels=1_000_000)


def test_a_large_picture_is_refused_before_anything_is_decoded():
    data = bytearray(make_clip(None, [np.zeros((1080, 1920, 3), np.uint8)]))
    start = data.index(b"mdat") + 4
    data[start : data.index(b"moov") - 4] = bytes(data.index(b"moov") - 4 - start)
    with pytest.raises(ClipTooLarge, match="limit is 1000000 pixels"):
        opened(bytes(data), max_pixels=1_000_000)
    with pytest.raises(UnreadableClip):
        opened(bytes(data))


def test_a_picture_larger_than_the_first_is_held_to_the_limit():
    data = joined(numbered(1, 64, 64), [np.zeros((2160, 3840, 3), np.uint8)])
    with opened(data) as footage:
        assert len([*footage.frames()]) == 2
    with pytest.raises(UnreadableClip):  # the picture ahead is decoded with the one that is shown
        opened(data, max_pixels=1_000_000)


def test_a_sideways_stretch_counts_as_pixels():
    with pytest.raises(ClipTooLarge, match="256 by 96"):
        opened(make_clip(None, numbered(2), aspect=Fraction(2, 1)), max_pixels=128 * 96)


@pytest.mark.parametrize(
    ("box", "offset", "values"), [(b"stsz", 4, (1, 2**24)), (b"trun", 4, (2**24,)), (b"elst", 4, (2**24,))]
)
def test_tables_that_name_more_than_there_is_take_no_memory(box, offset, values):
    muxer = {"movflags": "frag_keyframe+delay_moov"} if box == b"trun" else {}
    data = make_clip(None, numbered(10), bframes=2, muxer=muxer)
    assert numbers(data) == list(range(10))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableClip):
        opened(patched(data, box, offset, f">{len(values)}I", *values))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


# What the tests of others build on


def test_the_moving_poster_is_where_its_matrix_says_and_leaves_the_picture():
    frames = [*moving_poster(2, 10, (320, 240), (1.0, 1.5))]
    assert len(frames) == 20
    empty = frames[10]
    for i, frame in enumerate(frames):
        x, y = moving_poster_matrix(i, 10, (320, 240)) @ (228, 104, 1)
        assert 60 < x < 260
        assert 60 < y < 180
        moved = np.abs(frame.astype(int) - empty).sum(2) > 30
        assert moved.any() == (not 10 <= i < 15)
        if moved.any():
            rows, columns = np.nonzero(moved)
            assert abs(np.median(columns) - x) < 8
            assert abs(np.median(rows) - y) < 8
