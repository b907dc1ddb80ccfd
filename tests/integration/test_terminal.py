"""`-it` at a real terminal: size and resize, keys to detach, attach again, signals, exit codes."""

import pytest

from harness.wait import eventually

DETACH = "\x10\x11"  # ctrl-p ctrl-q


@pytest.fixture(params=["berth", "docker"])
def client(request):
    return request.param


def shell(daemon, client, *options, **size):
    return daemon.terminal(client, "run", "-it", *options, "busybox", "sh", **size)


def test_a_shell_session(daemon, client):
    with shell(daemon, client, "--rm") as terminal:
        terminal.expect("/ # ")
        terminal.type("tty; echo $TERM\n")
        terminal.expect("/dev/pts/0\r\nxterm\r\n")
        terminal.type("exit 3\n")
        assert terminal.wait() == 3
    eventually(lambda: daemon.containers() == [])


def test_its_terminal_has_our_size_and_follows_it(daemon, client):
    with shell(daemon, client, "--rm", rows=33, columns=101) as terminal:
        terminal.expect("/ # ")

        def size(rows, columns):
            terminal.type("stty size\n")
            return terminal.expect(r"(\d+) (\d+)\r\n").groups() == (str(rows), str(columns))

        eventually(lambda: size(33, 101))
        terminal.resize(40, 120)
        eventually(lambda: size(40, 120))
        terminal.type("exit\n")
        assert terminal.wait() == 0


def test_the_program_is_told_of_a_resize(daemon, client):
    script = "trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.1; done"
    with daemon.terminal(client, "run", "--rm", "-it", "busybox", "sh", "-c", script) as terminal:
        terminal.expect("ready")
        # The client may still be settling the first size when the program is ready already.
        terminal.resize(41, 121)
        terminal.expect(r"\d+ \d+\r\n")
        assert terminal.wait() == 4


def test_control_c_reaches_the_program(daemon, client):
    with shell(daemon, client, "--rm") as terminal:
        terminal.expect("/ # ")
        terminal.type("sleep 1000\n")
        container = daemon.containers()[0]["Id"]
        eventually(lambda: "sleep 1000" in str(daemon.host.processes().values()), what=f"{container} sleeps")
        terminal.type("\x03")
        terminal.expect("/ # ")
        terminal.type("echo still here\n")
        terminal.expect("still here\r\n")
        terminal.type("\x04")
        assert terminal.wait() == 0


def test_detach_and_attach_again(daemon, client):
    with shell(daemon, client, "--name", "kept") as terminal:
        terminal.expect("/ # ")
        terminal.type("remembered=yes\n")
        terminal.expect("/ # ")
        terminal.type(DETACH)
        assert terminal.wait() == 0
    assert daemon.state("kept")["Running"]
    with daemon.terminal(client, "attach", "kept") as terminal:
        terminal.type("echo $remembered\n")
        terminal.expect("yes\r\n")
        terminal.type("exit 9\n")
        assert terminal.wait() == 9
    assert daemon.state("kept")["ExitCode"] == 9


def test_detach_keys_of_choice(daemon, client):
    with shell(daemon, client, "--name", "kept", "--detach-keys", "ctrl-a,x") as terminal:
        terminal.expect("/ # ")
        # The usual keys mean nothing now, and half a sequence is the program's.
        terminal.type("echo a\x10\x7fb\n")
        terminal.expect("/ # ")
        terminal.type("\x01x")
        assert terminal.wait() == 0
    assert daemon.state("kept")["Running"]


def test_half_of_the_detach_keys_is_given_to_the_program(daemon):
    with daemon.terminal("berth", "run", "--rm", "-it", "busybox", "sh", "-c", "stty raw -echo; echo go; head -c 2 | hexdump -C") as terminal:
        terminal.expect("go")
        terminal.type("\x10z")
        terminal.expect("10 7a")
        assert terminal.wait() == 0


def test_the_terminal_is_given_back_as_it_was(daemon, client):
    with shell(daemon, client, "--rm") as terminal:
        terminal.expect("/ # ")
        assert terminal.raw()
        terminal.type("exit\n")
        terminal.wait()
        assert not terminal.raw()


def test_two_people_at_one_terminal_see_the_same(daemon, client):
    with shell(daemon, client, "--name", "shared") as first:
        first.expect("/ # ")
        with daemon.terminal(client, "attach", "shared") as second:
            eventually(second.raw, what="the second has attached")
            first.type("echo both''of''us\n")
            first.expect("bothofus\r\n")
            second.expect("bothofus\r\n")
            second.type(DETACH)
            # The stock client's attach calls leaving a failure, so its code says nothing.
            second.wait()
        first.type("exit\n")
        assert first.wait() == 0


def test_output_of_a_terminal_is_logged(daemon, client):
    with shell(daemon, client, "--name", "logged") as terminal:
        terminal.expect("/ # ")
        terminal.type("echo for''the''log\n")
        terminal.expect("forthelog")
        terminal.type("exit\n")
        terminal.wait()
    assert "forthelog\r\n" in daemon.output("logged")


def test_it_without_a_terminal_is_refused(daemon, client):
    result = getattr(daemon, client)("run", "--rm", "-it", "busybox", "true", input="")
    assert result.returncode != 0
    assert "terminal" in result.stderr.lower() or "tty" in result.stderr.lower()
