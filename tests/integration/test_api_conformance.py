"""Every answer carries the fields of the API's reference, with the reference's types."""

import pytest

from harness.daemon import now
from harness.schema import answer_schema, problems, reference
from harness.wait import eventually


def conforms(response, path, method="get", status=200):
    assert response.status == status, response
    found = problems(response.json(), answer_schema(path, method, status))
    assert not found, "\n".join(found)


@pytest.fixture
def running(daemon):
    return daemon.run(command=["sleep", "1000"], Labels={"a": "b"}, ExposedPorts={"80/tcp": {}},
                      host={"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}, "Memory": 64 << 20,
                            "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
                            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}})


def test_the_checker_finds_what_is_wrong():
    schema = {"$ref": "#/definitions/ContainerState"}
    good = {"Status": "running", "Running": True, "Paused": False, "Restarting": False, "OOMKilled": False, "Dead": False,
            "Pid": 1, "ExitCode": 0, "Error": "", "StartedAt": "", "FinishedAt": ""}
    assert problems(good, schema) == []
    assert problems({**good, "Pid": "1"}, schema) == ["answer.Pid: '1' is not of type integer"]
    assert "no field Pid" in problems({k: v for k, v in good.items() if k != "Pid"}, schema)[0]
    assert "none of" in problems({**good, "Status": "flying"}, schema)[0]


@pytest.mark.parametrize("path", ["/version", "/info"])
def test_system(daemon, path):
    conforms(daemon.api.get(path), path)


def test_containers(daemon, running):
    conforms(daemon.api.get("/containers/json"), "/containers/json")
    conforms(daemon.api.get("/containers/json?all=1&size=1"), "/containers/json")
    conforms(daemon.api.get(f"/containers/{running}/json"), "/containers/{id}/json")
    answer = daemon.api.get(f"/containers/{running}/json?size=1")
    conforms(answer, "/containers/{id}/json")
    assert answer.json()["SizeRootFs"] > 0


def test_what_a_container_uses(daemon, running):
    conforms(daemon.api.get(f"/containers/{running}/stats?stream=false"), "/containers/{id}/stats")
    conforms(daemon.api.get(f"/containers/{running}/top"), "/containers/{id}/top")


def test_exec(daemon, running):
    created = daemon.api.post(f"/containers/{running}/exec", {"Cmd": ["false"], "User": "root"})
    conforms(created, "/containers/{id}/exec", "post", 201)
    session = created.json()["Id"]
    daemon.api.post(f"/exec/{session}/start", {"Detach": True}, expect=200)
    eventually(lambda: not daemon.api.get(f"/exec/{session}/json").json()["Running"])
    conforms(daemon.api.get(f"/exec/{session}/json"), "/exec/{id}/json")


def test_a_stopped_container(daemon):
    container = daemon.run(command=["true"])
    conforms(daemon.api.post(f"/containers/{container}/wait"), "/containers/{id}/wait", "post")
    conforms(daemon.api.get(f"/containers/{container}/json"), "/containers/{id}/json")
    conforms(daemon.api.get("/containers/json?all=1"), "/containers/json")


@pytest.mark.parametrize("mode", ["none", "host"])
def test_a_container_of_another_network_mode(daemon, mode):
    container = daemon.run(command=["sleep", "1000"], host={"NetworkMode": mode})
    conforms(daemon.api.get(f"/containers/{container}/json"), "/containers/{id}/json")


def test_create(daemon):
    conforms(daemon.api.post("/containers/create", {"Image": "busybox"}), "/containers/create", "post", 201)


def test_images(daemon):
    conforms(daemon.api.get("/images/json"), "/images/json")
    conforms(daemon.api.get("/images/json?all=1&shared-size=1"), "/images/json")
    conforms(daemon.api.get("/images/busybox/json"), "/images/{name}/json")
    daemon.api.post("/images/busybox/tag?repo=conform&tag=1", expect=201)
    conforms(daemon.api.delete("/images/conform:1"), "/images/{name}", "delete")


def test_events(daemon):
    daemon.remove(daemon.create())
    events = daemon.api.get(f"/events?since=1&until={now()}").lines()
    assert events
    for event in events:
        found = problems(event, answer_schema("/events"))
        assert not found, "\n".join(found)


@pytest.mark.parametrize("method, path, body, template, status", [
    ("GET", "/containers/nosuch/json", None, "/containers/{id}/json", 404),
    ("POST", "/containers/create", {"Image": "no/such"}, "/containers/create", 404),
    ("POST", "/containers/create", {}, "/containers/create", 400),
    ("POST", "/containers/nosuch/exec", {"Cmd": ["true"]}, "/containers/{id}/exec", 404),
    ("POST", "/exec/nosuch/start", {}, "/exec/{id}/start", 404),
    ("GET", "/exec/nosuch/json", None, "/exec/{id}/json", 404),
    ("GET", "/images/nosuch/json", None, "/images/{name}/json", 404),
    ("GET", "/events?since=x", None, "/events", 400),
])
def test_errors(daemon, method, path, body, template, status):
    conforms(daemon.api(method, path, body), template, method.lower(), status)


def test_old_versions_have_the_same_containers(daemon, running):
    for version in ("1.24", "1.40", "1.44"):
        listed = daemon.api.get(f"/v{version}/containers/json").json()
        assert [container["Id"] for container in listed] == [running]
        assert daemon.api.get(f"/v{version}/containers/{running}/json").json()["Id"] == running


def test_the_reference_is_the_one_that_is_spoken(daemon):
    assert daemon.api.get("/version").json()["ApiVersion"] == reference()["version"]
