"""Log lines as Serve writes them, with the video that they are about; and the search for secrets in them."""

import asyncio
import base64
import contextvars
import json
import logging

import pytest
from log_leaks import leaks
from ray.serve._private.common import ServeComponentType
from ray.serve._private.logging_utils import configure_component_logger
from ray.serve.context import _set_request_context
from ray.serve.schema import LoggingConfig

from deployments.logs import name_videos, trace_id

VIDEO_ID = f"vid_{'a' * 32}"
logger = logging.getLogger("ray.serve")


@pytest.fixture
def lines(tmp_path):
    """What a replica has logged so far, with Serve's own handlers, filters and JSON."""
    before = logger.handlers[:], logger.propagate, logger.level
    configure_component_logger(
        component_name="talking-photo_SpeechStage",
        component_id="x1",
        component_type=ServeComponentType.REPLICA,
        logging_config=LoggingConfig(encoding="JSON", logs_dir=str(tmp_path)),
        max_bytes=1 << 20,
        backup_count=1,
    )
    name_videos()
    yield lambda: [json.loads(line) for log in tmp_path.glob("*.log") for line in log.read_text().splitlines()]
    for handler in logger.handlers:
        for each in (getattr(handler, "target", handler), handler):
            each.close()
    logger.handlers[:], logger.propagate = before[:2]
    logger.setLevel(before[2])


def called_with(request_id, work):
    """Run `work` as Serve runs a call."""
    context = contextvars.Context()
    context.run(_set_request_context, request_id=request_id, app_name="talking-photo")
    return context.run(work)


def test_a_line_written_for_a_video_names_the_request_and_the_video(lines):
    called_with(trace_id("req-1", VIDEO_ID), lambda: logger.info("spoke %d samples", 5))
    (line,) = lines()
    assert (line["request_id"], line["video_id"]) == ("req-1", VIDEO_ID)
    assert (line["message"], line["deployment"]) == ("spoke 5 samples", "talking-photo_SpeechStage")


def test_so_does_a_line_written_in_a_thread(lines):
    async def work():
        await asyncio.to_thread(logger.warning, "tried once more")

    called_with(trace_id("req-1", VIDEO_ID), lambda: asyncio.run(work()))
    assert [(line["request_id"], line["video_id"]) for line in lines()] == [("req-1", VIDEO_ID)]


def test_so_does_serves_own_line_about_the_call(lines):
    ids = {"request_id": trace_id("req-1", VIDEO_ID), "skip_context_filter": True, "serve_access_log": True}
    logger.info("CALL speak OK 12.0ms", extra=ids)
    (line,) = lines()
    assert (line["request_id"], line["video_id"]) == ("req-1", VIDEO_ID)


def test_a_line_of_a_request_about_no_video_names_the_request(lines):
    called_with("req-1", lambda: logger.info("listed"))
    logger.info("started")
    first, second = lines()
    assert first["request_id"] == "req-1"
    assert "video_id" not in first
    assert not {"request_id", "video_id"} & set(second)


SECRET = 'tk/live "ü" 5f'


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        json.dumps(SECRET),
        repr(SECRET),
        "sig=tk/live%20%22%C3%BC%22%205f",
        "tk%2Flive+%22%C3%BC%22+5f",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"{SECRET}:".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_a_log_however_it_is_spelled(tmp_path, spelling):
    log = tmp_path / "a.log"
    log.write_text(f"started\nauthorization: {spelling}\nended\n")
    assert leaks([log], key=SECRET, text="Hello") == [f"key in {log}:2"]


def test_a_log_without_secrets_is_clean(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("started\nended\n")
    assert leaks([log], key=SECRET) == []
