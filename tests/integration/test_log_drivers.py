"""Log drivers that send: what goes over the wire, held against listeners that take it apart."""

import gzip
import json
import re
import socket
import struct
import threading
import zlib

import pytest
from harness.wait import eventually

HELLO = ["sh", "-c", "echo out; echo err >&2"]


class Listener:
    """Takes datagrams or streams on an address inside the daemon's network namespace, on a thread."""

    def __init__(self, daemon, kind, address, reads=True):
        self.got, self.closed, self.reads = [], False, reads
        self._threads = []
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        type_ = socket.SOCK_STREAM if kind in ("tcp", "unix") else socket.SOCK_DGRAM
        self.socket = daemon.host.socket(family, type_)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.address = self.socket.getsockname()
        if type_ == socket.SOCK_STREAM:
            self.socket.listen()
        self._start(self._accept if type_ == socket.SOCK_STREAM else self._receive)

    def _start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _receive(self):
        try:
            while data := self.socket.recv(65536):
                self.got.append(data)
        except OSError:
            pass

    def _accept(self):
        try:
            while True:
                self._start(self._read, self.socket.accept()[0])
        except OSError:
            pass

    def _read(self, stream):
        self.stream = stream
        if not self.reads:
            return
        try:
            while data := stream.recv(65536):
                self.got.append(data)
        except OSError:
            pass
        stream.close()

    def bytes(self):
        return b"".join(self.got)

    def lines(self):
        return self.bytes().decode().splitlines()

    def close(self):
        if not self.closed and self.socket.type == socket.SOCK_STREAM:
            self.socket.shutdown(socket.SHUT_RDWR)  # ends the accept(2) of the thread
        self.closed = True
        self.socket.close()

    @property
    def port(self):
        return self.address[1]


@pytest.fixture
def listen(daemon):
    made = []

    def make(kind, address=("127.0.0.1", 0), **options):
        made.append(Listener(daemon, kind, address, **options))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


def logging(driver, **options):
    return {"LogConfig": {"Type": driver, "Config": {key.replace("_", "-"): value for key, value in options.items()}}}


def run_and_end(daemon, host, command=None, **options):
    container = daemon.run(command=command or HELLO, host=host, **options)
    assert daemon.wait(container) == 0
    return container


# --- syslog --------------------------------------------------------------------------------------

STAMP = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest.mark.parametrize("kind, options, pattern", [
    ("udp", {}, rf"<(\d+)>{STAMP} (\w{{12}})\[\d+\]: (\w+)"),
    ("tcp", {"syslog_format": "rfc3164"}, rf"<(\d+)>{STAMP} \S+ (\w{{12}})\[\d+\]: (\w+)"),
    ("tcp", {"syslog_format": "rfc5424"}, rf"<(\d+)>1 {RFC3339}(?:Z|[+-]\d\d:\d\d) \S+ (\w{{12}}) \d+ \w{{12}} - (\w+)"),
    ("udp", {"syslog_format": "rfc5424micro"}, rf"<(\d+)>1 {RFC3339}\.\d{{6}}(?:Z|[+-]\d\d:\d\d) \S+ (\w{{12}}) \d+ \w{{12}} - (\w+)"),
])
def test_syslog_formats(daemon, listen, kind, options, pattern):
    listener = listen(kind)
    container = run_and_end(daemon, logging("syslog", syslog_address=f"{kind}://127.0.0.1:{listener.port}", **options))
    eventually(lambda: len(listener.lines()) == 2)
    found = [re.fullmatch(pattern, line).groups() for line in listener.lines()]
    assert sorted(found, key=lambda item: item[2]) == [("27", container[:12], "err"), ("30", container[:12], "out")]
    daemon.remove(container)


def test_syslog_of_a_local_socket_with_tag_and_facility(daemon, listen, tmp_path):
    listener = listen("unixgram", str(tmp_path / "log"))
    host = logging("syslog", syslog_address=f"unixgram://{tmp_path}/log", syslog_facility="local3", tag="{{.Name}}/x")
    container = run_and_end(daemon, host, ["echo", "hello"], name="teller")
    eventually(lambda: listener.got)
    assert re.fullmatch(rf"<158>{STAMP} teller/x\[\d+\]: hello\n", listener.got[0].decode())
    daemon.remove(container)


# --- gelf ----------------------------------------------------------------------------------------


def joined(chunks):
    """GELF's chunks of one message put together."""
    parts = {}
    for chunk in chunks:
        assert chunk[:2] == b"\x1e\x0f"
        parts[chunk[10]] = chunk[12:]
    assert len(parts) == chunks[0][11] and len({chunk[2:10] for chunk in chunks}) == 1
    return b"".join(parts[i] for i in sorted(parts))


@pytest.mark.parametrize("compression, unpack", [("gzip", gzip.decompress), ("zlib", zlib.decompress), ("none", bytes)])
def test_gelf_by_udp(daemon, listen, compression, unpack):
    listener = listen("udp")
    host = logging("gelf", gelf_address=f"udp://127.0.0.1:{listener.port}", gelf_compression_type=compression,
                   labels="color", env="SHAPE")
    container = run_and_end(daemon, host, name="sender", Labels={"color": "green", "other": "x"}, Env=["SHAPE=round"])
    eventually(lambda: len(listener.got) == 2)
    messages = {message["short_message"]: message for message in (json.loads(unpack(data)) for data in listener.got)}
    out, err = messages["out"], messages["err"]
    assert out["version"] == "1.1" and out["level"] == 6 and err["level"] == 3
    assert out["_container_id"] == container and out["_container_name"] == "sender" and out["_tag"] == container[:12]
    assert out["_image_name"] == "busybox" and out["_image_id"].startswith("sha256:") and out["_command"] == " ".join(HELLO)
    assert out["_color"] == "green" and out["_SHAPE"] == "round" and "_other" not in out
    assert out["_created"] == daemon.inspect(container)["Created"]
    assert isinstance(out["timestamp"], float) and out["host"]
    daemon.remove(container)


def test_gelf_cuts_up_what_is_long_and_skips_empty_lines(daemon, listen):
    listener = listen("udp")
    host = logging("gelf", gelf_address=f"udp://127.0.0.1:{listener.port}", gelf_compression_type="none")
    text = "".join(str(number) for number in range(3000))
    container = run_and_end(daemon, host, ["sh", "-c", f"echo; echo {text}"])
    eventually(lambda: listener.got and len(listener.got) == listener.got[0][11])
    assert json.loads(joined(listener.got))["short_message"] == text
    assert max(map(len, listener.got)) <= 1420
    daemon.remove(container)


def test_gelf_by_tcp(daemon, listen):
    listener = listen("tcp")
    container = run_and_end(daemon, logging("gelf", gelf_address=f"tcp://127.0.0.1:{listener.port}"))
    eventually(lambda: listener.bytes().count(b"\0") == 2)
    assert {json.loads(part)["short_message"] for part in listener.bytes().split(b"\0")[:-1]} == {"out", "err"}
    daemon.remove(container)


# --- fluentd -------------------------------------------------------------------------------------


def unpack(data):
    """The values of a MessagePack stream; of its types, those that the protocol needs."""
    position = 0

    def take(count):
        nonlocal position
        position += count
        assert position <= len(data)
        return data[position - count:position]

    def value():
        first = take(1)[0]
        if first < 0x80:
            return first
        if first & 0xF0 == 0x80:
            return {value(): value() for _ in range(first & 0x0F)}
        if first & 0xF0 == 0x90:
            return [value() for _ in range(first & 0x0F)]
        if first & 0xE0 == 0xA0:
            return take(first & 0x1F).decode()
        sizes = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
        if first in sizes:
            return take(struct.unpack(sizes[first], take(struct.calcsize(sizes[first])))[0]).decode()
        if first == 0xCE:
            return struct.unpack(">I", take(4))[0]
        if first == 0xD7:
            return ("event time", *struct.unpack(">xII", take(9)))
        if first == 0xDE:
            return {value(): value() for _ in range(struct.unpack(">H", take(2))[0])}
        raise AssertionError(f"unknown type {first:#x}")

    values = []
    while position < len(data):
        values.append(value())
    return values


def test_fluentd(daemon, listen, tmp_path):
    for kind, address in (("tcp", ("127.0.0.1", 0)), ("unix", str(tmp_path / "fluent"))):
        listener = listen(kind, address)
        where = f"tcp://127.0.0.1:{listener.port}" if kind == "tcp" else f"unix://{tmp_path}/fluent"
        precise = "true" if kind == "unix" else "false"
        host = logging("fluentd", fluentd_address=where, labels="color", tag="app.{{.Name}}", fluentd_sub_second_precision=precise)
        container = run_and_end(daemon, host, name=f"fluent-{kind}", Labels={"color": "green"})
        eventually(lambda: len(unpack(listener.bytes())) == 2)
        events = {record["log"]: (tag, time, record) for tag, time, record in unpack(listener.bytes())}
        tag, time, record = events["out"]
        assert tag == f"app.fluent-{kind}"
        assert isinstance(time, tuple if kind == "unix" else int)
        assert record == {"container_id": container, "container_name": f"/fluent-{kind}", "source": "stdout", "log": "out", "color": "green"}
        assert events["err"][2]["source"] == "stderr"
        daemon.remove(container)


def test_fluentd_tells_the_parts_of_a_long_line(daemon, listen):
    listener = listen("tcp")
    container = run_and_end(daemon, logging("fluentd", fluentd_address=f"127.0.0.1:{listener.port}"),
                            ["sh", "-c", "head -c 40000 /dev/zero | tr '\\0' x; echo"])
    eventually(lambda: listener.got and len(unpack(listener.bytes())) == 3)
    records = [event[2] for event in unpack(listener.bytes())]
    assert "".join(record["log"] for record in records) == "x" * 40000
    assert [record["partial_ordinal"] for record in records] == ["1", "2", "3"]
    assert [record["partial_last"] for record in records] == ["false", "false", "true"]
    assert len({record["partial_id"] for record in records}) == 1
    daemon.remove(container)


# --- journald ------------------------------------------------------------------------------------


def entry(data):
    """An entry of the journal's native protocol."""
    fields = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = struct.unpack("<Q", rest[:8])[0]
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        fields[name.decode()] = value.decode()
        data = rest
    return fields


def test_journald(make_daemon):
    daemon = make_daemon()
    daemon.host.run("mkdir", "-p", "/run/systemd/journal")
    listener = Listener(daemon, "unixgram", f"/proc/{daemon.pid}/root/run/systemd/journal/socket")
    try:
        container = run_and_end(daemon, logging("journald", labels="my.color", tag="{{.Name}}"), name="teller", Labels={"my.color": "green"})
        eventually(lambda: len(listener.got) == 2)
        out, err = sorted(map(entry, listener.got), key=lambda fields: fields["MESSAGE"] != "out")
        assert out["PRIORITY"] == "6" and err["PRIORITY"] == "3"
        assert out["CONTAINER_ID"] == container[:12] and out["CONTAINER_ID_FULL"] == container
        assert out["CONTAINER_NAME"] == out["CONTAINER_TAG"] == out["SYSLOG_IDENTIFIER"] == "teller"
        assert out["IMAGE_NAME"] == "busybox" and out["MY_COLOR"] == "green"
        assert set(daemon.output(container).split()) == {"out", "err"}
        daemon.remove(container)
    finally:
        listener.close()


# --- what they have in common --------------------------------------------------------------------


def test_logs_can_be_read_all_the_same(daemon, listen):
    listener = listen("udp")
    address = f"udp://127.0.0.1:{listener.port}"
    container = run_and_end(daemon, logging("gelf", gelf_address=address), ["sh", "-c", "for i in 1 2 3; do echo $i; done"])
    assert daemon.output(container).split() == ["1", "2", "3"]
    daemon.remove(container)
    container = run_and_end(daemon, logging("gelf", gelf_address=address, cache_disabled="true"))
    answer = daemon.api.get(f"/containers/{container}/logs?stdout=1", expect=501)
    assert "configured logging driver does not support reading" in answer.message
    daemon.remove(container)


def test_without_a_receiver_the_container_does_not_start(daemon, listen):
    listener = listen("tcp")
    port = listener.port
    listener.close()
    container = daemon.create(command=HELLO, host=logging("fluentd", fluentd_address=f"127.0.0.1:{port}"))
    answer = daemon.api.post(f"/containers/{container}/start")
    assert answer.status >= 400 and "failed to initialize logging driver" in answer.message and str(port) in answer.message
    daemon.remove(container)
    container = run_and_end(daemon, logging("fluentd", fluentd_address=f"127.0.0.1:{port}", fluentd_async="true"))
    assert set(daemon.output(container).split()) == {"out", "err"}
    daemon.remove(container)


def test_a_receiver_that_comes_back_gets_what_waited(daemon, listen):
    listener = listen("tcp")
    host = logging("fluentd", fluentd_address=f"127.0.0.1:{listener.port}", fluentd_retry_wait="50ms")
    container = daemon.run(command=["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done"], host=host)
    eventually(lambda: len(unpack(listener.bytes())) > 5)
    port, stream = listener.port, listener.stream
    listener.close()
    stream.shutdown(socket.SHUT_RDWR)
    shown = len(daemon.output(container).split())
    eventually(lambda: len(daemon.output(container).split()) > shown + 20, what="the container goes on meanwhile")
    again = listen("tcp", ("127.0.0.1", port))
    eventually(lambda: len(again.got) > 5)
    whole = unpack(again.bytes()[:sum(map(len, again.got[:3]))]) if len(again.got) > 3 else []
    numbers = [int(event[2]["log"]) for event in whole]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "in order, none twice"
    daemon.remove(container)


@pytest.mark.parametrize("mode", ["blocking", "non-blocking"])
def test_a_receiver_that_takes_nothing(daemon, listen, mode):
    """Its container waits, or its lines are lost; it is never held up for good."""
    listener = listen("tcp", reads=False)
    options = {"mode": mode, "gelf_address": f"tcp://127.0.0.1:{listener.port}", "cache_disabled": "true"}
    if mode == "non-blocking":
        options["max_buffer_size"] = "64k"
    script = "i=0; while [ $i -lt 200000 ]; do echo a line of some length, so that the buffers fill; i=$((i+1)); done; echo done >&2; touch /done; sleep 1000"
    container = daemon.run(command=["sh", "-c", script], host=logging("gelf", **options))
    if mode == "non-blocking":
        eventually(lambda: daemon.berth("exec", container, "ls", "/done").returncode == 0, 20, "it ends its loop")
    else:
        eventually(lambda: getattr(listener, "stream", None))
        waiting = f"/proc/{daemon.outer_pid(container)}/wchan"
        eventually(lambda: "pipe_write" in open(waiting).read(), 20, "it waits for its receiver")
        eventually(lambda: daemon.berth("exec", container, "ls", "/done").returncode == 0, 40, "but not for ever")
    daemon.remove(container)


@pytest.mark.parametrize("driver, options, message", [
    ("gelf", {}, "gelf-address is a required parameter"),
    ("gelf", {"gelf-address": "127.0.0.1:1"}, "gelf-address should be in form proto://address"),
    ("gelf", {"gelf-address": "http://h:1"}, "gelf: endpoint needs to be TCP or UDP"),
    ("gelf", {"gelf-address": "udp://h"}, "please provide gelf-address as proto://host:port"),
    ("gelf", {"gelf-address": "udp://h:1", "gelf-compression-type": "zip"}, "unknown value \"zip\""),
    ("gelf", {"gelf-address": "udp://h:1", "gelf-compression-level": "10"}, "unknown value \"10\""),
    ("gelf", {"gelf-address": "udp://h:1", "gelf-tcp-max-reconnect": "1"}, "only valid for TCP"),
    ("gelf", {"gelf-address": "udp://h:1", "speed": "1"}, "unknown log opt 'speed' for gelf log driver"),
    ("syslog", {"syslog-address": "127.0.0.1"}, "syslog-address should be in form proto://address"),
    ("syslog", {"syslog-address": "ftp://h"}, "unsupported scheme of syslog-address"),
    ("syslog", {"syslog-facility": "local9"}, "invalid syslog facility"),
    ("syslog", {"syslog-format": "xml"}, "Invalid syslog format"),
    ("fluentd", {"fluentd-address": "ftp://h:1"}, "unsupported scheme: 'ftp'"),
    ("fluentd", {"fluentd-async": "perhaps"}, "must be true or false"),
    ("journald", {"max-size": "1m"}, "unknown log opt 'max-size' for journald log driver"),
])
def test_bad_options_are_refused_at_create(daemon, driver, options, message):
    answer = daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": driver, "Config": options}}})
    assert answer.status == 400 and message in answer.message, answer


@pytest.mark.parametrize("driver, options", [
    ("syslog", {"syslog-address": "tcp+tls://h:1"}), ("fluentd", {"fluentd-address": "tls://h:1"}),
    ("fluentd", {"fluentd-request-ack": "true"})])
def test_what_is_not_built_is_said(daemon, driver, options):
    answer = daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": driver, "Config": options}}})
    assert answer.status == 501 and "not built yet" in answer.message
