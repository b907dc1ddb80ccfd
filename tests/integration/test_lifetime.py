"""Containers do not depend on the daemon: it is killed, and they live, end and are known all the same."""

import os
import signal
import threading

import pytest

from harness.wait import eventually

LIVE = ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done"]


def lines(daemon, container):
    return [int(line) for line in daemon.output(container).split()]


def page(daemon):
    return eventually(lambda: daemon.curl("--fail", "http://127.0.0.1:8080/", check=False).stdout)


def shim_of(daemon, container):
    """The process id of a container's shim: the parent of its PID 1."""
    with open(f"/proc/{daemon.outer_pid(container)}/stat") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def test_nginx_serves_and_logs_while_there_is_no_daemon(daemon):
    daemon.load("nginx")
    container = daemon.run("nginx", host={"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}})
    assert "Welcome to nginx!" in page(daemon)
    before = daemon.inspect(container)
    daemon.kill9()
    for _ in range(5):
        assert "Welcome to nginx!" in daemon.curl("http://127.0.0.1:8080/").stdout
    daemon.curl("http://127.0.0.1:8080/while-it-was-gone", check=False)
    daemon.start()
    after = daemon.inspect(container)
    for known in ("Id", "Name", "Created", "Image", "Args", "HostConfig", "NetworkSettings"):
        assert after[known] == before[known]
    assert after["State"]["Pid"] == before["State"]["Pid"]
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"]
    assert "Welcome to nginx!" in daemon.curl("http://127.0.0.1:8080/").stdout
    assert "while-it-was-gone" in daemon.output(container)
    daemon.api.post(f"/containers/{container}/stop", expect=204)
    assert daemon.state(container)["ExitCode"] == 0
    assert daemon.curl("http://127.0.0.1:8080/", check=False).returncode != 0
    daemon.remove(container)
    daemon.api.delete("/images/nginx", expect=200)


def test_the_log_has_no_gap(daemon):
    container = daemon.run(command=LIVE)
    eventually(lambda: len(lines(daemon, container)) > 3)
    daemon.restart(kill=True)
    seen = lines(daemon, container)
    eventually(lambda: len(lines(daemon, container)) > len(seen) + 3)
    whole = lines(daemon, container)
    assert whole == list(range(len(whole)))


def test_what_ended_meanwhile_has_its_exit_code(daemon):
    container = daemon.run(command=["sh", "-c", "while [ ! -e /dev/shm/go ]; do sleep 0.02; done; exit 23"])
    pid = daemon.outer_pid(container)
    daemon.kill9()
    with open(f"/proc/{pid}/root/dev/shm/go", "w"):
        pass
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    daemon.start()
    eventually(lambda: daemon.state(container)["Status"] == "exited")
    state = daemon.state(container)
    assert state["ExitCode"] == 23
    assert state["FinishedAt"] > state["StartedAt"]
    assert daemon.wait(container) == 23


def test_what_was_to_be_removed_at_its_end_is_gone(daemon):
    container = daemon.run(command=["sleep", "1000"], host={"AutoRemove": True})
    pid = daemon.outer_pid(container)
    daemon.kill9()
    os.kill(pid, signal.SIGKILL)
    daemon.start()
    eventually(lambda: daemon.containers() == [])


def test_an_ordinary_restart_keeps_containers_too(daemon):
    container = daemon.run(command=["sleep", "1000"])
    started = daemon.state(container)["StartedAt"]
    daemon.restart()
    assert daemon.state(container)["Running"] and daemon.state(container)["StartedAt"] == started


def test_attach_and_wait_after_a_restart(daemon):
    container = daemon.run(command=["cat"], OpenStdin=True, StdinOnce=True)
    daemon.restart(kill=True)
    stream, status = daemon.api.hijack(f"/containers/{container}/attach?stream=1&stdin=1&stdout=1")
    with stream:
        assert status == 101
        stream.send(b"through the new daemon\n")
        stream.end_of_input()
        assert b"".join(data for _, data in stream.frames()) == b"through the new daemon\n"
    assert daemon.wait(container) == 0


def test_a_port_stays_taken_over_a_restart(daemon):
    host = {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
    daemon.run(command=["sleep", "1000"], host=host)
    daemon.restart(kill=True)
    second = daemon.create(command=["true"], host=host)
    assert "8080" in daemon.api.post(f"/containers/{second}/start").message


def test_an_address_stays_taken_over_a_restart(daemon):
    def address(container):
        return daemon.inspect(container)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    first = daemon.run(command=["sleep", "1000"])
    daemon.restart(kill=True)
    second = daemon.run(command=["sleep", "1000"])
    assert address(first) != address(second)


def test_names_images_and_stopped_containers_are_remembered(daemon):
    container = daemon.run(command=["sh", "-c", "exit 5"], name="remembered")
    daemon.wait(container)
    images = daemon.api.get("/images/json").json()
    daemon.restart(kill=True)
    assert daemon.inspect("remembered")["Id"] == container
    assert daemon.state(container)["ExitCode"] == 5
    assert daemon.api.get("/images/json").json() == images


def test_a_killed_shim_ends_its_container_and_nothing_else(daemon):
    first, second = (daemon.run(command=["sleep", "1000"], host={"PortBindings": {"80/tcp": [{"HostPort": port}]}})
                     for port in ("8081", "8082"))
    os.kill(shim_of(daemon, first), signal.SIGKILL)
    eventually(lambda: daemon.state(first)["Status"] == "exited", what="the daemon notices")
    state = daemon.state(first)
    assert state["ExitCode"] == 137 and not state["Running"]
    assert daemon.state(second)["Running"]
    assert daemon.wait(first) == 137
    # What it held is free: the same port and the same container start again.
    daemon.api.post(f"/containers/{first}/start", expect=204)


def test_a_shim_killed_while_the_daemon_is_away(daemon):
    container = daemon.run(command=["sleep", "1000"], host={"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}})
    pid, shim = daemon.outer_pid(container), shim_of(daemon, container)
    daemon.kill9()
    os.kill(shim, signal.SIGKILL)
    daemon.start()
    eventually(lambda: daemon.state(container)["Status"] == "exited")
    # Nobody was there to see how it ended, so it only has to be no success.
    assert daemon.state(container)["ExitCode"] in (137, 255)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), what="its PID 1 is gone as well")


@pytest.mark.parametrize("round_number", range(8))
def test_killed_at_any_moment_of_starts_it_clears_its_leavings(daemon, round_number):
    """Starts go on while it is killed; the leak check of `daemon` holds for all that was half made."""
    ids = [daemon.create(command=["sleep", "1000"], host={"PortBindings": {"80/tcp": [{"HostPort": ""}]}})
           for _ in range(6)]

    def start(container):
        try:
            daemon.api.post(f"/containers/{container}/start")
        except OSError:
            pass  # the daemon was killed while it answered: just what is wanted

    threads = [threading.Thread(target=start, args=(container,)) for container in ids]
    for thread in threads:
        thread.start()
    # A little later each round, so that the kill meets other steps of a start.
    killer = threading.Event()
    killer.wait(0.002 * (1 << round_number) if round_number < 6 else 0.05 * round_number)
    daemon.kill9()
    for thread in threads:
        thread.join()
    daemon.start()
    for container in ids:
        state = eventually(lambda c=container: daemon.state(c))
        assert state["Status"] in ("created", "running", "exited"), state
        if state["Status"] == "running":
            assert daemon.outer_pid(container)
        else:
            daemon.api.post(f"/containers/{container}/start", expect=204)
    assert len({daemon.inspect(c)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] for c in ids}) == len(ids)


def test_killed_during_removal(daemon):
    ids = [daemon.run(command=["sleep", "1000"]) for _ in range(4)]

    def remove(container):
        try:
            daemon.api.delete(f"/containers/{container}?force=1")
        except OSError:
            pass

    threads = [threading.Thread(target=remove, args=(container,)) for container in ids]
    for thread in threads:
        thread.start()
    threading.Event().wait(0.01)
    daemon.kill9()
    for thread in threads:
        thread.join()
    daemon.start()
    for container in daemon.containers():
        daemon.remove(container["Id"])


def test_the_machine_was_restarted(daemon):
    """Nothing of the run-time folder, the network or the processes is left; only the disk is."""
    container = daemon.run(command=["sleep", "1000"], name="survivor",
                           host={"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}})
    shim, pid = shim_of(daemon, container), daemon.outer_pid(container)
    daemon.kill9()
    for victim in (shim, pid):
        os.kill(victim, signal.SIGKILL)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    daemon.host.run("iptables", "-t", "nat", "-F")
    daemon.host.run("iptables", "-F")
    daemon.host.run("ip", "link", "delete", "docker0")
    daemon.start()
    assert daemon.state(container)["Status"] == "exited"
    daemon.api.post("/containers/survivor/start", expect=204)
