"""commit: an image out of a container."""

import os
import time
from urllib.parse import quote

import pytest

from harness.wait import eventually

SETUP = (
    "busybox mkdir -p /data/sub /opaque/in /became && busybox echo one > /data/one && busybox echo two > /data/sub/two && "
    "busybox echo x > /opaque/x && busybox echo y > /opaque/in/y && busybox echo f > /kind && busybox echo g > /gone && "
    "busybox rm -f /x"
)
CHANGE = (
    "rm /gone /data/one; rm -r /opaque; mkdir /opaque; echo new > /opaque/new; rm /kind; mkdir /kind; echo in > /kind/in;"
    "rmdir /became; echo file > /became; echo hard > /first; ln /first /second; mkdir -p /own; echo o > /own/o;"
    "chown 12:34 /own/o; chmod 4751 /own/o; ln -s /own/o /link; mkfifo /fifo; echo changed > /data/sub/two;"
    "echo unicode > '/sch\u00f6n'; truncate -s 5M /sparse; mkdir -m 1777 /sticky"
)


@pytest.fixture
def spare(daemon):
    """Names of images that the test makes; removed after it with all containers."""
    names = []
    yield names
    for container in daemon.containers():
        daemon.remove(container["Id"])
    for name in names:
        daemon.api("DELETE", f"/images/{name}?force=1")


def commit(daemon, container, query="", body=None, expect=201):
    response = daemon.api.post(f"/commit?container={container}&{query}", body, expect=expect, timeout=30)
    return response.json()["Id"] if expect == 201 else response.message


def finished(daemon, script, image="busybox", **options):
    container = daemon.run(image, ["sh", "-c", script], **options)
    assert daemon.wait(container) == 0, daemon.output(container)
    return container


def shell(daemon, image, script):
    container = daemon.run(image, ["sh", "-c", script])
    code, output = daemon.wait(container), daemon.output(container)
    daemon.remove(container)
    assert code == 0, output
    return output


def test_a_container_becomes_an_image(daemon, spare):
    spare += ["base:1", "changed:1"]
    base = commit(daemon, finished(daemon, SETUP), "repo=base&tag=1")
    image = commit(daemon, finished(daemon, CHANGE, "base:1"), "repo=changed&tag=1&author=Ada&comment=what%20for")
    shown = daemon.api.get("/images/changed:1/json").json()
    assert shown["Id"] == image and shown["Author"] == "Ada" and shown["Comment"] == "what for"
    below = daemon.api.get("/images/base:1/json").json()
    assert below["Id"] == base
    assert shown["RootFS"]["Layers"][:-1] == below["RootFS"]["Layers"]
    history = daemon.api.get("/images/changed:1/history").json()
    assert history[0]["Comment"] == "what for" and history[0]["CreatedBy"].startswith("sh -c rm /gone")
    assert history[0]["Size"] >= 0 and len(history) == len(daemon.api.get("/images/busybox/history").json()) + 2
    output = shell(daemon, "changed:1", """
        test ! -e /gone && test ! -e /data/one && test ! -e /opaque/x && test ! -e /opaque/in || exit 1
        cat /opaque/new /kind/in /became /data/sub/two /link /sch*
        test /first -ef /second && stat -c '%h' /first
        stat -c '%u:%g %a' /own/o; stat -c '%a' /sticky; test -p /fifo && stat -c '%s' /sparse; ls /data
    """)
    assert output.split() == ["new", "in", "file", "changed", "o", "unicode", "2", "12:34", "4751", "1777",
                              str(5 << 20), "sub"]


def test_what_the_engine_puts_into_a_container_is_left_out(daemon, spare):
    container = finished(daemon, "touch /mine", host={"Tmpfs": {"/scratch": ""}})
    image = commit(daemon, container)
    spare.append(image)
    with_image = daemon.create(image)
    changes = daemon.api.get(f"/containers/{with_image}/changes").json()
    assert not changes
    top = daemon.api.get(f"/images/{image}/json").json()["GraphDriver"]["Data"]["UpperDir"]
    assert sorted(os.listdir(top)) == ["mine"]


def test_no_change_makes_no_layer(daemon, spare):
    container = daemon.create()
    image = commit(daemon, container, "comment=same")
    spare.append(image)
    shown = daemon.api.get(f"/images/{image}/json").json()
    assert shown["RootFS"] == daemon.api.get("/images/busybox/json").json()["RootFS"]
    assert daemon.api.get(f"/images/{image}/history").json()[0]["Size"] == 0


def test_attributes_are_kept(daemon, spare):
    container = finished(daemon, "echo x > /labelled")
    files = os.path.join(daemon.data_root, "layers/overlay2/writable", container, "diff")
    os.setxattr(f"{files}/labelled", "user.colour", b"green\0blue")
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    os.setxattr(f"{files}/labelled", "security.capability", capability)
    image = commit(daemon, container)
    spare.append(image)
    top = daemon.api.get(f"/images/{image}/json").json()["GraphDriver"]["Data"]["UpperDir"]
    assert os.getxattr(f"{top}/labelled", "user.colour") == b"green\0blue"
    assert os.getxattr(f"{top}/labelled", "security.capability") == capability


CHANGES = ["CMD [\"echo\", \"hello\"]", "ENV A=1 B='two words' C=$A", "EXPOSE 80 53/udp", "LABEL of=me \"with space\"=yes",
           "WORKDIR /data", "WORKDIR sub", "USER 1000:1000", "VOLUME [\"/vol\", \"/other\"]", "ONBUILD RUN true",
           "STOPSIGNAL SIGINT", "HEALTHCHECK --interval=5s --retries=2 CMD test -e /x"]


def test_changes_apply(daemon, spare):
    container = daemon.create(Labels={"kept": "label"}, Env=["KEPT=1"])
    image = commit(daemon, container, "&".join("changes=" + quote(change) for change in CHANGES))
    spare.append(image)
    config = daemon.api.get(f"/images/{image}/json").json()["Config"]
    assert config["Cmd"] == ["echo", "hello"]
    assert {"KEPT=1", "A=1", "B=two words", "C="} <= set(config["Env"])
    assert config["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert config["Labels"].items() >= {"of": "me", "with space": "yes", "kept": "label"}.items()
    assert config["WorkingDir"] == "/data/sub" and config["User"] == "1000:1000"
    assert config["Volumes"] == {"/vol": {}, "/other": {}}
    assert config["OnBuild"] == ["RUN true"] and config["StopSignal"] == "SIGINT"
    assert config["Healthcheck"] == {"Test": ["CMD-SHELL", "test -e /x"], "Interval": 5 * 10**9, "Retries": 2}


def test_the_body_says_the_configuration_and_the_container_the_rest(daemon, spare):
    container = daemon.create(Env=["A=1", "B=1"], User="7", Cmd=["one"])
    image = commit(daemon, container, body={"Env": ["B=2"], "Entrypoint": ["/bin/echo"]})
    spare.append(image)
    config = daemon.api.get(f"/images/{image}/json").json()["Config"]
    assert {"A=1", "B=2"} <= set(config["Env"]) and "B=1" not in config["Env"]
    assert config["User"] == "7" and config["Entrypoint"] == ["/bin/echo"] and "Cmd" not in config


@pytest.mark.parametrize("pause", ["", "pause=0"])
def test_a_running_container_goes_on(daemon, spare, pause):
    container = daemon.run("busybox", ["sh", "-c", "echo x > /y; mv /y /x; while :; do sleep 1; done"])
    eventually(lambda: [c["Path"] for c in daemon.api.get(f"/containers/{container}/changes").json()] == ["/x"], 10, "it writes its file")
    since = time.time()
    image = commit(daemon, container, pause)
    spare.append(image)
    assert daemon.state(container)["Status"] == "running"
    events = daemon.api.get(f"/events?since={since}&until={time.time()}").lines()
    actions = [event["Action"] for event in events if event["Type"] == "container"]
    assert actions == (["commit"] if pause else ["pause", "unpause", "commit"])
    assert events[-1]["Actor"]["Attributes"]["imageID"] == image
    assert shell(daemon, image, "cat /x") == "x\n"


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_by_the_clients(daemon, spare, client):
    spare += ["ours:2"]
    container = finished(daemon, "echo kept > /kept")
    result = getattr(daemon, client)("commit", "-a", "me", "-m", "why", "-c", "CMD cat /kept", container, "ours:2")
    assert result.returncode == 0 and result.stdout.startswith("sha256:"), result.stderr
    assert getattr(daemon, client)("run", "--rm", "ours:2").stdout == "kept\n"


def test_what_is_refused(daemon):
    container = daemon.create()
    assert "No such container" in commit(daemon, "missing", expect=404)
    assert "is not a valid change command" in commit(daemon, container, "changes=RUN%20true", expect=400)
    commit(daemon, container, "repo=Upper", expect=400)
    commit(daemon, container, f"repo=a@sha256:{'0' * 64}", expect=400)
    assert daemon.api.post(f"/commit?container={container}", "{", headers={"Content-Type": "application/json"}).status == 400
    daemon.remove(container)


def test_with_the_driver_vfs(make_daemon):
    other = make_daemon("--storage-driver", "vfs")
    commit(other, finished(other, SETUP), "repo=base")
    image = commit(other, finished(other, CHANGE, "base"), "repo=changed")
    assert shell(other, image, "ls /data /opaque; cat /kind/in; test ! -e /gone").split() == \
        ["/data:", "sub", "/opaque:", "new", "in"]


def test_it_survives_the_daemon(make_daemon):
    other = make_daemon()
    commit(other, finished(other, "echo kept > /kept"), "repo=kept")
    other.restart(kill=True)
    assert shell(other, "kept", "cat /kept") == "kept\n"


def test_owners_in_a_user_namespace_are_those_of_the_container(make_daemon):
    other = make_daemon("--userns-remap", "default")
    container = finished(other, "echo x > /mine; chown 5:6 /mine")
    image = commit(other, container)
    assert shell(other, image, "stat -c %u:%g /mine") == "5:6\n"
