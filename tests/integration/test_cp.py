"""`berth cp` does what the stock client's does: the same trees, the same exit codes."""

import base64
import http.server
import io
import json
import os
import stat
import subprocess
import tarfile
import threading

import pytest

from harness.daemon import BIN

SLEEP = ["sleep", "1000"]


def manifest(root):
    """Everything about a tree but inode numbers, which are told as who shares one."""
    found, first = {}, {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            shown = os.path.relpath(path, root)
            content = os.readlink(path) if stat.S_ISLNK(status.st_mode) else None
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            attributes = {key: os.getxattr(path, key, follow_symlinks=False)
                          for key in os.listxattr(path, follow_symlinks=False)}
            time = None if stat.S_ISDIR(status.st_mode) else int(status.st_mtime)
            found[shown] = (oct(status.st_mode), status.st_uid, status.st_gid, status.st_rdev, time, content,
                            attributes, first.setdefault(status.st_ino, shown))
    return found


def make_tree(root):
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "sub" / "file").write_bytes(b"copied\n" * 30000)
    (root / "sub" / ("long" * 40)).write_text("a long name")
    (root / "sub" / "größe").write_text("not ASCII")
    os.link(root / "sub" / "file", root / "twin")
    os.symlink("/etc/hostname", root / "away")
    os.symlink("sub", root / "near")
    os.mkfifo(root / "pipe")
    with open(root / "holes", "wb") as file:
        file.truncate(3 << 20)
        file.seek(1 << 20)
        file.write(b"middle")
    os.chmod(root / "sub" / "file", 0o640)
    os.utime(root / "sub" / "file", (1000000000, 1000000000))


@pytest.fixture
def container(daemon):
    container = daemon.run(command=SLEEP)
    yield container
    daemon.remove(container)


@pytest.fixture
def world(tmp_path):
    os.chmod(tmp_path, 0o755)
    make_tree(tmp_path / "tree")
    (tmp_path / "one").write_text("one")
    os.symlink("one", tmp_path / "link")
    return tmp_path


INWARDS = [
    ("tree", "/new"), ("tree", "/there"), ("tree", "/there/"), ("tree/.", "/there"), ("tree/.", "/new"), ("tree/", "/new"),
    ("one", "/new"), ("one", "/new/"), ("one", "/file"), ("one", "/there"), ("one", "/way"), ("one", "/dangling"),
    ("tree", "/file"), ("one", "/no/where"), ("one", "relative"), ("link", "/new"), ("missing", "/new"),
    ("one", "/there/one"), ("one", "/dev/null"), ("tree", "/way"),
]
OUTWARDS = [
    ("/src", "new"), ("/src", "there"), ("/src/.", "new"), ("/src/.", "there"), ("/src/a", "new"), ("/src/a", "new/"),
    ("/src/a", "there"), ("/src/a", "file"), ("/src", "file"), ("/src/link", "new"), ("/src/a", "no/where"),
    ("/src/a", "way"), ("/src/a", "dangling"), ("/nothing", "new"), ("src/a", "new"), ("/src/link", "there"),
]


def prepare_container(daemon, container):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, link in (("src", tarfile.DIRTYPE, ""), ("src/link", tarfile.SYMTYPE, "a"), ("file", tarfile.REGTYPE, ""),
                                 ("there", tarfile.DIRTYPE, ""), ("way", tarfile.SYMTYPE, "there"),
                                 ("dangling", tarfile.SYMTYPE, "there/made")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, 0o755
            tar.addfile(info)
        info = tarfile.TarInfo("src/a")
        info.size, info.mtime, info.uid = 5, 1000000000, 1234
        tar.addfile(info, io.BytesIO(b"hello"))
    daemon.api("PUT", f"/containers/{container}/archive?path=/", out.getvalue(), expect=200,
               headers={"Content-Type": "application/x-tar"})


def refused(source, target):
    """Where both clients have to fail; everywhere else, they have to succeed."""
    return (source, target) in {("one", "/new/"), ("tree", "/file"), ("one", "/no/where"), ("missing", "/new"),
                                ("/src/a", "new/"), ("/src", "file"), ("/src/a", "no/where"),
                                ("/nothing", "new")}


WITH_FLAGS = [([], *each) for each in INWARDS]
WITH_FLAGS += [(["-L"], "link", "/new"), (["-L"], "link", "/there"), (["-L"], "missing", "/new"), (["-a"], "tree", "/new")]


@pytest.mark.parametrize("flags, source, target", WITH_FLAGS)
def test_into_a_container(daemon, world, source, target, flags):
    results = []
    for client in (daemon.docker, daemon.berth):
        container = daemon.create(command=SLEEP)
        prepare_container(daemon, container)
        done = client("cp", *flags, f"{world}/{source}", f"{container}:{target}")
        body = daemon.api.get(f"/containers/{container}/export", timeout=60).body
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            tree = {each.name: (each.type, each.mode, each.uid, each.gid, each.linkname, each.size,
                                None if each.isdir() or "etc" in each.name else int(each.mtime))
                    for each in tar if each.name.split("/")[0] in ("new", "there", "file", "way", "dangling", "relative", "no")}
        tree = {name: entry[:-1] if name in ("file", "way", "dangling") else entry for name, entry in tree.items()}
        assert (done.returncode != 0) == refused(source, target), done.stderr
        results.append((done.returncode, tree))
        daemon.remove(container)
    assert results[0] == results[1]


@pytest.mark.parametrize("flags", [[], ["-L"]])
@pytest.mark.parametrize("source, target", OUTWARDS)
def test_out_of_a_container(daemon, container, tmp_path, source, target, flags):
    os.chmod(tmp_path, 0o755)
    prepare_container(daemon, container)
    results = []
    for client in (daemon.docker, daemon.berth):
        place = tmp_path / str(len(results))
        (place / "there").mkdir(parents=True)
        (place / "file").write_text("before")
        os.utime(place / "file", (5, 5))
        os.symlink("file", place / "way")
        os.symlink("there/made", place / "dangling")
        os.utime(place / "way", (5, 5), follow_symlinks=False)
        os.utime(place / "dangling", (5, 5), follow_symlinks=False)
        done = client("cp", *flags, f"{container}:{source}", f"{place}/{target}")
        assert (done.returncode != 0) == refused(source, target), done.stderr
        results.append((done.returncode, manifest(place)))
    assert results[0] == results[1]


def test_a_tree_comes_back_as_it_went(daemon, container, world):
    os.setxattr(world / "tree/sub/file", "user.colour", b"blue")
    assert daemon.berth("cp", "-a", f"{world}/tree", f"{container}:/copy").returncode == 0
    assert daemon.berth("cp", "-a", f"{container}:/copy", f"{world}/back").returncode == 0
    assert manifest(world / "back") == manifest(world / "tree")
    assert os.stat(world / "back/holes").st_blocks * 512 < 1 << 20


def test_archives_through_the_standard_streams(daemon, container, world):
    prepare_container(daemon, container)
    done = daemon.berth("cp", f"{container}:/src", "-")  # such a small archive is text
    assert sorted(tarfile.open(fileobj=io.BytesIO(done.stdout.encode())).getnames()) == ["src", "src/a", "src/link"]
    (world / "all.tar").write_bytes(done.stdout.encode())
    with open(world / "all.tar", "rb") as archive:
        assert daemon.berth("cp", "-", f"{container}:/there", stdin=archive).returncode == 0
    assert daemon.berth("cp", f"{container}:/there/src/a", f"{world}/a").returncode == 0
    assert (world / "a").read_text() == "hello"
    with open(world / "all.tar", "rb") as archive:
        refused = daemon.berth("cp", "-", f"{container}:/file", stdin=archive)
    assert refused.returncode == 1 and "must be a directory" in refused.stderr


def test_devices_of_this_machine_stay(daemon, container, world):
    prepare_container(daemon, container)
    os.mknod(world / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    refused = daemon.berth("cp", f"{container}:/src/a", f"{world}/null")
    assert refused.returncode == 1 and "got a device" in refused.stderr
    assert stat.S_ISCHR(os.lstat(world / "null").st_mode)


def test_what_cannot_be_copied(daemon, container, world):
    def fails(*arguments):
        done = daemon.berth("cp", *arguments)
        assert done.returncode == 1
        return done.stderr

    assert "between containers is not supported" in fails("a:/x", "b:/y")
    assert "at least one container source" in fails(f"{world}/one", f"{world}/two")
    assert "No such container" in fails("nobody:/x", f"{world}/x")
    assert "no such directory" in fails(f"{world}/one", f"{container}:/new/")
    assert "does not exist" in fails(f"{container}:/etc/passwd", f"{world}/no/where")


def test_what_cannot_be_written_is_an_error(daemon, container, world):
    prepare_container(daemon, container)
    (world / "to/src/a").mkdir(parents=True)
    done = daemon.berth("cp", f"{container}:/src", f"{world}/to")
    assert done.returncode == 1 and "cannot overwrite directory" in done.stderr
    assert daemon.berth("cp", f"{world}/tree/sub/file", f"{container}:/large").returncode == 0
    daemon.host.run("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(world / "to"))
    done = daemon.berth("cp", f"{container}:/large", f"{world}/to")
    daemon.host.run("umount", str(world / "to"))
    assert done.returncode == 1 and "o space left" in done.stderr


def test_a_read_only_root_is_told(daemon, world):
    container = daemon.run(command=SLEEP, host={"ReadonlyRootfs": True})
    (world / "tree/large").write_bytes(b"x" * (32 << 20))
    refused = daemon.berth("cp", f"{world}/tree", f"{container}:/new")
    assert refused.returncode == 1 and "read-only" in refused.stderr
    daemon.remove(container)


def hostile_archive(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, link in entries:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            tar.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize("entries", [
    [("../escaped", tarfile.REGTYPE, "")],
    [("x/../../escaped", tarfile.REGTYPE, "")],
    [("x", tarfile.SYMTYPE, "{outside}"), ("x/escaped", tarfile.REGTYPE, "")],
    [("x", tarfile.SYMTYPE, ".."), ("x/escaped", tarfile.REGTYPE, "")],
    [("x", tarfile.LNKTYPE, "../secret")],
    [("y", tarfile.SYMTYPE, ".."), ("x", tarfile.LNKTYPE, "y/secret")],
])
def test_an_archive_gets_nowhere_but_to_its_target(tmp_path, entries):
    """Even a daemon that lies cannot write elsewhere."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_text("secret")
    body = hostile_archive(*((name, kind, link.format(outside=tmp_path)) for name, kind, link in entries))
    told = base64.b64encode(json.dumps({"name": "x", "mode": 1 << 31, "linkTarget": ""}).encode()).decode()

    class Liar(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("X-Docker-Container-Path-Stat", told)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Liar) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run([os.path.join(BIN, "berth"), "-H", f"tcp://127.0.0.1:{server.server_port}", "cp", "c:/x", str(inside)],
                              capture_output=True, text=True, timeout=60)
        server.shutdown()
    assert done.returncode == 1, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["inside", "secret"]
    assert os.stat(tmp_path / "secret").st_nlink == 1
