"""GET /containers/{id}/logs: what is chosen, what is refused, and that nothing is lost."""

import socket
import subprocess
import time

import pytest

from harness.wait import eventually

LINES = "i=0; while [ $i -lt {n} ]; do echo line $i; i=$((i+1)); done"


def finished(daemon, script, config=None, **more):
    host = {"LogConfig": {"Type": "json-file", "Config": config or {}}}
    container = daemon.run(command=["sh", "-c", script], host=host, **more)
    daemon.wait(container)
    return container


def lines(first, behind):
    return "".join(f"line {i}\n" for i in range(first, behind))


def get(daemon, container, query):
    return daemon.api("GET", f"/containers/{container}/logs?{query}")


@pytest.fixture
def written(daemon):
    return finished(daemon, "echo out; echo err >&2; sleep 0.01; echo out2", Tty=False)


def test_no_stream_is_refused(daemon, written):
    answer = get(daemon, written, "follow=1")
    assert answer.status == 400
    assert answer.message == "Bad parameters: you must choose at least one stream"


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("value", ["yesterday", "1.2.3", "2024-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused(daemon, written, name, value):
    answer = get(daemon, written, f"stdout=1&{name}={value}")
    assert answer.status == 400 and name in answer.message and value in answer.message


@pytest.mark.parametrize("tail", ["all", "", "many", "-1"])
def test_a_tail_that_is_no_number_means_everything(daemon, written, tail):
    assert daemon.docker("logs", written).stdout == "out\nout2\n"
    assert get(daemon, written, f"stdout=1&tail={tail}").status == 200


def test_streams_are_chosen(daemon, written):
    both = daemon.docker("logs", written)
    assert (both.stdout, both.stderr) == ("out\nout2\n", "err\n")
    assert get(daemon, written, "stderr=1").body == b"\x02\0\0\0\0\0\0\4err\n"


def test_times_choose(daemon):
    container = finished(daemon, "echo first; sleep 1.1; echo second")
    stamped = daemon.docker("logs", "-t", container).stdout.splitlines()
    first, second = (line.split(" ")[0] for line in stamped)
    assert daemon.docker("logs", "--since", second, container).stdout == "second\n"
    assert daemon.docker("logs", "--until", first, container).stdout == "first\n"
    assert daemon.docker("logs", "--since", first, container).stdout == "first\nsecond\n"
    assert daemon.docker("logs", "--since", "1h", "--until", "-5s", container).stdout == "first\nsecond\n"
    assert daemon.docker("logs", "--since", "2100-01-01T00:00:00Z", container).stdout == ""
    # As numbers with a fraction, which clients send.
    assert b"second" in get(daemon, container, f"stdout=1&since={time.time() - 100:.9f}").body
    assert get(daemon, container, f"stdout=1&until={time.time() - 100:.9f}").body == b""


def test_follow_until_a_moment_ends_then(daemon):
    container = daemon.run(command=["sh", "-c", "echo up; exec sleep 1000"])
    eventually(lambda: daemon.output(container) == "up\n")
    followed = daemon.docker("logs", "-f", "--until", "-1s", container, timeout=15)
    assert followed.stdout == "up\n"


def test_follow_of_a_container_that_does_not_run_ends(daemon):
    container = finished(daemon, "echo once")
    assert daemon.docker("logs", "-f", container, timeout=15).stdout == "once\n"
    created = daemon.create(command=["true"])
    assert daemon.docker("logs", "-f", created, timeout=15).stdout == ""


def test_tail_of_a_large_log_through_rotations(daemon):
    container = finished(daemon, LINES.format(n=3000), {"max-size": "20k", "max-file": "100"})
    for count in (1, 10, 1500, 3000, 9000):
        expected = lines(max(0, 3000 - count), 3000)
        assert daemon.docker("logs", "--tail", str(count), container).stdout == expected


def test_a_follower_loses_and_repeats_nothing_while_files_rotate(daemon):
    host = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "20k", "max-file": "900"}}}
    script = "while [ ! -e /go ]; do sleep 0.01; done; " + LINES.format(n=20000)
    container = daemon.run(command=["sh", "-c", script], host=host)
    follower = daemon.start_client("docker", "logs", "-f", container, stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True)
    daemon.docker("exec", container, "touch", "/go", check=True)
    assert follower.communicate(timeout=60)[0] == lines(0, 20000)
    assert daemon.docker("logs", container).stdout == lines(0, 20000)


def test_a_client_that_stops_reading_gets_everything_later(daemon):
    container = finished(daemon, "yes 0123456789012345678901234567890123456789 | head -n 100000")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(daemon.socket)
        client.sendall(f"GET /containers/{container}/logs?stdout=1 HTTP/1.0\r\n\r\n".encode())
        head = client.recv(100)
        # Others are served meanwhile.
        assert daemon.docker("logs", "--tail", "1", container).stdout.startswith("0123")
        data = head + b"".join(iter(lambda: client.recv(1 << 20), b""))
    body = data.split(b"\r\n\r\n", 1)[1]
    assert len(body) == 100000 * (41 + 8)


def test_a_follower_that_leaves_is_forgotten(daemon):
    """Whatever the daemon does for it at that moment: its end may come from two threads at once."""
    container = daemon.run(command=["sh", "-c", "while true; do echo x; done"],
                           host={"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}})
    for _ in range(60):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(daemon.socket)
            client.sendall(f"GET /containers/{container}/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n".encode())
            assert client.recv(100)
        daemon.api.get("/_ping", expect=200)
    assert daemon.api.post(f"/containers/{container}/kill").status == 204
