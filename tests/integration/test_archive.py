"""Files into and out of containers: archive and export, with the clients and with hostile trees."""

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
import time

import pytest

from harness.wait import eventually

SLEEP = ["sleep", "1000"]


def get(daemon, container, path, expect=200):
    answer = daemon.api.get(f"/containers/{container}/archive?path={path}", expect=expect, timeout=60)
    return tarfile.open(fileobj=io.BytesIO(answer.body)) if expect == 200 else answer


def put(daemon, container, path, archive, query="", expect=200):
    return daemon.api("PUT", f"/containers/{container}/archive?path={path}{query}", archive, timeout=60, expect=expect,
                      headers={"Content-Type": "application/x-tar"})


def stat(daemon, container, path, expect=200):
    answer = daemon.api("HEAD", f"/containers/{container}/archive?path={path}", expect=expect)
    if expect != 200:
        return answer
    return json.loads(base64.b64decode(answer.headers["x-docker-container-path-stat"]))


def archive(*entries, mode="w"):
    """A tar of (name, content or TarInfo changes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            data = None
            if isinstance(content, bytes):
                info.size = len(content)
                data = io.BytesIO(content)
            else:
                for key, value in content.items():
                    setattr(info, key, value)
            tar.addfile(info, data)
    return out.getvalue()


def sh(daemon, container, script):
    """What a script prints inside a running container, run by a shell of the image's."""
    pid = daemon.outer_pid(container)
    return subprocess.run(["nsenter", "-t", str(pid), "-m", "-r", "/bin/sh", "-c", script], check=True,
                          capture_output=True, text=True).stdout


@pytest.fixture(params=["running", "created", "paused"])
def container(daemon, request):
    """One whose tree /data holds something of every kind."""
    # A first life makes the tree, so that one that does not run has it as well.
    container = daemon.create(command=["sh", "-c", MAKE + "; [ -e /again ] && sleep 1000; touch /again"])
    daemon.api.post(f"/containers/{container}/start", expect=204)
    daemon.wait(container)
    if request.param != "created":
        daemon.api.post(f"/containers/{container}/start", expect=204)
        eventually(lambda: daemon.output(container).count("ready") == 2)
    if request.param == "paused":
        daemon.api.post(f"/containers/{container}/pause", expect=204)
    yield container


MAKE = """
rm -rf /data; mkdir -p /data/sub; cd /data; echo hello > file; chown 12:34 file; chmod 4750 file
ln -s file link; ln -s /etc/passwd away; ln file second; mkfifo pipe; mknod zero c 1 5
dd if=/dev/zero of=holes bs=1 count=1 seek=1000000 2>/dev/null; echo deep > sub/deep; touch -d @1000000000 sub; echo ready"""


# --- stat ----------------------------------------------------------------------------------------


def test_stat_tells_kind_size_and_link(daemon, container):
    file = stat(daemon, container, "/data/file")
    assert file["name"] == "file" and file["size"] == 6 and file["linkTarget"] == ""
    assert file["mode"] == 0o750 | 1 << 23
    link = stat(daemon, container, "/data/link")
    assert link["mode"] & (1 << 27) and link["linkTarget"] == "/data/file"
    assert stat(daemon, container, "data/away")["linkTarget"] == "/etc/passwd"
    folder = stat(daemon, container, "/data/sub/")
    assert folder["mode"] & (1 << 31) and folder["mtime"].startswith("2001-09-09")
    assert stat(daemon, container, "/")["name"] == "/"
    for path, status in (("/nowhere", 404), ("/data/file/", 400), ("", 400)):
        assert stat(daemon, container, path, expect=status).status == status


# --- out -----------------------------------------------------------------------------------------


def test_a_tree_comes_out_as_it_is(daemon, container):
    tar = get(daemon, container, "/data")
    found = {member.name: member for member in tar}
    assert set(found) == {"data", "data/sub", "data/file", "data/link", "data/away", "data/second", "data/pipe", "data/zero",
                          "data/holes", "data/sub/deep"}
    file = found["data/file"]
    assert (file.mode, file.uid, file.gid) == (0o4750, 12, 34)
    assert tar.extractfile("data/sub/deep").read() == b"deep\n"
    assert found["data/link"].issym() and found["data/link"].linkname == "file"
    assert found["data/away"].linkname == "/etc/passwd"
    assert found["data/second"].islnk() and found["data/second"].linkname == "data/file"
    assert found["data/pipe"].isfifo()
    zero = found["data/zero"]
    assert zero.ischr() and (zero.devmajor, zero.devminor) == (1, 5)
    assert found["data/holes"].issparse() and found["data/holes"].size == 1000001
    assert found["data/sub"].mtime == 1000000000


def test_one_file_a_link_and_the_contents_of_a_folder(daemon, container):
    assert [member.name for member in get(daemon, container, "/data/file")] == ["file"]
    assert get(daemon, container, "/data/link").getmember("link").issym()
    names = {member.name.removeprefix("./") for member in get(daemon, container, "/data/.")}
    assert {"file", "sub/deep", "."} <= names
    assert "could not find the file /nope" in get(daemon, container, "/nope", expect=404).message.lower()


# --- in ------------------------------------------------------------------------------------------


def test_an_archive_goes_in_and_comes_out_the_same(daemon, container):
    big = os.urandom(3 << 20)
    sent = archive(
        ("new", {"type": tarfile.DIRTYPE, "mode": 0o2711, "uid": 5, "gid": 6, "mtime": 1234567890}),
        ("new/big", big),
        ("new/mode", {"mode": 0o6701, "uid": 70, "gid": 80, "mtime": 99}),
        ("new/link", {"type": tarfile.SYMTYPE, "linkname": "../file"}),
        ("new/hard", {"type": tarfile.LNKTYPE, "linkname": "new/big"}),
        ("new/.wh.kept", b"an ordinary name here"),
        ("new/caf\u00e9", b"utf"),
    )
    put(daemon, container, "/data", sent)
    tar = get(daemon, container, "/data/new")
    assert tar.extractfile("new/big").read() == big
    found = {member.name: member for member in tar}
    assert (found["new"].mode, found["new"].uid, found["new"].gid, found["new"].mtime) == (0o2711, 5, 6, 1234567890)
    assert (found["new/mode"].mode, found["new/mode"].uid) == (0o6701, 70)
    assert found["new/link"].linkname == "../file" and found["new/hard"].islnk()
    assert tar.extractfile("new/.wh.kept").read() == b"an ordinary name here"
    assert "new/caf\u00e9" in found


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_compressed_archives_are_taken(daemon, container, compression):
    put(daemon, container, "/data", archive(("packed", b"x" * 5000), mode=f"w:{compression}"))
    assert get(daemon, container, "/data/packed").extractfile("packed").read() == b"x" * 5000


def test_what_cannot_be_unpacked_says_why(daemon, container):
    some = archive(("a", b"b"))
    assert "extraction point is not a directory" in put(daemon, container, "/data/file", some, expect=400).message
    assert put(daemon, container, "/nowhere", some, expect=404).status == 404
    assert "no tar archive" in put(daemon, container, "/data", b"nonsense" * 100, expect=400).message
    assert "Truncated" in put(daemon, container, "/data", archive(("long", b"x" * 9999))[:3000], expect=400).message
    clash = archive(("sub", b"a file now"))
    refused = put(daemon, container, "/data", clash, "&noOverwriteDirNonDir=1", expect=400)
    assert "cannot overwrite directory" in refused.message
    put(daemon, container, "/data", clash)
    assert get(daemon, container, "/data/sub").getmember("sub").isreg()


def test_all_can_be_given_to_the_container_s_user(daemon):
    container = daemon.create(command=SLEEP, User="daemon")
    put(daemon, container, "/tmp", archive(("mine", {"uid": 0, "gid": 0})), "&copyUIDGID=1")
    member = get(daemon, container, "/tmp/mine").getmember("mine")
    assert (member.uid, member.gid) == (1, 1)
    daemon.remove(container)


@pytest.mark.parametrize("running", [True, False])
def test_bind_mounts_are_part_of_the_tree(daemon, running, tmp_path):
    os.chmod(tmp_path, 0o755)
    (tmp_path / "given").write_text("from outside")
    container = daemon.create(command=SLEEP, host={"Binds": [f"{tmp_path}:/mnt/in:rw", f"{tmp_path}:/mnt/ro:ro"]})
    if running:
        daemon.api.post(f"/containers/{container}/start", expect=204)
    assert get(daemon, container, "/mnt").extractfile("mnt/in/given").read() == b"from outside"
    put(daemon, container, "/mnt/in", archive(("taken", b"from inside")))
    assert (tmp_path / "taken").read_text() == "from inside"
    refused = put(daemon, container, "/mnt/ro", archive(("no", b"")), expect=403)
    assert "read-only" in refused.message
    assert not daemon.host.run("sh", "-c", f"mount | grep {tmp_path}", check=False).stdout
    daemon.remove(container)


@pytest.mark.parametrize("running", [True, False])
def test_a_read_only_root_stays_so(daemon, running):
    container = daemon.create(command=SLEEP, host={"ReadonlyRootfs": True, "Tmpfs": {"/run": ""}})
    if running:
        daemon.api.post(f"/containers/{container}/start", expect=204)
        put(daemon, container, "/run", archive(("fine", b"a tmpfs")))
        assert sh(daemon, container, "cat /run/fine") == "a tmpfs"
    refused = put(daemon, container, "/tmp", archive(("no", b"")), expect=403)
    assert "read-only" in refused.message
    assert get(daemon, container, "/etc/passwd").getmember("passwd").isreg()
    daemon.remove(container)


# --- export --------------------------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, False])
def test_export_is_the_whole_tree_without_what_is_mounted(daemon, running, tmp_path):
    (tmp_path / "given").write_text("from outside")
    container = daemon.create(command=["sh", "-c", "echo made > /made; sleep 1000"], host={"Binds": [f"{tmp_path}:/mnt"]})
    daemon.api.post(f"/containers/{container}/start", expect=204)
    eventually(lambda: sh(daemon, container, "cat /made 2>/dev/null || true") == "made\n")
    if not running:
        daemon.api.post(f"/containers/{container}/kill", expect=204)
    answer = daemon.api.get(f"/containers/{container}/export", timeout=60)
    tar = tarfile.open(fileobj=io.BytesIO(answer.body))
    names = set(tar.getnames())
    assert {"bin", "made", "mnt", "proc", "etc/passwd"} <= names
    assert not {name for name in names if name.startswith(("proc/", "sys/", "mnt/", "dev/"))}
    assert tar.extractfile("made").read() == b"made\n"
    daemon.remove(container)


# --- the clients ---------------------------------------------------------------------------------


def test_the_stock_client_copies_both_ways(daemon, container, tmp_path):
    os.chmod(tmp_path, 0o755)
    source = tmp_path / "tree"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "file").write_text("copied")
    assert daemon.docker("cp", f"{source}", f"{container}:/data/").returncode == 0
    assert daemon.docker("cp", f"{source}/.", f"{container}:/data/flat").returncode == 0
    back = tmp_path / "back"
    assert daemon.docker("cp", f"{container}:/data", str(back)).returncode == 0
    assert (back / "tree/sub/file").read_text() == "copied"
    assert (back / "flat/sub/file").read_text() == "copied"
    one = tmp_path / "one"
    assert daemon.docker("cp", "-L", f"{container}:/data/link", str(one)).returncode == 0
    assert one.read_text() == "hello\n"
    exported = tmp_path / "all.tar"
    assert daemon.docker("export", "-o", str(exported), container).returncode == 0
    assert "data/file" in tarfile.open(exported).getnames()


# --- hostile -------------------------------------------------------------------------------------

SWAP = "mkdir -p /a/real /a/other; echo inside > /a/real/file; echo inside > /a/other/file; cd /a; " \
       "while :; do rm -rf swap; ln -s {target} swap; rm -rf swap; cp -r real swap; done"


def test_a_container_that_swaps_links_gets_nothing_of_the_host(daemon, tmp_path):
    """CVE-2018-15664: each look at a path is one call of the kernel's that stays in the root."""
    os.chmod(tmp_path, 0o755)
    (tmp_path / "file").write_text("secret of the host")
    container = daemon.run(command=["sh", "-c", SWAP.format(target=str(tmp_path))])
    deadline = time.monotonic() + 60
    for round_number in range(200):
        answer = daemon.api.get(f"/containers/{container}/archive?path=/a/swap/file", expect=None, timeout=60)
        assert b"secret" not in answer.body
        assert answer.status in (200, 404), answer
        put(daemon, container, "/a/swap", archive((f"planted{round_number}", b"by the engine")), expect=None)
        assert time.monotonic() < deadline
    assert sorted(os.listdir(tmp_path)) == ["file"]
    daemon.remove(container)


@pytest.mark.parametrize(
    "entries",
    [
        [("../escaped", b"x")],
        [("/escaped", b"x")],
        [("up", {"type": tarfile.SYMTYPE, "linkname": "/"}), ("up/escaped", b"x")],
        [("up", {"type": tarfile.SYMTYPE, "linkname": "../../../../.."}), ("up/escaped", b"x")],
        [("hard", {"type": tarfile.LNKTYPE, "linkname": "../../../../etc/hostname"})],
    ],
)
@pytest.mark.parametrize("running", [True, False])
def test_archives_cannot_lead_out(daemon, entries, running):
    container = daemon.create(command=SLEEP)
    if running:
        daemon.api.post(f"/containers/{container}/start", expect=204)
    put(daemon, container, "/tmp", archive(*entries), expect=None)
    for place in ("/escaped", "/tmp/escaped", daemon.folder + "/escaped", daemon.data_root + "/escaped"):
        assert not os.path.exists(place)
    daemon.remove(container)


def test_pipes_and_devices_on_the_way_are_not_opened(daemon):
    script = "mkfifo /p; mknod /full c 1 7; mknod /tape c 9 0; mkdir /d; mkfifo /d/p; echo ready; sleep 1000"
    container = daemon.run(command=["sh", "-c", script])
    eventually(lambda: "ready" in daemon.output(container))
    assert get(daemon, container, "/p").getmember("p").isfifo()
    assert get(daemon, container, "/full").getmember("full").ischr()
    assert get(daemon, container, "/d").getmember("d/p").isfifo()
    assert get(daemon, container, "/p/", expect=400).status == 400
    daemon.remove(container)


def mount_namespaces(pid):
    return {os.readlink(f"/proc/{pid}/task/{thread}/ns/mnt") for thread in os.listdir(f"/proc/{pid}/task")}


@pytest.mark.parametrize("running", [True, False])
def test_a_client_that_leaves_in_the_middle_ends_the_work(daemon, running):
    container = daemon.run(command=["sh", "-c", "dd if=/dev/zero of=/big bs=1M count=64 2>/dev/null; echo ready; sleep 1000"])
    eventually(lambda: "ready" in daemon.output(container))
    if not running:
        daemon.api.post(f"/containers/{container}/kill", expect=204)
    threads = len(os.listdir(f"/proc/{daemon.pid}/task"))
    for _ in range(5):
        with daemon.api.stream() as stream:
            stream.request("GET", f"/containers/{container}/archive?path=/big")
            stream.head()
            stream.chunk()
        with daemon.api.stream() as stream:
            head = f"PUT /containers/{container}/archive?path=/tmp HTTP/1.1\r\nHost: b\r\nContent-Type: application/x-tar\r\n"
            stream.send(head.encode() + b"Content-Length: 1000000\r\n\r\n" + archive(("part", b"x" * 5000))[:1000])
    eventually(lambda: len(os.listdir(f"/proc/{daemon.pid}/task")) <= threads, what="the threads end")
    assert len(mount_namespaces(daemon.pid)) == 1, "a root that was mounted for a visit is still there"
    daemon.remove(container)


def test_what_comes_and_goes_during_the_walk_harms_nothing(daemon):
    """Names vanish between listing and opening; files grow, shrink and turn into folders and links."""
    script = """mkdir /d; cd /d; echo ready; while :; do
      for i in 1 2 3 4 5 6 7 8; do echo $i > f$i; mkdir -p d$i/e; done
      echo more >> f1; : > f2; rm f3; mkdir f3; rmdir f3; ln -sf f1 f4; mkfifo p; rm -rf f* d* p; done"""
    container = daemon.run(command=["sh", "-c", script])
    eventually(lambda: "ready" in daemon.output(container))
    counts = []
    for _ in range(150):
        found = get(daemon, container, "/d")
        counts.append(len(found.getnames()))
        assert found.getnames()[0] == "d" and set(found.getnames()) - {"d"} <= {
            f"d/{kind}{i}{below}" for i in range(9) for kind in "fd" for below in ("", "/e")} | {"d/p"}
    print(f"entries found: {min(counts)} to {max(counts)}")
    assert min(counts) < max(counts), "nothing vanished meanwhile"
    daemon.api.get("/_ping", expect=200)
    daemon.remove(container)


def test_many_at_once_do_not_hold_up_the_daemon(daemon):
    container = daemon.run(command=["sh", "-c", "dd if=/dev/urandom of=/big bs=1M count=8 2>/dev/null; md5sum < /big; sleep 1000"])
    eventually(lambda: daemon.output(container))
    wanted = daemon.output(container).split()[0]
    found = []

    def fetch():
        found.append(hashlib.md5(get(daemon, container, "/big").extractfile("big").read()).hexdigest())

    slow = [daemon.api.stream() for _ in range(8)]  # ask, and read nothing
    for stream in slow:
        stream.request("GET", f"/containers/{container}/archive?path=/big")
    readers = [threading.Thread(target=fetch) for _ in range(4)]
    for reader in readers:
        reader.start()
    other = daemon.run(command=["true"])
    assert daemon.wait(other) == 0
    for reader in readers:
        reader.join()
    assert found == [wanted] * 4
    for stream in slow:
        stream.close()
    daemon.remove(other)
    daemon.remove(container)


# --- changes -------------------------------------------------------------------------------------

CHANGE = """
echo new > /new; echo more >> /etc/passwd; rm /etc/group; mkdir -p /made/deep; echo x > /made/deep/file
mv /root /moved; chmod 700 /var; rm -rf /var/*; echo ready; sleep 1000"""


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
def test_changes_name_what_differs_from_the_image(make_daemon, driver):
    daemon = make_daemon("--storage-driver", driver)
    untouched = daemon.run(command=SLEEP)
    assert daemon.api.get(f"/containers/{untouched}/changes").json() == []
    container = daemon.run(command=["sh", "-c", CHANGE], host={"Tmpfs": {"/run": ""}})
    eventually(lambda: "ready" in daemon.output(container))
    found = {change["Path"]: change["Kind"] for change in daemon.api.get(f"/containers/{container}/changes").json()}
    wanted = {"/new": 1, "/etc": 0, "/etc/passwd": 0, "/etc/group": 2, "/made": 1, "/made/deep": 1, "/made/deep/file": 1,
              "/moved": 1, "/root": 2, "/var": 0}
    assert {path: kind for path, kind in found.items() if not path.startswith("/var/")} == wanted
    assert list(found) == sorted(found)
    lines = daemon.docker("diff", container).stdout.splitlines()
    assert "A /new" in lines and "D /root" in lines and "C /etc" in lines


def test_the_client_exports_and_tells_changes(daemon, tmp_path):
    container = daemon.run(command=["sh", "-c", "echo x > /made; rm /etc/group"])
    daemon.wait(container)
    assert daemon.berth("diff", container).stdout.splitlines() == ["C /etc", "D /etc/group", "A /made"]
    target = tmp_path / "all.tar"
    assert daemon.berth("export", "-o", str(target), container).returncode == 0
    assert "made" in tarfile.open(target).getnames()
    assert os.listdir(tmp_path) == ["all.tar"]
    assert "No such container" in daemon.berth("export", "-o", str(target), "nobody").stderr
    with daemon.terminal("berth", "export", container) as terminal:
        terminal.expect("cowardly refusing to save to a terminal")
        assert terminal.wait() == 1
    daemon.remove(container)
