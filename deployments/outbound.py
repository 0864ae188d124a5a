"""HTTP to addresses that callers give: webhooks, pictures, sounds. Never to our own network.

A host name is resolved once per connection, every address it has is checked, and the connection goes to an address
that was checked: a name that changes its mind in between (DNS rebinding) gains nothing, while TLS verifies the name.
A URL is read once, and what was read is both checked and connected to. Redirects are new URLs, checked alike.
Proxies, cookies and passwords of the environment play no part: httpcore knows none.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import urljoin

import certifi
import httpcore
import httpx

from deployments.errors import TalkingPhotoError

Address = IPv4Address | IPv6Address

Resolver = Callable[[str, int], Awaitable[Collection[str]]]
"""Tells all addresses of a host name; the port is the one that will be connected to."""

DEFAULT_PORTS = {"http": 80, "https": 443}
FIRST_FREE_PORT = 1024
"""Receivers on 8443 and the like are common; what lies below, besides the web's, is mail, shells and file shares."""

MAX_URL_CHARS = 2048
MAX_ANSWER_BYTES = 4096

REDIRECTS = (301, 302, 303, 307, 308)

UNREADABLE = re.compile(r"[\x00-\x20\x7f\\]")
"""Characters at which readers of URLs differ: line ends, tabs, spaces, backslashes."""

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){LABEL}(?:\.{LABEL})*")
ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""To many readers such a host is an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker)."""

# https://www.iana.org/assignments/iana-ipv4-special-registry, and the address of Azure's wire server.
# fmt: off
CLOSED_V4 = tuple(map(ip_network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)))
# fmt: on
# Of IPv6 only global unicast is open: that leaves out ::1, fc00::, fe80::, ff00::, and IPv4 in ::, ::ffff:, 64:ff9b::.
OPEN_V6 = ip_network("2000::/3")
# Within it: the IETF's protocols with Teredo, documentation, 6to4, documentation again.
CLOSED_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))


class UrlRefused(TalkingPhotoError):
    """The URL leads where this service does not go; `data["param"]` names the field that held it."""

    code = "url_refused"
    http_status = 422


class UrlFailed(TalkingPhotoError):
    """The URL does not answer, or answers with an error; `data["param"]` names the field that held it."""

    code = "url_failed"
    http_status = 422
    retryable = True


class UrlUnusable(UrlFailed):
    """The URL answers with what is not wanted: too large, of another type, compressed."""

    code = "url_unusable"
    retryable = False


@dataclass(frozen=True)
class OutboundPolicy:
    """Where requests may go and how long they may take.

    `allow_networks` (as 10.0.0.0/8) and `allow_hosts` (whole names, whatever their addresses) are open besides the
    public internet; `low_ports` are the open ports under 1024. `connect_s` is for one address, `total_s` for a whole
    request with its redirects and bodies. `ca_file` replaces the public certificate authorities.
    """

    allow_networks: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    low_ports: tuple[int, ...] = (80, 443)
    connect_s: float = 5.0
    total_s: float = 30.0
    max_redirects: int = 3
    ca_file: str | None = None

    def __post_init__(self) -> None:
        for network in self.allow_networks:
            ip_network(network)  # a ValueError now, not with the first request

    def allows(self, host: str, addresses: Iterable[str]) -> bool:
        """Whether requests may go to a host with these addresses: all of them must be open."""
        allowed = [ip_network(network) for network in self.allow_networks]
        return host in {name.lower() for name in self.allow_hosts} or all(
            is_public(address) or any(address in network for network in allowed)
            for address in map(ip_address, addresses)
        )


class Fetched(NamedTuple):
    """What a URL held; `content_type` in lower case without parameters, empty where the answer named none."""

    content: bytes
    content_type: str


class Posted(NamedTuple):
    """The answer to a post, whatever its status; `body` holds its first kilobytes."""

    status: int
    body: bytes


def is_public(address: Address) -> bool:
    """Whether the address is not of this machine, its networks, its cloud, or an IPv4 address in disguise."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in CLOSED_V4)
    return address in OPEN_V6 and not any(address in network for network in CLOSED_V6)


async def system_resolver(host: str, port: int) -> Collection[str]:
    """The addresses that the operating system knows."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


async def check(url: str, policy: OutboundPolicy, *, param: str = "url", resolve: Resolver = system_resolver) -> None:
    """Check without connecting, to refuse early. Raises `UrlRefused`, and `UrlFailed` for a name nobody knows."""
    gate = _Gate(policy, param, resolve)
    async with gate.in_time():
        target = gate.read(url)
        await gate.addresses(target.host, target.port)


async def fetch(
    url: str,
    policy: OutboundPolicy,
    max_bytes: int,
    types: Collection[str] = (),
    *,
    param: str = "url",
    resolve: Resolver = system_resolver,
) -> Fetched:
    """Return what `url` holds, of a content type that begins with one of `types` if there are any.

    Raises `UrlRefused`, `UrlFailed` and `UrlUnusable`, whose data holds `param`.
    """
    gate = _Gate(policy, param, resolve)
    async with gate.in_time():
        for _ in range(policy.max_redirects + 1):
            async with gate.ask("GET", url, {"Accept-Encoding": "identity"}) as answer:
                headers = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
                location = headers.get(b"location")
                if answer.status not in REDIRECTS or location is None:
                    return await _content(gate, answer, headers, max_bytes, tuple(types))
            url = gate.redirected(url, location)
    raise gate.failure(f"it redirects more than {policy.max_redirects} times; give the last address")


async def post(
    url: str,
    policy: OutboundPolicy,
    content: bytes,
    headers: Mapping[str, str],
    *,
    param: str = "url",
    resolve: Resolver = system_resolver,
) -> Posted:
    """Send `content`, follow no redirect, return the answer. Raises `UrlRefused` and `UrlFailed`."""
    gate = _Gate(policy, param, resolve)
    async with gate.in_time(), gate.ask("POST", url, headers, content) as answer:
        return Posted(answer.status, (await _beginning(answer, MAX_ANSWER_BYTES))[:MAX_ANSWER_BYTES])


async def _content(
    gate: _Gate, answer: httpcore.Response, headers: Mapping[bytes, str], max_bytes: int, types: tuple[str, ...]
) -> Fetched:
    """The content of an answer that is wanted."""
    if answer.status != httpx.codes.OK:
        raise gate.failure(f"it answered {answer.status}")
    content_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    if types and not content_type.startswith(types):
        raise gate.unusable(f"its content type is {content_type or 'missing'}; {' or '.join(types)} is wanted")
    if headers.get(b"content-encoding", "identity").strip().lower() != "identity":
        raise gate.unusable("its answer is compressed; serve it as it is")
    content = await _beginning(answer, max_bytes)
    if len(content) > max_bytes:
        raise gate.unusable(f"it holds more than {max_bytes} bytes")
    return Fetched(content, content_type)


async def _beginning(answer: httpcore.Response, max_bytes: int) -> bytes:
    """Read until the end, or until a piece goes over `max_bytes`."""
    content = bytearray()
    async for piece in answer.aiter_stream():
        content += piece
        if len(content) > max_bytes:
            break
    return bytes(content)


class _Target(NamedTuple):
    """A URL as it was read and checked; `host` is an address or a name without its last dot."""

    scheme: str
    host: str
    port: int
    authority: bytes
    path: bytes


@dataclass(frozen=True)
class _Gate(httpcore.AsyncNetworkBackend):
    """The way out: httpcore opens connections through it and by no other way."""

    policy: OutboundPolicy
    param: str
    resolve: Resolver

    def refusal(self, why: str) -> UrlRefused:
        return UrlRefused(f"The URL is refused: {why}.", {"param": self.param})

    def failure(self, why: str) -> UrlFailed:
        return UrlFailed(f"The URL failed: {why}.", {"param": self.param})

    def unusable(self, why: str) -> UrlUnusable:
        return UrlUnusable(f"The URL cannot be used: {why}.", {"param": self.param})

    def read(self, url: str) -> _Target:
        """Read a URL and check all that can be told without asking for its name."""
        if len(url) > MAX_URL_CHARS or UNREADABLE.search(url):
            raise self.refusal(f"it must have at most {MAX_URL_CHARS} characters, no spaces, line ends or backslashes")
        try:
            found = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise self.refusal("it cannot be read; write it as https://host/path") from None
        if found.scheme not in DEFAULT_PORTS:
            raise self.refusal("it must begin with https:// or http://")
        if found.userinfo:
            raise self.refusal("it must not hold a user name or a password")
        port = DEFAULT_PORTS[found.scheme] if found.port is None else found.port
        if port not in self.policy.low_ports and not FIRST_FREE_PORT <= port < 1 << 16:
            raise self.refusal(f"port {port} is closed; use 80, 443, or one from {FIRST_FREE_PORT} on")
        return _Target(found.scheme, self.host(found.raw_host.decode()), port, found.netloc, found.raw_path)

    def host(self, host: str) -> str:
        host = host.removesuffix(".")
        if _is_address(host):
            return self.verified(host, [host])[0]
        if not HOST_NAME.fullmatch(host) or ENDS_IN_NUMBER.fullmatch(host):
            raise self.refusal("its host is neither a name nor an address of four decimal numbers")
        return host

    def verified(self, host: str, addresses: Collection[str]) -> list[str]:
        if not self.policy.allows(host, addresses):
            raise self.refusal("its host is not on the public internet")
        return list(addresses)

    def redirected(self, url: str, location: str) -> str:
        try:
            following = urljoin(url, location)
        except ValueError:
            following = ""
        if not following or UNREADABLE.search(location):  # urljoin drops some of them
            raise self.refusal("it redirects to what cannot be read")
        if url.lower().startswith("https:") and following.lower().startswith("http:"):
            raise self.refusal("it redirects from https to http")
        return following

    async def addresses(self, host: str, port: int) -> list[str]:
        """All addresses of the host. Raises `UrlRefused` if one of them is closed."""
        return [host] if _is_address(host) else self.verified(host, await self.resolve(host, port))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the host that answers."""
        error: Exception = httpcore.ConnectError("the name has no address")
        for address in await self.addresses(host, port):
            try:
                return await httpcore.AnyIOBackend().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error

    @asynccontextmanager
    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[httpcore.Response]:
        """One request over a connection of its own."""
        target = self.read(url)
        limits = dict.fromkeys(("read", "write", "pool"), self.policy.total_s) | {"connect": self.policy.connect_s}
        async with (
            httpcore.AsyncConnectionPool(_tls(self.policy.ca_file), network_backend=self) as pool,
            pool.stream(
                method,
                httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
                headers=[(b"Host", target.authority), *_encoded({"User-Agent": "talkar", **headers})],
                content=content,
                extensions={"timeout": limits},
            ) as answer,
        ):
            yield answer

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Bound all that is done within, and turn what goes wrong on the way into `UrlFailed`."""
        try:
            async with asyncio.timeout(self.policy.total_s):
                yield
        except (TimeoutError, httpcore.TimeoutException):
            raise self.failure(f"no whole answer within {self.policy.total_s:g} s") from None
        except socket.gaierror:
            raise self.failure("no address is known for its host") from None
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise self.failure(f"its host cannot be talked to ({type(error).__name__})") from error


def _is_address(host: str) -> bool:
    try:
        return not getattr(ip_address(host), "scope_id", None)
    except ValueError:
        return False


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


@lru_cache(maxsize=4)
def _tls(ca_file: str | None) -> ssl.SSLContext:
    """Reading the authorities takes tens of milliseconds: once, when first needed."""
    return ssl.create_default_context(cafile=ca_file or certifi.where())
