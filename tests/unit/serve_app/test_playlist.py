"""A stored playlist becomes one that players can follow."""

import pytest

from serve_app.playlist import linked

STORED = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MAP:URI="3f2a-init.mp4"
#EXTINF:0.600000,
3f2a-0001.m4s
#EXTINF:2.000000,
3f2a-0002.m4s
#EXT-X-ENDLIST
"""


def test_every_uri_is_a_link_into_the_folder_and_nothing_else_changes():
    assert linked(STORED, "stream") == STORED.replace("3f2a-", "stream/3f2a-")


@pytest.mark.parametrize("query", ["exp=1&sig=ab", r"exp=\1&sig=%5C1"])
def test_a_query_reaches_every_uri(query):
    lines = linked(STORED, "stream", query).splitlines()
    assert lines[2] == f'#EXT-X-MAP:URI="stream/3f2a-init.mp4?{query}"'
    assert [line for line in lines if not line.startswith("#")] == [
        f"stream/3f2a-0001.m4s?{query}",
        f"stream/3f2a-0002.m4s?{query}",
    ]
