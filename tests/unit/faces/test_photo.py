import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from deployments.errors import ImageTooLarge, UnreadableImage
from deployments.faces.photo import content_type, decode_photo

# What each EXIF orientation says was done to the upright picture before it was stored.
STORED_AS = {
    1: lambda rgb: rgb,
    2: np.fliplr,
    3: lambda rgb: np.rot90(rgb, 2),
    4: np.flipud,
    5: lambda rgb: np.rot90(np.fliplr(rgb)),
    6: np.rot90,
    7: lambda rgb: np.rot90(np.flipud(rgb)),
    8: lambda rgb: np.rot90(rgb, 3),
}


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_that_claims(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("file_format", "media_type", "mean_difference"),
    [("PNG", "image/png", 0), ("JPEG", "image/jpeg", 5), ("WEBP", "image/webp", 5)],
)
def test_the_three_formats_are_recognised_by_content_and_decoded(
    poster_rgb, encode, file_format, media_type, mean_difference
):
    data = encode(poster_rgb, file_format)

    rgb = decode_photo(data).rgb

    assert rgb.dtype == np.uint8
    assert np.abs(rgb.astype(int) - poster_rgb).mean() <= mean_difference
    assert content_type(data) == media_type


@pytest.mark.parametrize("orientation", STORED_AS)
def test_every_exif_orientation_comes_out_upright(poster_rgb, encode, orientation):
    upright = poster_rgb[:, :400]
    exif = Image.Exif()
    exif[0x0112] = orientation

    photo = decode_photo(encode(np.ascontiguousarray(STORED_AS[orientation](upright)), "PNG", exif=exif))

    assert np.array_equal(photo.rgb, upright)
    assert (photo.width, photo.height) == (400, 512)


def test_transparency_is_laid_on_white(encode):
    layers = np.zeros((2, 2, 4), np.uint8)
    layers[0, 0] = (10, 20, 30, 255)
    layers[0, 1] = (0, 0, 0, 127)

    rgb = decode_photo(encode(layers)).rgb

    assert rgb[0, 0].tolist() == [10, 20, 30]
    assert rgb[0, 1].tolist() == [128, 128, 128]
    assert rgb[1, 1].tolist() == [255, 255, 255]


def test_a_palette_keeps_its_colours_and_its_transparent_entry_turns_white(encode):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 100, 50, 1, 2, 3])
    image.putpixel((1, 0), 1)

    assert decode_photo(encode(image)).rgb[0].tolist() == [[200, 100, 50], [1, 2, 3]]
    assert decode_photo(encode(image, transparency=bytes([255, 0]))).rgb[0].tolist() == [[200, 100, 50], [255] * 3]


def test_gray_pictures_of_1_8_and_16_bits_become_rgb(poster_rgb, encode):
    gray = np.asarray(Image.fromarray(poster_rgb).convert("L"))
    deep = Image.fromarray(gray.astype(np.uint16) * 257)
    assert deep.mode == "I;16"

    assert np.array_equal(decode_photo(encode(gray)).rgb, np.dstack([gray] * 3))
    assert np.array_equal(decode_photo(encode(deep)).rgb, np.dstack([gray] * 3))
    assert np.unique(decode_photo(encode(Image.fromarray(gray).convert("1"))).rgb).tolist() == [0, 255]


def test_a_cmyk_jpeg_of_a_print_shop_is_read(poster_rgb, encode):
    rgb = decode_photo(encode(Image.fromarray(poster_rgb).convert("CMYK"), "JPEG", quality=95)).rgb

    assert np.abs(rgb.astype(int) - poster_rgb).mean() < 3


@pytest.mark.parametrize("file_format", ["WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(encode, file_format):
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")

    data = encode(red, file_format, save_all=True, append_images=[blue], lossless=True)

    assert decode_photo(data).rgb[8, 8].tolist() == [255, 0, 0]


@pytest.mark.parametrize("side", [60_000, 10_000, 7_100])
def test_a_header_that_claims_too_many_pixels_is_refused_before_decoding(side):
    with pytest.raises(ImageTooLarge, match="at most 50000000"):
        decode_photo(png_that_claims(side, side))


def test_the_pixel_limit_itself_is_allowed(encode):
    data = encode(np.zeros((20, 30, 3), np.uint8))

    assert decode_photo(data, max_pixels=600).width == 30
    with pytest.raises(ImageTooLarge) as caught:
        decode_photo(data, max_pixels=599)
    assert caught.value.data == {"width": 30, "height": 20, "max_pixels": 599}


def test_a_file_with_too_many_bytes_is_refused(poster_png):
    with pytest.raises(ImageTooLarge) as caught:
        decode_photo(poster_png, max_bytes=len(poster_png) - 1)

    assert caught.value.data == {"bytes": len(poster_png), "max_bytes": len(poster_png) - 1}


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_a_file_cut_short_is_refused(poster_rgb, encode, file_format):
    data = encode(poster_rgb, file_format)

    with pytest.raises(UnreadableImage, match="send"):
        decode_photo(data[: len(data) // 2])


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a\x01\x00\x01\x00", b"%PDF-1.7\n", b"<!doctype html><title>404</title>", b"\x89PNG", b"\xff\xd8\xff"],
)
def test_what_is_no_picture_is_refused_with_what_to_send(data):
    with pytest.raises(UnreadableImage, match="send a JPEG, PNG or WebP"):
        decode_photo(data)


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "TIFF"])
def test_other_picture_formats_are_refused_though_pillow_reads_them(poster_rgb, encode, file_format):
    with pytest.raises(UnreadableImage, match="send a JPEG, PNG or WebP"):
        decode_photo(encode(poster_rgb, file_format))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged EXIF in a picture that it still reads
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_damaged_bytes_never_raise_anything_but_our_errors(poster_rgb, encode, file_format):
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encode(poster_rgb[::8, ::8], file_format, exif=exif)
    chance = random.Random(20261122)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(chance.choice([80, len(data)]))] = chance.randrange(256)
        try:
            decode_photo(bytes(data))
        except (UnreadableImage, ImageTooLarge):
            refused += 1
    assert refused > 30
