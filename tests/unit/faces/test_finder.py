from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from deployments.errors import ImageTooLarge, NoFace, UnreadableImage
from deployments.faces.finder import FaceFinder
from deployments.media import FaceBox, Photo

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


@pytest.mark.parametrize(("left", "top"), [(1400, 300), (640, 650), (0, 1960), (1960, 1000)])
def test_a_small_face_on_a_large_poster_is_found(finder, paste_head, left, top):
    poster = np.full((2048, 2048, 3), (205, 190, 150), np.uint8)
    paste_head(poster, left, top, face_width_px=50)

    (face,) = finder.find(Photo(poster))

    scale = 50 / 105
    at = FaceBox(round(left + 33 * scale), round(top + 45 * scale), round(left + 138 * scale), round(top + 165 * scale))
    assert close(face.box, at, 5)


def test_of_several_faces_the_largest_comes_first_and_speaks_unless_another_is_chosen(finder, paste_head, encode):
    poster = np.full((700, 1200, 3), 180, np.uint8)
    paste_head(poster, 60, 100, face_width_px=130)
    paste_head(poster, 500, 100, face_width_px=240)
    paste_head(poster, 1050, 400, face_width_px=60)
    data = encode(poster)

    boxes = [finder.track(data, face_index=index).face.box for index in (0, 1, 2)]

    assert finder.inspect(data) == {"content_type": "image/png", "width": 1200, "height": 700, "faces": boxes}
    assert [boxes[0].left > 500, boxes[1].right < 400, boxes[2].left > 1000] == [True] * 3
    assert finder.track(data).face.box == boxes[0]
    for index in (3, -1):
        with pytest.raises(NoFace, match=r"has 3 face\(s\).*ask for 0 to 2") as caught:
            finder.track(data, face_index=index)
        assert caught.value.data == {"faces": 3, "face_index": index}


def test_a_small_face_beside_a_large_one_is_counted_when_every_face_is_wanted(finder, paste_head):
    poster = np.full((1600, 1600, 3), 180, np.uint8)
    paste_head(poster, 100, 100, face_width_px=500)
    paste_head(poster, 1300, 1300, face_width_px=45)

    assert [face.box.width // 100 for face in finder.find(Photo(poster), every=True)] == [5, 0]


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


def test_the_limits_reach_the_decoder(poster_png):
    with pytest.raises(ImageTooLarge, match="bytes"):
        FaceFinder(max_bytes=1000).track(poster_png)
    with pytest.raises(ImageTooLarge, match="pixels"):
        FaceFinder(max_pixels=1000).inspect(poster_png)
    with pytest.raises(UnreadableImage):
        FaceFinder().track(b"")


def test_four_threads_at_once_get_what_one_gets_alone(finder, poster_rgb, encode):
    pictures = [encode(np.ascontiguousarray(rgb)) for rgb in (poster_rgb, poster_rgb[:, ::-1], poster_rgb[:300, 60:])]
    alone = [finder.track(data).crop.digest for data in pictures]
    assert len(set(alone)) == 3

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda data: finder.track(data).crop.digest, pictures * 8))

    assert together == alone * 8
