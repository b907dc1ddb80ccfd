"""Drivers that keep a log in files: their options, their forms, and rotation."""

import glob
import gzip
import json
import os
import struct
import subprocess
import time

import pytest

from harness.wait import eventually


def run(daemon, options, **config):
    host = {"LogConfig": {"Type": "json-file", "Config": options}}
    container = daemon.run(command=["echo", "hello"], host=host, **config)
    daemon.wait(container)
    with open(daemon.inspect(container)["LogPath"]) as log:
        line = json.loads(log.readline())
    details = daemon.docker("logs", "--details", container).stdout
    daemon.remove(container)
    return line, details


def test_labels_variables_and_tag_are_in_every_line(daemon):
    line, details = run(
        daemon,
        {"labels": "app,missing", "labels-regex": "^x-", "env": "COLOUR", "env-regex": "^B", "tag": "{{.Name}}/{{ .ImageName }}"},
        Labels={"app": "web \"1\"", "x-team": "blue", "other": "no"},
        Env=["COLOUR=red", "BUILD=7", "NO=1"],
        name="tagged",
    )
    wanted = {"app": "web \"1\"", "x-team": "blue", "COLOUR": "red", "BUILD": "7", "tag": "tagged/busybox"}
    assert line["attrs"] == wanted
    assert line["log"] == "hello\n" and line["stream"] == "stdout"
    # Encoded as in a query, as dockerd does it: what separates is never part of a value.
    assert details == "BUILD=7,COLOUR=red,app=web+%221%22,tag=tagged%2Fbusybox,x-team=blue hello\n"


def test_without_them_a_line_has_none(daemon):
    line, _ = run(daemon, {"labels": "missing"}, Labels={"app": "web"})
    assert "attrs" not in line


@pytest.mark.parametrize(
    "options, message",
    [({"labels-regex": "("}, "no regular expression"), ({"tag": "{{.Nope}}"}, ".Nope"), ({"tag": "{{.ID"}, "no }}")],
)
def test_what_cannot_be_is_refused_at_create(daemon, options, message):
    body = {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": "json-file", "Config": options}}}
    answer = daemon.api.post("/containers/create", body)
    assert answer.status == 400 and message in answer.message


def log_of(daemon, container, driver):
    folder = os.path.join(daemon.data_root, "containers", container)
    name = "local-logs/container.log" if driver == "local" else f"{container}-json.log"
    return os.path.join(folder, name)


WRITE = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; touch /done; exec sleep 1000"
LINES = [f"line {i}\n" for i in range(3000)]


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_rotated_files_are_compressed_and_read_all_the_same(daemon, driver):
    options = {"max-size": "20k", "max-file": "100", "compress": "true"}
    host = {"LogConfig": {"Type": driver, "Config": options}}
    container = daemon.run(command=["sh", "-c", WRITE], host=host)
    file = log_of(daemon, container, driver)
    eventually(lambda: daemon.docker("logs", "--tail", "1", container).stdout == LINES[-1], 20)
    eventually(lambda: os.path.exists(file + ".1.gz") and not glob.glob(file + ".*[0-9]"), 20)
    assert daemon.docker("logs", container).stdout == "".join(LINES)
    assert daemon.docker("logs", "--tail", "2500", container).stdout == "".join(LINES[500:])
    with gzip.open(file + ".1.gz") as old:
        assert (b"line" in old.read()) and not os.path.exists(file + ".gz.tmp")


def read_local(file):
    """The entries of a file of the driver local, by Docker's description of it."""
    with open(file, "rb") as log:
        data = log.read()
    entries = []
    while data:
        (size,) = struct.unpack(">I", data[:4])
        assert struct.unpack(">I", data[4 + size:8 + size]) == (size,)
        entries.append(protobuf(data[4:4 + size]))
        data = data[8 + size:]
    return entries


def protobuf(data):
    def varint():
        nonlocal data
        value = shift = 0
        while True:
            byte, data = data[0], data[1:]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    fields = {}
    while data:
        tag = varint()
        value = varint()
        if tag & 7 == 2:
            value, data = data[:value], data[value:]
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def test_the_driver_local_keeps_dockers_form(daemon):
    host = {"LogConfig": {"Type": "local", "Config": {"labels": "app"}}}
    script = "echo out; echo err >&2; head -c 20000 /dev/zero | tr '\\0' x; echo"
    container = daemon.run(command=["sh", "-c", script], host=host, Labels={"app": "web"})
    daemon.wait(container)
    entries = read_local(log_of(daemon, container, "local"))
    by_stream = {name: [e for e in entries if e[1] == [name]] for name in (b"stdout", b"stderr")}
    assert [e[3] for e in by_stream[b"stderr"]] == [[b"err"]]
    whole, first, last = by_stream[b"stdout"]
    assert whole[3] == [b"out"] and 4 not in whole
    assert abs(whole[2][0] - time.time_ns()) < 60e9
    assert first[3] == [b"x" * 16384] and last[3] == [b"x" * 3616] and first[4] == last[4] == [1]
    first, last = protobuf(first[5][0]), protobuf(last[5][0])
    assert first[2] == last[2] and (first[3], last[3]) == ([1], [2]) and 1 not in first and last[1] == [1]
    assert [protobuf(attribute) for attribute in whole[6]] == [{1: [b"app"], 2: [b"web"]}]
    assert daemon.docker("logs", container).stdout == "out\n" + "x" * 20000 + "\n"
    assert daemon.docker("logs", "--details", "--tail", "1", container).stdout == "app=web " + "x" * 3616 + "\n"
    assert daemon.inspect(container)["LogPath"] == ""


def test_followers_of_the_driver_local_see_what_comes(daemon):
    host = {"LogConfig": {"Type": "local", "Config": {"max-size": "20k", "max-file": "900"}}}
    container = daemon.run(command=["sh", "-c", "while [ ! -e /go ]; do sleep 0.01; done; " + WRITE], host=host)
    follower = daemon.start_client("docker", "logs", "-f", container, stdout=subprocess.PIPE, text=True)
    daemon.docker("exec", container, "touch", "/go", check=True)
    assert [follower.stdout.readline() for _ in LINES] == LINES
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    assert follower.communicate(timeout=15)[0] == ""


def test_the_daemons_default_driver_and_its_options(make_daemon):
    daemon = make_daemon("--log-driver", "local", "--log-opt", "max-size=1m")
    container = daemon.run(command=["echo", "hello"])
    daemon.wait(container)
    config = daemon.inspect(container)["HostConfig"]["LogConfig"]
    assert config == {"Type": "local", "Config": {"max-size": "1m"}}
    assert daemon.docker("logs", container).stdout == "hello\n"
    assert daemon.api.get("/info").json()["LoggingDriver"] == "local"


def test_bad_default_options_keep_the_daemon_from_starting(make_daemon):
    daemon = make_daemon("--log-opt", "max-fiel=3", start=False)
    with pytest.raises(RuntimeError, match="failed to set log opts: unknown log opt 'max-fiel' for json-file log driver"):
        daemon.start()
