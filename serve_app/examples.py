"""An example of every request and reply, by the name of its model in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

VIDEO_ID = "vid_4f1d0c2ab5e84d0f9a6c3b7e21d85f90"
TALK_ID = VIDEO_ID.replace("vid_", "tlk_")
DELIVERY_ID = "msg_9b2e61f0a7c34d58b1e0f3a26c947d15"
IMAGE_ID = "museum-17"

_AT = "2026-11-20T09:30:00Z"
_ENDED_AT = "2026-11-20T09:30:02Z"
_URL = f"https://talk.example.org/v1/videos/{VIDEO_ID}"
_FACE = {"left": 412, "top": 180, "right": 668, "bottom": 524}
_PICTURE = {"content_type": "image/jpeg", "width": 1080, "height": 1440}
_ORDER = {"poster_id": "astronaut", "text": "Hello from the poster."}
_VIDEO = {
    "id": VIDEO_ID,
    "status": "completed",
    "stage": None,
    "engine": "wav2lip",
    "poster_id": "astronaut",
    "cache": "miss",
    "position": None,
    "estimated_s": None,
    "metadata": {"order": "4711"},
    "video_url": f"{_URL}/content",
    "stream_url": f"{_URL}/stream.m3u8",
    "captions_url": f"{_URL}/captions.vtt",
    "duration_s": 2.4,
    "width": 960,
    "height": 1280,
    "frames": 60,
    "frames_done": 60,
    "fps": 25.0,
    "size_bytes": 318_244,
    "frames_without_face": 0,
    "timings_s": {"speech": 0.05, "faces": 0.09, "video": 1.7, "total": 1.8},
    "error": None,
    "created_at": _AT,
    "started_at": _AT,
    "finished_at": _ENDED_AT,
}
_DELIVERY = {
    "id": DELIVERY_ID,
    "video_id": VIDEO_ID,
    "kind": "video.completed",
    "url": "https://backend.example.org/hooks/videos",
    "body": '{"type":"video.completed","timestamp":"2026-11-20T09:30:02Z","data":{}}',
    "created_at": _ENDED_AT,
    "state": "delivered",
    "tried": 1,
    "next_attempt_at": None,
    "attempts": [{"at": _ENDED_AT, "status": 204, "error": None, "seconds": 0.12}],
}
_VOICE = {
    "id": "espeak-de-female",
    "name": "German",
    "language": "de",
    "gender": "female",
    "engine": "espeak-ng",
    "sample_url": "https://talk.example.org/v1/voices/espeak-de-female/sample",
}
_TALK_SETTINGS = {"stitch": True, "fluent": False, "pad_audio": 0.0, "result_format": "mp4"}

EXAMPLES: Mapping[str, Any] = {
    "VideoForm": _ORDER | {"voice_id": "default", "metadata": '{"order": "4711"}'},
    "VideoRequest": _ORDER | {"voice_id": "default", "metadata": {"order": "4711"}},
    "Video": _VIDEO,
    "VideoPage": {"videos": [_VIDEO], "next_cursor": None},
    "Deliveries": {"deliveries": [_DELIVERY]},
    "Delivery": _DELIVERY,
    "Poster": _PICTURE
    | {
        "id": IMAGE_ID,
        "faces": [_FACE],
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "size_bytes": 482_113,
        "created_at": _AT,
    },
    "PosterCheck": _PICTURE
    | {
        "usable": True,
        "faces": [
            {
                "box": _FACE,
                "size_px": 256,
                "confidence": 0.99,
                "pose": {"yaw_deg": 3, "pitch_deg": -6, "roll_deg": 21},
                "mouth_open": False,
                "sharpness": 0.31,
                "brightness": 0.52,
                "contrast": 0.18,
            }
        ],
        "problems": [
            {
                "code": "face_rolled",
                "severity": "warning",
                "detail": "The face leans by 21 degrees.",
                "hint": "Turn the picture counter-clockwise by 21 degrees, so that the eyes are level.",
            }
        ],
    },
    "Voices": {"voices": [_VOICE], "missing": {"kokoro": "The speech server lists no voices (ConnectError)."}},
    "LimitsView": {
        "max_text_chars": 1000,
        "max_audio_s": 600.0,
        "max_audio_bytes": 50_000_000,
        "max_image_bytes": 20_000_000,
        "max_image_pixels": 50_000_000,
        "max_clip_bytes": 60_000_000,
        "max_clip_s": 120.0,
        "max_body_bytes": 80_000_000,
        "max_wait_s": 60.0,
        "queue": 200,
        "engines": ["wav2lip", "preview"],
    },
    "MobileRequest": {"imageId": "astronaut", "text": "Hello from the poster.", "voiceId": "default"},
    "MobileReply": {
        "success": True,
        "videoId": VIDEO_ID,
        "videoUrl": f"{_URL}/content",
        "duration": 2.4,
        "status": "completed",
        "error": None,
    },
    "TalkRequest": {
        "source_url": "https://example.com/face.jpg",
        "script": {"type": "text", "input": "Hello from the poster.", "provider": {"voice_id": "default"}},
        "config": {"result_format": "mp4"},
    },
    "TalkCreated": {
        "id": TALK_ID,
        "object": "talk",
        "created_at": _AT,
        "created_by": "backend",
        "status": "created",
    },
    "Talk": {
        "id": TALK_ID,
        "object": "talk",
        "user_id": "backend",
        "created_by": "backend",
        "name": "greeting",
        "user_data": None,
        "source_url": "https://example.com/face.jpg",
        "audio_url": None,
        "result_url": f"{_URL}/content",
        "created_at": _AT,
        "started_at": None,
        "modified_at": _ENDED_AT,
        "status": "done",
        "config": _TALK_SETTINGS,
        "webhook": None,
        "duration": 2.4,
        "metadata": {
            "num_faces": 1,
            "num_frames": 60,
            "processing_fps": 35.3,
            "resolution": [960, 1280],
            "size_kib": 310.79,
        },
        "error": None,
    },
    "Health": {"status": "ok"},
    "Ready": {
        "ready": True,
        "engine": "wav2lip",
        "stages": {"Ingress": "ready", "JobsStage": "ready", "jobs": "ready", "storage": "ready"},
        "counts": {"answers": {"miss": 3, "hit": 12}, "stage_runs": {"speech": 3, "video": 3}},
    },
}
