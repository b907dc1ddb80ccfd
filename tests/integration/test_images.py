"""Images: load, list, inspect, tag, remove, pull; layers as the kernel shows them; hostile archives."""

import hashlib
import io
import json
import os
import subprocess
import tarfile

import pytest

from harness import images
from harness.wait import eventually

TAR = {"Content-Type": "application/x-tar"}


@pytest.fixture
def spare(daemon):
    """Names of images that the test makes; removed after it."""
    names = []
    yield names
    for container in daemon.containers():
        daemon.remove(container["Id"])
    for name in names:
        daemon.api("DELETE", f"/images/{name}?force=1")


def make(daemon, reference, *layers, **config):
    """An image of these layers (path -> content; None for a whiteout), loaded."""
    built = []
    for number, files in enumerate(layers):
        layer = images.archive.Layer(f"layer {number}")
        for path, content in files.items():
            folder, name = os.path.split(path)
            if content is None:
                layer.file(os.path.join(folder, f".wh.{name}"), "")
            elif callable(content):
                content(layer, path)
            else:
                layer.file(path, content)
        built.append(layer)
    path = os.path.join(daemon.folder, "made.tar")
    images.extended(path, reference, built, config)
    with open(path, "rb") as archive:
        response = daemon.api.post("/images/load", archive.read(), headers=TAR, timeout=60)
    os.unlink(path)
    assert response.status == 200, response
    errors = [line["error"] for line in response.lines() if "error" in line]
    assert not errors, errors
    return daemon.api.get(f"/images/{reference}/json").json()


def busybox_layer(layer, path):
    with open("/bin/busybox", "rb") as program:
        layer.file(path, program.read(), 0o755)


BASE = {"bin/busybox": busybox_layer, "bin/sh": lambda layer, path: layer.symlink(path, "busybox")}


def shell(daemon, image, script):
    container = daemon.run(image, ["/bin/busybox", "sh", "-c", script])
    code, output = daemon.wait(container), daemon.output(container)
    daemon.remove(container)
    return code, output


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_load_list_tag_and_remove(daemon, client, spare):
    spare += ["nginx:latest", "mine/web:1"]
    run = getattr(daemon, client)
    result = run("load", "-i", images.made("nginx"))
    assert result.returncode == 0, result.stderr
    assert "Loaded image: nginx:latest" in result.stdout
    assert run("tag", "nginx", "mine/web:1").returncode == 0
    listed = run("images").stdout
    assert "nginx" in listed and "mine/web" in listed
    ids = {daemon.api.get(f"/images/{name}/json").json()["Id"] for name in ("nginx", "mine/web:1")}
    assert len(ids) == 1
    result = run("rmi", "nginx:latest")
    assert result.returncode == 0 and "Untagged: nginx:latest" in result.stdout and "Deleted:" not in result.stdout
    result = run("rmi", "mine/web:1")
    assert "Deleted: sha256:" in result.stdout
    assert "mine/web" not in run("images").stdout


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_load_from_standard_input(daemon, client, spare):
    spare += ["nginx:latest"]
    with open(images.made("nginx"), "rb") as archive:
        result = getattr(daemon, client)("load", stdin=archive)
    assert result.returncode == 0, result.stderr
    assert daemon.api("GET", "/images/nginx/json").status == 200


def test_inspect_tells_what_the_image_says_of_itself(daemon):
    image = daemon.api.get("/images/busybox/json").json()
    assert image["RepoTags"] == ["busybox:latest"]
    assert image["Config"]["Cmd"] == ["sh"]
    assert image["Architecture"] == "amd64" and image["Os"] == "linux"
    assert len(image["RootFS"]["Layers"]) == 1
    assert image["Size"] > 1 << 20
    with tarfile.open(images.made("busybox")) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
        config = archive.extractfile(manifest[0]["Config"]).read()
    assert image["RootFS"]["Layers"] == json.loads(config)["rootfs"]["diff_ids"]


def test_an_image_is_found_by_every_name_that_it_has(daemon):
    image = daemon.api.get("/images/busybox/json").json()["Id"]
    for name in ("busybox", "busybox:latest", "docker.io/library/busybox", "library/busybox:latest", image,
                 image.removeprefix("sha256:"), image[7:19]):
        assert daemon.api.get(f"/images/{name}/json").json()["Id"] == image, name


def test_loading_again_changes_nothing(daemon):
    before = daemon.api.get("/images/json").json()
    daemon.load("busybox")
    assert daemon.api.get("/images/json").json() == before


def test_a_compressed_archive(daemon, spare):
    spare += ["nginx:latest"]
    packed = subprocess.run(["gzip", "-1c", images.made("nginx")], check=True, stdout=subprocess.PIPE).stdout
    assert daemon.api.post("/images/load", packed, headers=TAR, timeout=60).status == 200
    assert daemon.api("GET", "/images/nginx/json").status == 200


def test_upper_layers_win_and_whiteouts_hide(daemon, spare):
    spare += ["layered:1"]
    make(daemon, "layered:1",
         {**BASE, "a/kept": "1", "a/gone": "1", "b/x": "1", "b/y": "1", "c": "below"},
         {"a/gone": None, "b/.wh..wh..opq": "", "b/z": "2", "c": "above"})
    code, output = shell(daemon, "layered:1", "ls a b; cat c")
    assert (code, output.split()) == (0, ["a:", "kept", "b:", "z", "above"])


def test_many_layers(daemon, spare):
    spare += ["tall:1"]
    make(daemon, "tall:1", BASE, *({f"f/{number}": str(number), "top": str(number)} for number in range(126)))
    code, output = shell(daemon, "tall:1", "cat top; ls f | /bin/busybox wc -l")
    assert (code, output.split()) == (0, ["125126"])


def test_owners_modes_and_links_of_the_layer(daemon, spare):
    spare += ["owned:1"]

    def owned(layer, path):
        layer.file(path, "x", 0o4750, 33, 4)

    make(daemon, "owned:1", {**BASE, "suid": owned, "sticky": lambda layer, path: layer.directory(path, 0o1777),
                             "link": lambda layer, path: layer.symlink(path, "/suid"),
                             "twin": lambda layer, path: layer.hardlink(path, "suid")})
    code, output = shell(daemon, "owned:1", "/bin/busybox stat -c '%a %u %g %h' suid sticky twin; /bin/busybox readlink link")
    assert (code, output.splitlines()) == (0, ["4750 33 4 2", "1777 0 0 2", "4750 33 4 2", "/suid"])


def test_an_image_in_use_is_not_removed(daemon, spare):
    spare += ["used:1"]
    make(daemon, "used:1", BASE)
    container = daemon.create("used:1", ["/bin/sh"])
    response = daemon.api.delete("/images/used:1", expect=409)
    assert container[:12] in response.message
    daemon.remove(container)
    daemon.api.delete("/images/used:1", expect=200)


def test_layers_are_shared_and_go_with_their_last_image(daemon, spare):
    spare += ["one:1", "two:1"]
    make(daemon, "one:1", BASE, {"one": "1"})
    make(daemon, "two:1", BASE, {"two": "2"})
    daemon.api.delete("/images/one:1", expect=200)
    assert shell(daemon, "two:1", "cat two") == (0, "2")


def test_a_configured_image(daemon, spare):
    spare += ["configured:1"]
    make(daemon, "configured:1", {**BASE, "etc/passwd": "app:x:77:88::/home/app:/bin/sh\n", "work/x": ""},
         Entrypoint=["/bin/busybox", "sh", "-c"], Cmd=["pwd; id -u 2>/dev/null || /bin/busybox id -u; echo $NAME"],
         Env=["NAME=from the image"], WorkingDir="/work", User="app", Labels={"a": "b"}, StopSignal="SIGINT")
    container = daemon.run("configured:1")
    assert daemon.wait(container) == 0
    assert daemon.output(container).splitlines()[0] == "/work"
    assert daemon.output(container).splitlines()[-1] == "from the image"
    assert "77" in daemon.output(container).split()
    config = daemon.inspect(container)["Config"]
    assert (config["Labels"], config["StopSignal"]) == ({"a": "b"}, "SIGINT")


# Hostile archives.


def load_raw(daemon, files):
    """Loads a tar of these (TarInfo or name, bytes) members; returns the answer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, data in files:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            if info.isreg():
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return daemon.api.post("/images/load", out.getvalue(), headers=TAR, timeout=60)


def refused(response):
    """Either a 4xx, or an error in the stream of a load that had begun to answer."""
    if response.status >= 400:
        return 400 <= response.status < 500 and bool(response.message)
    return any("error" in line for line in response.lines())


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("body", [b"", b"this is no archive", b"\x1f\x8b" + b"\0" * 100, b"\0" * 10240])
def test_no_archive(daemon, body):
    assert refused(daemon.api.post("/images/load", body, headers=TAR))


def test_an_archive_cut_short(daemon):
    with open(images.made("busybox"), "rb") as archive:
        assert refused(daemon.api.post("/images/load", archive.read()[:500_000], headers=TAR))


@pytest.mark.parametrize("files", [
    [("manifest.json", b"[")],
    [("manifest.json", b"{}")],
    [("manifest.json", b'[{"Config":"missing.json","RepoTags":["x:1"],"Layers":[]}]')],
    [("manifest.json", b'[{"Config":"../../../../etc/passwd","RepoTags":["x:1"],"Layers":["/etc/passwd"]}]')],
    [(link("config.json", "/etc/passwd"), b""), ("manifest.json", b'[{"Config":"config.json","RepoTags":["x:1"],"Layers":[]}]')],
])
def test_a_bad_archive_names_what_is_wrong_and_leaves_nothing(daemon, files):
    before = daemon.api.get("/images/json").json()
    assert refused(load_raw(daemon, files))
    assert daemon.api.get("/images/json").json() == before


def test_members_of_an_archive_stay_inside(daemon):
    name = f"escaped-{os.getpid()}"
    load_raw(daemon, [(f"../../../../../../tmp/{name}", b"x"), (f"/tmp/{name}", b"x"), ("manifest.json", b"[]")])
    assert not os.path.exists(f"/tmp/{name}")


def test_a_layer_that_is_not_what_its_image_says(daemon):
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}).encode()
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["lie:1"], "Layers": ["layer.tar"]}]).encode()
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("file"))
    assert refused(load_raw(daemon, [("c.json", config), ("layer.tar", layer.getvalue()), ("manifest.json", manifest)]))
    assert daemon.api("GET", "/images/lie:1/json").status == 404


def hostile_layer(daemon, members):
    """Loads an image with this one layer under the name hostile:1; returns the answer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["hostile:1"], "Layers": ["layer.tar"]}]).encode()
    return load_raw(daemon, [("c.json", config), ("layer.tar", layer.getvalue()), ("manifest.json", manifest)])


@pytest.mark.parametrize("members", [
    lambda trap: [(tarfile.TarInfo(f"../../../../../../..{trap}/file"), b"x")],
    lambda trap: [(tarfile.TarInfo(f"{trap}/file"), b"x")],
    lambda trap: [(link("out", trap), b""), (tarfile.TarInfo("out/file"), b"x")],
    lambda trap: [(link("out", "../../../../../../.." + trap), b""), (tarfile.TarInfo("out/file"), b"x")],
    lambda trap: [(link("file", f"{trap}/victim", tarfile.LNKTYPE), b"")],
    lambda trap: [(link("out", trap), b""), (tarfile.TarInfo("out/.wh.victim"), b"")],
    lambda trap: [(link("out", trap), b""), (tarfile.TarInfo("out/.wh..wh..opq"), b"")],
    lambda trap: [(tarfile.TarInfo("a/.wh..."), b""), (tarfile.TarInfo(".wh.."), b"")],
], ids=["dotdot", "absolute", "symlink", "relative-symlink", "hardlink", "whiteout", "opaque", "whiteout-of-dots"])
def test_no_layer_reaches_out_of_its_folder(daemon, spare, tmp_path, members):
    spare += ["hostile:1"]
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "victim").write_text("whole")
    hostile_layer(daemon, members(str(trap)))
    assert sorted(os.listdir(trap)) == ["victim"]
    assert (trap / "victim").read_text() == "whole"
    assert (trap / "victim").stat().st_nlink == 1
    assert daemon.api.get("/_ping").text == "OK"


def test_an_unknown_image_everywhere(daemon):
    for method, path in (("GET", "/images/nosuch/json"), ("DELETE", "/images/nosuch"),
                         ("POST", "/images/nosuch/tag?repo=x&tag=1")):
        response = daemon.api(method, path, expect=404)
        assert "nosuch" in response.message


@pytest.mark.parametrize("query", ["repo=UPPER", "repo=x&tag=a%20b", "repo=", "repo=x&tag=" + "y" * 200])
def test_a_bad_tag(daemon, query):
    assert daemon.api.post(f"/images/busybox/tag?{query}", expect=400).message


# Pulling, from a registry of our own on the daemon's host.


@pytest.fixture
def registry(daemon, tmp_path):
    config = tmp_path / "registry.yml"
    config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/blobs}}}}\n"
                      "http: {addr: '127.0.0.1:5000'}\n")
    server = daemon.host.start("docker-registry", "serve", config, env=daemon.environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: daemon.curl("http://127.0.0.1:5000/v2/", check=False).returncode == 0)
        # Put there by another tool than ours, so that both ends are not wrong in the same way.
        daemon.host.run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                        f"docker-archive:{images.made('busybox')}", "docker://127.0.0.1:5000/team/box:1", timeout=60)
        yield "127.0.0.1:5000"
    finally:
        server.terminate()
        server.wait(10)
        # The pulled image is busybox by another name, and has a manifest since: begin anew with one that has none.
        for name in ("127.0.0.1:5000/team/box:1", "busybox"):
            daemon.api("DELETE", f"/images/{name}?force=1")
        daemon.load("busybox")


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_pull_and_run(daemon, registry, spare, client):
    spare += [f"{registry}/team/box:1"]
    run = getattr(daemon, client)
    result = run("pull", f"{registry}/team/box:1")
    assert result.returncode == 0, result.stderr
    assert "Downloaded newer image" in result.stdout
    assert "up to date" in run("pull", f"{registry}/team/box:1").stdout
    assert run("run", "--rm", f"{registry}/team/box:1", "echo", "pulled").stdout == "pulled\n"
    assert daemon.api.get(f"/images/{registry}/team/box:1/json").json()["RepoDigests"][0].startswith(f"{registry}/team/box@sha256:")


def test_run_pulls_what_is_missing(daemon, registry, spare):
    spare += [f"{registry}/team/box:1"]
    result = daemon.berth("run", "--rm", f"{registry}/team/box:1", "echo", "there")
    assert (result.returncode, result.stdout) == (0, "there\n"), result.stderr


def test_pull_of_what_the_registry_has_not(daemon, registry):
    for name in (f"{registry}/team/nosuch:1", f"{registry}/team/box:nosuch"):
        result = daemon.berth("pull", name)
        assert result.returncode != 0 and name.split("/", 1)[1].split(":")[0] in result.stderr


def test_pull_from_nobody(daemon):
    result = daemon.berth("pull", "127.0.0.1:5999/team/box:1", timeout=60)
    assert result.returncode != 0
    assert "127.0.0.1:5999" in result.stderr and "refused" in result.stderr.lower()
