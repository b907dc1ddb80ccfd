"""Connections that become raw streams: both handshakes, framing, half-closing, early bytes, back-pressure."""

from harness.wait import eventually

ATTACH = "attach?stream=1&stdin=1&stdout=1&stderr=1"


def waiting(daemon, script, **config):
    """A created container with its input open."""
    return daemon.create(command=["sh", "-c", script], OpenStdin=True, StdinOnce=True, AttachStdin=True, **config)


def attach(daemon, container, query=ATTACH, **options):
    stream, status = daemon.api.hijack(f"/containers/{container}/{query}", **options)
    return stream, status


def start(daemon, container):
    daemon.api.post(f"/containers/{container}/start", expect=204)


def streams(stream):
    """What came on standard output and on standard error, until the end."""
    found = {1: b"", 2: b""}
    for number, data in stream.frames():
        found[number] += data
    return found


def test_upgrade_is_answered_101(daemon):
    container = waiting(daemon, "cat; echo err >&2")
    stream, status = attach(daemon, container)
    with stream:
        assert status == 101
        assert stream.headers["upgrade"] == "tcp"
        assert stream.headers["content-type"] == "application/vnd.docker.multiplexed-stream"
        start(daemon, container)
        stream.send(b"hello\n")
        stream.end_of_input()
        assert streams(stream) == {1: b"hello\n", 2: b"err\n"}
    assert daemon.wait(container) == 0


def test_without_upgrade_it_is_200_and_raw_all_the_same(daemon):
    container = waiting(daemon, "cat")
    stream, status = attach(daemon, container, upgrade=False)
    with stream:
        assert status == 200
        assert "transfer-encoding" not in stream.headers and "content-length" not in stream.headers
        start(daemon, container)
        stream.send(b"hello\n")
        stream.end_of_input()
        assert streams(stream) == {1: b"hello\n", 2: b""}


def test_bytes_sent_with_the_request_are_not_lost(daemon):
    container = waiting(daemon, "cat")
    with daemon.api.stream() as stream:
        stream.send(f"POST /containers/{container}/{ATTACH} HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\n"
                    "Upgrade: tcp\r\n\r\nearly bird\n".encode())
        assert stream.head()[0] == 101
        start(daemon, container)
        stream.end_of_input()
        assert streams(stream)[1] == b"early bird\n"


def test_a_terminal_has_no_frames(daemon):
    container = waiting(daemon, "read line; echo got $line", Tty=True)
    stream, status = attach(daemon, container)
    with stream:
        assert stream.headers["content-type"] == "application/vnd.docker.raw-stream"
        start(daemon, container)
        stream.send(b"this\n")
        assert stream.read_all() == b"this\r\ngot this\r\n"


def test_only_the_streams_asked_for(daemon):
    container = waiting(daemon, "echo out; echo err >&2")
    stream, _ = attach(daemon, container, "attach?stream=1&stderr=1")
    with stream:
        start(daemon, container)
        assert streams(stream) == {1: b"", 2: b"err\n"}


def test_what_was_written_before_comes_with_logs(daemon):
    container = daemon.run(command=["sh", "-c", "echo before; while [ ! -e /dev/shm/go ]; do sleep 0.02; done; echo after"])
    eventually(lambda: daemon.output(container) == "before\n")
    stream, _ = attach(daemon, container, "attach?stream=1&logs=1&stdout=1")
    with stream:
        assert next(stream.frames()) == (1, b"before\n")
        with open(f"/proc/{daemon.outer_pid(container)}/root/dev/shm/go", "w"):
            pass
        assert streams(stream)[1] == b"after\n"


def test_much_data_both_ways_is_whole(daemon):
    container = waiting(daemon, "cat")
    stream, _ = attach(daemon, container)
    block = bytes(range(256)) * 256
    total, received = 200, 0
    with stream:
        start(daemon, container)
        stream.socket.settimeout(30)
        frames = stream.frames()
        for _ in range(total):
            stream.send(block)
            wanted = len(block)
            while wanted > 0:
                _, data = next(frames)
                position = received % 256
                assert data[:256] == bytes(range(256))[position:] + bytes(range(256))[:position] or len(data) < 256
                received += len(data)
                wanted -= len(data)
        stream.end_of_input()
        assert list(frames) == []
    assert received == total * len(block)


def test_a_reader_that_is_slow_slows_only_the_writer(daemon):
    """Back-pressure: nothing is dropped, and no memory is taken for what is not read."""
    def resident():
        with open(f"/proc/{daemon.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

    container = daemon.create(command=["sh", "-c", "head -c 30000000 /dev/zero"], host={"LogConfig": {"Type": "none"}})
    stream, _ = attach(daemon, container, "attach?stream=1&stdout=1")
    with stream:
        before = resident()
        start(daemon, container)
        # While nobody reads, the daemon answers others, and does not grow by what is waiting.
        for _ in range(20):
            assert daemon.api.get("/_ping").text == "OK"
        assert resident() - before < 8 * 1024
        assert daemon.state(container)["Running"]
        assert sum(len(data) for _, data in stream.frames()) == 30_000_000
    assert daemon.wait(container) == 0


def test_leaving_does_not_disturb_the_container(daemon):
    container = daemon.run(command=["sh", "-c", "while :; do echo x; sleep 0.02; done"], OpenStdin=True)
    for _ in range(10):
        stream, _ = attach(daemon, container)
        with stream:
            next(stream.frames())
    assert daemon.state(container)["Running"]
    length = len(daemon.output(container))
    eventually(lambda: len(daemon.output(container)) > length)


def test_three_attached_see_the_same(daemon):
    container = waiting(daemon, "cat")
    attached = [attach(daemon, container)[0] for _ in range(3)]
    start(daemon, container)
    attached[0].send(b"for all\n")
    attached[0].end_of_input()
    try:
        assert [streams(stream)[1] for stream in attached] == [b"for all\n"] * 3
    finally:
        for stream in attached:
            stream.close()


def test_bad_detach_keys_are_refused_before_the_stream_begins(daemon):
    container = waiting(daemon, "cat")
    assert "ctrl-" in daemon.api.post(f"/containers/{container}/attach?detachKeys=ctrl-&stream=1", expect=400).message


def test_wait_that_is_armed_before_start_never_misses_the_end(daemon):
    for _ in range(10):
        container = daemon.create(command=["true"])
        with daemon.api.stream() as stream:
            stream.request("POST", f"/containers/{container}/wait?condition=next-exit")
            status, headers = stream.head()  # its head comes at once, its body at the end
            assert status == 200
            start(daemon, container)
            assert b'"StatusCode":0' in stream.body("POST", status, headers).replace(b" ", b"")


def test_wait_until_it_is_removed(daemon):
    container = daemon.run(command=["true"], host={"AutoRemove": True})
    answer = daemon.api.post(f"/containers/{container}/wait?condition=removed", timeout=30)
    # It may be gone before the question came.
    assert answer.status in (200, 404)
    eventually(lambda: daemon.containers() == [])
