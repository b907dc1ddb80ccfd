"""A small HTTP/1.1 client on the daemon's Unix socket, that hides nothing from a test."""

import json
import socket


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)

    def lines(self):
        """The JSON documents of a stream, one a line."""
        return [json.loads(line) for line in self.body.splitlines() if line.strip()]

    @property
    def message(self):
        return self.json()["message"]

    def __repr__(self):
        return f"<{self.status} {self.text[:300]}>"


class Stream:
    """One connection: requests on it, answers read from it, and the raw bytes when it is hijacked."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def end_of_input(self):
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, method, path, body=None, headers=()):
        head = {"Host": "berth", **dict(headers)}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            head.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        if body is not None or method in ("POST", "PUT"):
            head.setdefault("Content-Length", str(len(body or b"")))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def fill(self):
        """Reads some more; false at the end of the stream."""
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise ConnectionError(f"the connection closed after {self.buffer!r}")
        data, self.buffer = self.buffer.split(mark, 1)
        return data

    def read(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                raise ConnectionError(f"the connection closed after {self.buffer!r}")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_all(self):
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def head(self):
        """Status and headers (names in lower case) of the next answer."""
        lines = self.read_until(b"\r\n\r\n").decode("latin1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    def chunk(self):
        """The next chunk of a chunked body; empty at its end."""
        size = int(self.read_until(b"\r\n").split(b";")[0], 16)
        data = self.read(size)
        assert self.read(2) == b"\r\n", "a chunk has to end with CRLF"
        return data

    def body(self, method, status, headers):
        if method == "HEAD" or status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            chunks = []
            while chunk := self.chunk():
                chunks.append(chunk)
            return b"".join(chunks)
        if "content-length" in headers:
            return self.read(int(headers["content-length"]))
        return self.read_all()

    def exchange(self, method, path, body=None, headers=()):
        self.request(method, path, body, headers)
        status, answer = self.head()
        while status == 100:
            status, answer = self.head()
        return Response(status, answer, self.body(method, status, answer))

    def frames(self):
        """Of a multiplexed hijacked stream: (stream number, bytes) until it ends."""
        while self.buffer or self.fill():
            header = self.read(8)
            yield header[0], self.read(int.from_bytes(header[4:8], "big"))


class Api:
    def __init__(self, path):
        self.path = path

    def stream(self, timeout=20):
        return Stream(self.path, timeout)

    def __call__(self, method, path, body=None, headers=(), timeout=20, expect=None):
        """One request on a connection of its own; `expect` is the status that it must have."""
        with self.stream(timeout) as stream:
            response = stream.exchange(method, path, body, headers)
        if expect is not None:
            assert response.status == expect, f"{method} {path}: wanted {expect}, got {response!r}"
        return response

    def get(self, path, expect=200, **options):
        return self("GET", path, expect=expect, **options)

    def post(self, path, body=None, expect=None, **options):
        return self("POST", path, body, expect=expect, **options)

    def delete(self, path, expect=None, **options):
        return self("DELETE", path, expect=expect, **options)

    def hijack(self, path, body=None, upgrade=True, timeout=20):
        """POSTs and returns (stream, status); afterwards the stream is raw bytes both ways."""
        stream = self.stream(timeout)
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"} if upgrade else {}
        stream.request("POST", path, body, headers)
        status, stream.headers = stream.head()
        return stream, status
