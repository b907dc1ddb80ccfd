"""The daemon's own routes, its sockets and its HTTP: what every client meets first."""

import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from harness.wait import eventually


def test_ping_tells_the_api_version(daemon):
    response = daemon.api.get("/_ping")
    assert response.text == "OK"
    assert response.headers["api-version"] == "1.50"
    assert response.headers["ostype"] == "linux"
    assert "no-cache" in response.headers["cache-control"]


def test_ping_by_head_has_no_body(daemon):
    with daemon.api.stream() as stream:
        response = stream.exchange("HEAD", "/_ping")
        assert (response.status, response.body) == (200, b"")
        assert response.headers["api-version"] == "1.50"
        # The same connection goes on: nothing of a body may have been sent.
        assert stream.exchange("GET", "/_ping").text == "OK"


@pytest.mark.parametrize("prefix", ["", "/v1.22", "/v1.41", "/v1.50"])
def test_version_under_every_supported_prefix(daemon, prefix):
    version = daemon.api.get(f"{prefix}/version").json()
    assert version["ApiVersion"] == "1.50"
    assert version["MinAPIVersion"] == "1.22"
    assert version["Os"] == "linux"
    assert version["Arch"] == "amd64"
    assert version["KernelVersion"] == os.uname().release
    assert version["Components"][0]["Version"] == version["Version"]


@pytest.mark.parametrize("version, word", [("1.51", "too new"), ("1.21", "too old"), ("2.0", "too new")])
def test_a_version_outside_the_range_is_refused_with_the_range(daemon, version, word):
    response = daemon.api("GET", f"/v{version}/version", expect=400)
    assert word in response.message
    assert ("1.50" if word == "too new" else "1.22") in response.message


def test_info_describes_the_machine(daemon):
    info = daemon.api.get("/info").json()
    assert info["DockerRootDir"] == daemon.data_root
    assert info["NCPU"] == os.cpu_count()
    assert info["OSType"] == "linux"
    assert info["CgroupVersion"] in ("1", "2")
    assert info["Containers"] == 0
    assert info["Images"] >= 1
    container = daemon.run(command=["sleep", "100"])
    info = daemon.api.get("/info").json()
    assert (info["Containers"], info["ContainersRunning"]) == (1, 1)
    daemon.remove(container)


def test_the_clients_say_their_version_and_the_daemons(daemon):
    for client in (daemon.berth, daemon.docker):
        result = client("version")
        assert result.returncode == 0, result.stderr
        assert "1.50" in result.stdout
        assert client("info").returncode == 0


def test_an_unknown_path_is_404_with_a_message(daemon):
    assert "page not found" in daemon.api("GET", "/v1.50/nosuch", expect=404).message


def test_a_known_path_with_a_wrong_method_changes_nothing(daemon):
    response = daemon.api("PATCH", "/containers/json")
    assert response.status in (404, 405)
    assert response.message


@pytest.mark.parametrize("body, complaint", [
    ("{", "JSON"), ("", ""), ('"text"', ""), ("[1]", ""), ('{"Image": 7}', "Image"),
    ('{"Image": "busybox"} more', ""), ('{"Image":"busybox","Cmd":{"a":1}}', "Cmd"),
    ('{"Image":"busybox","HostConfig":{"Memory":"much"}}', "Memory"),
])
def test_bad_json_is_a_400_that_says_what_is_wrong(daemon, body, complaint):
    response = daemon.api.post("/containers/create", body, headers={"Content-Type": "application/json"})
    assert response.status == 400
    assert complaint.lower() in response.message.lower()
    assert daemon.containers() == []


def test_deeply_nested_json_does_no_harm(daemon):
    depth = 100_000
    response = daemon.api.post("/containers/create", '{"Image":' + "[" * depth + "]" * depth + "}",
                               headers={"Content-Type": "application/json"})
    assert response.status == 400
    assert daemon.api.get("/_ping").text == "OK"


def test_many_requests_on_one_connection_also_when_sent_ahead(daemon):
    with daemon.api.stream() as stream:
        for _ in range(20):
            assert stream.exchange("GET", "/_ping").text == "OK"
        for _ in range(5):
            stream.request("GET", "/_ping")
        for _ in range(5):
            status, headers = stream.head()
            assert (status, stream.body("GET", status, headers)) == (200, b"OK")


def test_a_chunked_request_body(daemon):
    body = json.dumps({"Image": "busybox", "Cmd": ["true"]}).encode()
    with daemon.api.stream() as stream:
        stream.send(b"POST /containers/create HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n")
        for byte in range(0, len(body), 7):
            part = body[byte:byte + 7]
            stream.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        stream.send(b"0\r\n\r\n")
        status, headers = stream.head()
        assert status == 201, stream.body("POST", status, headers)


def test_what_is_not_http_is_answered_and_closed(daemon):
    with daemon.api.stream() as stream:
        stream.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        answer = stream.read_all()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert daemon.api.get("/_ping").text == "OK"


def test_an_endless_header_is_refused(daemon):
    with daemon.api.stream() as stream:
        try:
            stream.send(b"GET /_ping HTTP/1.1\r\n")
            for _ in range(64):
                stream.send(b"X-Filler: " + b"x" * 65536 + b"\r\n")
            answer = stream.read_all()
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert b" 200 " not in answer
    assert daemon.api.get("/_ping").text == "OK"


def test_the_socket_is_not_for_everybody(daemon):
    mode = os.stat(daemon.socket)
    assert stat.S_IMODE(mode.st_mode) == 0o660
    assert mode.st_uid == 0


def test_plain_tcp_beyond_loopback_is_refused(make_daemon):
    daemon = make_daemon(start=False)
    result = daemon.host.run(*daemon.command("-H", "tcp://0.0.0.0:2375"), check=False, timeout=20)
    assert result.returncode != 0
    assert "2375" in result.stderr and "loopback" in result.stderr


def test_loopback_tcp_and_a_second_unix_socket(make_daemon):
    daemon = make_daemon(start=False)
    second = os.path.join(daemon.folder, "second.sock")
    daemon.flags += ["-H", "tcp://127.0.0.1:2375", "-H", f"unix://{second}"]
    daemon.start()
    assert daemon.curl("http://127.0.0.1:2375/_ping").stdout == "OK"
    assert daemon.curl("--unix-socket", second, "http://d/_ping").stdout == "OK"
    daemon.stop()
    assert not os.path.exists(second)


def test_a_socket_passed_by_systemd(make_daemon):
    daemon = make_daemon(start=False)
    # What systemd does: descriptor 3 listens, and the environment says so to this very process.
    code = ("import os, socket, sys\n"
            "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
            "os.dup2(s.fileno(), 3); os.set_inheritable(3, True)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
            "os.execv(sys.argv[2], sys.argv[2:])\n")
    passed = os.path.join(daemon.folder, "passed.sock")
    command = daemon.command()
    command[command.index("-H") + 1] = "fd://"
    process = daemon.host.start(sys.executable, "-c", code, passed, *command,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            eventually(lambda: os.path.exists(passed))
            eventually(lambda: client.connect_ex(passed) == 0)
        answer = daemon.curl("--unix-socket", passed, "http://d/_ping")
        assert answer.stdout == "OK"
    finally:
        for pid, line in daemon.host.processes().items():
            if "berthd" in line:
                os.kill(pid, 15)
        process.wait(20)
        process.stderr.close()
    assert os.path.exists(passed), "the socket is systemd's; the daemon must not remove it"


def test_unknown_configuration_is_refused_by_name(make_daemon):
    daemon = make_daemon(start=False, config='{"no-such-key": 1}')
    result = daemon.host.run(*daemon.command(), check=False, timeout=20)
    assert result.returncode != 0
    assert "no-such-key" in result.stderr


def test_broken_configuration_is_refused_with_its_file(make_daemon):
    daemon = make_daemon(start=False, config='{"bip": ')
    result = daemon.host.run(*daemon.command(), check=False, timeout=20)
    assert result.returncode != 0
    assert daemon.config_file in result.stderr


def test_a_flag_and_the_file_may_not_contradict_each_other(make_daemon):
    daemon = make_daemon(start=False, config='{"bip": "172.20.0.1/16"}')
    result = daemon.host.run(*daemon.command("--bip", "172.21.0.1/16"), check=False, timeout=20)
    assert result.returncode != 0
    assert "bip" in result.stderr


def test_a_second_daemon_on_the_same_folders_is_refused(daemon):
    command = daemon.command()
    command[command.index("-H") + 1] = f"unix://{daemon.folder}/other.sock"
    command[command.index("--pidfile") + 1] = f"{daemon.folder}/other.pid"
    result = daemon.host.run(*command, check=False, timeout=20)
    assert result.returncode != 0
    assert len(result.stderr.strip().splitlines()[-1]) > 0
    assert daemon.api.get("/_ping").text == "OK"


def test_it_ends_cleanly_when_asked(make_daemon):
    daemon = make_daemon(images=())
    assert daemon.stop() == 0
    assert not os.path.exists(daemon.socket)


def test_info_shows_the_proxies_without_passwords(make_daemon):
    daemon = make_daemon("--no-proxy", "*.test", images=(),
                         config='{"proxies": {"http-proxy": "http://ann:secret@proxy.test:3128", "https-proxy": "proxy.test:1"}}')
    info = daemon.api.get("/info").json()
    assert (info["HttpProxy"], info["HttpsProxy"], info["NoProxy"]) == ("http://xxxxx:xxxxx@proxy.test:3128", "proxy.test:1", "*.test")
