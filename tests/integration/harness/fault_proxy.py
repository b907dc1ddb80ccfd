"""A proxy in front of a registry that fails as it is told: cut connections, wrong bytes, refusals, slowness."""

import dataclasses
import re
import socket
import threading
import time

PIECE = 65536


@dataclasses.dataclass
class Fault:
    """What happens to the next `times` requests that `match` finds in "METHOD /path"."""
    match: str
    times: int = 1
    status: int = 0                # answered instead of the registry
    headers: str = ""              # of that answer, "Name: value\r\n"
    cut_request: int | None = None   # bytes of the request's body that get through
    cut_answer: int | None = None    # bytes of the answer's body that get through
    flip: int | None = None          # this byte of the answer's body comes damaged
    pause: float = 0.0               # seconds in front of each piece of the answer's body


class FaultProxy:
    """One request a connection, so that everything is decided by the request alone."""

    def __init__(self, host, port, upstream):
        self.host, self.port, self.upstream = host, port, upstream
        self.faults, self.requests, self.lock = [], [], threading.Lock()
        self.listener = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(64)
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in list(self.threads):
            thread.join(10)

    def fail(self, match, **how):
        fault = Fault(match, **how)
        with self.lock:
            self.faults.append(fault)
        return fault

    def count(self, pattern):
        with self.lock:
            return sum(1 for request in self.requests if re.search(pattern, request))

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self.threads.append(thread)
            thread.start()

    def _take_fault(self, line):
        with self.lock:
            self.requests.append(line)
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.match, line):
                    fault.times -= 1
                    return fault
        return Fault("")

    def _serve(self, client):
        upstream = None
        try:
            with client:
                client.settimeout(30)
                head, rest = read_head(client)
                line = " ".join(head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2])
                fault = self._take_fault(line)
                upstream = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
                upstream.settimeout(30)
                with upstream:
                    upstream.connect(("127.0.0.1", self.upstream))
                    self._pass(client, upstream, head, rest, fault)
        except (OSError, EOFError):
            pass  # one side went away: so does the other

    def _pass(self, client, upstream, head, rest, fault):
        body = body_pieces(client, head, rest, request=True)
        if fault.status:
            for _ in body:
                pass
            client.sendall(f"HTTP/1.1 {fault.status} Fault\r\n{fault.headers}Content-Length: 0\r\n"
                           "Connection: close\r\n\r\n".encode())
            return
        upstream.sendall(with_close(head))
        sent = 0
        for piece, content in body:
            if fault.cut_request is not None and sent + content > fault.cut_request:
                upstream.sendall(piece[:max(0, fault.cut_request - sent)])
                return
            upstream.sendall(piece)
            sent += content
        answer, rest = read_head(upstream)
        client.sendall(with_close(answer))
        if head.startswith(b"HEAD"):
            return
        passed = 0
        for piece, _ in body_pieces(upstream, answer, rest, request=False):
            time.sleep(fault.pause)
            if fault.flip is not None and passed <= fault.flip < passed + len(piece):
                at = fault.flip - passed
                piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1:]
            if fault.cut_answer is not None and passed + len(piece) > fault.cut_answer:
                client.sendall(piece[:fault.cut_answer - passed])
                return
            client.sendall(piece)
            passed += len(piece)


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(PIECE)
        if not piece or not (data + piece)[:1].isalpha():
            raise EOFError  # gone, or it tries TLS first
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def with_close(head):
    head = re.sub(rb"(?im)^Connection:.*\r\n", b"", head)
    return head[:-2] + b"Connection: close\r\n\r\n"


def body_pieces(connection, head, rest, request):
    """The body as it is on the wire, piece by piece, each with the count of its content's bytes."""
    length = re.search(rb"(?im)^Content-Length: *(\d+)", head)
    if re.search(rb"(?im)^Transfer-Encoding: *chunked", head):
        tail = rest
        if rest:
            yield rest, len(rest)
        while not tail.endswith(b"0\r\n\r\n"):
            piece = connection.recv(PIECE)
            if not piece:
                raise EOFError
            tail = (tail + piece)[-16:]
            yield piece, len(piece)
        return
    left = int(length.group(1)) if length else (0 if request else None)
    while left is None or left > 0:
        piece = rest or connection.recv(PIECE)
        rest = b""
        if not piece:
            if left is None:
                return
            raise EOFError
        if left is not None:
            left -= len(piece)
        yield piece, len(piece)
