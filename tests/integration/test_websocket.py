"""Attaching over a WebSocket (RFC 6455), by a client of a few lines."""

import base64
import hashlib
import os
import struct

import pytest

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE = 2, 8


class WebSocket:
    def __init__(self, daemon, path, **headers):
        self.stream = daemon.api.stream()
        key = base64.b64encode(os.urandom(16)).decode()
        wanted = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            **headers,
        }
        self.stream.request("GET", path, headers=list(wanted.items()))
        self.status, self.headers = self.stream.head()[:2]
        if self.status == 101:
            digest = hashlib.sha1((key + GUID).encode()).digest()
            assert self.headers["sec-websocket-accept"] == base64.b64encode(digest).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self, data, opcode=BINARY, final=True):
        mask = os.urandom(4)
        size = len(data)
        head = bytes([opcode | (0x80 if final else 0)])
        head += bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
        self.stream.send(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def receive(self):
        """The next frame: opcode and data."""
        first, second = self.stream.read(2)
        size = second & 0x7F
        assert second & 0x80 == 0, "a server does not mask"
        if size == 126:
            size = struct.unpack(">H", self.stream.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.stream.read(8))[0]
        return first & 0x0F, self.stream.read(size)

    def until_close(self):
        data = b""
        while True:
            opcode, piece = self.receive()
            if opcode == CLOSE:
                return data, struct.unpack(">H", piece[:2])[0]
            assert opcode == BINARY
            data += piece


def attach(daemon, container, query="stream=1&stdin=1&stdout=1&stderr=1", **headers):
    return WebSocket(daemon, f"/v1.50/containers/{container}/attach/ws?{query}", **headers)


def test_output_comes_in_binary_frames_without_docker_s_own_framing(daemon):
    container = daemon.create(command=["sh", "-c", "echo out; echo err >&2"])
    with attach(daemon, container) as client:
        assert client.status == 101
        daemon.api.post(f"/containers/{container}/start", expect=204)
        data, code = client.until_close()
    assert sorted(data.split()) == [b"err", b"out"]
    assert code == 1000
    daemon.remove(container)


def test_input_arrives_in_pieces_of_any_size(daemon):
    container = daemon.run(command=["sh", "-c", "head -c 30005 | md5sum"], OpenStdin=True, StdinOnce=True)
    with attach(daemon, container) as client:
        client.send(b"start", final=False)
        client.send(b"x" * 30000, opcode=0)
        data, _ = client.until_close()
    assert data.split()[0].decode() == hashlib.md5(b"start" + b"x" * 30000).hexdigest()
    daemon.remove(container)


def test_a_client_that_closes_detaches_and_the_container_goes_on(daemon):
    container = daemon.run(command=["cat"], OpenStdin=True)
    with attach(daemon, container) as client:
        client.send(b"ping\n")
        assert client.receive() == (BINARY, b"ping\n")
        client.send(struct.pack(">H", 1000), opcode=CLOSE)
        assert client.receive()[0] == CLOSE
    assert daemon.state(container)["Running"]
    with attach(daemon, container) as client:
        client.send(b"again\n")
        assert client.receive() == (BINARY, b"again\n")
    daemon.remove(container)


def test_past_output_is_sent_first(daemon):
    container = daemon.run(command=["echo", "before"])
    daemon.wait(container)
    with attach(daemon, container, "logs=1&stdout=1") as client:
        data, _ = client.until_close()
    assert data == b"before\n"
    daemon.remove(container)


@pytest.mark.parametrize(
    "headers, status, message",
    [
        ({"Upgrade": "tcp"}, 400, "not a WebSocket handshake"),
        ({"Sec-WebSocket-Version": "12"}, 400, "Sec-WebSocket-Version: 13"),
        ({"Origin": "https://evil.example"}, 403, "https://evil.example"),
    ],
)
def test_what_is_no_handshake_of_ours_is_refused(daemon, headers, status, message):
    container = daemon.run(command=["cat"], OpenStdin=True)
    with attach(daemon, container, **headers) as client:
        assert client.status == status
        assert message in client.stream.body("GET", client.status, client.headers).decode()
    daemon.remove(container)
