"""Events tell what happened, in order, live and afterwards, and only what was asked for."""

import json
import threading
import urllib.parse

import pytest

from harness.daemon import now
from harness.wait import eventually


def past(daemon, since, until=None, **filters):
    query = f"since={since}&until={until or now()}"
    if filters:
        query += "&filters=" + urllib.parse.quote(json.dumps(filters))
    return daemon.api.get(f"/events?{query}").lines()


def actions(events, kind="container"):
    return [event["Action"] for event in events if event["Type"] == kind]


def test_a_containers_life(daemon):
    since = now()
    container = daemon.run(command=["sh", "-c", "exit 3"], name="told", Labels={"colour": "red"})
    daemon.wait(container)
    eventually(lambda: "die" in actions(past(daemon, since)))
    daemon.remove(container)
    events = eventually(lambda: (found := past(daemon, since, container=[container]))
                        and actions(found)[-1] == "destroy" and found)
    assert actions(events) == ["create", "start", "die", "destroy"]
    die = next(event for event in events if event["Action"] == "die")
    assert die["Actor"]["ID"] == container
    attributes = die["Actor"]["Attributes"]
    assert (attributes["exitCode"], attributes["name"], attributes["image"], attributes["colour"]) == (
        "3", "told", "busybox", "red")
    assert die["time"] == die["timeNano"] // 10 ** 9
    assert [event["timeNano"] for event in events] == sorted(event["timeNano"] for event in events)


def told(daemon, since, container, wanted):
    """The actions of the container and its networks since then, once they are as wanted."""
    def as_wanted():
        found = [event["Action"] for event in past(daemon, since) if event["Type"] in ("container", "network")
                 and container in (event["Actor"]["ID"], event["Actor"]["Attributes"].get("container"))]
        assert found == wanted
        return True

    eventually(as_wanted, 5)


def test_all_that_is_done_to_a_container_is_told_in_order(daemon):
    since = now()
    container = daemon.create(command=["sleep", "1000"], name="much", Tty=True)
    stream, _ = daemon.api.hijack(f"/containers/{container}/attach?stream=1&stdout=1")
    with stream:
        for action in ("start", "resize?h=30&w=90", "pause", "unpause", "rename?name=more", "restart?t=0", "kill"):
            answer = daemon.api.post(f"/containers/{container}/{action}")
            assert answer.status < 300, answer
        daemon.wait(container)
    daemon.api.post(f"/containers/{container}/update", {"CpuShares": 100}, expect=200)
    daemon.api.post(f"/containers/{container}/start", expect=204)
    daemon.api.get(f"/containers/{container}/top")
    daemon.api.post(f"/containers/{container}/stop?t=0", expect=204)
    daemon.remove(container)
    told(daemon, since, container,
         ["create", "attach", "connect", "start", "resize", "pause", "unpause", "rename",
          "kill", "kill", "die", "disconnect", "stop", "connect", "start", "restart", "kill", "die", "disconnect",
          "update", "connect", "start", "top", "kill", "kill", "die", "disconnect", "stop", "destroy"])
    attributes = {event["Action"]: event["Actor"]["Attributes"] for event in past(daemon, since, container=[container])}
    assert (attributes["resize"]["height"], attributes["resize"]["width"]) == ("30", "90")
    assert (attributes["rename"]["oldName"], attributes["rename"]["name"]) == ("/much", "more")
    assert attributes["kill"]["signal"] == "9"
    assert (attributes["die"]["exitCode"], attributes["die"]["execDuration"]) == ("137", "0")
    assert attributes["start"] == {"image": "busybox", "name": "more"}


def test_running_out_of_memory_is_told_while_the_container_goes_on(daemon):
    since = now()
    container = daemon.run(command=["sh", "-c", "tail /dev/zero; exec sleep 1000"],
                           host={"Memory": 16 << 20, "MemorySwap": 16 << 20})
    eventually(lambda: "oom" in actions(past(daemon, since)))
    eventually(lambda: daemon.state(container)["OOMKilled"])
    assert daemon.state(container)["Running"]
    daemon.restart(kill=True)
    assert daemon.state(container)["OOMKilled"]
    since = now()
    daemon.remove(container)
    # The daemon that was told does not tell it a second time.
    eventually(lambda: actions(past(daemon, since)) == ["kill", "die", "destroy"])


def test_a_container_killed_for_its_memory_is_told_once(daemon):
    since = now()
    container = daemon.run(command=["tail", "/dev/zero"], host={"Memory": 16 << 20, "MemorySwap": 16 << 20})
    daemon.wait(container)
    eventually(lambda: "die" in actions(past(daemon, since)))
    assert actions(past(daemon, since)) == ["create", "start", "oom", "die"]


def test_detaching_is_told(daemon):
    since = now()
    container = daemon.run(command=["cat"], Tty=True, OpenStdin=True)
    stream, _ = daemon.api.hijack(f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a")
    with stream:
        stream.send(b"\x01")
        assert stream.read_all() == b""
    eventually(lambda: actions(past(daemon, since)) == ["create", "start", "attach", "detach"])


def test_networks_and_images_are_told_too(daemon):
    since = now()
    daemon.remove(daemon.run(command=["sleep", "1000"]))
    daemon.api.post("/images/busybox/tag?repo=told&tag=1", expect=201)
    daemon.api.delete("/images/told:1", expect=200)
    events = eventually(lambda: (found := past(daemon, since)) and "disconnect" in actions(found, "network") and found)
    assert actions(events, "network") == ["connect", "disconnect"]
    assert actions(events, "image") == ["tag", "untag"]


def test_they_are_live(daemon):
    with daemon.api.stream() as stream:
        stream.request("GET", "/events?filters=" + urllib.parse.quote('{"type":["container"]}'))
        status, headers = stream.head()
        assert status == 200 and headers["transfer-encoding"] == "chunked"
        container = daemon.create(command=["true"])
        event = json.loads(stream.chunk())
        assert (event["Action"], event["Actor"]["ID"]) == ("create", container)
        daemon.api.post(f"/containers/{container}/start", expect=204)
        assert json.loads(stream.chunk())["Action"] == "start"


@pytest.mark.parametrize("filters, wanted", [
    ({"event": ["start"]}, ["start"]),
    ({"event": ["start", "die"]}, ["start", "die"]),
    ({"type": ["network"]}, []),
    ({"label": ["nosuch"]}, []),
    ({"image": ["nosuch"]}, []),
])
def test_filters(daemon, filters, wanted):
    since = now()
    container = daemon.run(command=["true"])
    daemon.wait(container)
    eventually(lambda: "die" in actions(past(daemon, since)))
    assert actions(past(daemon, since, **filters)) == wanted


@pytest.mark.parametrize("query", ["since=yesterday", "filters={", "filters=" + urllib.parse.quote('{"nosuch":["x"]}')])
def test_bad_queries(daemon, query):
    assert daemon.api("GET", f"/events?{query}", expect=400).message


def test_a_listener_that_leaves_costs_nothing(daemon):
    for _ in range(20):
        with daemon.api.stream() as stream:
            stream.request("GET", "/events")
            assert stream.head()[0] == 200
    # The descriptors are counted by the leak check.
    assert daemon.api.get("/_ping").text == "OK"


def test_a_listener_that_never_reads_holds_nobody_up(daemon):
    with daemon.api.stream() as stream:
        stream.request("GET", "/events")
        assert stream.head()[0] == 200
        for _ in range(30):
            daemon.api.post("/images/busybox/tag?repo=noise&tag=1", expect=201)
            daemon.api.delete("/images/noise:1", expect=200)


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_the_clients_show_them(daemon, client):
    since = now()
    daemon.remove(daemon.create(command=["true"], name="shown"))
    result = getattr(daemon, client)("events", "--since", since, "--until", now())
    assert result.returncode == 0, result.stderr
    assert "container create" in result.stdout and "name=shown" in result.stdout


def test_many_listeners_get_the_same(daemon):
    streams = [daemon.api.stream() for _ in range(8)]
    try:
        for stream in streams:
            stream.request("GET", "/events?filters=" + urllib.parse.quote('{"event":["create"]}'))
            assert stream.head()[0] == 200
        threads = [threading.Thread(target=daemon.create, kwargs={"command": ["true"]}) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = [[json.loads(stream.chunk())["Actor"]["ID"] for _ in range(5)] for stream in streams]
    finally:
        for stream in streams:
            stream.close()
    assert all(ids == seen[0] for ids in seen)
