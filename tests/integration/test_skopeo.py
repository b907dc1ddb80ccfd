"""Images that skopeo copies out of the engine and into it keep their digests."""

import json
import os

import pytest

from harness import images


def skopeo(daemon, *arguments):
    return daemon.host.run("skopeo", "--insecure-policy", *arguments, env=daemon.environment())


def image_id(daemon, name):
    return daemon.api.get(f"/images/{name}/json").json()["Id"]


def layers(daemon, name):
    return daemon.api.get(f"/images/{name}/json").json()["RootFS"]["Layers"]


@pytest.fixture
def folder(daemon):
    path = f"{daemon.folder}/skopeo"
    os.mkdir(path)
    yield path
    daemon.host.run("rm", "-rf", path)
    for name in ("came:1", "came:2"):
        daemon.api.delete(f"/images/{name}?force=1")


@pytest.mark.parametrize("kind", ["oci", "docker-archive", "dir"])
def test_out_of_the_engine(daemon, folder, kind):
    place = f"{folder}/{kind}"
    skopeo(daemon, "copy", "--src-daemon-host", f"unix://{daemon.socket}", "docker-daemon:busybox:latest",
           f"{kind}:{place}" + (":busybox:latest" if kind != "dir" else ""))
    config = json.loads(skopeo(daemon, "inspect", "--config", "--raw", f"{kind}:{place}").stdout)
    assert config["rootfs"]["diff_ids"] == layers(daemon, "busybox")
    if kind == "oci":
        return  # skopeo writes an OCI configuration of its own
    raw = skopeo(daemon, "inspect", "--config", "--raw", f"{kind}:{place}").stdout
    assert raw == skopeo(daemon, "inspect", "--config", "--raw", "--daemon-host", f"unix://{daemon.socket}",
                         "docker-daemon:busybox:latest").stdout


@pytest.mark.parametrize("kind", ["oci", "docker-archive"])
def test_out_and_in_again(daemon, folder, kind):
    place = f"{folder}/{kind}"
    there = f"{kind}:{place}:came:1"
    skopeo(daemon, "copy", "--src-daemon-host", f"unix://{daemon.socket}", "docker-daemon:busybox:latest", there)
    skopeo(daemon, "copy", "--dest-daemon-host", f"unix://{daemon.socket}", there if kind == "oci" else f"{kind}:{place}",
           "docker-daemon:came:1")
    assert layers(daemon, "came:1") == layers(daemon, "busybox")
    if kind == "docker-archive":
        assert image_id(daemon, "came:1") == image_id(daemon, "busybox")
    container = daemon.run("came:1", ["true"])
    assert daemon.wait(container) == 0
    daemon.remove(container)


def test_an_archive_of_ours(daemon, folder):
    """docker-archive: of what we saved, and oci: of the same file, unpacked."""
    saved = f"{folder}/saved.tar"
    with open(saved, "wb") as file:
        file.write(daemon.api.get("/images/busybox/get").body)
    skopeo(daemon, "copy", f"docker-archive:{saved}", f"dir:{folder}/dir")
    manifest = json.load(open(f"{folder}/dir/manifest.json"))
    assert manifest["config"]["digest"] == image_id(daemon, "busybox")
    daemon.host.run("sh", "-c", f"mkdir {folder}/layout && tar -xf {saved} -C {folder}/layout")
    inspected = json.loads(skopeo(daemon, "inspect", "--raw", f"oci:{folder}/layout").stdout)
    assert inspected["config"]["digest"] == image_id(daemon, "busybox")


def test_a_made_archive_comes_in(daemon, folder):
    skopeo(daemon, "copy", "--dest-daemon-host", f"unix://{daemon.socket}",
           f"docker-archive:{images.made('busybox')}", "docker-daemon:came:2")
    assert image_id(daemon, "came:2") == image_id(daemon, "busybox")
