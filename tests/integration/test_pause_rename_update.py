"""Pausing, renaming, and changing limits of containers."""

import json

from harness.wait import eventually

COUNT = ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"]
MIB = 1 << 20


def lines(daemon, container):
    return len(daemon.output(container).split())


def events_of(daemon, container, action, until):
    """Runs `until` and returns the attributes of the event that it makes."""
    with daemon.api.stream() as stream:
        stream.request("GET", "/events?filters=" + json.dumps({"event": [action]}, separators=(",", ":")))
        stream.head()
        until()
        event = json.loads(stream.chunk())
        assert event["Actor"]["ID"] == container
        return event["Actor"]["Attributes"]


# --- pause ---------------------------------------------------------------------------------------


def test_a_paused_container_stands_still(daemon):
    container = daemon.run(command=COUNT)
    eventually(lambda: lines(daemon, container) > 2)
    events_of(daemon, container, "pause", lambda: daemon.api.post(f"/containers/{container}/pause", expect=204))
    state = daemon.state(container)
    assert state["Status"] == "paused" and state["Paused"] and state["Running"]
    count = lines(daemon, container)
    listed = daemon.api.get("/containers/json").json()
    assert [item["Status"] for item in listed if item["Id"] == container][0].endswith("(Paused)")
    assert daemon.api.get("/info").json()["ContainersPaused"] == 1
    assert lines(daemon, container) == count
    events_of(daemon, container, "unpause", lambda: daemon.api.post(f"/containers/{container}/unpause", expect=204))
    eventually(lambda: lines(daemon, container) > count)
    daemon.remove(container)


def test_what_cannot_be_paused_says_why(daemon):
    container = daemon.create(command=COUNT)
    answer = daemon.api.post(f"/containers/{container}/pause")
    assert answer.status == 409 and "is not running" in answer.message
    answer = daemon.api.post(f"/containers/{container}/unpause")
    assert answer.status == 409 and "is not paused" in answer.message
    daemon.api.post(f"/containers/{container}/start", expect=204)
    daemon.api.post(f"/containers/{container}/pause", expect=204)
    answer = daemon.api.post(f"/containers/{container}/pause")
    assert answer.status == 409 and "is already paused" in answer.message
    answer = daemon.api.post(f"/containers/{container}/start")
    assert answer.status == 409 and "try unpause instead" in answer.message
    answer = daemon.api.delete(f"/containers/{container}")
    assert answer.status == 409 and "must be unpaused first" in answer.message
    daemon.api.delete(f"/containers/{container}?force=1", expect=204)


def test_stopping_a_paused_container_lets_it_act_on_the_signal(daemon):
    container = daemon.run(command=["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done"])
    eventually(lambda: "ready" in daemon.output(container))
    daemon.api.post(f"/containers/{container}/pause", expect=204)
    daemon.api.post(f"/containers/{container}/stop", expect=204)
    assert daemon.state(container)["ExitCode"] == 5
    daemon.remove(container)


def test_killing_a_paused_container_ends_it(daemon):
    container = daemon.run(command=COUNT)
    daemon.api.post(f"/containers/{container}/pause", expect=204)
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    assert daemon.state(container)["ExitCode"] == 137
    daemon.remove(container)


def test_a_pause_outlives_the_daemon(daemon):
    container = daemon.run(command=COUNT)
    eventually(lambda: lines(daemon, container) > 2)
    daemon.api.post(f"/containers/{container}/pause", expect=204)
    daemon.restart(kill=True)
    assert daemon.state(container)["Status"] == "paused"
    count = lines(daemon, container)
    daemon.api.post(f"/containers/{container}/unpause", expect=204)
    eventually(lambda: lines(daemon, container) > count)
    daemon.remove(container)


# --- rename --------------------------------------------------------------------------------------


def test_a_new_name_holds_and_frees_the_old_one(daemon):
    container = daemon.create(name="before")
    attributes = events_of(
        daemon, container, "rename", lambda: daemon.api.post("/containers/before/rename?name=after", expect=204)
    )
    assert attributes["oldName"] == "/before" and attributes["name"] == "after"
    daemon.restart(kill=True)
    assert daemon.inspect("after")["Name"] == "/after"
    daemon.api.get("/containers/before/json", expect=404)
    other = daemon.create(name="before")
    answer = daemon.api.post("/containers/after/rename?name=before")
    assert answer.status == 409 and "is already in use by container" in answer.message
    for bad, message in (("", "may be empty"), ("after", "same name"), ("a%20b", "Invalid container name")):
        answer = daemon.api.post(f"/containers/after/rename?name={bad}")
        assert answer.status == 400 and message in answer.message
    daemon.remove(container)
    daemon.remove(other)


# --- update --------------------------------------------------------------------------------------


def update(daemon, container, body, expect=200):
    return daemon.api.post(f"/containers/{container}/update", body, expect=expect)


def test_limits_of_a_running_container_change_at_once(daemon):
    container = daemon.run(command=["sleep", "1000"], host={"Memory": 64 * MIB})
    assert daemon.inspect(container)["HostConfig"]["MemorySwap"] == 128 * MIB
    attributes = events_of(
        daemon,
        container,
        "update",
        lambda: update(
            daemon,
            container,
            {"Memory": 96 * MIB, "MemorySwap": 192 * MIB, "CpuShares": 321, "NanoCpus": 250000000, "PidsLimit": 77, "CpusetCpus": "0"},
        ),
    )
    assert attributes["image"] == "busybox"
    assert daemon.cgroup_value(container, "memory", "memory.limit_in_bytes") == str(96 * MIB)
    assert daemon.cgroup_value(container, "cpu", "cpu.shares") == "321"
    assert daemon.cgroup_value(container, "cpu", "cpu.cfs_quota_us") == "25000"
    assert daemon.cgroup_value(container, "pids", "pids.max") == "77"
    assert daemon.cgroup_value(container, "cpuset", "cpuset.cpus") == "0"
    host = daemon.inspect(container)["HostConfig"]
    assert host["Memory"] == 96 * MIB and host["PidsLimit"] == 77
    daemon.restart(kill=True)
    assert daemon.inspect(container)["HostConfig"]["Memory"] == 96 * MIB
    daemon.remove(container)


def test_limits_of_a_stopped_container_hold_from_its_start(daemon):
    container = daemon.create(command=["sleep", "1000"])
    update(daemon, container, {"PidsLimit": 33})
    daemon.api.post(f"/containers/{container}/start", expect=204)
    assert daemon.cgroup_value(container, "pids", "pids.max") == "33"
    daemon.remove(container)


def test_an_update_that_cannot_be_changes_nothing(daemon):
    container = daemon.run(command=["sleep", "1000"], host={"Memory": 64 * MIB, "PidsLimit": 20})
    before = daemon.inspect(container)["HostConfig"]
    for body, message in (
        ({"Memory": 1 * MIB}, "Minimum memory limit allowed is 6MB"),
        ({"Memory": 512 * MIB}, "memoryswap"),
        ({"CpusetCpus": "0-99"}, "not available"),
        ({"PidsLimit": 30, "Devices": [{"PathOnHost": "/dev/null"}]}, "Devices cannot be updated"),
        ({"RestartPolicy": {"Name": "sometimes"}}, "unknown policy"),
        ({"PidsLimit": 30, "CpusetMems": "7"}, ""),  # the kernel's refusal
    ):
        answer = update(daemon, container, body, expect=None)
        assert answer.status == 400, answer
        assert message in answer.message
    assert daemon.inspect(container)["HostConfig"] == before
    assert daemon.cgroup_value(container, "pids", "pids.max") == "20"
    daemon.remove(container)


def test_the_stock_client_pauses_renames_and_updates(daemon):
    container = daemon.run(command=COUNT, name="one")
    assert daemon.docker("pause", "one").stdout.strip() == "one"
    assert daemon.docker("unpause", "one").stdout.strip() == "one"
    daemon.docker("rename", "one", "two")
    daemon.docker("update", "--memory", "64m", "--memory-swap", "64m", "--restart", "unless-stopped", "two")
    host = daemon.inspect("two")["HostConfig"]
    assert host["Memory"] == 64 * MIB and host["RestartPolicy"]["Name"] == "unless-stopped"
    daemon.remove(container)


def test_the_client_pauses_renames_and_updates(daemon):
    container = daemon.run(command=COUNT, name="one")
    assert daemon.berth("pause", "one").stdout == "one\n"
    assert daemon.state("one")["Paused"]
    assert daemon.berth("unpause", "one").stdout == "one\n"
    refused = daemon.berth("unpause", "one", "nobody")
    assert refused.returncode == 1
    assert "is not paused" in refused.stderr and "No such container: nobody" in refused.stderr
    assert daemon.berth("rename", "one", "two").returncode == 0
    limits = ["--memory", "64m", "--memory-swap", "-1", "--cpus", "0.5", "--restart", "on-failure:3"]
    assert daemon.berth("update", *limits, "two").stdout == "two\n"
    host = daemon.inspect("two")["HostConfig"]
    assert host["Memory"] == 64 * MIB and host["MemorySwap"] == -1 and host["NanoCpus"] == 500000000
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert "must provide one or more flags" in daemon.berth("update", "two").stderr
    daemon.remove(container)
