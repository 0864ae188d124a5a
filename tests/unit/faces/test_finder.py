from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from clips import make_clip
from PIL import Image

from deployments.errors import ClipTooLarge, ImageTooLarge, InvalidRequest, NoFace, UnreadableClip, UnreadableImage
from deployments.faces.finder import FaceFinder
from deployments.footage import ClipLimits
from deployments.media import FaceBox, SourceOptions

POSTER_FACE = FaceBox(left=173, top=60, right=278, bottom=180)


def close(box, other, px):
    edges = [(box.left, other.left), (box.top, other.top), (box.right, other.right), (box.bottom, other.bottom)]
    return all(abs(a - b) <= px for a, b in edges)


@pytest.mark.parametrize(("file_format", "px"), [("PNG", 0), ("JPEG", 2), ("WEBP", 2)])
def test_the_face_of_the_poster_is_found_in_every_format(finder, poster_rgb, encode, file_format, px):
    track = finder.track(encode(poster_rgb, file_format))

    assert close(track.face.box, POSTER_FACE, px)
    assert track.face.confidence > 0.99
    assert track.photo.rgb.shape == (512, 512, 3)
    assert track.crop.box == track.face.box.padded(0, 10, 0, 0)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_is_shown_upright(finder, poster_rgb, encode, turns):
    rgb = poster_rgb[:400]

    track = finder.track(encode(np.ascontiguousarray(np.rot90(rgb, turns))))

    assert np.array_equal(track.photo.rgb, rgb)
    assert close(track.face.box, POSTER_FACE, 2)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA"])
def test_gray_palette_and_transparent_pictures_have_faces_too(finder, poster_rgb, encode, mode):
    track = finder.track(encode(Image.fromarray(poster_rgb).convert(mode)))

    assert close(track.face.box, POSTER_FACE, 3)


def test_a_cut_out_person_on_a_transparent_ground_is_shown_on_white(finder, poster_rgb, encode):
    alpha = np.zeros((512, 512, 1), np.uint8)
    alpha[15:260, 120:310] = 255

    track = finder.track(encode(np.dstack([poster_rgb, alpha])))

    assert close(track.face.box, POSTER_FACE, 3)
    assert track.photo.rgb[5, 5].tolist() == [255, 255, 255]


def test_of_several_faces_the_largest_comes_first_and_speaks_unless_another_is_chosen(finder, paste_head, encode):
    poster = np.full((700, 1200, 3), 180, np.uint8)
    paste_head(poster, 60, 100, face_width_px=130)
    paste_head(poster, 500, 100, face_width_px=240)
    paste_head(poster, 1050, 400, face_width_px=60)
    data = encode(poster)

    boxes = [finder.track(data, SourceOptions(face_index=index)).face.box for index in (0, 1, 2)]

    assert finder.inspect(data) == {"content_type": "image/png", "width": 1200, "height": 700, "faces": boxes}
    assert [boxes[0].left > 500, boxes[1].right < 400, boxes[2].left > 1000] == [True] * 3
    assert finder.track(data).face.box == boxes[0]
    for index in (3, -1):
        with pytest.raises(NoFace, match=r"has 3 face\(s\).*ask for 0 to 2") as caught:
            finder.track(data, SourceOptions(face_index=index))
        assert caught.value.data == {"faces": 3, "face_index": index}


def test_a_large_photo_is_shrunk_and_its_landmarks_with_it(poster_rgb, encode):
    data = encode(poster_rgb[:400])
    full, small = FaceFinder(max_side_px=512).track(data), FaceFinder(max_side_px=256).track(data)

    assert (small.photo.width, small.photo.height) == (256, 200)
    assert np.allclose(small.face.landmarks, full.face.landmarks / 2)
    assert np.array_equal(small.crop.landmarks, small.face.landmarks)
    assert close(small.face.box, FaceBox(86, 30, 139, 90), 1)
    assert small.crop.box.bottom == small.face.box.bottom + 10


@pytest.mark.parametrize(
    "rgb",
    [
        np.random.default_rng(7).integers(0, 256, (256, 256, 3), np.uint8),
        np.repeat(np.tile(np.arange(256, dtype=np.uint8), (200, 1))[:, :, None], 3, axis=2),
        np.full((1, 900, 3), 90, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ],
    ids=["noise", "gradient", "line", "dot"],
)
def test_where_there_is_no_face_the_caller_is_told_what_to_send(finder, encode, rgb):
    with pytest.raises(NoFace, match="send a picture with a face"):
        finder.track(encode(rgb))


def test_the_flag_and_the_shuttle_of_the_poster_are_no_faces(finder, poster_rgb, encode):
    for part in (poster_rgb[:, :110], poster_rgb[:, 330:]):
        with pytest.raises(NoFace):
            finder.track(encode(part))


def test_the_limits_reach_the_decoders(poster_png, poster_rgb):
    with pytest.raises(ImageTooLarge, match="bytes"):
        FaceFinder(max_bytes=1000).track(poster_png)
    with pytest.raises(ImageTooLarge, match="pixels"):
        FaceFinder(max_pixels=1000).inspect(poster_png)
    with pytest.raises(ClipTooLarge):
        FaceFinder(limits=ClipLimits(max_s=0.5)).inspect(make_clip(None, [poster_rgb] * 30))


def test_bytes_that_are_neither_photo_nor_clip_are_refused_with_all_that_could_be_sent(finder, poster_rgb):
    for data in (b"", b"%PDF-1.7", b"RIFF0000WAVEfmt "):
        for look in (finder.track, finder.inspect):
            with pytest.raises(UnreadableImage, match=r"JPEG, PNG or WebP .* MP4, MOV or WebM"):
                look(data)
    with pytest.raises(UnreadableClip):
        finder.track(make_clip(None, [poster_rgb] * 30)[:1000])


def test_four_threads_at_once_get_what_one_gets_alone(finder, poster_rgb, encode):
    pictures = [encode(np.ascontiguousarray(rgb)) for rgb in (poster_rgb, poster_rgb[:, ::-1], poster_rgb[:300, 60:])]
    alone = [finder.track(data).crop.digest for data in pictures]
    assert len(set(alone)) == 3

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda data: finder.track(data).crop.digest, pictures * 8))

    assert together == alone * 8


def test_resize_factor_rotate_and_crop_shape_a_photo_before_faces_are_searched(finder, poster_rgb, encode):
    sideways = np.ascontiguousarray(np.rot90(np.kron(poster_rgb, np.ones((2, 2, 1), np.uint8))))
    options = SourceOptions(resize_factor=2, rotate=True, crop=(20, 400, 100, -1))

    track = finder.track(encode(sideways), options)

    assert np.array_equal(track.photo.rgb, poster_rgb[20:400, 100:])
    assert close(track.face.box, FaceBox(73, 40, 178, 160), 2)


def test_a_part_of_a_photo_keeps_nothing_of_the_rest(finder, poster_png):
    track = finder.track(poster_png, SourceOptions(crop=(20, 400, 100, 400), box=(40, 200, 60, 220)))
    assert track.photo.rgb.shape == (380, 300, 3)
    assert track.photo.rgb.base is None


def test_a_crop_without_the_face_leaves_none_to_speak_and_one_outside_the_photo_is_refused(finder, poster_png):
    with pytest.raises(NoFace):
        finder.track(poster_png, SourceOptions(crop=(0, -1, 330, -1)))
    with pytest.raises(InvalidRequest, match="crop"):
        finder.track(poster_png, SourceOptions(crop=(0, 600, 0, -1)))


def test_pads_grow_or_shrink_the_box_that_was_found(finder, poster_png):
    for top, bottom, left, right in ((0, 0, 0, 0), (5, 20, 3, 4), (-30, -10, -20, -15)):
        track = finder.track(poster_png, SourceOptions(pads=(top, bottom, left, right)))

        assert track.crop.box == POSTER_FACE.padded(top, bottom, left, right)
        assert track.face.box == POSTER_FACE


def test_pads_that_leave_nothing_of_the_box_are_refused(finder, poster_png):
    with pytest.raises(InvalidRequest, match=r"105 by 0 pixels.*pads.*at least 4 by 4"):
        finder.track(poster_png, SourceOptions(pads=(-70, -70, 0, 0)))
    with pytest.raises(InvalidRequest):  # above the picture
        finder.track(poster_png, SourceOptions(pads=(200, -180, 0, 0)))


def test_a_given_box_is_taken_as_it_is_with_the_landmarks_of_the_face_in_it(finder, poster_png):
    found = finder.track(poster_png).face

    track = finder.track(poster_png, SourceOptions(box=(65, 195, 170, 280), pads=(0, 50, 0, 0)))

    assert track.crop.box == track.face.box == FaceBox(left=170, top=65, right=280, bottom=195)
    assert np.hypot(*(track.face.landmarks - found.landmarks)[:, :2].T).mean() < 1
    assert np.array_equal(track.crop.landmarks, track.face.landmarks)


def test_a_given_box_needs_no_face_and_has_no_landmarks_then(finder, poster_png):
    track = finder.track(poster_png, SourceOptions(box=(150, 260, 370, 470)))

    assert track.crop.box == FaceBox(left=370, top=150, right=470, bottom=260)
    assert track.face.landmarks is None
    assert track.crop.landmarks is None


def test_a_given_box_is_shrunk_with_its_photo_and_cut_to_it(poster_png):
    track = FaceFinder(max_side_px=256).track(poster_png, SourceOptions(box=(60, 700, 170, 280)))

    assert track.crop.box == FaceBox(left=85, top=30, right=140, bottom=256)


@pytest.mark.parametrize("box", [(600, 700, 0, 100), (180, 60, 173, 278), (10, 12, 50, 100)])
def test_a_given_box_that_holds_nothing_of_the_photo_is_refused(finder, poster_png, box):
    with pytest.raises(InvalidRequest, match="give pads or a box"):
        finder.track(poster_png, SourceOptions(box=box))


def test_a_photo_speaks_at_the_rate_that_is_asked_for_or_at_the_services(finder, poster_png):
    assert finder.track(poster_png).fps == 25
    assert finder.track(poster_png, SourceOptions(fps=30)).fps == 30
    assert FaceFinder(photo_fps=24).track(poster_png).fps == 24


def test_what_is_for_clips_changes_nothing_of_a_photo(finder, poster_png):
    options = SourceOptions(nosmooth=True, static=True, extend="bounce")

    assert finder.track(poster_png, options).crop.digest == finder.track(poster_png).crop.digest


def test_the_first_frame_of_a_static_clip_is_a_photo_at_the_clips_rate(finder, poster_rgb):
    data = make_clip(None, [poster_rgb] + [np.zeros_like(poster_rgb)] * 9, fps=20, lossless=True)

    track = finder.track(data, SourceOptions(static=True, crop=(0, 400, 0, -1)))

    assert track.fps == 20
    assert finder.track(data, SourceOptions(static=True, fps=30)).fps == 30
    assert np.abs(track.photo.rgb.astype(int) - poster_rgb[:400]).mean() < 4  # of chroma
    assert close(track.face.box, POSTER_FACE, 2)
    assert track.crop.box == track.face.box.padded(0, 10, 0, 0)


@pytest.mark.parametrize(
    ("codec", "container", "kind"),
    [("libx264", "mp4", "mp4"), ("libx264", "mov", "quicktime"), ("libvpx", "webm", "webm")],
)
def test_a_clip_is_inspected_in_its_first_frame_that_has_faces(draw, codec, container, kind):
    frames = [draw()] * 3 + [draw((80, 120, 60), (230, 110, 80))] * 10
    finder = FaceFinder(max_side_px=160)

    seen = finder.inspect(make_clip(None, frames, fps=25, codec=codec, container=container))

    assert {**seen, "faces": len(seen["faces"])} == {
        "content_type": f"video/{kind}",
        "width": 320,
        "height": 240,
        "faces": 2,
    }
    assert close(seen["faces"][0], FaceBox(190, 64, 270, 156), 4)
    assert close(seen["faces"][1], FaceBox(50, 86, 110, 154), 4)


def test_a_clip_that_lies_on_its_side_is_inspected_upright(finder, poster_rgb):
    stored = np.ascontiguousarray(np.rot90(poster_rgb[:400]))

    seen = finder.inspect(make_clip(None, [stored] * 3, rotation=90))

    assert (seen["width"], seen["height"]) == (512, 400)
    assert close(seen["faces"][0], POSTER_FACE, 3)


def test_a_clip_whose_beginning_shows_no_face_is_not_inspected_to_its_end(finder, draw):
    with pytest.raises(NoFace, match="first two seconds"):
        finder.inspect(make_clip(None, [draw()] * 11 + [draw((160, 120, 80))] * 5, fps=5))


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_the_face_at_a_point_of_the_picture_as_it_was_sent_speaks(finder, paste_head, encode, turns):
    poster = np.full((500, 900, 3), 180, np.uint8)
    paste_head(poster, 20, 60, face_width_px=90)
    paste_head(poster, 400, 60, face_width_px=200)
    whole = finder.track(encode(poster), SourceOptions(face_index=1))
    mark = np.zeros((500, 900), bool)
    mark[whole.face.box.top + 10, whole.face.box.left + 10] = True
    y, x = np.argwhere(np.rot90(mark, turns))[0].tolist()

    track = finder.track(encode(np.ascontiguousarray(np.rot90(poster, turns))), SourceOptions(face_point=(x, y)))

    assert np.array_equal(track.photo.rgb, poster)
    assert close(track.face.box, whole.face.box, 1)
