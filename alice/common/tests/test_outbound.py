"""Outgoing HTTP: where it goes, how long it takes and how much it reads."""

import datetime
import gzip
import ipaddress
import re
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ImproperlyConfigured

from alice.common import outbound
from alice.common.outbound import (
    OutboundRefused,
    OutboundTimeout,
    OutboundUnavailable,
    fetch,
)
from alice.common.tests.kit import at_most

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NAME = "api.example"


def read_request(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        block = connection.recv(65536)
        if not block:
            raise ConnectionError
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    length = int((re.findall(rb"content-length: (\d+)", head) or [b"0"])[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Canary:
    """A server on loopback that keeps every request and answers as `respond(connection)` does."""

    def __init__(self, tls=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.requests = []
        self.is_over = threading.Event()
        self.tls = tls
        self.respond = lambda connection: connection.sendall(OK)
        self.reads = True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.is_over.is_set():
            connection, _ = self.listener.accept()
            try:
                connection.settimeout(5)
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                with connection:
                    self._answer(connection)
            except OSError:
                continue

    def _answer(self, connection):
        if self.reads:
            self.requests.append(read_request(connection))
        self.respond(connection)

    def drip(self, block):
        """Respond with `block` again and again, never ending."""

        def respond(connection):
            while not self.is_over.wait(0.02):
                connection.sendall(block)

        return respond

    def stop(self):
        self.is_over.set()
        with socket.socket() as last:  # ends the wait for a connection
            last.connect(("127.0.0.1", self.port))
        self.thread.join()
        self.listener.close()


@pytest.fixture
def canary():
    server = Canary()
    yield server
    server.stop()


@pytest.fixture
def allowed(canary, settings):
    """The canary, which the operator allows."""
    settings.OUTBOUND_ALLOWED_NETWORKS = [f"127.0.0.1:{canary.port}"]
    return canary


@pytest.fixture
def resolver(monkeypatch):
    """`resolver.answers` is what the name server says, one list of addresses per question."""

    class Resolver:
        answers = []
        asked = []

        def getaddrinfo(self, host, port, **_):
            self.asked.append(host)
            return [
                (
                    socket.AF_INET6 if ":" in address else socket.AF_INET,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (address, port, 0, 0) if ":" in address else (address, port),
                )
                for address in self.answers.pop(0)
            ]

    double = Resolver()
    double.asked = []
    monkeypatch.setattr(socket, "getaddrinfo", double.getaddrinfo)
    return double


def certificate_for(name):
    """A server's TLS context for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return pem, key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture
def secure(tmp_path, monkeypatch, settings, resolver):
    """A TLS canary for NAME, with the names that clients asked it for."""
    certificate, key = certificate_for(NAME)
    (tmp_path / "both.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    trusting = ssl.create_default_context(cadata=certificate.decode())
    monkeypatch.setattr(outbound, "_ssl_context", lambda: trusting)
    server = Canary(tls=context)
    server.names = names
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.1"]
    yield server
    server.stop()


INSIDE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://localhost.:{port}/",
    "http://LOCALHOST:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://127。0。0。1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "https://127.0.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
]
MALFORMED = [
    "",
    "/relative",
    "//127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "http:127.0.0.1:{port}",
    "http://",
    "http:///path",
    "http://user@127.0.0.1:{port}/",
    "http://user:password@127.0.0.1:{port}/",
    "http://public.example@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@public.example/",
    "http://127.0.0.1:{port}/\r\nX-Injected: 1",
    "http://127.0.0.1:{port}/\0",
    "http://127.0.0.1:{port}/ HTTP/1.1",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:٣/",
    "http://[::1/",
    "http://[fe80::1%25eth0]/",
    "http://[127.0.0.1]:{port}/",
    "http://127.0.0.1%00.example/",
    "http://a..example/",
    "http://" + "a" * 300 + ".example/",
    "http://127.0.0.1:{port}/" + "a" * 5000,
]


@pytest.mark.parametrize("url", INSIDE)
def test_no_way_of_writing_an_inner_address_reaches_it(canary, url):
    with pytest.raises((OutboundRefused, OutboundUnavailable)) as refused:
        fetch("GET", url.format(port=canary.port))

    assert canary.requests == []
    assert "127.0.0.1" not in refused.value.detail
    assert refused.value.detail == OutboundRefused.detail or refused.value.status == 502


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_plain_web_address_is_refused(canary, url, settings):
    settings.OUTBOUND_ALLOWED_NETWORKS = ["0.0.0.0/0", "::/0"]

    with pytest.raises(OutboundRefused) as refused:
        fetch("GET", url.format(port=canary.port))

    assert canary.requests == []
    assert (refused.value.status, refused.value.code) == (400, "outbound_refused")


PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"]
NOT_PUBLIC = [
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1"),  # noqa: S104
    *("127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8"),
    *("192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:100.64.0.1", "64:ff9b::a00:1"),
    *("64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1", "2002:808:808::1", "3fff::1"),
    *("fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "4000::1"),
]


def test_only_public_addresses_are_public():
    said = {text: outbound._is_public(ipaddress.ip_address(text)) for text in PUBLIC + NOT_PUBLIC}

    assert [text for text, is_public in said.items() if is_public] == PUBLIC


@pytest.mark.parametrize("inner", ["10.0.0.7", "::1", "::ffff:169.254.169.254"])
def test_a_name_with_one_inner_address_is_refused_whole(canary, resolver, inner):
    resolver.answers = [["93.184.215.14", inner]]

    with pytest.raises(OutboundRefused) as refused:
        fetch("GET", f"http://{NAME}:{canary.port}/")

    assert inner not in str(refused.value)
    assert canary.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(allowed, resolver):
    # A second question would lead to an address that nobody checked.
    resolver.answers = [["127.0.0.1"], ["10.0.0.7"]]

    response = fetch("GET", f"http://{NAME}:{allowed.port}/path?q=1")

    assert (response.status, response.body) == (200, b"ok")
    assert resolver.asked == [NAME]
    lines = allowed.requests[0].split(b"\r\n")
    assert lines[0] == b"GET /path?q=1 HTTP/1.1"
    assert f"host: {NAME}:{allowed.port}".encode() in lines


def test_the_next_address_is_tried_when_one_does_not_answer(allowed, resolver, settings):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        closed_port = taken.getsockname()[1]
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.1", f"[::1]:{allowed.port}"]
    assert closed_port
    resolver.answers = [["::1", "127.0.0.1"]]

    assert fetch("GET", f"http://{NAME}:{allowed.port}/").status == 200


def test_tls_is_checked_against_the_name_and_not_the_address(secure, resolver):
    resolver.answers = [["127.0.0.1"]]

    response = fetch("GET", f"https://{NAME}:{secure.port}/")

    assert response.status == 200
    assert secure.names == [NAME]
    assert f"host: {NAME}:{secure.port}".encode() in secure.requests[0]


def test_a_certificate_of_another_name_is_refused(secure, resolver):
    resolver.answers = [["127.0.0.1"]]

    with pytest.raises(OutboundUnavailable) as failed:
        fetch("GET", f"https://other.example:{secure.port}/")

    assert secure.requests == []
    assert failed.value.detail == OutboundUnavailable.detail


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_answered_and_not_followed(allowed, status):
    inside = Canary()
    answer = f"HTTP/1.1 {status} Moved\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n"
    allowed.respond = lambda connection: connection.sendall(answer.encode())

    response = fetch("GET", allowed.url)
    inside.stop()

    assert (response.status, response.headers["location"]) == (status, inside.url)
    assert inside.requests == []


def test_proxies_of_the_environment_are_not_used(allowed, monkeypatch):
    proxy = Canary()
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)

    fetch("GET", allowed.url)
    proxy.stop()

    assert proxy.requests == []
    assert len(allowed.requests) == 1


def test_an_allowed_port_opens_no_other_port(allowed):
    other = Canary()

    with pytest.raises(OutboundRefused):
        fetch("GET", other.url)
    other.stop()

    assert other.requests == []


@pytest.mark.parametrize(
    ("entry", "is_allowed"),
    [
        ("127.0.0.1", True),
        ("127.0.0.0/8", True),
        ("127.0.0.1:{port}", True),
        ("0.0.0.0/0", True),
        ("127.0.0.1:1", False),
        ("127.0.0.2", False),
        ("[::1]:{port}", False),
        ("::1", False),
    ],
)
def test_an_operator_allows_addresses_networks_and_ports(canary, settings, entry, is_allowed):
    settings.OUTBOUND_ALLOWED_NETWORKS = [entry.format(port=canary.port)]

    if is_allowed:
        assert fetch("GET", canary.url).status == 200
    else:
        with pytest.raises(OutboundRefused):
            fetch("GET", canary.url)
    assert len(canary.requests) == is_allowed


def test_an_allow_list_that_cannot_be_read_says_which_entry(settings):
    settings.OUTBOUND_ALLOWED_NETWORKS = ["localhost:80"]

    with pytest.raises(ImproperlyConfigured, match="'localhost:80'"):
        fetch("GET", "http://127.0.0.1/")


@pytest.mark.parametrize(
    "block",
    [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"],
)
def test_an_answer_that_drips_ends_with_the_deadline(allowed, block):
    allowed.respond = allowed.drip(block)

    with at_most(1), pytest.raises((OutboundTimeout, OutboundUnavailable)):
        fetch("GET", allowed.url, deadline_seconds=0.3)


def test_a_body_that_drips_ends_with_the_deadline(allowed):
    def respond(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        allowed.drip(b"x")(connection)

    allowed.respond = respond

    with at_most(1), pytest.raises(OutboundTimeout) as late:
        fetch("GET", allowed.url, deadline_seconds=0.3)
    assert (late.value.status, late.value.code) == (504, "upstream_timeout")


def test_a_server_that_does_not_read_ends_with_the_deadline(allowed):
    allowed.reads = False
    allowed.respond = lambda _connection: allowed.is_over.wait(5)

    with at_most(1), pytest.raises(OutboundTimeout):
        fetch("POST", allowed.url, body=b"x" * 32_000_000, deadline_seconds=0.3)


def test_a_name_server_that_does_not_answer_ends_with_the_deadline(canary, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(5) and [])

    with at_most(1), pytest.raises(OutboundTimeout):
        fetch("GET", f"http://{NAME}:{canary.port}/", deadline_seconds=0.2)
    answered.set()


def test_a_body_above_the_cap_is_cut(allowed):
    sent = []

    def respond(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not allowed.is_over.is_set():
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent.append(65536)

    allowed.respond = respond

    with at_most(5), pytest.raises(OutboundUnavailable, match="larger than allowed"):
        fetch("GET", allowed.url, max_bytes=100_000)


def test_a_body_of_exactly_the_cap_is_read(allowed):
    allowed.respond = lambda connection: connection.sendall(OK)

    assert fetch("GET", allowed.url, max_bytes=2).body == b"ok"
    with pytest.raises(OutboundUnavailable):
        fetch("GET", allowed.url, max_bytes=1)


def test_a_compressed_bomb_is_not_unfolded(allowed):
    bomb = gzip.compress(b"\0" * 50_000_000, 1)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    allowed.respond = lambda connection: connection.sendall(head.encode() + bomb)

    with pytest.raises(OutboundUnavailable, match="compressed"):
        fetch("GET", allowed.url)

    assert b"accept-encoding: identity" in allowed.requests[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
)
def test_a_broken_answer_is_the_other_sides_fault(allowed, answer):
    allowed.respond = lambda connection: connection.sendall(answer)

    with pytest.raises(OutboundUnavailable) as failed:
        fetch("GET", allowed.url)

    assert (failed.value.status, failed.value.code) == (502, "upstream_unavailable")
    assert "127.0.0.1" not in failed.value.detail


def test_a_closed_port_and_an_unknown_name_are_unavailable(canary, settings, monkeypatch):
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"

    with pytest.raises(OutboundUnavailable):
        fetch("GET", url)

    def unknown(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OutboundUnavailable, match="cannot be found"):
        fetch("GET", f"http://{NAME}/")


@pytest.mark.parametrize(
    "header",
    [
        {"X-Name": "a\r\nX-Injected: 1"},
        {"X-Name": "a\nb"},
        {"X-Name": "a\0b"},
        {"X-Name": "naïve ☂"},
        {"X Name": "a"},
        {"X-Name\r\nX-Injected": "a"},
        {"": "a"},
    ],
)
def test_a_header_that_could_smuggle_another_is_refused(allowed, header):
    with pytest.raises(OutboundRefused, match="header"):
        fetch("GET", allowed.url, headers=header)

    assert allowed.requests == []


def test_a_caller_cannot_name_another_host_or_length(allowed):
    own = {"Host": "inside", "Content-Length": "0", "Transfer-Encoding": "chunked", "X-A": "b"}

    fetch("POST", allowed.url, headers=own, body=b"body")

    head, _, body = allowed.requests[0].partition(b"\r\n\r\n")
    sent = sorted(line.lower() for line in head.split(b"\r\n")[1:])
    assert sent == [
        b"accept-encoding: identity",
        b"accept: */*",
        b"connection: close",
        b"content-length: 4",
        f"host: 127.0.0.1:{allowed.port}".encode(),
        b"user-agent: alice/1.0.0",
        b"x-a: b",
    ]
    assert body == b"body"


def test_a_value_is_sent_and_read_as_json(allowed):
    answer = b"HTTP/1.1 201 Created\r\nX-A: 1\r\nX-A: 2\r\n\r\n" + b'{"id": 7}'
    allowed.respond = lambda connection: connection.sendall(answer)

    response = fetch("POST", allowed.url + "ä?q=ö", body={"a": [1]}, headers={"X": "y"})

    assert (response.status, response.json(), response.headers["x-a"]) == (201, {"id": 7}, "1, 2")
    assert b"POST /%C3%A4?q=%C3%B6 HTTP/1.1" in allowed.requests[0]
    assert b"content-type: application/json" in allowed.requests[0]


def test_an_answer_that_is_not_json_is_the_other_sides_fault(allowed):
    with pytest.raises(OutboundUnavailable):
        fetch("GET", allowed.url).json()
