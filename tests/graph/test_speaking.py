"""What is spoken: passage by passage, with captions."""

import re
import uuid
from pathlib import Path

from client import finished, order

SOUND = Path(__file__).parents[1] / "assets" / "speech_16k.wav"
SENTENCES = ["Good morning, dear visitor.", "This ship is 400 years old!", "Would you like to know more?"]

CUE_TIMES = re.compile(r"^(\d\d):(\d\d):(\d\d)[.,](\d{3}) --> (\d\d):(\d\d):(\d\d)[.,](\d{3})$", re.MULTILINE)


def seconds(hours, minutes, whole, thousandths):
    return 3600 * int(hours) + 60 * int(minutes) + int(whole) + int(thousandths) / 1000


def cues(text):
    return [(seconds(*times[:4]), seconds(*times[4:])) for times in CUE_TIMES.findall(text)]


def test_sentences_follow_each_other_in_the_video_and_in_its_captions(http):
    video = finished(http, order(http, poster_id="astronaut", text=" ".join(SENTENCES)))
    assert (video["status"], video["frames"]) == ("completed", round(video["duration_s"] * video["fps"]))
    alone = [finished(http, order(http, poster_id="astronaut", text=sentence)) for sentence in SENTENCES]
    together_s = sum(one["duration_s"] for one in alone)
    assert together_s - 0.001 <= video["duration_s"] <= together_s + 0.08  # each but the last to the end of its frame
    srt = http.get(f"/v1/videos/{video['id']}/captions.srt")
    assert srt.headers["content-type"] == "application/x-subrip; charset=utf-8"
    assert [line for line in srt.text.splitlines() if line[:1].isalpha()] == SENTENCES
    times = cues(srt.text)
    starts = [0.0, alone[0]["duration_s"], alone[0]["duration_s"] + alone[1]["duration_s"]]
    for (start_s, end_s), begins_s, one in zip(times, starts, alone, strict=True):
        assert begins_s <= start_s < end_s <= begins_s + one["duration_s"] + 0.1
    vtt = http.get(video["captions_url"])
    assert vtt.headers["content-type"] == "text/vtt; charset=utf-8"
    assert vtt.text.startswith("WEBVTT\n")
    assert cues(vtt.text) == times
    assert re.sub(r"<[\d:.]+>", "", vtt.text).split("\n\n")[1].splitlines()[1:] == SENTENCES[:1]


def test_a_text_in_work_has_no_captions_yet_and_a_sound_never_has(http):
    video = order(http, wait_s=0, poster_id="astronaut", text=" ".join(SENTENCES) * 3 + uuid.uuid4().hex).json()
    assert video["captions_url"] is None
    early = http.get(f"/v1/videos/{video['id']}/captions.vtt")
    assert (early.status_code, early.json()["code"]) == (409, "video_not_ready")
    http.delete(f"/v1/videos/{video['id']}")
    heard = finished(http, order(http, poster_id="astronaut", files={"audio": SOUND.read_bytes()}))
    none = http.get(f"/v1/videos/{heard['id']}/captions.vtt")
    assert (none.status_code, none.json()["code"], heard["captions_url"]) == (404, "no_captions", None)


def test_speed_makes_it_short_and_motion_is_part_of_the_order(http):
    made = [
        finished(http, order(http, poster_id="astronaut", text=SENTENCES[0], **options))
        for options in ({}, {"speed": "2"}, {"motion": "still"})
    ]
    assert len({video["id"] for video in made}) == 3
    assert made[1]["duration_s"] < 0.75 * made[0]["duration_s"] == 0.75 * made[2]["duration_s"]
