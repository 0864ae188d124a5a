"""Which video a log line is about, in every stage.

Serve hands the request id from call to call and puts it into every line, its own and ours; it has no place for a
second id. So the work on a video runs under both in one, `<request id>/<video id>` (a request id has no slash), and a
filter in each replica takes them apart into the line's fields `request_id` and `video_id`.
"""

import logging

SEPARATOR = "/"


def trace_id(request_id: str, video_id: str) -> str:
    """The id under which a video's stages are called."""
    return f"{request_id}{SEPARATOR}{video_id}"


class VideoIds(logging.Filter):
    """Takes the ids of a line apart; to be added after Serve's own filters, which put them in."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass."""
        request_id, found, video_id = getattr(record, "request_id", "").partition(SEPARATOR)
        if found:
            record.request_id, record.video_id = request_id, video_id
        return True


def name_videos() -> None:
    """Have this replica's log name the video of each line: for constructors of stages, which Serve's set-up precedes.

    Not for the ingress: it works for no video, and what it logs may be an id that a caller made up.
    """
    for handler in logging.getLogger("ray.serve").handlers:
        handler.addFilter(VideoIds())
