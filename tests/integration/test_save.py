"""save and import: images as archives."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest

from harness import images

TAR = {"Content-Type": "application/x-tar"}


@pytest.fixture
def spare(daemon):
    """Names of images that the test makes; removed after it with all containers."""
    names = []
    yield names
    for container in daemon.containers():
        daemon.remove(container["Id"])
    for name in names:
        daemon.api("DELETE", f"/images/{name}?force=1")


def layer_tar(*entries, form=tarfile.PAX_FORMAT):
    """A tar of (name, content or TarInfo)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in entries:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else b""
            info.name, info.size = name, len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def load(daemon, archive):
    response = daemon.api.post("/images/load", archive, headers=TAR, timeout=60)
    lines = response.lines()
    assert not any("error" in line for line in lines), lines


def imported(daemon, body, query="", expect=200):
    response = daemon.api.post(f"/images/create?fromSrc=-&{query}", body, headers=TAR, timeout=60)
    assert response.status == expect, response
    return response.lines()[-1]["status"] if expect == 200 else response.message


def busybox_entries():
    program = open("/bin/busybox", "rb").read()
    info = tarfile.TarInfo()
    link = tarfile.TarInfo()
    link.type, link.linkname = tarfile.SYMTYPE, "busybox"
    executable = tarfile.TarInfo()
    executable.mode = 0o755
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        executable.name, executable.size = "bin/busybox", len(program)
        tar.addfile(executable, io.BytesIO(program))
        link.name = "bin/sh"
        tar.addfile(link)
        info.name, info.size = "etc/mark", 4
        tar.addfile(info, io.BytesIO(b"mine"))
    return out.getvalue()


def members(archive):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


def check_archive(archive):
    """Everything that the archive says of itself is true; gives its files."""
    files = members(archive)
    for name, content in files.items():
        if name.startswith("blobs/sha256/"):
            assert hashlib.sha256(content).hexdigest() == name.removeprefix("blobs/sha256/"), name
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for item in json.loads(files["manifest.json"]):
        config = json.loads(files[item["Config"]])
        assert [f"sha256:{os.path.basename(layer)}" for layer in item["Layers"]] == config["rootfs"]["diff_ids"]
        assert all(layer in files for layer in item["Layers"])
    for item in json.loads(files["index.json"])["manifests"]:
        manifest = files["blobs/sha256/" + item["digest"].removeprefix("sha256:")]
        assert len(manifest) == item["size"]
        for part in [json.loads(manifest)["config"], *json.loads(manifest)["layers"]]:
            assert len(files["blobs/sha256/" + part["digest"].removeprefix("sha256:")]) == part["size"]
    return files


def test_a_saved_image_is_the_loaded_one(daemon):
    archive = daemon.api.get("/images/busybox/get", timeout=60).body
    files = check_archive(archive)
    with tarfile.open(images.made("busybox")) as made:
        for item in json.load(made.extractfile("manifest.json"))[0]["Layers"]:
            assert made.extractfile(item).read() in files.values()
    manifest = json.loads(files["manifest.json"])[0]
    assert manifest["RepoTags"] == ["busybox:latest"]
    image = daemon.api.get("/images/busybox/json").json()
    assert manifest["Config"] == "blobs/sha256/" + image["Id"].removeprefix("sha256:")
    index = json.loads(files["index.json"])["manifests"]
    assert index[0]["annotations"] == {"io.containerd.image.name": "docker.io/library/busybox:latest",
                                       "org.opencontainers.image.ref.name": "latest"}
    assert list(json.loads(files["repositories"])) == ["busybox"]
    # The same image gives the same archive.
    assert daemon.api.get("/images/get?names=busybox:latest", timeout=60).body == archive


def test_from_one_daemon_to_another(daemon, spare, make_daemon):
    spare += ["ours:1", "ours:2"]
    container = daemon.run("busybox", ["sh", "-c", "mkdir -p /a/b; echo x > /a/b/c; ln /a/b/c /a/d; rm /bin/vi; "
                                                   "ln -s c /a/b/l; dd if=/dev/urandom of=/big bs=1M count=3"])
    assert daemon.wait(container) == 0
    ids = [daemon.api.post(f"/commit?container={container}&repo=ours&tag={tag}&comment={tag}", expect=201).json()["Id"]
           for tag in (1, 2)]
    archive = daemon.api.get("/images/get?names=ours&names=busybox&names=ours:1", timeout=60).body
    files = check_archive(archive)
    assert sorted(item["RepoTags"][0] for item in json.loads(files["manifest.json"])) == \
        ["busybox:latest", "ours:1", "ours:2"]
    names = tarfile.open(fileobj=io.BytesIO(archive)).getnames()
    assert len(names) == len(set(names))
    other = make_daemon(images=())
    load(other, archive)
    assert [other.api.get(f"/images/ours:{tag}/json").json()["Id"] for tag in (1, 2)] == ids
    assert other.api.get("/images/get?names=ours&names=busybox&names=ours:1", timeout=60).body == archive


def test_by_id_there_is_no_name(daemon):
    image = daemon.api.get("/images/busybox/json").json()["Id"]
    files = check_archive(daemon.api.get(f"/images/{image}/get", timeout=60).body)
    assert json.loads(files["manifest.json"])[0]["RepoTags"] is None
    assert "annotations" not in json.loads(files["index.json"])["manifests"][0]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_every_form_come_out_as_they_went_in(daemon, spare, form):
    long = "d/" * 30 + ("n" * 60 if form == tarfile.USTAR_FORMAT else "n" * 200)
    link = tarfile.TarInfo()
    link.type, link.linkname = tarfile.LNKTYPE, "a"
    whiteout = b""
    tar = layer_tar(("a", b"first" * 300), (long, b"long"), ("./dot/../b", b"b" * 512), ("hard", link),
                    (".wh.gone", whiteout), ("empty", b""), form=form) + b"\0" * 4096
    image = imported(daemon, tar)
    spare.append(image)
    files = check_archive(daemon.api.get(f"/images/{image}/get").body)
    assert files["blobs/sha256/" + hashlib.sha256(tar).hexdigest()] == tar


def test_an_archive_with_a_file_twice_cannot_be_saved(daemon, spare):
    image = imported(daemon, layer_tar(("a", b"first"), ("a", b"second")))
    spare.append(image)
    response = daemon.api.get(f"/images/{image}/get", expect=501)
    assert "had a file twice" in response.message


def test_what_is_not_there(daemon):
    daemon.api.get("/images/missing/get", expect=404)
    daemon.api.get("/images/get?names=busybox&names=missing", expect=404)
    daemon.api.get("/images/get", expect=400)


def test_a_client_that_goes_away(daemon, spare):
    image = imported(daemon, layer_tar(("big", os.urandom(8 << 20))))
    spare.append(image)
    with daemon.api.stream() as stream:
        stream.send(f"GET /images/{image}/get HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert stream.socket.recv(1000)
    assert daemon.api.get("/_ping").status == 200


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_save_by_the_clients(daemon, client, tmp_path):
    path = tmp_path / "saved.tar"
    result = getattr(daemon, client)("save", "-o", str(path), "busybox")
    assert result.returncode == 0, result.stderr
    check_archive(path.read_bytes())
    result = getattr(daemon, client)("save", "missing")
    assert result.returncode == 1 and "missing" in result.stderr


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_reads_it(daemon, tmp_path):
    path = tmp_path / "saved.tar"
    path.write_bytes(daemon.api.get("/images/busybox/get", timeout=60).body)
    for source in (f"docker-archive:{path}", f"oci-archive:{path}"):
        shown = subprocess.run(["skopeo", "inspect", source], capture_output=True, text=True, check=True).stdout
        assert json.loads(shown)["Layers"] == daemon.api.get("/images/busybox/json").json()["RootFS"]["Layers"]


# ---- import


@pytest.mark.parametrize("pack", ["plain", "gzip", "zstd"])
def test_an_archive_becomes_an_image(daemon, spare, pack):
    spare += ["made:here"]
    tar = busybox_entries()
    packed = {"plain": lambda: tar, "gzip": lambda: gzip.compress(tar, 1),
              "zstd": lambda: subprocess.run(["zstd", "-qc"], input=tar, capture_output=True, check=True).stdout}[pack]()
    image = imported(daemon, packed, "repo=made&tag=here&message=why&changes=CMD%20%5B%22cat%22%2C%22/etc/mark%22%5D&changes=ENV%20PATH=/bin"
                     .replace("%22cat%22", "%22busybox%22%2C%22cat%22"))
    shown = daemon.api.get("/images/made:here/json").json()
    assert shown["Id"] == image and shown["Comment"] == "why"
    assert shown["RootFS"]["Layers"] == ["sha256:" + hashlib.sha256(tar).hexdigest()]
    assert daemon.api.get("/images/made:here/history").json()[0]["Comment"] == "why"
    container = daemon.run("made:here")
    assert daemon.wait(container) == 0 and daemon.output(container) == "mine"


def test_import_says_what_it_came_from_and_for_which_machine(daemon, spare):
    image = imported(daemon, layer_tar(("a", b"a")), "platform=linux/arm64/v8")
    spare.append(image)
    shown = daemon.api.get(f"/images/{image}/json").json()
    assert shown["Comment"] == "Imported from -" and shown["Architecture"] == "arm64" and shown["Os"] == "linux"
    assert not shown["RepoTags"]


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_import_by_the_clients(daemon, spare, client, tmp_path):
    spare += ["by:client"]
    path = tmp_path / "files.tar"
    path.write_bytes(busybox_entries())
    result = getattr(daemon, client)("import", "-c", "ENTRYPOINT /bin/busybox cat /etc/mark", str(path), "by:client")
    assert result.returncode == 0 and "sha256:" in result.stdout, result.stderr
    assert getattr(daemon, client)("run", "--rm", "by:client").stdout == "mine"


def test_what_import_refuses(daemon):
    before = daemon.api.get("/images/json?all=1").json()
    imported(daemon, b"no tar at all" * 100, expect=400)
    imported(daemon, layer_tar(("a", b"a" * 9000))[:3000], expect=400)
    imported(daemon, layer_tar(("../a", b"a")), expect=400)
    assert "is not a valid change command" in imported(daemon, b"", "changes=RUN%20x", expect=400)
    imported(daemon, b"", "repo=Upper", expect=400)
    response = daemon.api.post("/images/create?fromSrc=http://example.org/x.tar")
    assert response.status == 501 and "fromSrc=-" in response.message
    assert daemon.api.get("/images/json?all=1").json() == before
