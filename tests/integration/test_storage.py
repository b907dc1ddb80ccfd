"""What every storage driver has to do, in one suite that is run on each of them."""

import os
import shutil
import subprocess
import threading

import pytest
from harness.wait import eventually
from test_images import BASE, make, shell

DRIVERS = ["overlay2", "vfs", "btrfs"]


def on_disk(daemon, file_system, megabytes=512):
    """Puts the data root on a file system of its own, in the daemon's own mount namespace."""
    image = os.path.join(daemon.folder, "disk")
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    daemon.host.run(f"mkfs.{file_system}", "-q", image)
    os.makedirs(daemon.data_root, exist_ok=True)
    daemon.host.run("mount", "-o", "loop", image, daemon.data_root)


@pytest.fixture(params=DRIVERS)
def driven(request, make_daemon):
    """A daemon with that storage driver, and busybox."""
    daemon = make_daemon("--storage-driver", request.param, start=False)
    if request.param == "btrfs":
        if not shutil.which("mkfs.btrfs"):
            pytest.skip("btrfs-progs is not installed")
        on_disk(daemon, "btrfs")
    daemon.start().load("busybox")
    assert daemon.api.get("/info").json()["Driver"] == request.param
    return daemon


def hard_linked(layer, path):
    layer.file(path, "linked", 0o640, 7, 8)
    layer.hardlink(path + ".again", path)


LOWER = {**BASE, "a/keep": "kept", "a/gone": "gone", "b/x": "1", "b/y": "2", "turns/file": "was in a folder",
         "one": "below", "link": hard_linked, "c": "lower"}
UPPER = {"a/gone": None, "b/.wh..wh..opq": "", "b/z": "3", "turns": "now a file", "one": "above", "new/deep/file": "x"}


def test_layers_are_applied_in_order(driven):
    image = make(driven, "layered:1", LOWER, UPPER, Cmd=["/bin/busybox", "sh"])
    assert image["GraphDriver"]["Name"] == driven.api.get("/info").json()["Driver"]
    script = "cat /a/keep /one /turns /new/deep/file /c; echo; ls /a; ls /b; stat -c '%h %a %u %g' /link /link.again"
    code, output = shell(driven, "layered:1", "busybox=/bin/busybox; for c in cat ls stat; do $busybox ln -s busybox /bin/$c; done; " + script)
    assert code == 0, output
    assert output.split() == ["keptabovenow", "a", "filexlower", "keep", "z", "2", "640", "7", "8", "2", "640", "7", "8"]


def test_containers_do_not_see_each_other_or_change_the_image(driven):
    first = driven.run(command=["sh", "-c", "echo mine > /var/mine; rm /etc/passwd; mkdir /d; echo ready; sleep 1000"])
    second = driven.run(command=["sleep", "1000"])
    eventually(lambda: "ready" in driven.output(first))
    look = "ls /d /var/mine 2>&1; cat /etc/passwd"
    seen = driven.berth("exec", second, "sh", "-c", look).stdout
    third = driven.run(command=["sh", "-c", look])
    assert driven.wait(third) == 0 and driven.output(third) == seen
    assert seen.count("No such file") == 2 and "root:" in seen
    changed = {change["Path"]: change["Kind"] for change in driven.api.get(f"/containers/{first}/changes").json()}
    assert changed == {"/var": 0, "/var/mine": 1, "/etc": 0, "/etc/passwd": 2, "/d": 1}
    for container in (first, second, third):
        driven.remove(container)


def test_what_a_container_wrote_is_there_after_its_restart(driven):
    script = """if [ -e /f ]; then cat /f /moved/file /again; stat -c %h /f; else
      echo one > /f; mkdir /dir; echo two > /dir/file; mv /dir /moved; ln /f /again; fi"""
    container = driven.run(command=["sh", "-c", script])
    assert driven.wait(container) == 0
    driven.restart()
    driven.api.post(f"/containers/{container}/start", expect=204)
    assert driven.wait(container) == 0
    assert driven.output(container).split() == ["one", "two", "one", "2"]
    driven.remove(container)


def test_folders_of_the_image_are_renamed_replaced_and_emptied(driven):
    make(driven, "layered:2", LOWER, UPPER)
    script = """export PATH=/bin; busybox --install -s /bin; mv /a /moved && cat /moved/keep && rm -rf /b && mkdir /b && ls /b &&
      rm /turns && mkdir /turns && echo ok > /turns/inside && cat /turns/inside"""
    code, output = shell(driven, "layered:2", script)
    assert code == 0, output
    assert output.split() == ["keptok"]


def test_sizes_and_attributes(driven):
    container = driven.run(command=["sh", "-c", "dd if=/dev/urandom of=/big bs=1M count=3 2>/dev/null; echo ready; sleep 1000"])
    eventually(lambda: "ready" in driven.output(container))
    sized = driven.api.get(f"/containers/{container}/json?size=1").json()
    assert 3 << 20 <= sized["SizeRw"] < (3 << 20) + 100_000
    assert sized["SizeRootFs"] > sized["SizeRw"]
    root = f"/proc/{driven.outer_pid(container)}/root"
    os.setxattr(f"{root}/big", "user.kept", b"value")
    assert os.getxattr(f"{root}/big", "user.kept") == b"value"
    driven.remove(container)


def test_what_a_kill_interrupts_is_given_back(driven):
    """SIGKILL while layers are filled and containers made: the next daemon has all or nothing of each."""
    for _ in range(5):
        made = []

        def create():
            try:
                while True:
                    made.append(driven.api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"]}, expect=201).json()["Id"])
            except (OSError, AssertionError, ValueError):
                pass

        thread = threading.Thread(target=create)
        thread.start()
        eventually(lambda: len(made) > 3)
        driven.kill9()
        thread.join()
        driven.start()
        known = [row["Id"] for row in driven.containers()]
        assert set(made) <= set(known)
        writables = os.path.join("/proc", str(driven.pid), "root", driven.data_root.lstrip("/"), "layers",
                                 driven.api.get("/info").json()["Driver"], "writable")
        eventually(lambda: set(os.listdir(writables)) == set(known), what="one writable layer for each container")
        for container in known:
            driven.api.post(f"/containers/{container}/start", expect=204)
            assert driven.wait(container) == 0
            driven.remove(container)
    trash = os.path.join(os.path.dirname(writables), "trash")
    eventually(lambda: os.listdir(trash) == [], what="the trash is emptied")


def test_images_go_and_their_layers_with_them(driven):
    make(driven, "layered:3", LOWER, UPPER)
    layers = os.path.join("/proc", str(driven.pid), "root", driven.data_root.lstrip("/"), "layers",
                          driven.api.get("/info").json()["Driver"])
    before = set(os.listdir(layers))
    driven.api.delete("/images/layered:3", expect=200)
    eventually(lambda: len(before - set(os.listdir(layers))) == 2, what="two layers are gone")
    eventually(lambda: os.listdir(os.path.join(layers, "trash")) == [], what="the trash is emptied")


def test_subvolumes_that_a_container_makes_go_with_it(make_daemon):
    if not shutil.which("mkfs.btrfs"):
        pytest.skip("btrfs-progs is not installed")
    daemon = make_daemon("--storage-driver", "btrfs", start=False)
    on_disk(daemon, "btrfs")
    daemon.start().load("busybox")
    container = daemon.run(command=["sleep", "1000"])
    root = f"/proc/{daemon.outer_pid(container)}/root"
    subprocess.run(["btrfs", "subvolume", "create", f"{root}/own"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{root}/own/file", "w") as file:
        file.write("x")
    daemon.remove(container)
    trash = os.path.join("/proc", str(daemon.pid), "root", daemon.data_root.lstrip("/"), "layers/btrfs/trash")
    eventually(lambda: os.listdir(trash) == [], what="the trash is emptied")


def test_a_driver_that_cannot_work_says_why(make_daemon):
    daemon = make_daemon("--storage-driver", "btrfs", start=False)
    result = daemon.host.run(*daemon.command(), check=False)
    assert result.returncode != 0 and "btrfs cannot work in" in result.stderr and "choose a data root on btrfs" in result.stderr
    daemon = make_daemon("--storage-driver", "floppy", start=False)
    result = daemon.host.run(*daemon.command(), check=False)
    assert result.returncode != 0 and 'unknown storage driver "floppy"' in result.stderr
