"""Requests to addresses that callers give: refused before any connection, or read from a real server."""

import asyncio
import gzip
import socket
import ssl
import time
from asyncio.selector_events import BaseSelectorEventLoop
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from deployments.outbound import OutboundPolicy, UrlFailed, UrlRefused, UrlUnusable, check, fetch, post

LOCAL = OutboundPolicy(allow_networks=("127.0.0.1/32",), connect_s=2, total_s=5)
STRICT = OutboundPolicy(connect_s=2, total_s=5)

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "loopback.example": ["127.0.0.1"],
    "private6.example": ["fd00::1"],
    "mixed.example": ["93.184.215.14", "10.0.0.5"],
    "mixed6.example": ["2606:4700::1111", "::1"],
    "mapped.example": ["::ffff:10.0.0.5"],
    "zone.example": ["fe80::1%2"],
    "metadata.google.internal": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "public.example": ["93.184.215.14"],
}

NOT_ALLOWED_ADDRESSES = [
    "http://127.0.0.1/",
    "http://127.8.9.10/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://168.63.129.16/metadata",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://127.0.0.1./",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000::0001]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:93.184.215.14]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[2002:7f00:0001::]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b:1::10.0.0.1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[2606:4700::1111%25eth0]/",
    "http://[fd00:ec2::254]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
]

OTHER_SPELLINGS = [
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0X7F.1/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1.0/",
    "http://0/",
    "http://256.256.256.256/",
    "http://0x/",
    "http://１２７.０.０.１/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%00.public.example/",
    "http://127.0.0.1%2f@public.example/",
    "http://[127.0.0.1]/",
    "http://[::1/",
]

TRICKS_WITH_THE_PARTS = [
    "http://public.example@127.0.0.1/",
    "http://user:password@public.example/",
    "http://public.example:80@127.0.0.1:80/",
    "http://public.example#@127.0.0.1/\\",
    "http://public.example\\@127.0.0.1/",
    "http://127.0.0.1\\.public.example/",
    "http:\\\\127.0.0.1/",
    "http://127.0.0.1:80\\@public.example:80/",
    "http://public.example/\r\nHost: 127.0.0.1",
    "http://public.example\r\n/",
    "http://public.example\t/",
    "http://public .example/",
    " http://127.0.0.1/",
    "http://",
    "http:///path",
    "http://:80/",
    "http://.../",
    "http:127.0.0.1/",
    "//127.0.0.1/",
    "public.example",
    "",
    "http://public.example:22/",
    "http://public.example:25/",
    "http://public.example:0/",
    "http://public.example:65616/",
    "http://public.example:-80/",
    "http://public.example:http/",
    "http://" + "a" * 64 + ".example/",
    "http://public..example/",
    "http://public.example/" + "a" * 3000,
]

OTHER_SCHEMES = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://public.example/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "dict://127.0.0.1:11211/",
    "ws://public.example/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "HTTP://127.0.0.1/",
    "hTTps://LOCALHOST/",
]

CLOSED_NAMES = [
    "http://localhost/",
    "http://LocalHost:8080/",
    "http://localhost./",
    "http://loopback.example/",
    "http://private6.example/",
    "http://mixed.example/",
    "http://mixed6.example/",
    "http://mapped.example/",
    "http://zone.example/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://METADATA.google.internal./",
    "http://instance-data/latest/",
]

RELATIVE = {"", "public.example", "http://", "http:///path", "http:127.0.0.1/"}
"""In a redirect these lead to the same server."""

TRICKS = [*NOT_ALLOWED_ADDRESSES, *OTHER_SPELLINGS, *TRICKS_WITH_THE_PARTS, *OTHER_SCHEMES, *CLOSED_NAMES]


async def staged(host, port):
    """The addresses of NAMES, and of no other name."""
    return NAMES[host]


def names(**addresses):
    """A resolver of these names, with the hosts that it was asked for; a list of lists gives an answer per question."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        return addresses[host.replace(".", "_")].pop(0)

    return SimpleNamespace(resolve=resolve, asked=asked)


@pytest.fixture
def connections(monkeypatch):
    """Every address that a socket was connected to."""
    connected, connect = [], BaseSelectorEventLoop.sock_connect

    async def spied(loop, sock, address):
        connected.append(address[0])
        return await connect(loop, sock, address)

    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", spied)
    return connected


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 20))


@asynccontextmanager
async def server(answers, host="127.0.0.1", tls=None):
    """A server of raw answers: bytes by path, or a coroutine function that writes; it keeps the requests."""
    requests = []

    async def serve(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            requests.append(head)
            answer = answers[head.split()[1].decode()]
            if callable(answer):
                await answer(reader, writer)
            else:
                writer.write(answer)
                await writer.drain()
        except OSError:  # the client had enough
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, host, 0, ssl=tls)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield SimpleNamespace(url=f"http://{host}:{port}", port=port, requests=requests)


def ok(body, content_type="image/png", *headers):
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def moved(where, status=302):
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


async def endless(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def dripping(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def silent(reader, writer):
    await asyncio.sleep(30)


@pytest.mark.parametrize("url", TRICKS, ids=lambda url: ascii(url[:60]))
def test_a_url_that_leads_inside_is_refused_and_nothing_is_connected_to(url, connections):
    with pytest.raises(UrlRefused) as caught:
        run(fetch(url, STRICT, 100, param="poster.url", resolve=staged))
    assert caught.value.data == {"param": "poster.url"}
    assert (caught.value.code, caught.value.http_status, caught.value.retryable) == ("url_refused", 422, False)
    assert connections == []


@pytest.mark.parametrize("url", TRICKS, ids=lambda url: ascii(url[:60]))
def test_what_is_not_fetched_is_not_posted_to_nor_passed_by_a_check(url, connections):
    with pytest.raises(UrlRefused):
        run(post(url, STRICT, b"{}", {}, resolve=staged))
    with pytest.raises(UrlRefused):
        run(check(url, STRICT, resolve=staged))
    assert connections == []


@pytest.mark.parametrize("url", sorted(set(TRICKS) - RELATIVE), ids=lambda url: ascii(url[:60]))
def test_a_redirect_that_leads_inside_is_refused_after_the_first_connection(url, connections):
    async def story():
        policy = replace(STRICT, allow_networks=("127.0.0.3/32",))
        async with server({"/": moved(url.replace("\r\n", "\t"))}, "127.0.0.3") as outside:
            with pytest.raises(UrlRefused):
                await fetch(f"{outside.url}/", policy, 100, resolve=staged)

    run(story())
    assert connections == ["127.0.0.3"]


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"],
)
def test_what_belongs_to_everybody_is_open(address):
    async def resolve(host, port):
        return [address]

    run(check("https://public.example/", STRICT, resolve=resolve))


def test_an_allowed_network_opens_that_network_only(connections):
    async def story():
        async with server({"/": ok(b"picture")}) as inside:
            assert (await fetch(f"{inside.url}/", LOCAL, 100)).content == b"picture"
            with pytest.raises(UrlRefused):
                await fetch(f"http://127.0.0.2:{inside.port}/", LOCAL, 100)
            with pytest.raises(UrlRefused):
                await fetch(f"http://[::ffff:127.0.0.1]:{inside.port}/", LOCAL, 100)

    run(story())
    assert connections == ["127.0.0.1"]


def test_an_allowed_host_may_have_any_address_and_another_name_of_it_may_not():
    async def story():
        policy = replace(STRICT, allow_hosts=("Minio.Internal",))
        async with server({"/": ok(b"picture")}) as inside:
            minio = names(minio_internal=[["127.0.0.1"]], other_internal=[["127.0.0.1"]])
            url = f"http://minio.internal:{inside.port}/"
            assert (await fetch(url, policy, 100, resolve=minio.resolve)).content == b"picture"
            with pytest.raises(UrlRefused):
                await fetch(url.replace("minio", "other"), policy, 100, resolve=minio.resolve)

    run(story())


def test_a_low_port_is_open_where_the_policy_says_so():
    async def story():
        with pytest.raises(UrlRefused, match="port 81 is closed"):
            await check("http://public.example:81/", STRICT, resolve=staged)
        await check("http://public.example:81/", replace(STRICT, low_ports=(81,)), resolve=staged)

    run(story())


def test_a_network_that_is_none_is_refused_when_the_policy_is_made():
    with pytest.raises(ValueError, match="10\\.0\\.0\\.5/8"):
        OutboundPolicy(allow_networks=("10.0.0.5/8",))


def test_a_name_that_changes_its_address_after_the_check_gains_nothing(connections):
    async def story():
        async with server({"/": ok(b"outside")}) as outside, server({"/": ok(b"secret")}, "127.0.0.2") as inside:
            rebinding = names(rebinding_example=[["127.0.0.1"], ["127.0.0.2"]])
            url = f"http://rebinding.example:{outside.port}/"
            assert (await fetch(url, LOCAL, 100, resolve=rebinding.resolve)).content == b"outside"
            assert rebinding.asked == ["rebinding.example"]
            with pytest.raises(UrlRefused):
                await fetch(url, LOCAL, 100, resolve=rebinding.resolve)
            assert inside.requests == []

    run(story())
    assert connections == ["127.0.0.1"]


def test_a_redirect_to_a_name_that_has_changed_is_checked_again():
    async def story():
        async with server({"/": moved("/again")}) as outside:
            rebinding = names(rebinding_example=[["127.0.0.1"], ["169.254.169.254"]])
            with pytest.raises(UrlRefused):
                await fetch(f"http://rebinding.example:{outside.port}/", LOCAL, 100, resolve=rebinding.resolve)
            assert rebinding.asked == ["rebinding.example"] * 2

    run(story())


def test_an_address_that_does_not_answer_makes_room_for_the_next():
    async def story():
        async with server({"/": ok(b"picture")}) as outside:
            two = names(two_example=[["127.0.0.9", "127.0.0.1"]])
            policy = replace(LOCAL, allow_networks=("127.0.0.0/8",))
            url = f"http://two.example:{outside.port}/"
            assert (await fetch(url, policy, 100, resolve=two.resolve)).content == b"picture"

    run(story())


def test_the_content_comes_with_its_type_and_the_server_sees_its_own_name():
    async def story():
        async with server({"/a%20b?c=d": ok(b"picture", "Image/PNG; charset=x")}) as outside:
            here = names(good_example=[["127.0.0.1"]])
            url = f"http://Good.example:{outside.port}/a%20b?c=d#e"
            found = await fetch(url, LOCAL, 7, ["image/"], resolve=here.resolve)
            assert found == (b"picture", "image/png")
            (head,) = outside.requests
            assert f"Host: good.example:{outside.port}\r\n".encode() in head
            assert b"Accept-Encoding: identity\r\n" in head

    run(story())


def test_the_environments_proxy_plays_no_part(monkeypatch):
    async def story():
        async with server({"/": ok(b"direct")}) as outside:
            monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
            monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
            assert (await fetch(f"{outside.url}/", LOCAL, 100)).content == b"direct"

    run(story())


def test_three_redirects_are_followed_and_a_fourth_is_not():
    async def story():
        answers = {"/4": moved("/3"), "/3": moved("/2", 307), "/2": moved("//127.0.0.1:{port}/1", 301)}
        async with server(answers) as outside:
            answers["/2"] = moved(f"//127.0.0.1:{outside.port}/1", 301)
            answers["/1"] = ok(b"there")
            assert (await fetch(f"{outside.url}/4", LOCAL, 100)).content == b"there"
            answers["/5"] = moved("/4", 303)
            with pytest.raises(UrlFailed, match="more than 3 times"):
                await fetch(f"{outside.url}/5", LOCAL, 100)

    run(story())


@pytest.mark.parametrize("path", ["/told", "/endless"])
def test_what_is_too_large_is_given_up_while_it_is_read(path):
    async def story():
        async with server({"/told": ok(b"x" * 200_001), "/endless": endless}) as outside:
            with pytest.raises(UrlUnusable, match="more than 200000 bytes") as caught:
                await fetch(f"{outside.url}{path}", LOCAL, 200_000)
            assert (caught.value.code, caught.value.retryable) == ("url_unusable", False)

    run(story())


@pytest.mark.parametrize("path", ["/dripping", "/silent"])
def test_a_server_that_drips_or_says_nothing_is_given_up_in_time(path):
    async def story():
        async with server({"/dripping": dripping, "/silent": silent}) as outside:
            began = time.monotonic()
            with pytest.raises(UrlFailed, match=r"within 0\.4 s") as caught:
                await fetch(f"{outside.url}{path}", replace(LOCAL, total_s=0.4), 100_000)
            assert 0.3 < time.monotonic() - began < 2
            assert (caught.value.code, caught.value.http_status, caught.value.retryable) == ("url_failed", 422, True)

    run(story())


def test_a_name_server_that_hangs_is_given_up_in_time():
    async def resolve(host, port):
        await asyncio.sleep(30)

    with pytest.raises(UrlFailed, match=r"within 0\.2 s"):
        run(fetch("http://slow.example/", replace(STRICT, total_s=0.2), 100, resolve=resolve))


def test_a_gzip_bomb_is_not_unpacked():
    async def story():
        bomb = gzip.compress(bytes(10_000_000))
        async with server({"/": ok(bomb, "image/png", "Content-Encoding: gzip")}) as outside:
            with pytest.raises(UrlUnusable, match="compressed"):
                await fetch(f"{outside.url}/", LOCAL, 100_000)

    run(story())


@pytest.mark.parametrize("content_type", ["text/html", "", "application/image/png"])
def test_another_content_type_is_refused(content_type):
    async def story():
        async with server({"/": ok(b"<html>", content_type)}) as outside:
            with pytest.raises(UrlUnusable, match="image/ or video/mp4"):
                await fetch(f"{outside.url}/", LOCAL, 100, ["image/", "video/mp4"])

    run(story())


@pytest.mark.parametrize("status", [204, 304, 404, 500])
def test_an_error_of_the_server_is_told(status):
    async def story():
        async with server({"/": f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()}) as outside:
            with pytest.raises(UrlFailed, match=f"answered {status}"):
                await fetch(f"{outside.url}/", LOCAL, 100)

    run(story())


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
def test_what_is_no_answer_is_told(answer):
    async def story():
        async with server({"/": answer}) as outside:
            with pytest.raises(UrlFailed, match="cannot be talked to"):
                await fetch(f"{outside.url}/", LOCAL, 100)

    run(story())


def test_nobody_listening_is_told():
    async def story():
        async with server({}) as gone:
            pass
        with pytest.raises(UrlFailed, match="cannot be talked to"):
            await fetch(f"{gone.url}/", LOCAL, 100)

    run(story())


def test_a_name_that_nobody_knows_is_told():
    async def resolve(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(UrlFailed, match="no address is known"):
        run(fetch("http://unknown.example/", STRICT, 100, resolve=resolve))


def test_the_systems_own_resolver_is_asked(connections):
    async def story():
        async with server({"/": ok(b"picture")}) as outside:
            url = f"http://localhost:{outside.port}/"
            policy = replace(LOCAL, allow_networks=("127.0.0.0/8", "::1/128"))
            assert (await fetch(url, policy, 100)).content == b"picture"
            connections.clear()
            with pytest.raises(UrlRefused):
                await fetch(url, STRICT, 100)

    run(story())
    assert connections == []


def test_tls_verifies_the_name_of_the_url_not_its_address(tmp_path):
    (tmp_path / "cert.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(KEY)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    policy = replace(LOCAL, ca_file=str(tmp_path / "cert.pem"))
    here = names(good_test=[["127.0.0.1"]] * 3, other_test=[["127.0.0.1"]])

    async def story():
        async with server({"/": ok(b"picture"), "/down": moved("http://good.test/")}, tls=context) as outside:
            good = f"https://good.test:{outside.port}/"
            assert (await fetch(good, policy, 100, resolve=here.resolve)).content == b"picture"
            with pytest.raises(UrlFailed):
                await fetch(good.replace("good", "other"), policy, 100, resolve=here.resolve)
            with pytest.raises(UrlFailed):
                await fetch(good, LOCAL, 100, resolve=here.resolve)
            with pytest.raises(UrlRefused, match="from https to http"):
                await fetch(f"{good}down", policy, 100, resolve=here.resolve)

    run(story())


def test_a_post_carries_its_body_and_headers_and_returns_any_status():
    async def story():
        bodies = []

        async def failing(reader, writer):
            bodies.append(await reader.readexactly(11))
            writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nlater")

        async with server({"/hook": failing}) as outside:
            posted = await post(f"{outside.url}/hook", LOCAL, b'{"a": "\xc3\xa4"}', {"webhook-id": "msg_1"})
            assert posted == (503, b"later")
            assert bodies == [b'{"a": "\xc3\xa4"}']
            assert b"webhook-id: msg_1\r\n" in outside.requests[0]
            assert b"Content-Length: 11\r\n" in outside.requests[0]

    run(story())


def test_a_post_does_not_follow_a_redirect():
    async def story():
        async with server({"/hook": moved("/other"), "/other": ok(b"")}) as outside:
            assert (await post(f"{outside.url}/hook", LOCAL, b"{}", {})).status == 302
            assert len(outside.requests) == 1

    run(story())


def test_of_the_answer_to_a_post_a_few_kilobytes_are_read():
    async def story():
        async with server({"/hook": endless}) as outside:
            assert await post(f"{outside.url}/hook", LOCAL, b"{}", {}) == (200, b"x" * 4096)

    run(story())


# An authority of its own for the name good.test, valid until 2120; it guards nothing.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlnb29kLnRl
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWdvb2QudGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABB6E3SBA3judDaTY
WCLarLc/oEtiT6NVeMGuSvPejS6FHOfowvCTpqaOKsSNN5EK5t4N3X97F+hNrMZR
s7lE6LmjSDBGMA8GA1UdEwEB/wQFMAMBAf8wFAYDVR0RBA0wC4IJZ29vZC50ZXN0
MB0GA1UdDgQWBBTsR2Ybw4hO8coA2SJaKRqQUrbQUTAKBggqhkjOPQQDAgNIADBF
AiB2GkGqhmz6QcoiBLlFoFLM1tiJdoxFGqSN50ZM5PjHZQIhAJT7A41wYJGQkDpZ
oGdls92S4cUXmJKwsid8CdRyqCM7
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1wC5tuC9kaHW4jcK
RSilEBHxMCnbIt2qskdW5WWGXi2hRANCAAQehN0gQN47nQ2k2Fgi2qy3P6BLYk+j
VXjBrkrz3o0uhRzn6MLwk6amjirEjTeRCubeDd1/exfoTazGUbO5ROi5
-----END PRIVATE KEY-----
"""
