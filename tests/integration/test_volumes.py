"""Volumes: made, found, mounted, shared, and removed when nobody needs them."""

import json
import os
import urllib.parse

import pytest

from harness.daemon import now
from harness.schema import answer_schema, problems
from harness.wait import eventually
from test_user_namespaces import etc_of_its_own

SLEEP = ["sleep", "1000"]


@pytest.fixture(autouse=True)
def no_volumes_left(daemon):
    yield
    for container in daemon.containers():
        daemon.remove(container["Id"])
    daemon.api.post("/volumes/prune?filters=" + urllib.parse.quote('{"all":["true"]}'))
    assert names(daemon) == []


def create(daemon, expect=201, **body):
    return daemon.api.post("/volumes/create", body, expect=expect)


def names(daemon, **filters):
    query = "?filters=" + urllib.parse.quote(json.dumps(filters)) if filters else ""
    return [volume["Name"] for volume in daemon.api.get("/volumes" + query).json()["Volumes"]]


def prune(daemon, **filters):
    query = "?filters=" + urllib.parse.quote(json.dumps(filters)) if filters else ""
    return daemon.api.post("/volumes/prune" + query).json()


def finished(daemon, script, *binds, **host):
    container = daemon.run(command=["sh", "-c", script], host={"Binds": list(binds), **host})
    assert daemon.wait(container) == 0
    return container


def test_a_volume_is_made_once(daemon):
    made = create(daemon, Name="data", Labels={"a": "b"}).json()
    assert not problems(made, answer_schema("/volumes/{name}"))
    assert (made["Name"], made["Driver"], made["Scope"], made["Labels"]) == ("data", "local", "local", {"a": "b"})
    assert made["Mountpoint"].endswith("/volumes/data/_data")
    assert create(daemon, Name="data", Labels={"other": ""}).json() == made
    assert daemon.api.get("/volumes/data").json() == made
    assert len(create(daemon).json()["Name"]) == 64


@pytest.mark.parametrize("body, status, words", [
    ({"Name": "a/b"}, 400, "includes invalid characters for a local volume name"),
    ({"Name": ".."}, 400, "includes invalid characters"),
    ({"Name": "x"}, 400, "volume name is too short"),
    ({"Name": "data", "Driver": "other"}, 404, "error looking up volume plugin other"),
    ({"Name": "data", "DriverOpts": {"type": "tmpfs"}}, 501, "options of the local volume driver"),
    ({"Name": "data", "ClusterVolumeSpec": {}}, 501, "cluster volumes are not supported"),
])
def test_what_cannot_be_made(daemon, body, status, words):
    assert words in create(daemon, expect=status, **body).json()["message"]


def test_what_is_not_there(daemon):
    assert daemon.api.get("/volumes/none", expect=404).json()["message"] == "get none: no such volume"
    daemon.api.delete("/volumes/none", expect=404)
    daemon.api.delete("/volumes/none?force=1", expect=204)
    daemon.api("PUT", "/volumes/none?version=1", "{}", expect=404)
    create(daemon, Name="data")
    daemon.api("PUT", "/volumes/data?version=1", "{}", expect=503)


def test_filters(daemon):
    create(daemon, Name="one", Labels={"a": "b"})
    create(daemon, Name="two", Labels={"a": "c"})
    daemon.create(host={"Binds": ["two:/v"]})
    assert names(daemon) == ["one", "two"]
    assert names(daemon, dangling=["true"]) == ["one"]
    assert names(daemon, dangling=["0"]) == ["two"]
    assert names(daemon, label=["a"]) == ["one", "two"]
    assert names(daemon, label=["a=c"]) == ["two"]
    assert names(daemon, name=["w"]) == ["two"]
    assert names(daemon, driver=["local"]) == ["one", "two"] and names(daemon, driver=["x"]) == []
    for wrong in ({"dangling": ["perhaps"]}, {"other": ["x"]}):
        daemon.api.get("/volumes?filters=" + urllib.parse.quote(json.dumps(wrong)), expect=400)


def test_what_is_written_stays_and_is_shared(daemon):
    finished(daemon, "echo word >/v/file", "data:/v")
    reader = daemon.run(command=["sh", "-c", "cat /v/file; touch /v/new 2>/dev/null || echo refused"],
                        host={"Binds": ["data:/v:ro,nocopy"]})
    assert daemon.wait(reader) == 0
    assert daemon.output(reader) == "word\nrefused\n"
    point, = daemon.inspect(reader)["Mounts"]
    source = daemon.api.get("/volumes/data").json()["Mountpoint"]
    assert point == {"Type": "volume", "Name": "data", "Source": source, "Destination": "/v", "Driver": "local",
                     "Mode": "ro,nocopy", "RW": False, "Propagation": ""}
    assert daemon.api.get("/containers/json?all=1&filters=" + urllib.parse.quote('{"volume":["data"]}')).json()


def test_in_use(daemon):
    container = daemon.create(host={"Mounts": [{"Type": "volume", "Source": "data", "Target": "/v",
                                                "VolumeOptions": {"Labels": {"k": "v"}, "NoCopy": True}}]})
    assert daemon.api.get("/volumes/data").json()["Labels"] == {"k": "v"}
    refused = daemon.api.delete("/volumes/data?force=1", expect=409).json()["message"]
    assert refused == f"remove data: volume is in use - [{container}]"
    assert prune(daemon, all=["true"])["VolumesDeleted"] in (None, [])
    usage = daemon.api.get("/system/df").json()
    assert not problems(usage, answer_schema("/system/df"))
    assert [volume["UsageData"] for volume in usage["Volumes"]] == [{"Size": 0, "RefCount": 1}]
    daemon.remove(container)
    source = daemon.api.get("/volumes/data").json()["Mountpoint"]
    daemon.api.delete("/volumes/data", expect=204)
    assert names(daemon) == [] and not os.path.exists(source)


@pytest.mark.parametrize("how, left", [("?v=1", 1), ("", 2)])
def test_anonymous_volumes_go_with_v(daemon, how, left):
    container = daemon.create(host={"Binds": ["named:/n"], "Mounts": [{"Type": "volume", "Target": "/v"}]})
    assert len(names(daemon)) == 2
    daemon.api.delete(f"/containers/{container}{how}", expect=204)
    assert len(names(daemon)) == left and "named" in names(daemon)
    assert len(prune(daemon)["VolumesDeleted"] or []) == left - 1
    assert names(daemon) == ["named"]


def test_rm_removes_anonymous_volumes(daemon):
    daemon.run(command=["true"], host={"AutoRemove": True, "Binds": ["named:/n"],
                                       "Mounts": [{"Type": "volume", "Target": "/v"}]})
    eventually(lambda: names(daemon) == ["named"])


def test_a_failed_create_leaves_no_volume(daemon):
    for binds in (["data:/v:rshared"], ["data:/v", "other:/v"], ["data:/v", "/proc/none/x:/x"]):
        daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"Binds": binds}}, expect=400)
    assert names(daemon) == []


def test_events(daemon):
    since = now()
    container = finished(daemon, "true", "data:/v")
    daemon.remove(container)
    daemon.api.delete("/volumes/data", expect=204)
    prune(daemon)
    events = [event for event in daemon.api.get(f"/events?since={since}&until={now()}").lines()
              if event["Type"] == "volume"]
    assert [event["Action"] for event in events] == ["create", "mount", "unmount", "destroy", "prune"]
    assert events[1]["Actor"] == {"ID": "data", "Attributes": {
        "container": container, "driver": "local", "destination": "/v", "propagation": "", "read/write": "true"}}


def test_a_killed_daemon_finds_its_volumes(make_daemon):
    daemon = make_daemon()
    create(daemon, Name="kept", Labels={"a": "b"})
    container = daemon.run(command=SLEEP, host={"Binds": ["data:/v"]})
    root = os.path.dirname(os.path.dirname(daemon.api.get("/volumes/data").json()["Mountpoint"]))
    os.makedirs(f"{root}/.removed-0123/_data")
    before = daemon.api.get("/volumes").json()
    daemon.restart(kill=True)
    assert daemon.api.get("/volumes").json() == before
    assert not os.path.exists(f"{root}/.removed-0123")
    daemon.api.delete("/volumes/data", expect=409)
    daemon.remove(container)
    daemon.api.delete("/volumes/data", expect=204)


def test_the_docker_client(daemon):
    assert daemon.docker("volume", "create", "--label", "a=b", "data").stdout == "data\n"
    assert "data" in daemon.docker("volume", "ls").stdout
    assert json.loads(daemon.docker("volume", "inspect", "data").stdout)[0]["Labels"] == {"a": "b"}
    daemon.docker("run", "--rm", "-v", "data:/v", "busybox", "sh", "-c", "echo word >/v/file")
    assert daemon.docker("run", "--rm", "--mount", "src=data,dst=/v,ro", "busybox", "cat", "/v/file").stdout == "word\n"
    assert daemon.docker("volume", "rm", "data").stdout == "data\n"


def content(daemon, name):
    return set(os.listdir(daemon.api.get(f"/volumes/{name}").json()["Mountpoint"]))


def test_an_empty_volume_gets_what_the_image_has_there(daemon):
    container = finished(daemon, "cat /etc/passwd; rm /etc/group; stat -c %a /etc", "data:/etc")
    assert "root:" in daemon.output(container)
    kept = content(daemon, "data")
    assert "passwd" in kept and "group" not in kept
    # It is not empty any more: what the first container removed stays away.
    second = finished(daemon, "test ! -e /etc/group", "data:/etc:ro")
    third = finished(daemon, "test -e /bin/sh", "other:/nowhere")
    assert content(daemon, "other") == set()
    for each in (container, second, third):
        daemon.remove(each)


@pytest.mark.parametrize("host", [
    {"Binds": ["data:/etc:nocopy"]},
    {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/etc", "VolumeOptions": {"NoCopy": True}}]},
])
def test_nocopy(daemon, host):
    container = daemon.create(command=["true"], host=host)
    assert content(daemon, "data") == set()
    daemon.remove(container)


def test_places_that_the_image_wants_volumes_for(daemon):
    """Of the image's VOLUME, or `-v /path`; what the request mounts itself comes first."""
    container = daemon.run(command=["sh", "-c", "ls /etc/passwd; echo x > /v/file; mount | grep -c ' /t type tmpfs'"],
                           host={"Binds": ["data:/v"], "Tmpfs": {"/t": ""}}, Volumes={"/etc": {}, "/v/": {}, "/t": {}})
    assert daemon.wait(container) == 0
    assert daemon.output(container).split() == ["/etc/passwd", "1"]
    mounts = {mount["Destination"]: mount for mount in daemon.inspect(container)["Mounts"] if mount["Type"] == "volume"}
    assert set(mounts) == {"/etc", "/v"} and mounts["/v"]["Name"] == "data" and content(daemon, "data") == {"file"}
    anonymous = mounts["/etc"]["Name"]
    assert len(anonymous) == 64 and "passwd" in content(daemon, anonymous)
    daemon.api.delete(f"/containers/{container}?v=1", expect=204)
    assert names(daemon) == ["data"]


def test_copied_files_belong_to_the_container_s_users(make_daemon):
    daemon = make_daemon("--userns-remap", "default", start=False)
    etc_of_its_own(daemon)
    daemon.start().load("busybox")
    container = daemon.run(command=["sh", "-c", "stat -c '%u %g' /etc/passwd; echo x > /etc/new; stat -c %u /etc/new"], host={"Binds": ["data:/etc"]})
    assert daemon.wait(container) == 0
    assert daemon.output(container).split() == ["0", "0", "0"]
    daemon.remove(container)
    daemon.api.delete("/volumes/data", expect=204)


@pytest.mark.parametrize("running", [True, False])
def test_volumes_are_part_of_what_cp_sees(daemon, running, tmp_path):
    container = daemon.run(command=["sh", "-c", "echo inside > /v/file; echo ready; sleep 1000"], host={"Binds": ["data:/v"]})
    eventually(lambda: "ready" in daemon.output(container))
    if not running:
        daemon.api.post(f"/containers/{container}/kill", expect=204)
    assert daemon.berth("cp", f"{container}:/v/file", str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out").read_text() == "inside\n"
    (tmp_path / "in").write_text("from outside")
    assert daemon.berth("cp", str(tmp_path / "in"), f"{container}:/v/in").returncode == 0
    assert content(daemon, "data") == {"file", "in"}
    daemon.remove(container)
