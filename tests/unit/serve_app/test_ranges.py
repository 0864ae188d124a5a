"""Byte ranges as RFC 9110 section 14 has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.ranges import ByteRange, RangeUnsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-1", ByteRange(0, 2)),
        ("bytes=90-", ByteRange(90, 100)),
        ("bytes=-10", ByteRange(90, 100)),
        ("bytes=-1000", ByteRange(0, 100)),
        ("bytes=50-1000", ByteRange(50, 100)),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes=9-3", None),
        (f"bytes={'9' * 5000}-", None),
    ],
)
def test_a_range_header_is_read(header, expected):
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_the_content_is_unsatisfiable(header):
    with pytest.raises(RangeUnsatisfiable):
        parse_range(header, 100)


@given(st.text(max_size=30), st.integers(0, 10_000))
def test_any_header_gives_a_range_inside_the_content_or_none(header, size):
    try:
        part = parse_range("bytes=" + header, size)
    except RangeUnsatisfiable:
        return
    assert part is None or 0 <= part.start < part.stop <= size
