"""The memory of face tracks: the same clip or photo with another sentence is not tracked again.

Those of clips are on this node's disk, which may be wiped at any time, and may be full: then a track is made again, and
nothing else changes.
"""

from __future__ import annotations

import hashlib
import io
import logging
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import diskcache
import numpy as np

from deployments.boxes import clip_type
from deployments.faces.finder import FaceFinder
from deployments.faces.recent import RecentPhotos
from deployments.media import ClipTrack, FaceTrack, SourceOptions

logger = logging.getLogger("ray.serve")

VERSION = 1
"""Of the tracker and of what is kept: raised when either changes, so that older tracks are not met again."""

T = TypeVar("T")

_BROKEN = (sqlite3.Error, OSError, diskcache.Timeout)
_DAMAGED = (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error)
_ARRAYS = ("boxes", "landmarks", "found")


class TrackCache:
    """Tracks by content: those of clips for `keep_s` seconds, 1 GB of them, those of photos for some minutes.

    Processes may share a folder; any thread may call.
    """

    def __init__(self, folder: Path, keep_s: float) -> None:
        self._folder = folder
        self._keep_s = keep_s
        self._cache = diskcache.Cache(str(folder))
        self._photos = RecentPhotos()

    def track(self, finder: FaceFinder, data: bytes, options: SourceOptions) -> FaceTrack | ClipTrack:
        """Return what `finder.track` does, and raise as it does; it is asked for what is not remembered."""
        sha256 = hashlib.sha256(data).hexdigest()
        key = _key(sha256, options, finder.max_side_px)
        if options.static or clip_type(data) is None:
            return self._photos.track(sha256, key, lambda: cast("FaceTrack", finder.track(data, options)))
        if kept := self._get(key, options):
            return kept
        track = finder.track(data, options)
        if isinstance(track, ClipTrack):
            self._call(lambda cache: cache.set(key, _packed(track), expire=self._keep_s, tag=sha256))
        return track

    def forget(self, sha256: str) -> None:
        """Forget the tracks of the clip or photo with that digest."""
        self._photos.forget(sha256)
        self._call(lambda cache: cache.evict(sha256))

    def expire(self) -> None:
        """Free what has been kept in memory for its time."""
        self._photos.expire()

    def _get(self, key: str, options: SourceOptions) -> ClipTrack | None:
        kept = self._call(lambda cache: cache.get(key))
        try:
            return None if kept is None else _unpacked(kept, options)
        except _DAMAGED as error:
            logger.warning("a face track in %s is damaged: %s", self._folder, error)
            return None

    def _call(self, work: Callable[[diskcache.Cache], T]) -> T | None:
        """Use the cache, or a new one if it was wiped under us; None if it cannot be used at all."""
        try:
            try:
                return work(self._cache)
            except _BROKEN:
                self._cache = diskcache.Cache(str(self._folder))
                return work(self._cache)
        except _BROKEN as error:
            logger.warning("the cache in %s cannot be used: %s", self._folder, error)
            return None


def _key(sha256: str, options: SourceOptions, max_side_px: int) -> str:
    """Return what names a track: all that it depends on, and so not what follows when the clip ends."""
    shown = replace(options, extend="loop")
    return hashlib.sha256(repr((VERSION, max_side_px, shown, sha256)).encode()).hexdigest()


def _packed(track: ClipTrack) -> bytes:
    file = io.BytesIO()
    arrays = {name: getattr(track, name) for name in _ARRAYS}
    np.savez(file, shape=np.array([track.width, track.height]), fps=np.array(track.fps), **arrays)
    return file.getvalue()


def _unpacked(kept: bytes, options: SourceOptions) -> ClipTrack:
    with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
        width, height = arrays["shape"].tolist()
        return ClipTrack(options, width, height, float(arrays["fps"]), *(arrays[name] for name in _ARRAYS))
