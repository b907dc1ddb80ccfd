"""Restart policies: what is started again, after which ends, and across lives of the daemon."""

import json
import os

import pytest

from harness.wait import eventually

# Counts its runs in a file of the container, then ends with the status given.
COUNT = "echo run >> /runs; exit {}"


def policy(name, most=0):
    return {"RestartPolicy": {"Name": name, "MaximumRetryCount": most}}


def runs(daemon, container):
    return daemon.output(container).count("run")


def settled(daemon, container, status="exited"):
    eventually(lambda: daemon.state(container)["Status"] == status, what=lambda: daemon.state(container))
    return daemon.inspect(container)


def test_on_failure_gives_up_after_so_many(daemon):
    container = daemon.run(command=["sh", "-c", "echo run; exit 3"], host=policy("on-failure", 2))
    shown = settled(daemon, container)
    assert shown["RestartCount"] == 2
    assert shown["State"]["ExitCode"] == 3
    assert runs(daemon, container) == 3
    daemon.remove(container)


def test_on_failure_is_content_with_success(daemon):
    container = daemon.run(command=["sh", "-c", "echo run"], host=policy("on-failure"))
    assert daemon.wait(container) == 0
    shown = settled(daemon, container)
    assert shown["RestartCount"] == 0
    assert runs(daemon, container) == 1
    daemon.remove(container)


@pytest.mark.parametrize("name", ["always", "unless-stopped"])
def test_it_is_started_again_until_it_is_stopped(daemon, name):
    container = daemon.run(command=["sh", "-c", "echo run"], host=policy(name))
    eventually(lambda: runs(daemon, container) >= 3)
    shown = daemon.inspect(container)
    assert shown["State"]["Running"] is True
    assert shown["RestartCount"] >= 2
    daemon.api.post(f"/containers/{container}/stop?t=1", expect=204)
    assert daemon.state(container)["Status"] == "exited"
    count = runs(daemon, container)
    daemon.restart()  # long enough for what was planned, had it not been cancelled
    assert runs(daemon, container) >= count
    if name == "unless-stopped":
        assert daemon.state(container)["Status"] == "exited"
        assert runs(daemon, container) == count
    daemon.remove(container)


def test_while_it_waits_it_is_restarting(daemon):
    container = daemon.run(command=["false"], host=policy("always"))
    eventually(lambda: daemon.inspect(container)["RestartCount"] >= 4)
    state = eventually(lambda: (s := daemon.state(container)) and s["Status"] == "restarting" and s)
    assert state["Restarting"] is True and state["Running"] is True and state["Pid"] == 0
    listed = daemon.api.get("/containers/json").json()
    assert [item["State"] for item in listed if item["Id"] == container] in (["restarting"], ["running"])
    refused = daemon.api.delete(f"/containers/{container}")
    assert refused.status == 409
    daemon.api.post(f"/containers/{container}/pause", expect=409)
    daemon.remove(container)


def test_stopping_one_that_waits_cancels_its_start(daemon):
    container = daemon.run(command=["sh", "-c", "echo run; false"], host=policy("always"))
    eventually(lambda: daemon.inspect(container)["RestartCount"] >= 5)  # the next wait is seconds
    daemon.api.post(f"/containers/{container}/stop", expect=204)
    state = daemon.state(container)
    assert state["Status"] == "exited" and state["ExitCode"] == 1
    daemon.api.post(f"/containers/{container}/start", expect=204)
    assert daemon.inspect(container)["RestartCount"] <= 1
    daemon.remove(container)


def test_an_update_of_the_policy_counts_at_once(daemon):
    container = daemon.run(command=["false"], host=policy("always"))
    eventually(lambda: daemon.inspect(container)["RestartCount"] >= 3)
    daemon.api.post(f"/containers/{container}/update", {"RestartPolicy": {"Name": "no"}}, expect=200)
    settled(daemon, container)
    daemon.remove(container)


def test_what_ends_while_the_daemon_is_away_is_started_again(daemon):
    container = daemon.run(command=["sh", "-c", "echo run; sleep 1000"], host=policy("always"))
    eventually(lambda: runs(daemon, container) == 1)
    pid = daemon.outer_pid(container)
    daemon.kill9()
    os.kill(pid, 9)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    daemon.start()
    eventually(lambda: runs(daemon, container) == 2)
    daemon.remove(container)


def test_always_comes_back_with_the_daemon_even_after_a_stop(daemon):
    container = daemon.run(command=["sh", "-c", "echo run; trap exit TERM; sleep 1000 & wait"], host=policy("always"))
    daemon.api.post(f"/containers/{container}/stop", expect=204)
    daemon.restart()
    eventually(lambda: daemon.state(container)["Running"])
    daemon.remove(container)


def test_removal_at_the_end_excludes_a_policy(daemon):
    answer = daemon.api.post(
        "/containers/create", {"Image": "busybox", "Cmd": ["true"], "HostConfig": policy("always") | {"AutoRemove": True}}
    )
    assert answer.status == 400
    assert "can't create 'AutoRemove' container with restart policy" in answer.message


def test_each_run_tells_its_events(daemon):
    with daemon.api.stream() as stream:
        stream.request("GET", '/events?filters={"type":["container"]}')
        stream.head()
        container = daemon.run(command=["false"], host=policy("on-failure", 1))
        settled(daemon, container)
        seen = []
        while seen.count("die") < 2:
            event = json.loads(stream.chunk())
            if event["Actor"]["ID"] == container:
                seen.append(event["Action"])
    assert seen == ["create", "start", "die", "start", "die"]
    daemon.remove(container)
