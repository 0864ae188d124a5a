"""Signed URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.signing import BadSignature, Signer, SigningSecretUnusable, UrlExpired, is_played, is_signed

VIDEO = f"/v1/videos/vid_{'a' * 32}"
OTHER = f"/v1/videos/vid_{'b' * 32}"
NOW_S = 1_800_000_000
SIGNER = Signer(b"s" * 48)
QUERY = SIGNER.sign(f"{VIDEO}/content", NOW_S + 60)


@pytest.mark.parametrize("path", ["content", "captions.vtt", "stream.m3u8", "stream/init.mp4", "stream/0001.m4s"])
def test_one_signature_opens_all_that_is_played_of_a_video(path):
    SIGNER.verify(f"{VIDEO}/{path}", QUERY, NOW_S)


def test_replicas_with_the_same_secret_agree():
    assert Signer(b"s" * 48).sign(f"{VIDEO}/stream.m3u8", NOW_S + 60) == QUERY


def test_a_signature_opens_no_other_video():
    with pytest.raises(BadSignature):
        SIGNER.verify(f"{OTHER}/content", QUERY, NOW_S)


def test_a_signature_of_another_secret_opens_nothing():
    with pytest.raises(BadSignature):
        Signer(b"t" * 48).verify(f"{VIDEO}/content", QUERY, NOW_S)


def test_a_signature_ends_with_its_second():
    SIGNER.verify(f"{VIDEO}/content", QUERY, NOW_S + 59.999)
    with pytest.raises(UrlExpired):
        SIGNER.verify(f"{VIDEO}/content", QUERY, NOW_S + 60)


def test_an_expiry_cannot_be_put_off():
    signature = QUERY.partition("&")[2]
    with pytest.raises(BadSignature):
        SIGNER.verify(f"{VIDEO}/content", f"exp={NOW_S + 3600}&{signature}", NOW_S)


@pytest.mark.parametrize("query", ["", "sig=", "exp=&sig=", f"exp={NOW_S + 60}", "exp=-1&sig=x", f"{QUERY}A"])
def test_what_is_no_signature_opens_nothing(query):
    with pytest.raises(BadSignature):
        SIGNER.verify(f"{VIDEO}/content", query, NOW_S)


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_else_is_sent_opens_nothing(expires_at, signature):
    with pytest.raises(BadSignature):
        SIGNER.verify(f"{VIDEO}/content", f"exp={expires_at}&sig={signature}", NOW_S)


@pytest.mark.parametrize("exp", [f"0{NOW_S + 60}", f"+{NOW_S + 60}", "9" * 5000, "١٨٠٠٠٠٠٠٦٠"])
def test_even_when_signed_an_expiry_is_a_plain_number(exp):
    with pytest.raises(BadSignature):
        SIGNER.verify(f"{VIDEO}/content", f"exp={exp}&sig={SIGNER._signature(f'{VIDEO}/content', exp)}", NOW_S)


@pytest.mark.parametrize(
    "path",
    [
        VIDEO,
        f"{VIDEO}/",
        f"{VIDEO}/cancel",
        f"{VIDEO}/contents",
        f"{VIDEO}/content/x",
        f"{VIDEO}/stream",
        f"{VIDEO}/stream/",
        f"{VIDEO}/stream/../content",
        f"{VIDEO}/stream/..",
        f"{VIDEO}/stream/a/b",
        f"{VIDEO}/content\n",
        f"/api{VIDEO}/content",
        "/v1/videos/vid_1/content",
        "/v1/videos",
    ],
)
def test_no_signature_is_made_for_what_is_not_played(path):
    assert not is_played(path)
    with pytest.raises(ValueError, match="no signature opens it"):
        SIGNER.sign(path, NOW_S + 60)


@pytest.mark.parametrize(("query", "signed"), [(QUERY, True), ("sig=", True), ("exp=1", False), ("t=1&sign=x", False)])
def test_a_signature_is_seen_in_a_query(query, signed):
    assert is_signed(query) is signed


def test_the_secret_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("SIGNING_SECRET", f"{'s' * 48}\n")
    assert Signer.from_environment("SIGNING_SECRET").sign(f"{VIDEO}/content", NOW_S + 60) == QUERY


@pytest.mark.parametrize("secret", [None, "", " " * 40, "short"])
def test_without_a_long_secret_there_is_no_signer_and_the_error_says_how_to_make_one(monkeypatch, secret):
    monkeypatch.delenv("SIGNING_SECRET", raising=False)
    if secret is not None:
        monkeypatch.setenv("SIGNING_SECRET", secret)
    with pytest.raises(SigningSecretUnusable, match=r"SIGNING_SECRET .* `openssl rand -base64 48`"):
        Signer.from_environment("SIGNING_SECRET")
