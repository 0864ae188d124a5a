"""The demo: starts the service, lets a poster say a sentence, saves the MP4 and prints what each stage took."""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from cluster.testbed.service import local_service

TEXT = "Hello! I am a poster, and now I can talk. Point your phone at me, and I will tell you my story."


def options() -> argparse.Namespace:
    """What the caller gave."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--poster", type=Path, help="a picture with a face (default: the sample poster)")
    script = parser.add_mutually_exclusive_group()
    script.add_argument("--text", help="what the poster says")
    script.add_argument("--audio", type=Path, help="a sound file for it to say: WAV, MP3, M4A, OGG or FLAC")
    parser.add_argument("--voice", default="default", help="a voiceId, such as espeak-de where espeak-ng is installed")
    parser.add_argument("--out", type=Path, default=Path("out/talking-poster.mp4"), help="where the MP4 goes")
    parser.add_argument("--relative-to", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    given = parser.parse_args()
    for path in (given.poster, given.audio):
        if path and not (given.relative_to / path).is_file():
            parser.error(f"there is no file {path}")
    return given


def make_video(client: httpx.Client, given: argparse.Namespace) -> dict[str, Any]:
    """POST the order, then ask until it has ended."""
    with contextlib.ExitStack() as stack:
        files = {
            name: stack.enter_context((given.relative_to / path).open("rb"))
            for name, path in (("poster", given.poster), ("audio", given.audio))
            if path
        }
        fields = {} if given.poster else {"poster_id": "astronaut"}
        if not given.audio:
            fields |= {"text": given.text or TEXT, "voice_id": given.voice}
        answer = client.post("/v1/videos", data=fields, files=files, timeout=60)
    video = answer.json()
    while answer.is_success and video["status"] in ("queued", "processing"):
        time.sleep(0.5)
        answer = client.get(f"/v1/videos/{video['id']}")
        video = answer.json()
    if answer.is_error or video["status"] == "failed":
        sys.exit(f"No video: {(video.get('error') or video)['detail']}")
    return video


def main() -> None:
    """Run the demo."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit(1))  # by way of `finally`, which stops the service
    given = options()
    out = given.relative_to / given.out
    out.parent.mkdir(parents=True, exist_ok=True)
    print("Starting the service...", flush=True)
    with tempfile.TemporaryDirectory() as folder, local_service(Path(folder)) as service:
        print(f"Ready after {service.ready_s:.1f} s. Making the video...", flush=True)
        with httpx.Client(base_url=service.url, timeout=30) as client:
            video = make_video(client, given)
            out.write_bytes(client.get(video["video_url"]).raise_for_status().content)
    for stage, seconds in video["timings_s"].items():
        print(f"  {stage:<8} {seconds:7.2f} s")
    print(f"{video['duration_s']:.2f} s of video, {video['width']}x{video['height']}, engine: {video['engine']}")
    print(out)


if __name__ == "__main__":
    main()
