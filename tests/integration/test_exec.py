"""Sessions in containers: exec, by the API, by both clients, and through the daemon's death."""

import contextlib
import json
import os
import signal
import subprocess
import urllib.parse

import pytest

from harness.daemon import demultiplex
from harness.wait import eventually

SLEEP = ["sleep", "1000"]


@pytest.fixture
def container(daemon):
    return daemon.run(command=SLEEP)


@pytest.fixture(params=["berth", "docker"])
def client(daemon, request):
    return getattr(daemon, request.param)


def create(daemon, container, *command, expect=201, **config):
    body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True, **config}
    response = daemon.api.post(f"/containers/{container}/exec", body, expect=expect)
    return response.json()["Id"] if expect == 201 else response


def begin(daemon, session, upgrade=True, **options):
    return daemon.api.hijack(f"/exec/{session}/start", {"Detach": False, "Tty": False, **options}, upgrade)


def inspect(daemon, session):
    return daemon.api.get(f"/exec/{session}/json").json()


def run(daemon, container, *command, **config):
    """Runs it attached; returns (exit code, output of both streams)."""
    session = create(daemon, container, *command, **config)
    stream, status = begin(daemon, session)
    with stream:
        assert status == 101
        output = demultiplex(stream.read_all())
    shown = inspect(daemon, session)
    assert not shown["Running"]
    return shown["ExitCode"], output


def ended(daemon, session):
    return eventually(lambda: not inspect(daemon, session)["Running"], 10, "the session ends")


# --- what clients see ------------------------------------------------------------------------------


def test_output_and_exit_code(client, container):
    result = client("exec", container, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.returncode, result.stdout, result.stderr) == (7, "out\n", "err\n")


def test_input_ends_with_the_clients(client, container):
    result = client("exec", "-i", container, "sh", "-c", "cat; echo over", input="one\ntwo\n")
    assert (result.returncode, result.stdout) == (0, "one\ntwo\nover\n")


def test_without_i_input_is_empty(client, container):
    assert client("exec", container, "cat", input="text").stdout == ""


def test_much_goes_both_ways(client, container):
    text = "0123456789abcde\n" * 65536
    result = client("exec", "-i", container, "cat", input=text)
    assert result.stdout == text


def test_flags(client, container, tmp_path):
    file = tmp_path / "variables"
    file.write_text("# a comment\nFROM_FILE=yes\n")
    result = client("exec", "-e", "A=b c", "--env-file", str(file), "-w", "/tmp", "-u", "1000:1000", container, "sh",
                    "-c", "echo $A,$FROM_FILE,$(pwd),$(id -u):$(id -g),$HOME")
    assert result.stdout == "b c,yes,/tmp,1000:1000,/\n"


def test_environment_is_the_containers(daemon, client):
    container = daemon.run(command=SLEEP, Env=["A=container", "B=container"], Hostname="host1")
    result = client("exec", "-e", "B=session", container, "sh", "-c", "echo $A,$B,$HOSTNAME,$HOME,$TERM,$PATH")
    assert result.stdout == \
        "container,session,host1,/root,,/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"


def test_user_and_folder_are_the_containers(daemon, client):
    container = daemon.run(command=SLEEP, User="1000:1001", WorkingDir="/work")
    assert client("exec", container, "sh", "-c", "id -u; id -g; pwd").stdout == "1000\n1001\n/work\n"
    assert client("exec", "-u", "0", container, "id", "-u").stdout == "0\n"


@pytest.mark.parametrize("command, code, words", [
    (["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'),
    (["/no/such"], 127, "no such file or directory"),
    (["/etc"], 126, "permission denied"),
    (["-u", "nobody-there", "true"], 126, "unable to find user nobody-there: no matching entries in passwd file"),
    (["-w", "/nowhere", "true"], 127, 'chdir to cwd /nowhere: no such file or directory'),
])
def test_what_cannot_start_is_told(client, container, command, code, words):
    flags, program = (command[:2], command[2:]) if command[0].startswith("-") else ([], command)
    result = client("exec", *flags, container, *program)
    assert result.returncode == code
    assert words in result.stdout + result.stderr


def test_a_detached_session_goes_on_alone(daemon, client, container):
    assert client("exec", "-d", container, "sh", "-c", "echo done > /tmp/sign; sleep 1000").returncode == 0
    eventually(lambda: run(daemon, container, "cat", "/tmp/sign") == (0, "done\n"))
    assert len(daemon.inspect(container)["ExecIDs"]) == 1


def test_a_detached_session_that_cannot_start_is_refused(client, container):
    result = client("exec", "-d", container, "nosuch")
    assert result.returncode != 0
    assert 'exec: "nosuch": executable file not found in $PATH' in result.stderr


def test_privileged(client, container):
    command = ["sh", "-c", "grep -E 'CapEff|Seccomp:' /proc/self/status"]
    plain = client("exec", container, *command).stdout.split()
    privileged = client("exec", "--privileged", container, *command).stdout.split()
    own = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd")]
    assert plain[3] == "2" and privileged[3] == "0"
    assert int(plain[1], 16) < int(privileged[1], 16) == int(own[0], 16)


@pytest.mark.parametrize("program", ["berth", "docker"])
def test_terminal(daemon, container, program):
    with daemon.terminal(program, "exec", "-it", container, "sh", rows=31, columns=97) as terminal:
        terminal.expect("# ")
        terminal.type("tty; stty size; echo $TERM\n")
        terminal.expect(r"/dev/pts/\d+\s+31 97\s+xterm")
        terminal.resize(40, 120)
        terminal.type("while [ \"$(stty size)\" != '40 120' ]; do :; done; echo resi''zed\n")
        terminal.expect("resized")
        terminal.type("exit 3\n")
        assert terminal.wait() == 3


@pytest.mark.parametrize("program", ["berth", "docker"])
def test_detach_keys(daemon, container, program):
    with daemon.terminal(program, "exec", "-it", "--detach-keys", "ctrl-x,q", container, "sh", "-c",
                         "echo ready; sleep 1000") as terminal:
        terminal.expect("ready")
        eventually(terminal.raw)
        terminal.type("\x18q")
        terminal.expect("read escape sequence")
        assert terminal.wait() == 1
    sessions = daemon.inspect(container)["ExecIDs"]
    assert [inspect(daemon, session)["Running"] for session in sessions] == [True]


def test_interactive_without_a_terminal_is_refused(client, container):
    result = client("exec", "-it", container, "sh", input="")
    assert result.returncode == 1
    assert "the input device is not a TTY" in result.stderr


def test_interrupted_client_leaves_the_session(daemon, container):
    process = daemon.start_client("berth", "exec", container, "sleep", "1000")
    eventually(lambda: daemon.inspect(container)["ExecIDs"])
    session = daemon.inspect(container)["ExecIDs"][0]
    eventually(lambda: inspect(daemon, session)["Pid"] > 0)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert inspect(daemon, session)["Running"]


# --- the API ---------------------------------------------------------------------------------------


def test_inspect(daemon, container):
    session = create(daemon, container, "sh", "-c", "read line; exit 5", AttachStdin=True, Privileged=True,
                     User="root", DetachKeys="ctrl-a")
    assert inspect(daemon, session) == {
        "ID": session, "Running": False, "ExitCode": None, "OpenStdin": True, "OpenStdout": True, "OpenStderr": True,
        "ProcessConfig": {"tty": False, "entrypoint": "sh", "arguments": ["-c", "read line; exit 5"],
                          "privileged": True, "user": "root"},
        "CanRemove": False, "ContainerID": container, "DetachKeys": "AQ==", "Pid": 0}
    stream, _ = begin(daemon, session)
    with stream:
        eventually(lambda: inspect(daemon, session)["Pid"] > 0)
        shown = inspect(daemon, session)
        assert shown["Running"] and shown["ExitCode"] is None
        assert daemon.inspect(container)["ExecIDs"] == [session]
        stream.send(b"\n")
        assert stream.read_all() == b""
    shown = inspect(daemon, session)
    assert (shown["Running"], shown["ExitCode"]) == (False, 5)
    assert daemon.inspect(container)["ExecIDs"] is None


def test_exit_code_is_known_when_the_stream_closes(daemon, container):
    for code in range(60):
        assert run(daemon, container, "sh", "-c", f"exit {code}") == (code, "")


def test_frames_and_headers(daemon, container):
    session = create(daemon, container, "sh", "-c", "echo out; sleep 0.1; echo err >&2")
    stream, status = begin(daemon, session)
    with stream:
        assert status == 101
        assert stream.headers["content-type"] == "application/vnd.docker.multiplexed-stream"
        assert list(stream.frames()) == [(1, b"out\n"), (2, b"err\n")]
    session = create(daemon, container, "tty", Tty=True)
    stream, status = begin(daemon, session, upgrade=False, Tty=True)
    with stream:
        assert status == 200
        assert stream.headers["content-type"] == "application/vnd.docker.raw-stream"
        assert stream.read_all().startswith(b"/dev/pts/")


def test_only_the_streams_asked_for(daemon, container):
    command = ["sh", "-c", "echo out; echo err >&2"]
    assert run(daemon, container, *command, AttachStderr=False) == (0, "out\n")
    assert run(daemon, container, *command, AttachStdout=False) == (0, "err\n")


def test_input_half_closes(daemon, container):
    session = create(daemon, container, "sh", "-c", "cat; sleep 0.1; echo after", AttachStdin=True)
    stream, _ = begin(daemon, session)
    with stream:
        stream.send(b"text\n")
        stream.end_of_input()
        assert demultiplex(stream.read_all()) == "text\nafter\n"


def test_early_input_is_not_lost(daemon, container):
    session = create(daemon, container, "cat", AttachStdin=True)
    with daemon.api.stream() as stream:
        body = b'{"Detach":false,"Tty":false}'
        head = (f"POST /exec/{session}/start HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        stream.send(head.encode() + body + b"early\n")
        assert stream.head()[0] == 101
        stream.end_of_input()
        assert demultiplex(stream.read_all()) == "early\n"


def test_all_output_comes_before_the_end(daemon, container):
    code, output = run(daemon, container, "sh", "-c", "yes 0123456789abcdef | head -c 4000000; exit 3")
    assert (code, len(output)) == (3, 4000000)


def test_a_background_child_does_not_hold_the_stream(daemon, container):
    assert run(daemon, container, "sh", "-c", "sleep 1000 & echo started") == (0, "started\n")


def test_several_at_once(daemon, container):
    sessions = [create(daemon, container, "sh", "-c", f"read x; echo $x-{i}; exit {i}", AttachStdin=True)
                for i in range(10)]
    streams = [begin(daemon, session)[0] for session in sessions]
    assert sorted(daemon.inspect(container)["ExecIDs"]) == sorted(sessions)
    for i, stream in reversed(list(enumerate(streams))):
        stream.send(f"line{i}\n".encode())
        assert demultiplex(stream.read_all()) == f"line{i}-{i}\n"
        stream.close()
        assert inspect(daemon, sessions[i])["ExitCode"] == i


def test_resize(daemon, container):
    session = create(daemon, container, "sh", "-c", "while [ \"$(stty size)\" != '33 44' ]; do :; done; echo seen",
                     Tty=True, ConsoleSize=[10, 20])
    not_yet = daemon.api.post(f"/exec/{session}/resize?h=33&w=44", expect=409)
    assert not_yet.message == f"exec {session} is not running"
    stream, _ = begin(daemon, session, Tty=True)
    with stream:
        daemon.api.post(f"/exec/{session}/resize?h=33&w=44", expect=200)
        assert stream.read_all() == b"seen\r\n"
    daemon.api.post(f"/exec/{session}/resize?h=33&w=44", expect=409)
    daemon.api.post(f"/exec/{session}/resize?h=x&w=44", expect=400)
    plain = create(daemon, container, "true")
    daemon.api.post(f"/exec/{plain}/resize?h=33&w=44", expect=409)


def test_console_size_at_the_start(daemon, container):
    def size(version, at_create, at_start):
        session = daemon.api.post(f"{version}/containers/{container}/exec",
                                  {"Cmd": ["stty", "size"], "AttachStdout": True, "Tty": True,
                                   "ConsoleSize": at_create}, expect=201).json()["Id"]
        stream, _ = daemon.api.hijack(f"{version}/exec/{session}/start", {"Tty": True, "ConsoleSize": at_start})
        with stream:
            return stream.read_all().decode().strip()

    assert size("", [11, 22], None) == "11 22"
    assert size("", [11, 22], [33, 44]) == "33 44"
    # busybox says no more about a terminal without a size.
    assert size("/v1.41", [11, 22], [33, 44]) == "stty: standard input"


@contextlib.contextmanager
def watched_events(daemon, container):
    """The container's events from now on."""
    filters = urllib.parse.quote(json.dumps({"container": [container]}))
    with daemon.api.stream() as stream:
        stream.request("GET", f"/events?filters={filters}")
        stream.head()
        yield (json.loads(chunk) for chunk in iter(stream.chunk, b""))


def test_events(daemon, container):
    with watched_events(daemon, container) as events:
        session = create(daemon, container, "sh", "-c", "exit 4")
        stream, _ = begin(daemon, session)
        with stream:
            stream.read_all()
        seen = [next(events) for _ in range(3)]
    assert [event["Action"] for event in seen] == [
        "exec_create: sh -c exit 4", "exec_start: sh -c exit 4", "exec_die"]
    assert [event["Actor"]["Attributes"]["execID"] for event in seen] == [session] * 3
    assert seen[2]["Actor"]["Attributes"]["exitCode"] == "4"


def test_detaching_by_the_api(daemon, container):
    session = create(daemon, container, "cat", AttachStdin=True, Tty=True, DetachKeys="ctrl-a,b")
    with watched_events(daemon, container) as events:
        stream, _ = begin(daemon, session, Tty=True)
        with stream:
            stream.send(b"text\x01")
            assert stream.read(4) == b"text"
            stream.send(b"b")
            assert stream.read_all() == b""
        assert next(events)["Action"] == "exec_start: cat "
        detached = next(events)
        assert (detached["Action"], detached["Actor"]["Attributes"]["execID"]) == ("exec_detach", session)
    assert inspect(daemon, session)["Running"]


def test_refusals(daemon, container):
    post = daemon.api.post
    assert post("/containers/nosuch/exec", {"Cmd": ["true"]}, expect=404).message == "No such container: nosuch"
    assert create(daemon, container, expect=400).message == "No exec command specified"
    assert "absolute path" in create(daemon, container, "true", WorkingDir="here", expect=400).message
    assert "NUL" in create(daemon, container, "a\0b", expect=400).message
    assert "NUL" in create(daemon, container, "true", Env=["A=\0"], expect=400).message
    assert "detach keys" in create(daemon, container, "true", DetachKeys="ctrl-", expect=400).message
    for request in ("start", "resize?h=1&w=1"):
        assert post(f"/exec/nosuch/{request}", {}, expect=404).message == "No such exec instance: nosuch"
    assert daemon.api.get("/exec/nosuch/json", expect=404).message == "No such exec instance: nosuch"
    session = create(daemon, container, "sleep", "1000")
    post(f"/exec/{session}/start", {"Detach": True}, expect=200)
    again = post(f"/exec/{session}/start", {}, expect=409)
    assert again.message == f"Error: Exec command {session} is already running"
    over = create(daemon, container, "true")
    post(f"/exec/{over}/start", {"Detach": True}, expect=200)
    ended(daemon, over)
    assert post(f"/exec/{over}/start", {}, expect=409).message == f"Error: Exec command {over} has already run"
    failed = create(daemon, container, "nosuch")
    assert "executable file not found" in post(f"/exec/{failed}/start", {"Detach": True}, expect=400).message
    assert inspect(daemon, failed)["ExitCode"] == 127


def test_only_in_what_runs(daemon, container):
    session = create(daemon, container, "true")
    daemon.api.post(f"/containers/{container}/pause", expect=204)
    message = f"Container {container} is paused, unpause the container before exec"
    assert create(daemon, container, "true", expect=409).message == message
    assert daemon.api.post(f"/exec/{session}/start", {}, expect=409).message == message
    daemon.api.post(f"/containers/{container}/unpause", expect=204)
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    daemon.wait(container)
    message = f"container {container} is not running"
    assert create(daemon, container, "true", expect=409).message == message
    daemon.api.get(f"/exec/{session}/json", expect=404)


def test_sessions_of_a_removed_container_are_forgotten(daemon):
    container = daemon.run(command=SLEEP)
    session = create(daemon, container, "true")
    daemon.api.post(f"/exec/{session}/start", {"Detach": True}, expect=200)
    ended(daemon, session)
    daemon.remove(container)
    daemon.api.get(f"/exec/{session}/json", expect=404)


@pytest.mark.parametrize("host", [{}, {"PidMode": "host"}], ids=["own processes", "host's processes"])
def test_the_end_of_the_container_ends_its_sessions(daemon, host):
    container = daemon.run(command=SLEEP, host=host)
    session = create(daemon, container, "sh", "-c", "echo ready; sleep 1000")
    stream, _ = begin(daemon, session)
    with stream:
        assert stream.read(12)[8:] == b"read"
        daemon.api.post(f"/containers/{container}/kill", expect=204)
        stream.read_all()
    daemon.wait(container)
    assert inspect(daemon, session)["ExitCode"] == 137
    assert daemon.inspect(container)["ExecIDs"] is None


# --- the same restrictions -------------------------------------------------------------------------


def test_in_the_containers_namespaces_and_groups(daemon, container):
    script = "for n in cgroup ipc mnt net pid uts user; do readlink /proc/%s/ns/$n; done"
    assert run(daemon, container, "sh", "-c", script % "self") == run(daemon, container, "sh", "-c", script % 1)
    assert run(daemon, container, "cat", "/proc/self/cgroup") == run(daemon, container, "cat", "/proc/1/cgroup")


@pytest.mark.parametrize("field", ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp",
                                   "Groups", "Umask"])
@pytest.mark.parametrize("host, config", [({}, {}), ({"CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}, {}),
                                          ({"GroupAdd": ["2000"]}, {"User": "1000"})])
def test_status_is_that_of_the_first_process(daemon, host, config, field):
    container = daemon.run(command=SLEEP, host=host, **config)
    lines = [run(daemon, container, "grep", f"^{field}:", f"/proc/{process}/status") for process in ("self", "1")]
    assert lines[0] == lines[1] and lines[0][0] == 0


def test_limits_are_those_of_the_first_process(daemon):
    for host in ({}, {"Ulimits": [{"Name": "nofile", "Soft": 77, "Hard": 99}], "OomScoreAdj": 300}):
        container = daemon.run(command=SLEEP, host=host)
        for file in ("limits", "oom_score_adj"):
            lines = [run(daemon, container, "cat", f"/proc/{process}/{file}") for process in ("self", "1")]
            assert lines[0] == lines[1]


def test_nothing_of_the_host_comes_along(daemon, container):
    code, listing = run(daemon, container, "ls", "-l", "/proc/self/fd", AttachStdin=True)
    links = [line.split(" -> ")[1] for line in listing.splitlines() if "->" in line]
    assert code == 0
    # Beside its three pipes there may be the folder that it lists.
    assert ["pipe:" in link for link in links[:3]] == [True] * 3
    assert all(link.startswith("/proc/") for link in links[3:])


@pytest.mark.parametrize("folder", ["/proc/self/fd/%d" % number for number in range(3, 12)])
def test_the_working_folder_cannot_lead_out(daemon, container, folder):
    code, output = run(daemon, container, "cat", "../../../../../etc/hostname", WorkingDir=folder)
    assert code in (126, 127), output


# --- the daemon's death ----------------------------------------------------------------------------


def test_sessions_outlive_the_daemon(make_daemon):
    daemon = make_daemon()
    container = daemon.run(command=SLEEP)
    session = create(daemon, container, "sh", "-c", "echo ready; read x; echo got $x; exit 9", AttachStdin=True,
                     User="0")
    ends_unseen = create(daemon, container, "sh", "-c", "read x; exit 6", AttachStdin=True)
    ended_before = create(daemon, container, "sh", "-c", "exit 8")
    stream, _ = begin(daemon, session)
    other, _ = begin(daemon, ends_unseen)
    daemon.api.post(f"/exec/{ended_before}/start", {"Detach": True}, expect=200)
    ended(daemon, ended_before)
    with stream, other:
        assert stream.read(14)[8:] == b"ready\n"
        before = inspect(daemon, session)
        daemon.kill9()
        other.send(b"\n")
        assert other.read_all() == b""
        daemon.start()
        assert inspect(daemon, session) == before
        assert daemon.inspect(container)["ExecIDs"] == [session]
        assert inspect(daemon, ends_unseen)["ExitCode"] == 6
        assert inspect(daemon, ended_before)["ExitCode"] == 8
        stream.send(b"input\n")
        assert demultiplex(stream.read_all()) == "got input\n"
        assert inspect(daemon, session)["ExitCode"] == 9
    assert run(daemon, container, "echo", "new") == (0, "new\n")


def test_the_client_outlives_the_daemon_as_well(make_daemon):
    daemon = make_daemon()
    container = daemon.run(command=SLEEP)
    process = daemon.start_client("berth", "exec", "-i", container, "sh", "-c", "echo ready; read x; echo $x; exit 9",
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    daemon.kill9()
    process.stdin.write("late\n")
    process.stdin.flush()
    assert process.stdout.readline() == "late\n"
    daemon.start()
    output, _ = process.communicate()
    assert (output, process.returncode) == ("", 9)


def test_the_shims_death_ends_the_sessions(daemon, container):
    session = create(daemon, container, "sleep", "1000")
    stream, _ = begin(daemon, session)
    with stream:
        eventually(lambda: inspect(daemon, session)["Pid"] > 0)
        with open(f"/proc/{daemon.outer_pid(container)}/stat") as stat:
            shim = int(stat.read().rsplit(")", 1)[1].split()[1])
        os.kill(shim, signal.SIGKILL)
        stream.read_all()
    daemon.wait(container)
    assert inspect(daemon, session)["ExitCode"] == 137
