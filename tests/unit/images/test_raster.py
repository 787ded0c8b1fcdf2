"""PNG, JPEG, TIFF and BMP files are shown as they say."""

import struct
import zlib
from itertools import product

import numpy as np
import pytest
from PIL import Image

from core.errors import RejectedImage, UnreadableImage
from core.reasons import ReasonCode
from images.decoding import decode
from tests.fuzz.bombs import tiff, tiff_image
from tests.fuzz.files import encoded, png_of, with_text

GREY = (np.arange(80)[:, None] * 2 + np.arange(96)[None] % 90).astype(np.uint8)
"""No side like another, (80, 96); 0 to 247."""
STRETCHED = (GREY - GREY.min()) * (255.0 / (int(GREY.max()) - int(GREY.min())))
IMAGE = Image.fromarray(GREY)
TURNED = {
    1: GREY,
    2: GREY[:, ::-1],
    3: GREY[::-1, ::-1],
    4: GREY[::-1],
    5: GREY.T,
    6: GREY.T[::-1],
    7: GREY.T[::-1, ::-1],
    8: GREY.T[:, ::-1],
}
"""How a file with each orientation has to store the image (TIFF 6.0, section 8)."""

TiffEntry = tuple[int, int, int, int | bytes]


def tiff_of(stored: np.ndarray, *tags: TiffEntry, bits: int, photometric: int) -> bytes:
    """Of pixels that are packed already, in one strip; tags replace what they name."""
    body = stored.tobytes()
    height, width = GREY.shape
    entries = {entry[0]: entry for entry in tiff_image(width, height, bits=bits)}
    entries |= {262: (262, 3, 1, photometric), 273: (273, 4, 1, 8), 279: (279, 4, 1, len(body))}
    entries |= {278: (278, 4, 1, height)} | {tag[0]: tag for tag in tags}
    return tiff(entries.values(), body)


def code_of(data: bytes) -> ReasonCode:
    with pytest.raises(RejectedImage) as refused:
        decode(data)
    return refused.value.reason.code


@pytest.mark.parametrize(("orientation", "kind"), product(TURNED, ["JPEG", "PNG", "TIFF"]))
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} if kind == "JPEG" else {}
    decoded = decode(encoded(stored, kind, exif=exif, **options))
    assert decoded.shape == GREY.shape
    assert np.abs(decoded.astype(int) - GREY).max() <= (2 if kind == "JPEG" else 0)


@pytest.mark.parametrize(("kind", "dtype"), [("PNG", "u2"), ("TIFF", "u2"), ("TIFF", "i4"), ("TIFF", "f4")])
def test_deep_pixels_are_turned_too(kind: str, dtype: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = np.ascontiguousarray(TURNED[6]).astype(dtype) * 16
    np.testing.assert_allclose(decode(encoded(Image.fromarray(deep), kind, exif=exif)), STRETCHED, atol=0.01)


@pytest.mark.parametrize("value", [0, 9, 6000])
def test_an_orientation_that_there_is_not_turns_nothing(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    np.testing.assert_array_equal(decode(encoded(IMAGE, "PNG", exif=exif)), GREY)


@pytest.mark.parametrize("exif", [b"", b"MM", b"MM\0*\0\0\0\x08" + b"\xff" * 40, b"no exif at all"])
def test_exif_that_cannot_be_read_turns_nothing(exif: bytes) -> None:
    np.testing.assert_array_equal(decode(with_text(encoded(IMAGE, "PNG"), (b"eXIf", exif))), GREY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_oblong_pixels_become_square(kind: str) -> None:
    decoded = decode(encoded(IMAGE, kind, dpi=(200, 100)))
    assert decoded.shape == (160, 96)
    assert decode(encoded(IMAGE, kind, dpi=(100, 200))).shape == (80, 192)
    for density in ((72, 72), (100, 100.4), (72, 1)):
        assert decode(encoded(IMAGE, kind, dpi=density)).shape == GREY.shape


def test_a_png_that_gives_but_the_ratio_of_its_pixels_is_followed() -> None:
    aspect = (b"pHYs", struct.pack(">IIB", 2, 1, 0))
    assert decode(with_text(encoded(IMAGE, "PNG"), aspect)).shape == (160, 96)


def test_a_tiff_on_its_side_is_stretched_along_the_side_that_was_stored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(Image.fromarray(TURNED[6]), "TIFF", exif=exif, dpi=(200, 100))).shape == (80, 192)


WHITE_IS_ZERO = {
    "1 bit": (np.packbits(GREY < 128, axis=1), 1, ()),
    "4 bits": ((15 - (GREY >> 4))[:, ::2] << 4 | (15 - (GREY >> 4))[:, 1::2], 4, ()),
    "8 bits": (255 - GREY, 8, ()),
    "16 bits": (65535 - GREY.astype("<u2") * 16, 16, ()),
    "32 bits": (2**31 - GREY.astype("<u4") * 16, 32, ()),
    "16 bits, signed": (900 - GREY.astype("<i2") * 16, 16, ((339, 3, 1, 2),)),
    "32 bits, signed": (-GREY.astype("<i4"), 32, ((339, 3, 1, 2),)),
    "float": (1.0 - GREY.astype("<f4") / 255, 32, ((339, 3, 1, 3),)),
}


@pytest.mark.parametrize("name", WHITE_IS_ZERO)
def test_white_is_zero_is_turned_in_every_depth(name: str) -> None:
    stored, bits, tags = WHITE_IS_ZERO[name]
    decoded = decode(tiff_of(stored, *tags, bits=bits, photometric=0))
    wanted = {1: (GREY >= 128) * 255, 4: (GREY >> 4) * 17, 8: GREY}.get(bits, STRETCHED)
    np.testing.assert_allclose(decoded, wanted, atol=0.02)


def test_signed_bytes_have_a_sign() -> None:
    stored = (GREY.astype(int) - 128).astype(np.int8)
    data = tiff_of(stored, (339, 3, 1, 2), bits=8, photometric=1)
    np.testing.assert_allclose(decode(data), STRETCHED, atol=0.01)


def test_twelve_bits_are_read() -> None:
    deep = GREY.astype(np.uint16) * 16
    first, second = deep[:, ::2], deep[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1).astype(np.uint8)
    np.testing.assert_allclose(decode(tiff_of(packed, bits=12, photometric=1)), STRETCHED, atol=0.01)
    packed = 255 - packed
    np.testing.assert_allclose(decode(tiff_of(packed, bits=12, photometric=0)), STRETCHED, atol=0.01)


def test_depths_that_are_not_read_are_named_so() -> None:
    assert code_of(tiff_of(np.zeros(GREY.shape, "<f8"), bits=64, photometric=1)) == ReasonCode.UNSUPPORTED
    assert code_of(tiff_of(np.zeros(GREY.shape, "u1"), bits=10, photometric=1)) == ReasonCode.UNSUPPORTED


def extra(bits: int, kind: int | None) -> list[TiffEntry]:
    """Tags of grey with a second sample."""
    packed = struct.pack("<HH", bits, bits)
    tags: list[TiffEntry] = [(258, 3, 2, int.from_bytes(packed, "little")), (277, 3, 1, 2)]
    return tags if kind is None else [*tags, (338, 3, 1, kind)]


def test_an_extra_sample_is_alpha_only_where_it_says_so() -> None:
    second = np.full_like(GREY, 255)
    second[:40] = 51
    both = np.dstack([GREY, second])
    np.testing.assert_array_equal(decode(tiff_of(both, *extra(8, 0), bits=8, photometric=1)), GREY)
    shown = decode(tiff_of(both, *extra(8, 2), bits=8, photometric=1))
    assert np.abs(shown[:40] - GREY[:40] * 0.2).max() <= 1
    np.testing.assert_array_equal(shown[40:], GREY[40:])
    both[:40, :, 0] = np.minimum(both[:40, :, 0], 51)
    multiplied = decode(tiff_of(both, *extra(8, 1), bits=8, photometric=1))
    assert np.abs(multiplied.astype(int) - both[:, :, 0]).max() <= 1


def test_lab_is_shown_by_its_lightness() -> None:
    lab = np.dstack([np.rint(GREY * (255 / 255)), np.zeros_like(GREY), np.zeros_like(GREY)]).astype(np.uint8)
    tags = ((258, 3, 3, struct.pack("<3H", 8, 8, 8)), (277, 3, 1, 3))
    decoded = decode(tiff_of(lab, *tags, bits=8, photometric=8))
    assert np.abs(decoded.astype(int) - GREY).max() < 14
    assert (np.diff(decoded[:, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_ink_and_video_colours_are_grey_again(mode: str) -> None:
    assert np.abs(decode(encoded(IMAGE.convert(mode), "TIFF")).astype(int) - GREY).max() <= 2


def two_pages(first: list[TiffEntry]) -> bytes:
    """A small page with these tags before the image."""
    small = [*tiff_image(70, 70), (273, 4, 1, 8), (278, 4, 1, 70), (279, 4, 1, 4900), *first]
    body = bytes(4900)
    page = tiff(small, body, following=1)
    second = len(page) + GREY.size
    entries = [*tiff_image(96, 80), (273, 4, 1, len(page)), (278, 4, 1, 80), (279, 4, 1, GREY.size)]
    listed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return (
        tiff(small, body, following=second)
        + GREY.tobytes()
        + struct.pack("<H", len(entries))
        + listed
        + bytes(4)
    )


@pytest.mark.parametrize("tag", [(254, 4, 1, 1), (254, 4, 1, 4), (254, 4, 1, 5), (255, 3, 1, 2)])
def test_a_thumbnail_or_mask_before_the_image_is_passed_over(tag: TiffEntry) -> None:
    np.testing.assert_array_equal(decode(two_pages([tag])), GREY)


@pytest.mark.parametrize("tag", [(254, 4, 1, 0), (254, 4, 1, 2), (255, 3, 1, 1)])
def test_of_several_pages_the_first_that_is_an_image_is_read(tag: TiffEntry) -> None:
    assert decode(two_pages([tag])).shape == (70, 70)


def test_of_thumbnails_alone_the_first_is_read() -> None:
    np.testing.assert_array_equal(decode(encoded(IMAGE, "TIFF", tiffinfo={254: 1})), GREY)


def test_pixels_without_data_are_black() -> None:
    deep = GREY.astype("<i2")
    deep[:9] = -9999
    nodata = (42113, 2, 6, b"-9999\0")
    decoded = decode(tiff_of(deep, (339, 3, 1, 2), nodata, bits=16, photometric=1))
    assert (decoded[:9] == 0).all()
    assert decoded[9:].max() > 254
    assert np.ptp(decoded[40]) > 20


def transparent(depth: int, level: int) -> bytes:
    """A grey PNG of this depth with a level that is transparent."""
    if depth == 16:
        rows = (GREY * np.uint16(16)).astype(">u2")
    else:
        bits = np.unpackbits((GREY >> (8 - depth))[..., None], axis=2)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(80, -1), axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = (b"IHDR", struct.pack(">IIBBBBB", 96, 80, depth, 0, 0, 0, 0))
    return png_of(
        [header, (b"tRNS", struct.pack(">H", level)), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    )


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_transparent_level_of_a_png_is_black_in_every_depth(depth: int) -> None:
    most = 2**depth - 1
    decoded = decode(transparent(depth, most))
    shown = (GREY >> (8 - depth)) * (255 // most)
    shown[shown == 255] = 0
    np.testing.assert_array_equal(decoded, shown)


def test_the_transparent_level_of_a_deep_png_is_black() -> None:
    decoded = decode(transparent(16, int(GREY[70, 5]) * 16))
    assert decoded[70, 5] == 0
    assert decoded.max() > 254


def test_the_transparent_colour_of_a_png_is_black() -> None:
    data = encoded(IMAGE.convert("RGB"), "PNG", transparency=(9, 9, 9))
    shown = GREY.copy()
    shown[shown == 9] = 0
    np.testing.assert_array_equal(decode(data), shown)


def test_what_a_png_says_about_gamma_background_and_significant_bits_changes_nothing() -> None:
    said = ((b"gAMA", struct.pack(">I", 100_000)), (b"bKGD", b"\0\xff"), (b"sBIT", b"\x04"))
    np.testing.assert_array_equal(decode(with_text(encoded(IMAGE, "PNG"), *said)), GREY)


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "TIFF"), ("LA", "TIFF")])
def test_what_is_transparent_everywhere_is_opaque(mode: str, kind: str) -> None:
    image = IMAGE.convert(mode)
    image.putalpha(Image.new("L", image.size, 0))
    np.testing.assert_array_equal(decode(encoded(image, kind)), GREY)


def bmp(pixels: bytes, bits: int, compression: int, masks: tuple[int, ...] = (), version: int = 40) -> bytes:
    """Rows from the bottom; with a header of that many bytes, and masks behind or in it."""
    head = struct.pack("<IiiHHIIiiII", version, 96, 80, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    head += struct.pack(f"<{len(masks)}I", *masks)
    head = head.ljust(version, b"\0")
    start = 14 + len(head)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + pixels


def four_bytes(alpha: int | np.ndarray) -> bytes:
    return np.dstack([GREY, GREY, GREY, np.broadcast_to(np.uint8(alpha), GREY.shape)])[::-1].tobytes()


BGR, BGRA = (0xFF0000, 0xFF00, 0xFF), (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize("version", [56, 108, 124])
def test_a_bmp_whose_alpha_is_zero_everywhere_is_opaque(version: int) -> None:
    np.testing.assert_array_equal(decode(bmp(four_bytes(0), 32, 3, BGRA, version)), GREY)


@pytest.mark.parametrize("version", [56, 108, 124])
def test_the_alpha_of_a_bmp_is_followed(version: int) -> None:
    alpha = np.where(np.arange(96) < 48, 0, 255)
    shown = decode(bmp(four_bytes(alpha), 32, 3, BGRA, version))
    assert (shown[:, :48] == 0).all()
    np.testing.assert_array_equal(shown[:, 48:], GREY[:, 48:])


@pytest.mark.parametrize("alpha", [0, 99])
@pytest.mark.parametrize("compression", [0, 3])
def test_a_fourth_byte_that_no_mask_names_is_no_alpha(alpha: int, compression: int) -> None:
    masks = BGR if compression else ()
    np.testing.assert_array_equal(decode(bmp(four_bytes(alpha), 32, compression, masks)), GREY)


def test_a_bmp_from_the_top_is_not_upside_down() -> None:
    data = bytearray(bmp(np.dstack([GREY] * 3).tobytes(), 24, 0))
    data[22:26] = struct.pack("<i", -80)
    np.testing.assert_array_equal(decode(bytes(data)), GREY)


@pytest.mark.parametrize("masks", [(), (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)])
def test_the_masks_of_16_bits_are_followed(masks: tuple[int, ...]) -> None:
    level = (GREY >> 3).astype("<u2")
    green, red = (6, 11) if masks[:1] == (0xF800,) else (5, 10)
    words = (level << red | level << green | level)[::-1]
    decoded = decode(bmp(words.tobytes(), 16, 3 if masks else 0, masks))
    assert np.abs(decoded.astype(int) - level * (255 / 31)).max() < 3


@pytest.mark.parametrize("compression", [4, 5])
def test_a_bmp_that_only_wraps_a_jpeg_or_png_is_named_so(compression: int) -> None:
    inner = encoded(IMAGE, "JPEG" if compression == 4 else "PNG")
    assert code_of(bmp(inner, 0, compression)) == ReasonCode.UNSUPPORTED


def test_masks_that_are_not_read_are_named_so() -> None:
    masks = (0x3FF << 20, 0x3FF << 10, 0x3FF)
    assert code_of(bmp(four_bytes(0), 32, 3, masks)) == ReasonCode.UNSUPPORTED


def test_16_bit_colour_of_which_the_lower_bits_are_used_is_refused() -> None:
    words = np.dstack([GREY.astype("<u2") * 16] * 3)
    tags = ((258, 3, 3, struct.pack("<3H", 16, 16, 16)), (277, 3, 1, 3))
    with pytest.raises(UnreadableImage, match=r"uses the lower ones only\. Export the slice in grey"):
        decode(tiff_of(words, *tags, bits=16, photometric=2))
    np.testing.assert_array_equal(decode(tiff_of(words * 16, *tags, bits=16, photometric=2)), GREY)
