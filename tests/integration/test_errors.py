"""What goes wrong is said clearly, has the right status, and leaves nothing half made."""

import re

import pytest

from harness.wait import eventually


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_an_unknown_image(daemon, client):
    result = getattr(daemon, client)("run", "--rm", "--pull", "never", "no/such:image", "true")
    assert result.returncode == 125
    assert "no such image: no/such:image" in result.stderr.lower()


def test_an_unknown_image_by_the_api(daemon):
    response = daemon.api.post("/containers/create", {"Image": "nosuch"}, expect=404)
    assert response.message == "No such image: nosuch:latest"


@pytest.mark.parametrize("reference", ["UPPER", "a//b", "busybox:", ":tag", "a b", "x" * 300, "../../etc"])
def test_a_malformed_image_name(daemon, reference):
    response = daemon.api.post("/containers/create", {"Image": reference})
    assert response.status in (400, 404)
    assert response.message


def test_no_image_at_all(daemon):
    assert re.search("image|config", daemon.api.post("/containers/create", {}, expect=400).message.lower())


def test_no_command_at_all(daemon):
    response = daemon.api.post("/containers/create", {"Image": "busybox", "Entrypoint": [""], "Cmd": []}, expect=400)
    assert "no command" in response.message.lower()


def test_a_name_in_use(daemon):
    first = daemon.create(name="taken")
    response = daemon.api.post("/containers/create?name=taken", {"Image": "busybox"}, expect=409)
    assert "taken" in response.message and first in response.message
    daemon.remove(first)
    daemon.create(name="taken")


@pytest.mark.parametrize("name", ["a b", "-x", "x", "../up", "a/b", "%C3%A4"])
def test_a_bad_name(daemon, name):
    response = daemon.api.post(f"/containers/create?name={name.replace(' ', '%20')}", {"Image": "busybox"}, expect=400)
    assert "name" in response.message.lower()


@pytest.mark.parametrize("method, path", [
    ("GET", "/containers/nosuch/json"), ("POST", "/containers/nosuch/start"),
    ("POST", "/containers/nosuch/stop"), ("POST", "/containers/nosuch/kill"),
    ("POST", "/containers/nosuch/wait"), ("GET", "/containers/nosuch/logs?stdout=1"),
    ("DELETE", "/containers/nosuch"), ("POST", "/containers/nosuch/attach?stream=1"),
])
def test_an_unknown_container(daemon, method, path):
    response = daemon.api(method, path, expect=404)
    assert response.message.endswith("No such container: nosuch")


def test_an_ambiguous_id(daemon):
    ids = [daemon.create(command=["true"]) for _ in range(17)]
    # Of seventeen ids two share the first digit.
    digit = next(i[0] for i in ids if sum(other[0] == i[0] for other in ids) > 1)
    response = daemon.api("GET", f"/containers/{digit}/json")
    assert response.status in (400, 404, 409)
    assert response.message


def test_a_short_id_and_a_name_find_the_container(daemon):
    container = daemon.create(name="found")
    for word in (container[:12], "found", "/found"):
        assert daemon.inspect(word.lstrip("/"))["Id"] == container


@pytest.mark.parametrize("config, complaint", [
    ({"Memory": 1024}, "memory"),
    ({"Memory": -5}, "memory"),
    ({"NanoCpus": 10 ** 15}, "cpu"),
    ({"NanoCpus": -1}, "cpu"),
    ({"CpusetCpus": "4096"}, "cpu"),
    ({"CpusetCpus": "a-b"}, "cpu"),
    ({"PidsLimit": "many"}, "pids"),
    ({"PortBindings": {"80/tcp": [{"HostPort": "70000"}]}}, "70000"),
    ({"PortBindings": {"80/sctpp": [{"HostPort": "80"}]}}, "sctpp"),
    ({"PortBindings": {"80/tcp": [{"HostIp": "not-an-ip", "HostPort": "80"}]}}, "not-an-ip"),
    ({"CapAdd": ["NO_SUCH_CAP"]}, "no_such_cap"),
    ({"SecurityOpt": ["no-such-option=1"]}, "no-such-option"),
    ({"Ulimits": [{"Name": "nosuch", "Soft": 1, "Hard": 1}]}, "nosuch"),
    ({"Ulimits": [{"Name": "nofile", "Soft": 20, "Hard": 10}]}, "20 > 10"),
    ({"NetworkMode": "nosuchnet"}, "nosuchnet"),
    ({"NetworkMode": "container:nosuch"}, "nosuch"),
    ({"RestartPolicy": {"Name": "perhaps"}}, "perhaps"),
    ({"Binds": ["/etc:notabsolute"]}, "notabsolute"),
    ({"ShmSize": -1}, "shm"),
    ({"OomScoreAdj": 5000}, "5000"),
    ({"BlkioWeight": 5}, "weight"),
])
def test_a_bad_host_config_is_refused_before_anything_is_made(daemon, config, complaint):
    """At create; what only the machine can tell may be refused at start."""
    response = daemon.api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"], "HostConfig": config})
    if response.status == 201:
        container = response.json()["Id"]
        response = daemon.api.post(f"/containers/{container}/start")
        daemon.remove(container)
    assert 400 <= response.status < 500, response
    assert complaint in response.message.lower()
    assert daemon.containers() == []


def test_a_missing_program_leaves_a_created_container_that_says_why(daemon):
    container = daemon.create(command=["nosuchprogram"])
    response = daemon.api.post(f"/containers/{container}/start", expect=400)
    assert "nosuchprogram" in response.message
    state = daemon.state(container)
    assert (state["Status"], state["ExitCode"]) == ("created", 127)
    assert "nosuchprogram" in state["Error"]
    assert daemon.cgroups() == []


def test_starting_twice_is_304(daemon):
    container = daemon.run(command=["sleep", "1000"])
    assert daemon.api.post(f"/containers/{container}/start").status == 304
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    daemon.wait(container)
    assert daemon.api.post(f"/containers/{container}/stop").status == 304


def test_killing_what_does_not_run_is_409(daemon):
    container = daemon.create(command=["true"])
    assert "not running" in daemon.api.post(f"/containers/{container}/kill", expect=409).message


@pytest.mark.parametrize("signal", ["NOSUCH", "99", "-1"])
def test_an_unknown_signal(daemon, signal):
    container = daemon.run(command=["sleep", "1000"])
    assert signal.lower() in daemon.api.post(f"/containers/{container}/kill?signal={signal}", expect=400).message.lower()
    assert daemon.state(container)["Running"]


def test_bad_filters(daemon):
    assert daemon.api("GET", "/containers/json?filters={", expect=400).message
    assert "nosuch" in daemon.api("GET", '/containers/json?filters={"nosuch":["1"]}', expect=400).message


def test_a_client_that_leaves_during_start_breaks_nothing(daemon):
    container = daemon.create(command=["sleep", "1000"])
    with daemon.api.stream() as stream:
        stream.request("POST", f"/containers/{container}/start")
    # The request was sent whole, so the start goes through although nobody waits for its answer.
    eventually(lambda: daemon.state(container)["Running"], what="the container runs")
