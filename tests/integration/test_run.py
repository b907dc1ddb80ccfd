"""The main job: run a program in a container, and get its output and its exit code."""

import subprocess

import pytest

from harness.wait import eventually


@pytest.fixture(params=["berth", "docker"])
def client(request, daemon):
    """The project's client and the stock one have to behave alike."""
    return getattr(daemon, request.param)


def test_output_and_success(client):
    result = client("run", "--rm", "busybox", "echo", "hello", "world")
    assert (result.returncode, result.stdout) == (0, "hello world\n")


def test_standard_error_is_kept_apart(client):
    result = client("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2")
    assert result.stdout == "out\n"
    assert result.stderr == "err\n"


def test_the_images_own_command_is_the_default(client):
    result = client("run", "--rm", "-i", "busybox", input="echo from $0\n")
    assert result.stdout == "from sh\n"


@pytest.mark.parametrize("code", [0, 1, 7, 42, 255])
def test_exit_codes_pass_through(client, code):
    assert client("run", "--rm", "busybox", "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("signal, code", [("KILL", 137), ("TERM", 143), ("SEGV", 139)])
def test_death_by_signal_is_128_plus_its_number(client, signal, code):
    # A PID 1 is not killed by what itself sends, so a shell below it dies and it takes over the code.
    script = f"sh -c 'kill -{signal} $$'; exit $?"
    assert client("run", "--rm", "busybox", "sh", "-c", script).returncode == code


def test_a_killed_container_has_128_plus_the_signal(daemon):
    container = daemon.run(command=["sleep", "1000"])
    daemon.api.post(f"/containers/{container}/kill?signal=SIGKILL", expect=204)
    assert daemon.wait(container) == 137
    assert daemon.state(container)["ExitCode"] == 137


def test_no_such_program_is_127(client):
    result = client("run", "--rm", "busybox", "no-such-program")
    assert result.returncode == 127
    assert "no-such-program" in result.stderr and "not found" in result.stderr


def test_no_such_path_is_127(client):
    result = client("run", "--rm", "busybox", "/no/such/program")
    assert result.returncode == 127
    assert "/no/such/program" in result.stderr


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc"])
def test_what_cannot_be_executed_is_126(client, path):
    result = client("run", "--rm", "busybox", path)
    assert result.returncode == 126
    assert path in result.stderr


@pytest.mark.parametrize("arguments", [
    ["--memory", "1", "busybox", "true"],
    ["--network", "nosuchnet", "busybox", "true"],
    ["--user", "nosuchuser", "busybox", "true"],
])
def test_what_the_daemon_refuses_is_125(client, arguments):
    result = client("run", "--rm", *arguments)
    assert result.returncode in (125, 126), result.stderr
    assert result.returncode == 125 or "nosuchuser" in result.stderr
    assert result.stderr.strip()


def test_environment(client):
    result = client("run", "--rm", "-e", "A=1", "--env", "B=two words", "busybox", "env")
    lines = result.stdout.splitlines()
    assert "A=1" in lines and "B=two words" in lines
    assert "HOME=/root" in lines
    assert any(line.startswith("PATH=") and "/usr/bin" in line for line in lines)
    assert any(line.startswith("HOSTNAME=") for line in lines)


@pytest.mark.parametrize("user, wanted", [
    ("1000", "uid=1000 gid=0"), ("1000:2000", "uid=1000 gid=2000"), ("www-data", "uid=33(www-data) gid=33(www-data)"),
    ("www-data:adm", "uid=33(www-data) gid=4(adm)"), ("0:33", "uid=0(root) gid=33(www-data)"),
])
def test_user(client, user, wanted):
    assert client("run", "--rm", "--user", user, "busybox", "id").stdout.startswith(wanted)


def test_a_named_user_has_its_groups_and_home(client):
    output = client("run", "--rm", "--user", "www-data", "busybox", "sh", "-c", "id -G; echo $HOME").stdout
    groups, home = output.splitlines()
    assert set(groups.split()) == {"33", "4", "50"}
    assert home == "/var/www"


def test_more_groups(client):
    output = client("run", "--rm", "--group-add", "4", "--group-add", "staff", "busybox", "id", "-G").stdout
    assert {"0", "4", "50"} <= set(output.split())


def test_working_directory_is_made_where_missing(client):
    assert client("run", "--rm", "-w", "/made/here", "busybox", "pwd").stdout == "/made/here\n"


def test_entrypoint(client):
    result = client("run", "--rm", "--entrypoint", "echo", "busybox", "an", "argument")
    assert result.stdout == "an argument\n"


def test_standard_input_through_a_pipe(client):
    data = "line\n" * 10_000
    result = client("run", "--rm", "-i", "busybox", "md5sum", input=data)
    expected = subprocess.run(["md5sum"], input=data, text=True, capture_output=True, check=True).stdout
    assert result.stdout == expected


def test_without_i_standard_input_is_empty(client):
    assert client("run", "--rm", "busybox", "wc", "-c", input="not for it").stdout.strip() == "0"


def test_much_output_arrives_whole(client):
    result = client("run", "--rm", "busybox", "seq", "1", "200000")
    lines = result.stdout.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (200_000, "1", "200000")


def test_detached_its_whole_life(client):
    container = client("run", "-d", "--name", "life", "busybox", "sh", "-c",
                       "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done").stdout.strip()
    assert len(container) == 64
    eventually(lambda: client("logs", "life").stdout == "up\n", what="its first line is in the log")
    listed = client("ps", "--no-trunc").stdout
    assert container in listed and "life" in listed and "busybox" in listed and "Up" in listed
    assert container in client("ps", "-q", "--no-trunc").stdout.split()
    assert client("inspect", "-f", "{{.State.Status}}", "life").stdout.strip() == "running"
    stopped = client("stop", "-t", "10", "life")
    assert stopped.stdout.strip() == "life", stopped.stderr
    assert client("wait", "life").stdout.strip() == "3"
    assert client("logs", "life").stdout == "up\nbye\n"
    assert container not in client("ps", "-q", "--no-trunc").stdout
    assert "Exited (3)" in client("ps", "-a").stdout
    assert client("rm", "life").stdout.strip() == "life"
    assert client("inspect", "life").returncode != 0


def test_stop_kills_what_does_not_listen(client, daemon):
    container = daemon.run(command=["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], name="deaf")
    assert client("stop", "-t", "1", "deaf").returncode == 0
    assert daemon.state(container)["ExitCode"] == 137


def test_kill_with_a_signal_of_choice(client, daemon):
    container = daemon.run(command=["sh", "-c", "trap 'exit 5' USR1; echo up; while :; do sleep 0.1; done"])
    eventually(lambda: "up" in daemon.output(container))
    assert client("kill", "--signal", "USR1", container).returncode == 0
    assert daemon.wait(container) == 5


def test_a_running_container_is_only_removed_by_force(client, daemon):
    container = daemon.run(command=["sleep", "1000"])
    refused = client("rm", container)
    assert refused.returncode != 0 and "running" in refused.stderr
    assert client("rm", "-f", container).returncode == 0
    assert daemon.containers() == []


def test_create_and_start_apart(client, daemon):
    container = client("create", "--name", "apart", "busybox", "echo", "later").stdout.strip()
    assert daemon.state(container)["Status"] == "created"
    assert client("start", "-a", "apart").stdout == "later\n"
    # And once more: a container that ended may be started again.
    assert client("start", "-a", "apart").stdout == "later\n"
    assert client("logs", "apart").stdout == "later\nlater\n"


def test_rm_option_removes_the_container_at_its_end(client, daemon):
    client("run", "--rm", "--name", "fleeting", "busybox", "true")
    eventually(lambda: daemon.containers() == [], what="--rm has removed it")


def test_detached_with_rm_goes_at_its_end(client, daemon):
    assert client("run", "-d", "--rm", "busybox", "true").returncode == 0
    eventually(lambda: daemon.containers() == [], what="--rm has removed it")


def test_logs_tail_timestamps_and_follow(client, daemon):
    container = daemon.run(command=["sh", "-c", "seq 1 5; while [ ! -e /go ]; do sleep 0.05; done; echo end"])
    eventually(lambda: daemon.output(container) == "1\n2\n3\n4\n5\n")
    assert client("logs", "--tail", "2", container).stdout == "4\n5\n"
    stamped = client("logs", "-t", "--tail", "1", container).stdout
    assert stamped.split(" ", 1)[1] == "5\n" and stamped[10] == "T"
    # logs -f ends by itself once the container does.
    follower = daemon.start_client(client.__name__, "logs", "-f", container,
                                   stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    assert [follower.stdout.readline() for _ in range(5)] == [f"{n}\n" for n in range(1, 6)]
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    assert follower.communicate(timeout=15)[0] == ""


def test_what_is_written_stays_in_the_container(client, daemon):
    container = daemon.create(command=["sh", "-c", "echo $(cat /note 2>/dev/null)+ > /note; cat /note"])
    for wanted in ("+\n", "++\n"):
        assert client("start", "-a", container).stdout == wanted
    assert client("run", "--rm", "busybox", "cat", "/note").returncode == 1


def test_the_main_job_end_to_end(client, daemon):
    """`run -d -p 8080:80 nginx` and a page."""
    daemon.load("nginx")
    result = client("run", "-d", "-p", "8080:80", "--name", "web", "nginx")
    assert result.returncode == 0, result.stderr
    page = eventually(lambda: daemon.curl("http://127.0.0.1:8080/", check=False).stdout, 10)
    assert "Welcome to nginx!" in page
    assert "8080->80/tcp" in client("ps").stdout
    assert "GET / HTTP" in eventually(lambda: client("logs", "web").stdout)
    assert client("stop", "web").returncode == 0
    # SIGQUIT, the image's stop signal, lets nginx end by itself with 0.
    assert daemon.state("web")["ExitCode"] == 0
    client("rm", "web")
    daemon.api.delete("/images/nginx", expect=200)
