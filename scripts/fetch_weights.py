"""Gets a published checkpoint: shows its licence, asks, and downloads it from the first mirror that has the right file.

A download that breaks off goes on where it stopped, in a later run too. The file takes its name only once its SHA-256
is the one in configs/models.yaml; until then it is NAME.part.
"""

import argparse
import contextlib
import fcntl
import hashlib
import io
import os
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import yaml
from pydantic import ValidationError

from deployments.lipsync.published import MODELS, PublishedCheckpoint, read_published

TARGET = MODELS.parents[1] / "weights" / "wav2lip_gan.pth"
"""Where the service looks, whatever the file is called where it comes from."""

TRIES = 50
"""At one mirror, as long as each of them gets some bytes."""

TIMEOUT_S = 30


class FetchFailed(Exception):
    """A sentence for the caller."""


class MirrorFailed(Exception):
    """The end of a sentence about a mirror: the next one may do better."""


class Part:
    """The unfinished file and, beside it, the validator (RFC 9110, section 8.8) of the answer that began it."""

    def __init__(self, file: io.BufferedRandom, validator: Path) -> None:
        self.file = file
        self._validator = validator

    @property
    def size_bytes(self) -> int:
        """How much is there."""
        return self.file.seek(0, os.SEEK_END)

    @property
    def validator(self) -> str:
        """What to resume with; empty where the server gave nothing, so that the download starts again."""
        return self._validator.read_text() if self._validator.exists() else ""

    def restart(self, validator: str = "") -> None:
        """Drop the bytes that are there."""
        self.file.truncate(0)
        self._validator.write_text(validator)

    def digest(self) -> str:
        """SHA-256 in hex of what is on the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.seek(0)
        return hashlib.file_digest(self.file, "sha256").hexdigest()


class Progress:
    """A bar that is redrawn on a terminal, a line for each tenth elsewhere."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._terminal = sys.stdout.isatty()
        self._step = -1

    def show(self, done_bytes: int) -> None:
        """Tell how much is there, unless that was told just now."""
        step = int(time.monotonic() * 10) if self._terminal else 10 * done_bytes // self._total
        if step == self._step and done_bytes < self._total:
            return
        self._step = step
        share = done_bytes / self._total
        line = f"[{'#' * int(40 * share):<40}] {share:4.0%} of {self._total / 1e6:.1f} MB"
        ending = "\n" if done_bytes == self._total or not self._terminal else ""
        print(f"\r{line}" if self._terminal else line, end=ending, flush=True)


def fetch(published: PublishedCheckpoint, target: Path) -> None:
    """Put the published file at `target`. Raises `FetchFailed`; what was got so far stays for the next run."""
    failures = []
    with unfinished(target) as part, web() as client:
        for url in published.mirrors:
            print(f"From {httpx.URL(url).host}:", flush=True)
            try:
                download(client, url, part, published)
            except MirrorFailed as failed:
                failures.append(f"  {url} {failed}.")
                print(f"It {failed}.", flush=True)
            else:
                Path(part.file.name).replace(target)
                return
        if part.size_bytes:
            failures.append(f"{part.size_bytes} bytes are kept in {part.file.name}: run this again to go on.")
    raise FetchFailed("\n".join([f"No mirror gave {published.name}:", *failures]))


@contextlib.contextmanager
def unfinished(target: Path) -> Iterator[Part]:
    """The part of `target`, for this process alone. Leaves neither an empty one nor one that was renamed."""
    path = target.with_name(f"{target.name}.part")
    validator = path.with_name(f"{path.name}.validator")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchFailed(f"{path} is being written by another run of this script: wait for it.") from None
        try:
            yield Part(file, validator)
        finally:
            if not (path.exists() and path.stat().st_size):
                path.unlink(missing_ok=True)
                validator.unlink(missing_ok=True)


def web() -> httpx.Client:
    """A client that follows redirects, but not to less safe places."""
    return httpx.Client(
        headers={"accept-encoding": "identity"},  # a range of the file, not of its compression
        timeout=TIMEOUT_S,
        follow_redirects=True,
        max_redirects=10,
        event_hooks={"response": [check_redirect]},
    )


def check_redirect(response: httpx.Response) -> None:
    """Raise `MirrorFailed` where a redirect leads off the web, or from https to http."""
    if response.has_redirect_location:
        to = response.url.join(response.headers["location"])
        if to.scheme not in ("http", "https") or (response.url.scheme, to.scheme) == ("https", "http"):
            raise MirrorFailed(f"redirects from {response.url.scheme} to {to.scheme}, which is not followed")


def download(client: httpx.Client, url: str, part: Part, published: PublishedCheckpoint) -> None:
    """Fill the part, with another request after each break. Raises `MirrorFailed` unless it is the published file."""
    for _ in range(TRIES):
        before = part.size_bytes
        if before >= published.size_bytes:
            break
        try:
            request(client, url, part, published.size_bytes)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if part.size_bytes <= before:
                raise MirrorFailed(f"failed: {error or type(error).__name__}") from error
        else:
            break
    else:
        raise MirrorFailed(f"broke off {TRIES} times")
    if (digest := part.digest()) != published.sha256:
        size = part.size_bytes
        part.restart()
        raise MirrorFailed(f"has another file: {size} bytes with sha256 {digest}, not {published.sha256}")


def request(client: httpx.Client, url: str, part: Part, size_bytes: int) -> None:
    """One request: for the rest if the server still has the same file, for all of it otherwise."""
    start, validator = part.size_bytes, part.validator
    resume = {"range": f"bytes={start}-", "if-range": validator} if start and validator else {}
    with client.stream("GET", url, headers=resume) as response:
        if resume and response.status_code == 206:
            check_rest(response, start, size_bytes)
        else:
            check_whole(response, size_bytes)
            part.restart(validator_of(response))
        progress, done = Progress(size_bytes), part.size_bytes
        for chunk in response.iter_raw():
            done += part.file.write(chunk)
            if done > size_bytes:
                part.restart()
                raise MirrorFailed(f"sends more than {size_bytes} bytes")
            progress.show(done)


def check_rest(response: httpx.Response, start: int, size_bytes: int) -> None:
    """Raise `MirrorFailed` unless the answer is the range that was asked for."""
    wanted = f"bytes {start}-{size_bytes - 1}/{size_bytes}"
    if (sent := response.headers.get("content-range")) != wanted:
        raise MirrorFailed(f"sends {sent}, not {wanted}")


def check_whole(response: httpx.Response, size_bytes: int) -> None:
    """Raise `MirrorFailed` where the answer is no file, or one of another length."""
    if response.status_code != 200:
        raise MirrorFailed(f"answers {response.status_code} {response.reason_phrase}".rstrip())
    if response.headers.get("content-type", "").startswith("text/html"):
        raise MirrorFailed("sends a web page, not a file")
    if (length := response.headers.get("content-length", str(size_bytes))) != str(size_bytes):
        raise MirrorFailed(f"has another file: {length} bytes, not {size_bytes}")


def validator_of(response: httpx.Response) -> str:
    """What a later request may resume with: a strong ETag, or the date of the file."""
    etag = str(response.headers.get("etag", ""))
    return etag if etag.startswith('"') and etag.isascii() else str(response.headers.get("last-modified", ""))


def agree(published: PublishedCheckpoint, target: Path, yes: bool) -> None:
    """Show what will be downloaded under which licence. Raises `FetchFailed` unless the caller accepts it."""
    print(f"{published.name}: {published.size_bytes / 1e6:.0f} MB, {published.layout}, to {target}\n")
    print(textwrap.fill(published.licence, 100), end="\n\n", flush=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise FetchFailed("No terminal to ask at: pass --yes if you accept this licence.")
    print("Do you accept this? Type yes: ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise FetchFailed("Not accepted: nothing was downloaded.")


def chosen(name: str | None, models: Path) -> PublishedCheckpoint:
    """The checkpoint of that name, or the first. Raises `FetchFailed`."""
    try:
        known = {each.name: each for each in read_published(models)}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise FetchFailed(f"{models} does not list checkpoints as it should: {error}") from error
    if name is not None and name not in known:
        raise FetchFailed(f"{models} has no {name!r}; choose one of {', '.join(known)}.")
    return known[name or next(iter(known))]


def is_there(published: PublishedCheckpoint, target: Path) -> bool:
    """Whether the file has been fetched before. Raises `FetchFailed` where another one is in its place."""
    if not target.exists():
        return False
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == published.sha256:
            return True
    raise FetchFailed(f"{target} is another file than the published {published.name}: move it, or choose another --to.")


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the caller gave."""
    parser = argparse.ArgumentParser(prog="scripts/fetch-weights", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="a name in the models file (default: the first)")
    parser.add_argument("--to", type=Path, default=TARGET, help=f"where the file goes (default: {TARGET})")
    parser.add_argument("--yes", action="store_true", help="accept the licence without being asked")
    parser.add_argument("--models", type=Path, default=MODELS, help=f"the list of checkpoints (default: {MODELS})")
    parser.add_argument("--relative-to", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fetch a checkpoint; exit 1 with a sentence where that fails."""
    given = options(arguments)
    target = given.relative_to / given.to
    try:
        published = chosen(given.name, given.relative_to / given.models)
        if is_there(published, target):
            print(f"{target} is there already.")
            return
        agree(published, target, given.yes)
        fetch(published, target)
    except FetchFailed as failed:
        sys.exit(str(failed))
    except OSError as error:
        sys.exit(f"Cannot write {target}: {error.strerror}. What was got so far stays; run this again to go on.")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run this again to go on.")
    print(f"Verified: {target} is {published.name}.")


if __name__ == "__main__":
    main()
