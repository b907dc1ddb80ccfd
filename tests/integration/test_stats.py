"""What a container uses: the numbers are the kernel's, and nothing is read when nobody asks."""

import json
import os
import urllib.parse

import pytest

from harness.wait import eventually

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
MIB = 1 << 20
NEVER = "0001-01-01T00:00:00Z"


def once(daemon, container, query="stream=false&one-shot=true"):
    return daemon.api.get(f"/containers/{container}/stats?{query}").json()


def nanoseconds(text):
    """Of the fraction's digits only as many as there are."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    hours, minutes, rest = seconds.split("T")[1].split(":")
    return (int(hours) * 3600 + int(minutes) * 60 + int(rest)) * 10**9 + int(fraction.ljust(9, "0"))


def test_one_shot_is_one_sample_without_another_before(daemon):
    container = daemon.run(command=["sleep", "1000"], name="used", host={"Memory": 64 * MIB, "PidsLimit": 17})
    stats = once(daemon, "used")
    assert (stats["id"], stats["name"], stats["preread"]) == (container, "/used", NEVER)
    assert stats["read"] > "2020" and stats["num_procs"] == 0 and stats["storage_stats"] == {}
    assert stats["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert stats["cpu_stats"]["system_cpu_usage"] > stats["cpu_stats"]["cpu_usage"]["total_usage"]
    assert stats["cpu_stats"]["online_cpus"] == os.sysconf("SC_NPROCESSORS_ONLN")
    assert stats["precpu_stats"]["cpu_usage"]["total_usage"] == 0 and "system_cpu_usage" not in stats["precpu_stats"]
    assert 0 < stats["memory_stats"]["usage"] < 64 * MIB == stats["memory_stats"]["limit"]
    assert stats["pids_stats"] == {"current": 1, "limit": 17}
    assert ("percpu_usage" in stats["cpu_stats"]["cpu_usage"]) == (not V2)
    assert ("file" if V2 else "cache") in stats["memory_stats"]["stats"]


def test_without_a_limit_the_machines_memory_is_the_limit(daemon):
    container = daemon.run(command=["sleep", "1000"])
    with open("/proc/meminfo") as file:
        total = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemTotal"))
    assert once(daemon, container)["memory_stats"]["limit"] == total


def test_without_a_stream_there_are_two_samples(daemon):
    container = daemon.run(command=["sh", "-c", "while :; do :; done"])
    stats = once(daemon, container, "stream=0")
    between = nanoseconds(stats["read"]) - nanoseconds(stats["preread"])
    assert 0.9e9 < between % (86400 * 10**9) < 5e9
    used = stats["cpu_stats"]["cpu_usage"]["total_usage"] - stats["precpu_stats"]["cpu_usage"]["total_usage"]
    machine = stats["cpu_stats"]["system_cpu_usage"] - stats["precpu_stats"]["system_cpu_usage"]
    assert 0 < used and 0 < machine


def test_watchers_share_a_stream_and_each_has_its_own_past(daemon):
    container = daemon.run(command=["sleep", "1000"])
    with daemon.api.stream() as first, daemon.api.stream() as second:
        first.request("GET", f"/containers/{container}/stats")
        status, headers = first.head()
        assert (status, headers["content-type"], headers["transfer-encoding"]) == (200, "application/json", "chunked")
        one = json.loads(first.chunk())
        assert one["preread"] == NEVER
        second.request("GET", f"/containers/{container}/stats?stream=1")
        assert second.head()[0] == 200
        two, also = json.loads(first.chunk()), json.loads(second.chunk())
        assert two["preread"] == one["read"] and also["preread"] == NEVER
        assert two["read"] == also["read"] and two["cpu_stats"] == also["cpu_stats"]
        assert two["precpu_stats"] == one["cpu_stats"]


def test_a_stopped_container_uses_nothing(daemon):
    container = daemon.run(command=["true"], name="over")
    daemon.wait(container)
    for query in ("stream=false", "stream=false&one-shot=1"):
        stats = once(daemon, container, query)
        assert (stats["name"], stats["id"], stats["read"], stats["preread"]) == ("/over", container, NEVER, NEVER)
        assert stats["pids_stats"] == {} and stats["memory_stats"] == {} and "networks" not in stats
        assert stats["cpu_stats"]["cpu_usage"]["total_usage"] == 0


def test_a_stream_outlives_the_run_and_ends_with_the_container(daemon):
    container = daemon.run(command=["sleep", "1000"])
    with daemon.api.stream() as stream:
        stream.request("GET", f"/containers/{container}/stats")
        stream.head()
        assert json.loads(stream.chunk())["pids_stats"]["current"] == 1
        daemon.api.post(f"/containers/{container}/kill", expect=204)
        while json.loads(stream.chunk())["pids_stats"]:
            pass
        daemon.remove(container)
        while stream.chunk():
            pass


def test_network_counters(daemon):
    # The other container's pings go out through its eth0 and come in through this one's.
    container = daemon.run(command=["sleep", "1000"])
    before = once(daemon, container)["networks"]
    assert set(before) == {"eth0"}
    address = daemon.inspect(container)["NetworkSettings"]["IPAddress"]
    other = daemon.run(command=["ping", "-c", "3", "-i", "0.1", "-s", "1000", address])
    assert daemon.wait(other) == 0, daemon.output(other)
    after = once(daemon, container)["networks"]["eth0"]
    assert after["rx_packets"] - before["eth0"]["rx_packets"] >= 3
    assert after["rx_bytes"] - before["eth0"]["rx_bytes"] >= 3000
    assert after["tx_bytes"] - before["eth0"]["tx_bytes"] >= 3000
    shared = daemon.run(command=["sleep", "1000"], host={"NetworkMode": f"container:{container}"})
    assert once(daemon, shared)["networks"]["eth0"]["rx_bytes"] >= after["rx_bytes"]


@pytest.mark.parametrize("mode", ["none", "host"])
def test_without_a_network_of_its_own_there_are_no_counters(daemon, mode):
    container = daemon.run(command=["sleep", "1000"], host={"NetworkMode": mode})
    assert "networks" not in once(daemon, container)


def test_throttling(daemon):
    container = daemon.run(command=["sh", "-c", "while :; do :; done"], host={"NanoCpus": 100_000_000})
    eventually(lambda: once(daemon, container)["cpu_stats"]["throttling_data"]["throttled_time"] > 0)


def test_block_io_lists(daemon):
    container = daemon.run(command=["sleep", "1000"])
    blkio = once(daemon, container)["blkio_stats"]
    assert all(set(entry) == {"major", "minor", "op", "value"} for entry in blkio["io_service_bytes_recursive"] or [])
    assert (blkio["sectors_recursive"] is None) == V2


@pytest.mark.parametrize("query, status", [("one-shot=true", 400), ("stream=true&one-shot=true", 400)])
def test_bad_stats_queries(daemon, query, status):
    container = daemon.run(command=["sleep", "1000"])
    answer = daemon.api("GET", f"/containers/{container}/stats?{query}", expect=status)
    assert answer.message == "cannot have stream=true and one-shot=true"


def test_stats_of_nothing(daemon):
    assert daemon.api("GET", "/containers/nosuch/stats", expect=404).message == "No such container: nosuch"


def test_a_watcher_that_leaves_ends_the_sampling(daemon):
    container = daemon.run(command=["sleep", "1000"])
    for _ in range(10):
        with daemon.api.stream() as stream:
            stream.request("GET", f"/containers/{container}/stats")
            assert stream.head()[0] == 200
            stream.chunk()
    # Nobody is left, and the daemon still answers; what stays open the leak check finds.
    assert once(daemon, container)["pids_stats"]["current"] == 1


# --- top


def top(daemon, container, arguments=None, expect=200):
    query = f"?ps_args={urllib.parse.quote(arguments)}" if arguments else ""
    return daemon.api("GET", f"/containers/{container}/top{query}", expect=expect)


def test_top_shows_the_containers_processes(daemon):
    container = daemon.run(command=["sh", "-c", "sleep 4321 & sleep 4322 & wait"])
    daemon.run(command=["sleep", "4323"])
    eventually(lambda: len(top(daemon, container).json()["Processes"]) == 3)
    answer = top(daemon, container).json()
    assert answer["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert sorted(line[-1] for line in answer["Processes"])[1:] == ["sleep 4321", "sleep 4322"]
    assert str(daemon.state(container)["Pid"]) in [line[1] for line in answer["Processes"]]


@pytest.mark.parametrize("arguments, titles", [
    ("aux", ["USER", "PID"]),
    ("-o pid,args", ["PID", "COMMAND"]),
    ("-eo comm,pid", ["COMMAND", "PID"]),
    ("-e -f -m", ["UID", "PID"]),
    ("axf", ["PID", "TTY"]),
])
def test_top_with_arguments(daemon, arguments, titles):
    container = daemon.run(command=["sleep", "4321"])
    answer = top(daemon, container, arguments).json()
    assert answer["Titles"][:2] == titles
    assert len(answer["Processes"]) >= 1
    assert all(len(line) <= len(answer["Titles"]) for line in answer["Processes"])
    assert any("sleep" in line[-1] or line[0] == "sleep" for line in answer["Processes"])


@pytest.mark.parametrize("arguments, text", [
    ("-o comm", "Couldn't find PID field in ps output"),
    ("--nosuch", "error: "),
    ("-o pid -o comm=PID", 'specifying "comm=PID" is not allowed'),
])
def test_bad_ps_arguments(daemon, arguments, text):
    container = daemon.run(command=["sleep", "4321"])
    assert text in top(daemon, container, arguments, 500).message


def test_top_of_what_does_not_run(daemon):
    container = daemon.create(command=["true"])
    assert top(daemon, container, expect=409).message == f"container {container} is not running"
    assert top(daemon, "nosuch", expect=404).message == "No such container: nosuch"


# --- the clients


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_the_clients_show_what_is_used(daemon, client):
    run = getattr(daemon, client)
    container = daemon.run(command=["sleep", "1000"], name="watched", host={"Memory": 64 * MIB})
    daemon.create(command=["true"], name="idle")
    table = run("stats", "--no-stream").stdout.splitlines()
    assert table[0].split()[:2] == ["CONTAINER", "ID"] and table[0].split()[-1] == "PIDS"
    assert len(table) == 2 and table[1].startswith(container[:12]) and table[1].split()[-1] == "1"
    assert "/ 64MiB" in table[1]
    formatted = run("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.Name}} {{.PIDs}}", "watched")
    assert formatted.stdout == f"{container} watched 1\n"
    everything = run("stats", "-a", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}}").stdout
    assert "idle 0.00%" in everything and "watched" in everything
    missing = run("stats", "--no-stream", "nosuch")
    assert missing.returncode == 1 and "No such container: nosuch" in missing.stderr


def test_the_stream_goes_on_and_follows_what_comes_and_goes(daemon):
    first = daemon.run(command=["sleep", "1000"], name="first")
    with daemon.start_client("berth", "stats", "--format", "{{.Name}}", stdout=-1, text=True) as client:
        try:
            assert client.stdout.readline() == "first\n"
            daemon.run(command=["sleep", "1000"], name="second")
            while client.stdout.readline() != "second\n":
                pass
            daemon.remove(first)
            eventually(lambda: client.stdout.readline() == client.stdout.readline() == "second\n")
        finally:
            client.terminate()


def test_the_stream_is_redrawn_on_a_terminal(daemon):
    daemon.run(command=["sleep", "1000"], name="drawn")
    with daemon.terminal("berth", "stats") as terminal:
        for _ in range(2):
            terminal.expect("(?s)\033\\[H.*?drawn")
        terminal.type("\x03")
        assert terminal.wait() != 0


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_the_clients_show_the_processes(daemon, client):
    daemon.run(command=["sleep", "4321"], name="topped")
    run = getattr(daemon, client)
    assert "sleep 4321" in run("top", "topped").stdout.splitlines()[1]
    lines = run("top", "topped", "-o", "pid,args").stdout.splitlines()
    assert lines[0].split() == ["PID", "COMMAND"] and lines[1].split()[1:] == ["sleep", "4321"]
    assert "is not running" in run("top", daemon.create(command=["true"])).stderr
