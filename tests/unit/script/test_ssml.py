"""SSML: what is done, and what is refused with its name, its line and what to do."""

import re
from pathlib import Path
from string import printable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.errors import InvalidScript
from deployments.media import Passage
from deployments.script.passages import passages


def told(body: str, **options) -> tuple[Passage, ...]:
    return passages(f"<speak>{body}</speak>", ssml=True, **options)


def texts(body: str) -> list[str]:
    return [passage.text for passage in told(body)]


def test_a_document_as_the_standard_shows_it_is_said():
    document = """<?xml version="1.0" encoding="UTF-16"?>
    <speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis"
           xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
           xsi:schemaLocation="http://www.w3.org/2001/10/synthesis http://www.w3.org/TR/speech-synthesis11/synthesis.xsd"
           xml:lang="en-GB">
      <!-- A comment. -->
      <p><s xml:lang="en">Take your   umbrella</s> <s>It rains &amp; pours.</s></p>
      So we <?ask who?>say.
    </speak>"""
    assert [passage.text for passage in passages(document, ssml=True)] == [
        "Take your umbrella",
        "It rains & pours.",
        "So we say.",
    ]


def test_the_document_in_the_docs_is_said():
    page = (Path(__file__).parents[3] / "docs" / "speech.md").read_text()
    (document,) = re.findall(r"```xml\n(.*?)```", page, re.DOTALL)
    assert passages(document, ssml=True) == (
        Passage("Dr. Smith is from Washington, the capital", "Dr. Smith is from D.C.", pause_s=0.5),
        Passage("Call five five five, zero one nine nine,", "Call 555-0199,"),
        Passage("and do not hang up.", "and do not hang up.", 0.64, -2.0),
    )


@pytest.mark.parametrize(
    ("element", "pause_s"),
    [
        ("<break/>", 0.75),
        ("<break> </break>", 0.75),
        ("<break time='500ms'/>", 0.5),
        ("<break time='+1.5s' strength='weak'/>", 1.5),
        ("<break time='.25s'/>", 0.25),
        ("<break strength='x-strong'/>", 1.25),
        ("<break/><break time='1s'/> <break time='10s'/>", 11.75),
    ],
)
def test_a_break_is_the_pause_of_the_passage_before_it(element, pause_s):
    first, second = told(f"Hello {element} world.")
    assert (first.text, first.pause_s) == ("Hello", pause_s)
    assert (second.text, second.pause_s) == ("world.", 0.0)


def test_a_break_of_no_length_parts_nothing_but_words():
    assert [passage.pause_s for passage in told("Hello <break strength='none'/> world.")] == [0.0, 0.0]


def test_a_break_at_the_very_start_is_a_passage_of_silence():
    assert told("<break time='2s'/><p>Hello.</p>") == (Passage("", "", pause_s=2.0), Passage("Hello.", "Hello."))


def test_a_break_at_the_end_follows_the_last_passage():
    assert told("Hello.<break time='2s'/>") == (Passage("Hello.", "Hello.", pause_s=2.0),)


def test_a_full_stop_after_a_break_belongs_to_the_sentence_before():
    assert told("Hello<break time='1s'/>. Bye.") == (Passage("Hello.", "Hello.", pause_s=1.0), Passage("Bye.", "Bye."))


def test_sub_says_its_alias_and_writes_its_text():
    (passage,) = told("The <sub alias='World Wide Web Consortium'>W3C</sub> met <sub alias='Mister. X'>Mr. X</sub>.")
    assert passage.text == "The World Wide Web Consortium met Mister. X."
    assert passage.written == "The W3C met Mr. X."


@pytest.mark.parametrize(
    ("attributes", "text", "words"),
    [
        ("characters", "aB1", "A, B, one"),
        ("spell-out", "GPU", "G, P, U"),
        ("digits", "2026", "two zero two six"),
        ("cardinal", "1,250", "one thousand, two hundred and fifty"),
        ("cardinal", "-7", "minus seven"),
        ("ordinal", "23", "twenty-third"),
        ("ordinal", "3rd", "third"),
        ("telephone", "+1 (555) 123-4567", "plus one, five five five, one two three, four five six seven"),
        ("time", "10:30 pm", "10:30 pm"),
        ("date", "2026-11-23", "November 23, 2026"),
        ("date' format='mdy", "11/23/2026", "November 23, 2026"),
        ("date' format='dmy", "23.11.2026", "November 23, 2026"),
        ("date' format='md", "11-23", "November 23"),
        ("date' format='my", "11 2026", "November 2026"),
        ("date' format='y", "1999", "1999"),
    ],
)
def test_say_as_says_what_it_is_told(attributes, text, words):
    (passage,) = told(f"<say-as interpret-as='{attributes}'>{text}</say-as>")
    assert (passage.text, passage.written) == (words, text)


@pytest.mark.parametrize(
    ("language", "kind", "text", "words"),
    [
        ("de-DE", "date", "2026-11-23", "23. November 2026"),
        ("ja-JP", "date", "2026-11-23", "2026年11月23日"),
        ("fr-FR", "ordinal", "23", "vingt-troisième"),
        ("es-MX", "cardinal", "23", "veintitrés"),
        ("sw-KE", "cardinal", "1 250", "1250"),
        ("de-DE", "telephone", "+49 30", "+ vier neun, drei null"),
    ],
)
def test_say_as_speaks_the_voices_language(language, kind, text, words):
    (passage,) = told(f"<say-as interpret-as='{kind}'>{text}</say-as>", language=language)
    assert passage.text == words


@pytest.mark.parametrize(
    ("attributes", "speed", "pitch"),
    [
        ("rate='150%'", 1.5, 0.0),
        ("rate='+50%'", 1.5, 0.0),
        ("rate='-20%'", 0.8, 0.0),
        ("rate='x-slow'", 0.5, 0.0),
        ("rate='x-fast' pitch='+2.5st'", 2.0, 2.5),
        ("pitch='-3st'", 1.0, -3.0),
        ("pitch='+100%'", 1.0, 12.0),
    ],
)
def test_prosody_changes_rate_and_pitch(attributes, speed, pitch):
    before, inside, after = told(f"I say <prosody {attributes}>this</prosody> so.")
    assert inside == Passage("this", "this", speed, pitch)
    assert (before.speed, before.pitch, after.speed, after.pitch) == (1.0, 0.0, 1.0, 0.0)


def test_rates_multiply_and_pitches_add_up():
    inner = "<prosody rate='80%' pitch='+1st'>this</prosody>"
    assert told(f"<prosody rate='150%' pitch='+2st'>{inner}</prosody>", speed=1.2, pitch=-1.0) == (
        Passage("this", "this", pytest.approx(1.44), 2.0),
    )


def test_prosody_that_changes_nothing_parts_no_sentence():
    assert texts("I say <prosody rate='medium'>this</prosody> so.") == ["I say this so."]


REFUSED = [
    ("<emphasis>x</emphasis>", "<emphasis> is not supported; break, p, prosody, s, say-as, speak, sub are"),
    ("<x:y xmlns:x='urn:z'/>", "urn:z y"),
    ("<break time='11s'/>", "at most 10s"),
    ("<break time='1m'/>", "500ms or 2s"),
    ("<break strength='big'/>", "x-strong"),
    ("<break size='1'/>", "has strength, time"),
    ("<break>x</break>", "<break/>"),
    ("<break time='9s'/>" * 7, "more than 60 s"),
    ("<prosody volume='loud'>x</prosody>", "'volume' of <prosody> is not supported; it has pitch, rate"),
    ("<prosody rate='300%'>x</prosody>", "comes to 300%"),
    ("<prosody rate='fast'><prosody rate='fast'>x</prosody></prosody>", "comes to 240%"),
    ("<prosody rate='-100%'>x</prosody>", "percentage above 0"),
    ("<prosody rate='quick'>x</prosody>", "x-slow, slow, medium"),
    ("<prosody pitch='+200Hz'>x</prosody>", "semitones such as +2st"),
    ("<prosody pitch='+13st'>x</prosody>", "-12 to +12"),
    ("<sub>x</sub>", "needs the attribute 'alias'"),
    ("<sub alias='x'/>", "no text in <sub>"),
    ("<sub alias='x'><p>y</p></sub>", "take <p> out"),
    ("<say-as>x</say-as>", "needs the attribute 'interpret-as'"),
    ("<say-as interpret-as='currency'>5</say-as>", "'currency' is not supported: choose date, characters"),
    ("<say-as interpret-as='cardinal' format='x'>5</say-as>", "takes no format"),
    ("<say-as interpret-as='cardinal'>five</say-as>", "no whole number"),
    ("<say-as interpret-as='ordinal'>2.5</say-as>", "no whole number"),
    ("<say-as interpret-as='time'>25:00</say-as>", "no time such as"),
    ("<say-as interpret-as='telephone'>call me</say-as>", "no telephone number"),
    ("<say-as interpret-as='date'>11/23/2026</say-as>", "a format: one of ymd, mdy"),
    ("<say-as interpret-as='date' format='mdy'>23/11/2026</say-as>", "no such day in the order 'mdy'"),
    ("<say-as interpret-as='date' format='mdy'>11/23/26</say-as>", "a year of four"),
    ("<s xml:lang='de'>x</s>", "speaks en-US, not de"),
    ("<speak>x</speak>", "there is one"),
    ("<p>" * 20 + "x" + "</p>" * 20, "more than 20 elements"),
    ("&nbsp;", "undefined entity"),
    ("<p>x", "mismatched tag"),
    ("\0", "invalid token"),
]


@pytest.mark.parametrize(("body", "why"), REFUSED)
def test_what_is_not_done_is_refused_with_its_line(body, why):
    with pytest.raises(InvalidScript) as caught:
        passages(f"<speak>one line\n{body}</speak>", ssml=True)
    assert why in caught.value.detail
    assert caught.value.data["line"] == (1 if "60 s" in why else 2)
    assert str(caught.value).startswith("SSML, line ")


def test_a_refusal_tells_programs_what_is_supported():
    with pytest.raises(InvalidScript) as caught:
        told("<emphasis>x</emphasis>")
    assert caught.value.code == "invalid_ssml"
    assert caught.value.data["element"] == "emphasis"
    assert "say-as" in caught.value.data["supported"]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("", "no element found"),
        ("Hello.", "syntax error"),
        ("<p>x</p>", "not a <p>"),
        ('<!DOCTYPE speak [<!ENTITY a "aaaa">]><speak>&a;</speak>', "<!DOCTYPE"),
        ('<!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak>x</speak>', "<!DOCTYPE"),
        ("<speak>\ud800</speak>", "invalid token"),
        (f"<speak>{'x' * 100_000}</speak>", "the limit is 100000"),
    ],
)
def test_what_is_no_document_of_ssml_is_refused(document, why):
    with pytest.raises(InvalidScript, match=why):
        passages(document, ssml=True)


def test_a_language_that_no_date_is_known_in_is_said_so():
    with pytest.raises(InvalidScript, match="write it in words"):
        told("<say-as interpret-as='date'>2026-11-23</say-as>", language="xx")
    with pytest.raises(InvalidScript, match="write it in words"):
        told("<say-as interpret-as='ordinal'>3</say-as>", language="sw")


def element(name: str, attributes: dict[str, str], parts: list[str]) -> str:
    told = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f"<{name} {told}>{''.join(parts)}</{name}>"


NAMES = ["speak", "p", "s", "break", "sub", "say-as", "prosody", "emphasis"]
KINDS = ["characters", "digits", "cardinal", "ordinal", "date", "time", "telephone", "x"]
VALUES = st.sampled_from(["", "2s", "500ms", "99s", "120%", "+2st", "fast", "ymd", "mdy", *KINDS]) | st.text(
    printable, max_size=8
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["time", "strength", "rate", "pitch", "alias", "interpret-as", "format"]), VALUES, max_size=2
)
BODIES = st.recursive(
    st.text(st.sampled_from("0123456789 -/:.,+ab&<>"), max_size=12) | st.sampled_from(["2026-11-23", "10:30", "Hi. "]),
    lambda inner: st.builds(element, st.sampled_from(NAMES), ATTRIBUTES, st.lists(inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(BODIES | st.text(max_size=60), st.sampled_from(["en-US", "de", "ja-JP", "ar", "pl", "xx"]))
def test_any_document_is_read_or_refused(body, language):
    try:
        result = passages(f"<speak>{body}</speak>", ssml=True, language=language)
    except InvalidScript:
        return
    assert all(passage.text for passage in result[1:])
    assert sum(passage.pause_s for passage in result) <= 60.0


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.sampled_from(KINDS[:-1]),
    st.integers(-(10**12), 10**12).map(str) | st.dates().map(str) | st.text("0123456789-+/:. ", max_size=17),
    st.sampled_from(["en", "de", "fr", "es", "it", "pt", "pl", "ru", "uk", "cs", "ja", "ko", "ar", "he", "th", "tr"])
    | st.sampled_from(["vi", "nl", "da", "sv", "no", "fi", "hu", "ro", "sr", "lt", "lv", "id", "fa", "kn", "te", "am"]),
)
def test_any_number_is_said_in_any_language_or_refused(kind, text, language):
    try:
        result = told(f"<say-as interpret-as='{kind}'>{text}</say-as>", language=language)
    except InvalidScript:
        return
    assert "".join("".join(passage.written.split()) for passage in result) == "".join(text.split())


def test_what_is_said_never_stands_in_the_error():
    for kind in ("telephone", "time", "cardinal", "ordinal", "date"):
        with pytest.raises(InvalidScript) as caught:
            passages(f"<speak><say-as interpret-as='{kind}'>my secret</say-as></speak>", ssml=True)
        assert "secret" not in caught.value.detail


def test_a_date_beyond_all_days_is_refused():
    with pytest.raises(InvalidScript):
        passages("<speak><say-as interpret-as='date' format='md'>99999999999/1</say-as></speak>", ssml=True)


@pytest.mark.parametrize(("voice", "document"), [("nb", "no"), ("nn-NO", "nb"), ("und", "de"), ("de-AT", "de-DE")])
def test_a_document_may_name_the_voices_language_in_other_ways(voice, document):
    (passage,) = passages(f"<speak xml:lang='{document}'>Hei.</speak>", ssml=True, language=voice)
    assert passage.text == "Hei."
