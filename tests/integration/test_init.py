"""An init in the container (HostConfig.Init), and the daemon's default limits."""

import pytest

from harness.wait import eventually

INIT = {"Init": True}


def test_the_program_runs_below_the_init(daemon):
    container = daemon.run(command=["sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; echo; echo $$; readlink /proc/1/exe; exit 7"],
                           host=INIT)
    assert daemon.wait(container) == 7
    lines = daemon.output(container).splitlines()
    assert lines[0].startswith("/sbin/docker-init -- sh -c ")
    assert lines[1] != "1" and lines[2].endswith("/sbin/docker-init")
    # As if it were not there.
    assert daemon.inspect(container)["Path"] == "sh"
    assert daemon.inspect(container)["HostConfig"]["Init"] is True


def test_orphans_are_reaped(daemon):
    """The program is one that never waits for a child: what its child leaves behind is the init's."""
    script = "(sleep 0.01 & echo left) & exec tail -f /dev/null"
    container = daemon.run(command=["sh", "-c", script], host=INIT)
    eventually(lambda: "left" in daemon.output(container))
    watch = daemon.run(command=["sh", "-c", "while ps -o comm | grep -q '^sleep'; do :; done; ps -o comm,stat"],
                       host={"PidMode": f"container:{container}"})
    assert daemon.wait(watch) == 0
    assert "docker-init" in daemon.output(watch)


@pytest.mark.parametrize("signal, code", [("TERM", 143), ("USR1", 138), ("KILL", 137)])
def test_signals_reach_the_program(daemon, signal, code):
    """Without an init, a shell as PID 1 never sees a TERM that it has no trap for."""
    container = daemon.run(command=["sh", "-c", "sleep 1000 & echo ready; wait"], host=INIT)
    eventually(lambda: "ready" in daemon.output(container))
    daemon.api.post(f"/containers/{container}/kill?signal={signal}", expect=204)
    assert daemon.wait(container) == code


def test_a_trap_of_the_program_decides(daemon):
    container = daemon.run(command=["sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"], host=INIT)
    eventually(lambda: "ready" in daemon.output(container))
    daemon.api.post(f"/containers/{container}/stop", expect=204)
    assert daemon.state(container)["ExitCode"] == 9


def test_a_program_that_is_not_there(daemon):
    container = daemon.run(command=["nothing-of-that-name"], host=INIT)
    assert daemon.wait(container) == 127
    assert "nothing-of-that-name: No such file or directory" in daemon.output(container)
    container = daemon.run(command=["/etc/passwd"], host=INIT)
    assert daemon.wait(container) == 126


def test_as_an_ordinary_user_on_a_terminal(daemon):
    with daemon.terminal("berth", "run", "--rm", "-it", "--init", "-u", "1000", "busybox", "sh") as terminal:
        terminal.type("id -u; cat; echo end\n")
        terminal.expect("1000")
        terminal.type("word\n")
        terminal.expect("word\r\nword")
        terminal.type("\x03")
        terminal.expect("\\$ ")
        terminal.type("exit 5\n")
        assert terminal.wait() == 5


def test_the_init_cannot_be_written_to(daemon):
    script = "echo x > /sbin/docker-init; echo x > /proc/1/exe; mount -o remount,rw /sbin/docker-init; :"
    container = daemon.run(command=["sh", "-c", script], host=INIT)
    daemon.wait(container)
    assert daemon.output(container).count("Read-only file system") == 2


def test_nobody_else_s_process_namespace_gets_an_init(daemon):
    first = daemon.run(command=["sleep", "1000"])
    for mode in ("host", f"container:{first}"):
        container = daemon.run(command=["cat", "/proc/self/cmdline"], host={"PidMode": mode, **INIT})
        assert daemon.wait(container) == 0
        assert "docker-init" not in daemon.output(container)


def test_the_daemon_s_default_init_and_limits(make_daemon):
    config = '{"init": true, "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1000, "Hard": 2000}, ' \
             '"core": {"Name": "core", "Soft": 0, "Hard": 0}}}'
    daemon = make_daemon(config=config)
    script = "cat /proc/1/comm; ulimit -Sn; ulimit -Hn; ulimit -Hc"
    container = daemon.run(command=["sh", "-c", script])
    daemon.wait(container)
    assert daemon.output(container).split() == ["docker-init", "1000", "2000", "0"]
    # Both are defaults: the request wins, limit by limit.
    container = daemon.run(command=["sh", "-c", script], host={
        "Init": False, "Ulimits": [{"Name": "nofile", "Soft": 300, "Hard": 400}]})
    daemon.wait(container)
    assert daemon.output(container).split() == ["sh", "300", "400", "0"]


def test_an_init_of_the_administrator_s(make_daemon, tmp_path):
    path = tmp_path / "my-init"
    path.write_text("#!/bin/sh\necho mine; shift; exec \"$@\"\n")
    path.chmod(0o755)
    tmp_path.chmod(0o755)
    daemon = make_daemon("--init", "--init-path", str(path))
    assert daemon.api.get("/info").json()["InitBinary"] == "my-init"
    container = daemon.run(command=["echo", "program"])
    daemon.wait(container)
    assert daemon.output(container).split() == ["mine", "program"]
