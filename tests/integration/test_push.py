"""Pushing to real registries: what is sent, what is not sent again, and what a user is told."""

import hashlib
import json
import os
import random
import subprocess

import pytest

from harness import images
from harness.fault_proxy import FaultProxy
from harness.registries import NAME, PLAIN, PRIVATE, TLS, auth_header, pull, push
from harness.wait import eventually

THROUGH = "127.0.0.1:5009"


def tag(daemon, source, name):
    repository, _, tag_text = name.rpartition(":")
    daemon.api.post(f"/images/{source}/tag?repo={repository}&tag={tag_text}", expect=201)


def image_id(daemon, name):
    return daemon.api.get(f"/images/{name}/json").json()["Id"]


def inspect_remote(daemon, name):
    """What skopeo says of it: the raw manifest."""
    return daemon.host.run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}",
                           env=daemon.environment()).stdout


def random_layer(size, seed):
    layer = images.archive.Layer("random")
    layer.file("content", random.Random(seed).randbytes(size))
    return layer


@pytest.fixture
def big(registries):
    """An image of some MiB that no gzip makes smaller."""
    daemon = registries.daemon
    path = images.extended(f"{daemon.folder}/big.tar", "big:1", [random_layer(6 << 20, 1), random_layer(1 << 20, 2)], {})
    with open(path, "rb") as archive:
        assert daemon.api.post("/images/load?quiet=1", archive.read()).status == 200
    os.unlink(path)
    return "big:1"


@pytest.fixture
def proxy(registries):
    with FaultProxy(registries.daemon.host, 5009, 5000) as made:
        yield made


def test_push_and_pull_give_the_same_image(registries):
    daemon, name = registries.daemon, f"{PLAIN}/pushed/box:1"
    tag(daemon, "busybox", name)
    before = image_id(daemon, name)
    status, layers, error = push(daemon, name)
    assert (status, error) == (200, None)
    assert layers and all(said[-1] == "Pushed" for said in layers.values()), layers
    shown = daemon.api.get(f"/images/{name}/json").json()
    digests = [one for one in shown["RepoDigests"] if one.startswith(f"{PLAIN}/pushed/box@")]
    manifest = inspect_remote(daemon, name)
    assert digests == [f"{PLAIN}/pushed/box@sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"]
    daemon.api.delete("/images/busybox?force=1")
    daemon.api.delete(f"/images/{name}?force=1")
    assert pull(daemon, name) == (200, None)
    assert image_id(daemon, name) == before
    container = daemon.run(name, ["true"])
    assert daemon.wait(container) == 0


def test_another_engine_takes_what_was_pushed(registries):
    """Every blob's digest and every diff id, as skopeo sees them."""
    daemon, name = registries.daemon, f"{PLAIN}/checked:1"
    tag(daemon, "busybox", name)
    assert push(daemon, name)[2] is None
    folder = f"{daemon.folder}/copied"
    daemon.host.run("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{name}", f"dir:{folder}")
    config = json.loads(open(f"{folder}/manifest.json").read())["config"]["digest"]
    assert config == image_id(daemon, name)
    manifest = json.load(open(f"{folder}/manifest.json"))
    document = json.load(open(f"{folder}/{config.removeprefix('sha256:')}"))
    for layer, diff_id in zip(manifest["layers"], document["rootfs"]["diff_ids"], strict=True):
        path = f"{folder}/{layer['digest'].removeprefix('sha256:')}"
        content = subprocess.run(["gzip", "-dc", path], check=True, capture_output=True).stdout
        assert "sha256:" + hashlib.sha256(content).hexdigest() == diff_id


def test_nothing_is_sent_twice(registries):
    daemon, name = registries.daemon, f"{PLAIN}/twice:1"
    tag(daemon, "busybox", name)
    assert push(daemon, name)[2] is None
    first = inspect_remote(daemon, name)
    blobs = registries.blobs()
    _, layers, error = push(daemon, name)
    assert error is None and all(said[-1] == "Layer already exists" for said in layers.values()), layers
    tag(daemon, "busybox", f"{PLAIN}/elsewhere:1")
    _, layers, error = push(daemon, f"{PLAIN}/elsewhere:1")
    assert error is None and all(said[-1] == "Mounted from twice" for said in layers.values()), layers
    assert inspect_remote(daemon, f"{PLAIN}/elsewhere:1") == first
    assert registries.blobs() == blobs


def test_a_pulled_image_keeps_its_digest(registries):
    """Its layers are mounted as they came, so that the manifest is the one of before."""
    daemon = registries.daemon
    daemon.api.delete("/images/busybox?force=1")
    assert pull(daemon, f"{PLAIN}/box:1") == (200, None)
    tag(daemon, f"{PLAIN}/box:1", f"{PLAIN}/mirror/box:2")
    assert push(daemon, f"{PLAIN}/mirror/box:2")[2] is None
    assert inspect_remote(daemon, f"{PLAIN}/mirror/box:2") == inspect_remote(daemon, f"{PLAIN}/box:1")


def test_what_is_remembered_may_be_gone(registries):
    """The registry lost everything: the image is sent again."""
    daemon, name = registries.daemon, f"{PLAIN}/lost:1"
    tag(daemon, "busybox", name)
    assert push(daemon, name)[2] is None
    before = inspect_remote(daemon, name)
    registries.stop()
    subprocess.run(["rm", "-rf", f"{registries.folder}/blobs"], check=True)
    registries.servers.clear()
    registries.start()
    _, layers, error = push(daemon, name)
    assert error is None and all(said[-1] == "Pushed" for said in layers.values()), layers
    assert inspect_remote(daemon, name) == before


def test_all_tags(registries):
    daemon = registries.daemon
    for number in "12":
        tag(daemon, "busybox", f"{PLAIN}/many:{number}")
    result = daemon.docker("push", "--all-tags", f"{PLAIN}/many")
    assert result.returncode == 0, result.stderr
    assert "1: digest: sha256:" in result.stdout and "2: digest: sha256:" in result.stdout
    assert inspect_remote(daemon, f"{PLAIN}/many:1") == inspect_remote(daemon, f"{PLAIN}/many:2")


def test_tags_of_one_push_share_their_layers(registries, big, proxy):
    daemon = registries.daemon
    for number in "12":
        tag(daemon, big, f"{THROUGH}/shared:{number}")
    lines = daemon.api.post("/images/127.0.0.1:5009/shared/push", headers=auth_header()).lines()
    assert not [line for line in lines if "error" in line], lines
    assert [line["aux"]["Tag"] for line in lines if "aux" in line] == ["1", "2"]
    said = [line["status"] for line in lines if "id" in line]
    assert said.count("Pushed") == 2 and said.count("Layer already exists") == 2, said
    assert proxy.count(r"^PATCH ") == 2 and proxy.count(r"^GET /v2/$") == 1


def test_push_with_a_password(registries):
    daemon, name = registries.daemon, f"{PRIVATE}/mine:1"
    registries.trust(PRIVATE)
    tag(daemon, "busybox", name)
    for credentials in ({}, {"username": "ann", "password": "wrong"}):
        status, _, message = push(daemon, name, **credentials)
        assert status in (401, 403) or message.startswith("push access denied"), (status, message)
        assert "wrong" not in message
    assert push(daemon, name, username="ann", password="secret")[2] is None
    assert "secret" not in daemon.log()


def test_push_errors(registries):
    daemon = registries.daemon
    status, _, message = push(daemon, f"{PLAIN}/nothing:1")
    assert status == 404 and message == f"An image does not exist locally with the tag: {PLAIN}/nothing"
    tag(daemon, "busybox", f"{TLS}/box:9")
    status, _, message = push(daemon, f"{TLS}/box:9")
    assert "certificate" in message
    tag(daemon, "busybox", f"{NAME}:5000/box:9")
    assert "insecure-registries" in push(daemon, f"{NAME}:5000/box:9")[2]
    platform = json.dumps({"os": "linux", "architecture": "s390x"})
    tag(daemon, "busybox", f"{PLAIN}/box:9")
    status, _, message = push(daemon, f"{PLAIN}/box:9", f"&platform={platform.replace(' ', '')}")
    assert status == 404 and "linux/s390x" in message
    tag(daemon, "busybox", "127.0.0.1:9/box:1")
    assert "127.0.0.1:9" in push(daemon, "127.0.0.1:9/box:1")[2]


# ---- faults

def test_a_cut_upload_goes_on_where_it_was_cut(registries, big, proxy):
    daemon, name = registries.daemon, f"{THROUGH}/cut:1"
    tag(daemon, big, name)
    proxy.fail(r"^PATCH ", cut_request=3 << 20, times=2)
    _, layers, error = push(daemon, name)
    assert error is None, error
    assert proxy.count(r"^GET /v2/cut/blobs/uploads/") >= 1
    assert all(said[-1] == "Pushed" for said in layers.values())
    daemon.api.delete(f"/images/{big}?force=1")
    daemon.api.delete(f"/images/{name}?force=1")
    assert pull(daemon, f"{PLAIN}/cut:1") == (200, None)


@pytest.mark.parametrize("request_line", [r"^POST .*/uploads/", r"^PUT .*/uploads/", r"^PUT .*/manifests/", r"^HEAD .*/blobs/"])
@pytest.mark.parametrize("status", [429, 503])
def test_refused_for_a_moment(registries, proxy, request_line, status):
    daemon, name = registries.daemon, f"{THROUGH}/later:1"
    tag(daemon, "busybox", name)
    fault = proxy.fail(request_line, status=status, headers="Retry-After: 0\r\n")
    assert push(daemon, name)[2] is None
    assert fault.times == 0


def test_refused_for_good(registries, proxy):
    daemon, name = registries.daemon, f"{THROUGH}/never:1"
    tag(daemon, "busybox", name)
    proxy.fail(r"^PATCH ", status=403, times=100)
    status, _, message = push(daemon, name)
    assert message.startswith(f"push access denied for {THROUGH}/never"), message
    proxy.faults.clear()
    assert push(daemon, name)[2] is None


def test_an_upload_that_the_registry_forgot(registries, big, proxy):
    daemon, name = registries.daemon, f"{THROUGH}/forgotten:1"
    tag(daemon, big, name)
    proxy.fail(r"^PATCH ", cut_request=1 << 20)
    proxy.fail(r"^GET .*/uploads/", status=404)
    assert push(daemon, name)[2] is None
    assert proxy.count(r"^POST /v2/forgotten/blobs/uploads/") >= 2


def test_a_download_is_resumed(registries, big, proxy):
    daemon = registries.daemon
    tag(daemon, big, f"{PLAIN}/down:1")
    assert push(daemon, f"{PLAIN}/down:1")[2] is None
    daemon.api.delete(f"/images/{big}?force=1")
    daemon.api.delete(f"/images/{PLAIN}/down:1?force=1")
    fault = proxy.fail(r"^GET .*/blobs/", cut_answer=700_000, times=4)
    assert pull(daemon, f"{THROUGH}/down:1") == (200, None)
    assert fault.times == 0


@pytest.mark.parametrize("how, told", [
    ({"flip": 40}, "does not match its digest"),
    ({"status": 500, "times": 100}, "500"),
    ({"status": 404, "times": 100}, "not found"),
])
def test_a_bad_download_leaves_nothing(registries, proxy, how, told):
    daemon = registries.daemon
    daemon.api.delete("/images/busybox?force=1")
    before = stored(daemon)
    proxy.fail(r"^GET .*/blobs/", **how)
    assert told in pull(daemon, f"{THROUGH}/box:1")[1]
    assert daemon.api("GET", f"/images/{THROUGH}/box:1/json").status == 404
    assert stored(daemon) == before
    proxy.faults.clear()
    assert pull(daemon, f"{THROUGH}/box:1") == (200, None)


def test_a_slow_registry(registries, proxy):
    daemon = registries.daemon
    daemon.api.delete("/images/busybox?force=1")
    proxy.fail(r"^GET ", pause=0.05, times=10)
    assert pull(daemon, f"{THROUGH}/box:1") == (200, None)


def test_a_client_that_goes_away_ends_the_push(registries, big, proxy):
    daemon, name = registries.daemon, f"{THROUGH}/left:1"
    tag(daemon, big, name)
    proxy.fail(r"^PUT .*/manifests/", status=503, headers="Retry-After: 60\r\n", times=100)
    stream = daemon.api.stream()
    stream.request("POST", "/images/127.0.0.1:5009/left/push?tag=1", headers=auth_header())
    eventually(lambda: proxy.count(r"^PUT .*/manifests/") > 0)
    stream.close()
    proxy.faults.clear()
    assert push(daemon, f"{name}")[2] is None


def stored(daemon):
    """Names of the documents on the disk."""
    return set(os.listdir(f"{daemon.data_root}/blobs/sha256"))


# ---- questions

def test_distribution(registries):
    daemon = registries.daemon
    answer = daemon.api.get(f"/distribution/{PLAIN}/box:1/json").json()
    raw = inspect_remote(daemon, f"{PLAIN}/box:1")
    assert answer["Descriptor"]["digest"] == "sha256:" + hashlib.sha256(raw.encode()).hexdigest()
    assert answer["Descriptor"]["size"] == len(raw)
    assert answer["Platforms"] == [{"architecture": "amd64", "os": "linux"}]
    assert daemon.api("GET", f"/distribution/{PLAIN}/none:1/json").status == 404
    result = daemon.docker("manifest", "inspect", "--insecure", f"{PLAIN}/box:1")
    assert result.returncode == 0, result.stderr


def test_search_in_a_registry(registries):
    daemon = registries.daemon
    names = [found["name"] for found in daemon.api.get(f"/images/search?term={PLAIN}/bo").json()]
    assert names == ["box"]
    assert daemon.api.get(f"/images/search?term={PLAIN}/nothing").json() == []
    for bad in ("term=", f"term={PLAIN}/bo&limit=101", f"term={PLAIN}/bo&limit=x",
                f"term={PLAIN}/bo&filters=%7B%22stars%22:[%22x%22]%7D", f"term={PLAIN}/bo&filters=%7B%22no%22:[%22x%22]%7D"):
        assert daemon.api("GET", f"/images/search?{bad}").status == 400, bad


def test_login(registries):
    daemon = registries.daemon
    registries.trust(PRIVATE)
    for address in (PRIVATE, f"https://{PRIVATE}/v2/"):
        good = {"username": "ann", "password": "secret", "serveraddress": address}
        assert daemon.api.post("/auth", good).json()["Status"] == "Login Succeeded"
    refused = daemon.api.post("/auth", {**good, "password": "wrong"})
    assert refused.status == 401 and "incorrect username or password" in refused.message


# ---- the client

def test_the_client_logs_in_and_pushes(registries):
    daemon = registries.daemon
    registries.trust(PRIVATE)
    config = f"{daemon.environment()['DOCKER_CONFIG']}/config.json"
    tag(daemon, "busybox", f"{PRIVATE}/typed:1")
    denied = daemon.berth("push", f"{PRIVATE}/typed:1")
    assert denied.returncode == 1 and "push access denied" in denied.stderr
    wrong = daemon.berth("login", "-u", "ann", "--password-stdin", PRIVATE, input="wrong\n")
    assert wrong.returncode == 1 and "incorrect username or password" in wrong.stderr and not os.path.exists(config)
    done = daemon.berth("login", "-u", "ann", "--password-stdin", PRIVATE, input="secret\n")
    assert done.stdout == "Login Succeeded\n" and config in done.stderr
    assert os.stat(config).st_mode & 0o777 == 0o600
    again = daemon.berth("login", PRIVATE)
    assert "Authenticating with existing credentials" in again.stdout and "Login Succeeded" in again.stdout
    pushed = daemon.berth("push", f"{PRIVATE}/typed:1")
    assert pushed.returncode == 0 and "1: digest: sha256:" in pushed.stdout, pushed.stderr
    assert daemon.berth("push", "-q", f"{PRIVATE}/typed:1").stdout == f"{PRIVATE}/typed:1\n"
    assert daemon.berth("pull", "-q", f"{PRIVATE}/typed:1").returncode == 0
    # The stock client reads the same file, and ours reads what that wrote.
    assert daemon.docker("push", f"{PRIVATE}/typed:1").returncode == 0
    assert "Removing login credentials" in daemon.berth("logout", PRIVATE).stdout
    assert "Not logged in" in daemon.berth("logout", PRIVATE).stdout
    assert daemon.docker("login", "-u", "ann", "--password-stdin", PRIVATE, input="secret").returncode == 0
    assert daemon.berth("push", f"{PRIVATE}/typed:1").returncode == 0


def test_login_on_a_terminal(registries):
    daemon = registries.daemon
    registries.trust(PRIVATE)
    with daemon.terminal("berth", "login", PRIVATE) as terminal:
        terminal.expect("Username: ")
        terminal.type("ann\n")
        terminal.expect("Password: ")
        terminal.type("secret\n")
        shown = terminal.expect(r"(?s)(.*)Login Succeeded").group(1)
    assert "secret" not in shown


def test_login_refuses_what_cannot_work(registries):
    daemon = registries.daemon
    for arguments, told in ((["--password-stdin"], "Must provide --username with --password-stdin"),
                            (["-u", "a", "-p", "b", "--password-stdin"], "mutually exclusive"),
                            ([], "non TTY device")):
        result = daemon.berth("login", *arguments, PRIVATE)
        assert result.returncode != 0 and told in result.stderr, result.stderr


def test_search_by_the_client(registries):
    daemon = registries.daemon
    ours, theirs = (getattr(daemon, client)("search", f"{PLAIN}/box") for client in ("berth", "docker"))
    assert ours.returncode == 0 and ours.stdout.split() == theirs.stdout.split()
    assert daemon.berth("search", "--format", "{{.Name}} {{.StarCount}}", f"{PLAIN}/box").stdout == "box 0\n"
    assert daemon.berth("search", "--limit", "101", f"{PLAIN}/box").returncode == 1


def test_all_tags_by_the_client(registries):
    daemon = registries.daemon
    for number in "12":
        tag(daemon, "busybox", f"{PLAIN}/both:{number}")
    result = daemon.berth("push", "--all-tags", f"{PLAIN}/both")
    assert "1: digest: sha256:" in result.stdout and "2: digest: sha256:" in result.stdout, result.stderr
    assert "tag can't be used" in daemon.berth("push", "-a", f"{PLAIN}/both:1").stderr
