"""Known ways out of containers, replayed: each has to fail, and to leave the host as it was."""

import ctypes
import glob
import hashlib
import os
import subprocess
import threading

import pytest

from harness import images
from harness.daemon import BIN, demultiplex
from harness.wait import eventually

# What the attacks need and no shell can do; each command prints OK or the name of the error.
THIEF = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int tell(long result) { return puts(result < 0 ? strerrorname_np(errno) : "OK"), 0; }

int main(int count, char** argument) {
  const char* what = argument[1];
  const char* object = count > 2 ? argument[2] : "";
  if (!strcmp(what, "write")) {  // opening is enough, what is written would be the exploit
    const int fd = open(object, O_WRONLY);
    if (fd < 0) return tell(-1);
    return tell(write(fd, "x", 1));
  }
  if (!strcmp(what, "ptrace")) return tell(ptrace(PTRACE_SEIZE, atoi(object), 0, 0));
  if (!strcmp(what, "unshare")) return tell(unshare((int)strtol(object, 0, 0)));
  if (!strcmp(what, "mount")) return tell(mount("x", "/tmp", object, 0, ""));
  if (!strcmp(what, "session")) return printf("%ld\n", syscall(SYS_keyctl, 0, -3, 0)), 0;
  if (!strcmp(what, "handle")) {  // CVE-2014-9357's relative "shocker": inode 2 is the disk's root
    struct { struct file_handle head; unsigned inode, generation; } handle = {{8, 1, {}}, 2, 0};
    return tell(open_by_handle_at(open("/etc/hosts", O_RDONLY), &handle.head, O_RDONLY));
  }
  if (!strcmp(what, "overwrite")) {  // CVE-2019-5736: every program that ever shows up here
    for (puts("ready"), fflush(stdout);;) {
      for (int pid = 2; pid < 400; ++pid) {
        char path[40];
        snprintf(path, sizeof path, "/proc/%d/exe", pid);
        char target[256] = "";
        if (readlink(path, target, sizeof target - 1) < 0) continue;
        if (!strstr(target, "berth-")) continue;
        const int reader = open(path, O_RDONLY);
        int writer = open(path, O_WRONLY);
        if (writer < 0 && reader >= 0) {  // as soon as it is not running any more
          snprintf(path, sizeof path, "/proc/self/fd/%d", reader);
          for (int i = 0; i < 2000 && writer < 0; ++i) writer = open(path, O_WRONLY);
        }
        printf("%s: %s\n", target, writer < 0 ? strerrorname_np(errno) : "WRITABLE");
        fflush(stdout);
        if (reader >= 0) close(reader);
      }
    }
  }
  return 1;
}
"""

CORE_PATTERN = "/proc/sys/kernel/core_pattern"


@pytest.fixture(scope="module")
def thief(shared_daemon):
    """busybox and the program above as /thief."""
    source = os.path.join(shared_daemon.folder, "thief.c")
    with open(source, "w") as file:
        file.write(THIEF)
    subprocess.run(["cc", "-static", "-o", source[:-2], source], check=True)
    with open(source[:-2], "rb") as program:
        load(shared_daemon, "thief", lambda layer, data=program.read(): layer.file("thief", data, 0o755))
    return "thief"


def load(daemon, name, fill):
    """An image of its own: busybox at /bin, and what `fill` puts into the layer."""
    layer = images.archive.Layer(name)
    with open("/bin/busybox", "rb") as program:
        layer.file("bin/busybox", program.read(), 0o755)
    for applet in ("sh", "cat", "ls", "echo", "touch", "stat", "sleep", "grep", "id", "mount", "unshare", "true", "wc",
                   "readlink", "ps", "mkdir", "umount", "mknod", "head", "ln", "rm", "mv"):
        layer.symlink(f"bin/{applet}", "busybox")
    layer.directory("tmp", 0o777)
    layer.file("etc/marker", "inside")
    fill(layer)
    path = images.extended(os.path.join(daemon.folder, f"{name}.tar"), f"{name}:latest", [layer], {"Cmd": ["sh"]})
    with open(path, "rb") as archive:
        daemon.api.post("/images/load", archive.read(), expect=200, headers={"Content-Type": "application/x-tar"})


@pytest.fixture
def image(daemon):
    """Makes an image that is gone after the test."""
    made = []

    def make(name, fill):
        load(daemon, name, fill)
        made.append(name)

    yield make
    for container in daemon.containers():
        daemon.remove(container["Id"])
    for name in made:
        daemon.api.delete(f"/images/{name}?force=1", expect=200)


@pytest.fixture(autouse=True)
def untouched():
    """The engine's programs and the host's settings are the same after each attack."""
    def state():
        with open(CORE_PATTERN) as pattern:
            found = {CORE_PATTERN: pattern.read()}
        for name in ("berthd", "berth-shim", "berth-init"):
            with open(os.path.join(BIN, name), "rb") as program:
                found[name] = hashlib.sha256(program.read()).hexdigest()
        return found

    before = state()
    yield
    assert state() == before


@pytest.fixture
def secret(tmp_path):
    """A file of the host's that no container may read."""
    path = tmp_path / "secret"
    path.write_text("host only")
    return str(path)


def run(daemon, *command, image="thief", expect=0, host=None, **config):
    container = daemon.run(image, list(command), host=host, **config)
    code = daemon.wait(container)
    text = daemon.output(container)
    assert expect is None or code == expect, text
    return text.strip()


def attempt(daemon, *command, image="thief", **config):
    """What comes of a start that may be refused: the output, or why not."""
    container = daemon.create(image, list(command), **config)
    response = daemon.api.post(f"/containers/{container}/start")
    if response.status != 204:
        assert response.status >= 400 and response.message
        return response.message
    daemon.wait(container)
    return daemon.output(container)


# --- the programs of the engine ------------------------------------------------------------------


def test_cve_2019_5736_at_start(daemon, thief):
    """A container that runs "/proc/self/exe" runs the engine's program: there is nothing to write to."""
    assert "started by berthd" in run(daemon, "/proc/self/exe", expect=2)
    links = run(daemon, "sh", "-c", "ln -s /proc/self/exe /run-me; /thief write /proc/1/exe")
    assert links in ("ETXTBSY", "EROFS")


@pytest.mark.parametrize("host", [{}, {"CapAdd": ["SYS_PTRACE"]}, {"Privileged": True}])
def test_cve_2019_5736_while_another_one_joins(daemon, thief, host):
    """Who shares a process namespace sees the starting process while it is still the engine's."""
    first = daemon.run("thief", ["/thief", "overwrite"], host=host)
    eventually(lambda: "ready" in daemon.output(first))
    for _ in range(5):
        joined = daemon.run(command=["true"], host={"PidMode": f"container:{first}"})
        assert daemon.wait(joined) == 0
    assert "WRITABLE" not in daemon.output(first)


def session(daemon, container, *command, **config):
    """What comes of an exec: its output, or why it is refused."""
    body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True, **config}
    made = daemon.api.post(f"/containers/{container}/exec", body)
    if made.status != 201:
        return made.message
    stream, status = daemon.api.hijack(f"/exec/{made.json()['Id']}/start", {"Detach": False, "Tty": False})
    with stream:
        return demultiplex(stream.read_all()) if status == 101 else stream.read_all().decode(errors="replace")


@pytest.mark.parametrize("host", [{}, {"CapAdd": ["SYS_PTRACE"]}, {"Privileged": True}])
def test_cve_2019_5736_by_exec(daemon, thief, host):
    """The program that enters is seen from inside while it is still the engine's."""
    container = daemon.run("thief", ["/thief", "overwrite"], host=host)
    eventually(lambda: "ready" in daemon.output(container))
    for _ in range(5):
        session(daemon, container, "/proc/self/exe")
        assert session(daemon, container, "echo", "fine").strip() == "fine"
    assert "WRITABLE" not in daemon.output(container)


def test_cve_2024_21626_by_exec(daemon, thief, secret):
    container = daemon.run("thief", ["sleep", "1000"])
    for number in range(3, 24):
        text = session(daemon, container, "sh", "-c", f"cat ../../../../../../..{secret}; ls ../../..",
                       WorkingDir=f"/proc/self/fd/{number}")
        assert "host only" not in text and "boot" not in text.split()


def test_cve_2016_9962_descriptors_of_a_session(daemon, thief):
    """What enters a container must not be looked into, nor bring anything along."""
    container = daemon.run("thief", ["sleep", "1000"], host={"CapAdd": ["SYS_PTRACE"]})
    lines = session(daemon, container, "sh", "-c", "for fd in /proc/self/fd/*; do readlink $fd; done").split()
    assert all(line.startswith(("/dev/null", "pipe:", "/proc/")) for line in lines), lines


def test_the_init_is_no_way_in_either(daemon, thief):
    assert run(daemon, "/thief", "write", "/proc/1/exe", host={"Init": True}) in ("EROFS", "ETXTBSY")
    assert run(daemon, "/thief", "write", "/sbin/docker-init", host={"Init": True, "Privileged": True}) in (
        "EROFS", "ETXTBSY")


def test_ptrace_of_the_shim(daemon, thief):
    """Even in the host's process namespace: the shim has capabilities that a container has not."""
    victim = daemon.run(command=["sleep", "1000"])
    shims = [pid for pid, line in daemon.host.processes().items() if "berth-shim" in line]
    assert shims
    with open(f"/proc/{shims[0]}/status") as status:
        inner = next(line for line in status if line.startswith("NSpid:")).split()[-1]
    assert run(daemon, "/thief", "ptrace", inner, host={"PidMode": "host"}) == "EPERM"
    for file in ("mem", "exe", "root/etc/shadow", "environ"):
        assert run(daemon, "/thief", "write", f"/proc/{inner}/{file}", host={"PidMode": "host"}) in ("EACCES", "EPERM")
    assert daemon.state(victim)["Running"]


def test_no_descriptor_leaks_in(daemon, thief):
    script = "for pid in 1 self; do for fd in /proc/$pid/fd/*; do readlink $fd; done; done; ls /proc/1/fd"
    lines = run(daemon, "sh", "-c", script).splitlines()
    assert all(line.startswith(("/dev/null", "pipe:", "/proc/", "/bin/")) or line.isdigit()
               for line in lines), set(lines)
    assert not [line for line in lines if "berth" in line or "memfd" in line or "socket" in line]


# --- paths out of the root -----------------------------------------------------------------------


@pytest.mark.parametrize("number", range(3, 24))
def test_cve_2024_21626_working_directory(daemon, thief, secret, number):
    """A descriptor of the host's as the working directory would be a foot outside."""
    text = attempt(daemon, "sh", "-c", f"cat ../../../../../../..{secret}; ls ../../..",
                   WorkingDir=f"/proc/self/fd/{number}")
    assert "host only" not in text and "boot" not in text.split()


@pytest.mark.parametrize("target", ["/proc/self/fd/7", "/proc/self/cwd", "/proc/1/cwd", "/proc/self/task/1/fd/8",
                                    "../../../../proc/self/fd/9"])
def test_cve_2024_21626_through_a_link(daemon, image, secret, target):
    image("linked", lambda layer: layer.symlink("work", target))
    text = attempt(daemon, "sh", "-c", f"cat ../../../../../../..{secret}", image="linked", WorkingDir="/work")
    assert "host only" not in text


def exchange(one, other):
    """renameat2(2) with RENAME_EXCHANGE."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.renameat2(-100, one.encode(), -100, other.encode(), 2)


def test_cve_2021_30465_mount_destinations_that_move(daemon, thief, tmp_path, secret):
    """Links that come and go at the places of mounts, while they are being mounted."""
    volume = tmp_path / "volume"
    (volume / "place").mkdir(parents=True)
    os.symlink("/", volume / "link")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            exchange(str(volume / "place"), str(volume / "link"))

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(12):
            text = attempt(daemon, "sh", "-c", f"cat {secret} /v/place/{secret} /v/place/deep/{secret}; cat /etc/marker",
                           host={"Binds": [f"{volume}:/v", f"{volume}:/v/place/deep"],
                                 "Tmpfs": {"/v/place": "", "/v/place/other": ""}})
            assert "host only" not in text
    finally:
        stop.set()
        swapper.join()


@pytest.mark.parametrize("path", ["etc/resolv.conf", "etc/hosts", "etc/hostname"])
@pytest.mark.parametrize("prefix", ["", "../../../../../..", "/proc/1/root", "/proc/self/root"])
def test_links_in_the_place_of_the_engine_s_files(daemon, image, secret, path, prefix):
    image("crooked", lambda layer: layer.symlink(path, prefix + secret))
    text = attempt(daemon, "sh", "-c", f"echo stolen > /{path}; cat /{path} /etc/marker", image="crooked")
    assert "host only" not in text
    with open(secret) as file:
        assert file.read() == "host only"


@pytest.mark.parametrize("path", ["proc", "sys"])
@pytest.mark.parametrize("target", ["tmp", "/", "/proc/self/root", "../../../proc"])
def test_a_link_in_the_place_of_proc(daemon, image, path, target):
    image("unmasked", lambda layer: layer.symlink(path, target))
    text = attempt(daemon, "true", image="unmasked")
    assert f'"/{path}" in the image must be an ordinary folder' in text or (
        text.startswith(f"mount point /{path}: ")), text


@pytest.mark.parametrize("target", ["/", "/proc", "/sys/fs/cgroup", "../../../../.."])
def test_a_link_in_the_place_of_dev(daemon, image, target):
    """The mount follows it inside of the root alone; nothing of the host's gets a device."""
    before = daemon.host.mounts()
    image("devious", lambda layer: layer.symlink("dev", target))
    attempt(daemon, "true", image="devious")
    assert daemon.host.mounts() == before


# --- what is masked ------------------------------------------------------------------------------


def test_cve_2025_31133_null_device_that_is_a_link(daemon, thief, tmp_path):
    dev = tmp_path / "dev"
    dev.mkdir()
    os.symlink(CORE_PATTERN, dev / "null")
    masked = next(path for path in ("/proc/keys", "/proc/timer_list", "/proc/kcore") if os.path.exists(path))
    for more in ({}, {"OpenStdin": True}):
        text = attempt(daemon, "sh", "-c", f"stat -c %t:%T {masked}; /thief write {CORE_PATTERN}; /thief write /dev/null",
                       host={"Binds": [f"{dev}:/dev"]}, **more)
        assert text.split() == ["1:3", "EROFS", "EROFS"] or "/dev/null" in text


@pytest.mark.parametrize("target", [CORE_PATTERN, "/proc/sysrq-trigger", "/proc/self/attr/exec"])
def test_cve_2025_52565_console_that_is_a_link(daemon, thief, tmp_path, target):
    dev = tmp_path / "dev"
    (dev / "pts").mkdir(parents=True)
    os.symlink(target, dev / "console")
    os.mknod(dev / "null", 0o666 | 0o020000, os.makedev(1, 3))
    text = attempt(daemon, "sh", "-c", "grep console /proc/self/mountinfo; grep -c ' /proc/s' /proc/self/mountinfo",
                   Tty=True, host={"Binds": [f"{dev}:/dev"]})
    assert "/dev/console: Too many" in text or "/dev/console: too many" in text, text


def test_cve_2025_52565_in_the_image(daemon, image):
    def fill(layer):
        layer.symlink("dev/console", CORE_PATTERN)
        layer.symlink("dev/pts/0", CORE_PATTERN)
        layer.symlink("dev/ptmx", CORE_PATTERN)

    image("console", fill)
    text = attempt(daemon, "sh", "-c", "stat -c %F /dev/console; echo x > /dev/console && echo written", image="console",
                   Tty=True)
    assert "character special file" in text and "written" in text


@pytest.mark.parametrize("host", [{"Tmpfs": {"/proc": ""}}, "bind"])
def test_cve_2025_52881_a_false_proc(daemon, thief, tmp_path, host):
    """Settings and labels are written through /proc: a false one would send them elsewhere."""
    false = tmp_path / "proc"
    for folder in ("self/attr", "sys/net/ipv4", "sys/kernel"):
        (false / folder).mkdir(parents=True)
    os.symlink(CORE_PATTERN, false / "sys/kernel/shm_rmid_forced")
    os.symlink("/proc/sysrq-trigger", false / "self/attr/exec")
    host = {"Binds": [f"{false}:/proc"]} if host == "bind" else host
    text = attempt(daemon, "true", host={**host, "Sysctls": {"kernel.shm_rmid_forced": "1"}})
    assert 'mount on "/proc" is not allowed: only a proc file system may be there' in text


@pytest.mark.parametrize("destination", ["/proc/self/attr", "/proc/sys", "/proc/sys/kernel", "/proc/1", "/proc/self",
                                         "/proc/thread-self/attr/exec"])
def test_mounts_inside_of_proc(daemon, thief, tmp_path, destination):
    text = attempt(daemon, "true", host={"Binds": [f"{tmp_path}:{destination}"]})
    assert "is not allowed: it is inside /proc" in text or "ordered" in text or "File exists" in text or (
        "file" in text.lower()), text


def test_the_host_s_own_proc_is_masked_too(daemon, thief):
    masked = next(path for path in ("/proc/keys", "/proc/timer_list", "/proc/kcore") if os.path.exists(path))
    script = (f"stat -c %t:%T {masked}; /thief write {CORE_PATTERN}; /thief write /proc/sys/vm/swappiness; "
              "/thief write /proc/sys/kernel/panic")
    assert run(daemon, "sh", "-c", script, host={"Binds": ["/proc:/proc"]}).split() == ["1:3"] + ["EROFS"] * 3


@pytest.mark.parametrize("path", [CORE_PATTERN, "/proc/sysrq-trigger", "/proc/sys/kernel/modprobe",
                                  "/proc/self/root/proc/sys/kernel/core_pattern", "/proc/sys/vm/panic_on_oom",
                                  "/proc/1/root/proc/sysrq-trigger", "/proc/sys/fs/binfmt_misc/register",
                                  "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled",
                                  "/sys/module/nf_conntrack/parameters/hashsize"])
def test_settings_of_the_kernel(daemon, thief, path):
    assert run(daemon, "/thief", "write", path) in ("EROFS", "ENOENT", "EACCES", "EPERM")


@pytest.mark.parametrize("key", ["kernel.core_pattern", "kernel/core_pattern", "net/../kernel/core_pattern",
                                 "net/ipv4/../../kernel/core_pattern", "net..kernel.core_pattern",
                                 "fs.mqueue./../../kernel/core_pattern", "kernel.msgmax/../core_pattern",
                                 "/kernel/core_pattern", "net.ipv4", "vm.overcommit_memory"])
def test_settings_that_are_nobody_s_own(daemon, thief, key):
    body = {"Image": "thief", "Cmd": ["true"], "HostConfig": {"Sysctls": {key: "|/tmp/stolen"}}}
    response = daemon.api.post("/containers/create", body)
    if response.status == 201:
        response = daemon.api.post(f"/containers/{response.json()['Id']}/start")
    assert response.status >= 400 and "sysctl" in response.message


# --- what the kernel would allow to root ---------------------------------------------------------


def test_cve_2020_15257_abstract_sockets(daemon, thief):
    """Whoever shares the host's network could connect to one; the daemon's host here has no others."""
    daemon.run(command=["sleep", "1000"])
    assert "@" not in run(daemon, "cat", "/proc/net/unix", host={"NetworkMode": "host"})


@pytest.mark.parametrize("user, groups", [("1000:2000", {"2000"}), ("1000", {"0"}), ("", {"0"})])
def test_cve_2022_36109_the_primary_group_is_among_the_others(daemon, thief, user, groups):
    found = run(daemon, "grep", "Groups:", "/proc/self/status", User=user, host={"GroupAdd": ["77"]}).split()[1:]
    assert set(found) == groups | {"77"}


@pytest.mark.parametrize("host", [{}, {"CapAdd": ["ALL"]}, {"Privileged": True}])
def test_cve_2022_29162_nothing_is_inheritable(daemon, thief, host):
    lines = run(daemon, "grep", "-E", "Cap(Inh|Amb)", "/proc/self/status", host=host).splitlines()
    assert [line.split()[1] for line in lines] == ["0" * 16] * 2


def test_keyrings_are_not_shared(daemon, thief):
    assert run(daemon, "/thief", "session") == "-1"  # the filter refuses the call
    with open("/proc/keys") as keys:
        ours = {int(line.split()[0], 16) for line in keys}
    found = {int(run(daemon, "/thief", "session", host={"SecurityOpt": ["seccomp=unconfined"]})) for _ in range(2)}
    assert len(found) == 2 and not found & ours
    assert run(daemon, "wc", "-c", "/proc/keys") == "0 /proc/keys"


@pytest.mark.parametrize("flags", ["0x10000000", "0x00020000", "0x10020000", "0x02000000", "0x40000000"])
def test_namespaces_of_its_own(daemon, thief, flags):
    assert run(daemon, "/thief", "unshare", flags) == "EPERM"


@pytest.mark.parametrize("kind", ["tmpfs", "proc", "sysfs", "cgroup", "cgroup2", "overlay", "devtmpfs", "ext4"])
def test_mounts_of_its_own(daemon, thief, kind):
    assert run(daemon, "/thief", "mount", kind) == "EPERM"


def test_a_user_namespace_and_a_mount_in_it(daemon, thief):
    text = run(daemon, "sh", "-c", "unshare -Ur mount -t tmpfs x /tmp 2>&1; :")
    assert "Operation not permitted" in text


def test_shocker(daemon, thief):
    assert run(daemon, "/thief", "handle") == "EPERM"
    # Without the filter it is the capability that is missing.
    assert run(daemon, "/thief", "handle", host={"SecurityOpt": ["seccomp=unconfined"]}) == "EPERM"


def test_cgroup_release_agent(daemon, thief):
    """CVE-2022-0492 and the older ways: a program that the kernel runs on the host."""
    script = ("for file in /sys/fs/cgroup/release_agent /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/notify_on_release "
              "/sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do [ -e $file ] && /thief write $file; done; "
              "mkdir /sys/fs/cgroup/x /sys/fs/cgroup/cpu/x; /thief unshare 0x02000000; :")
    found = set(run(daemon, "sh", "-c", script + " 2>&1").splitlines())
    assert not {"OK"} & found
    assert all(line in ("EROFS", "EPERM") or "not permitted" in line or "Read-only" in line or "No such file" in line
               for line in found), found


def test_disks_of_the_host(daemon, thief):
    numbers = [open(f"{path}/dev").read().strip().split(":") for path in glob.glob("/sys/block/*")][:3]
    for major, minor in numbers:
        text = run(daemon, "sh", "-c", f"mknod /tmp/disk b {major} {minor} && head -c 1 /tmp/disk 2>&1 | cat")
        assert "Operation not permitted" in text


@pytest.mark.parametrize("file", ["passwd", "group"])
def test_a_user_database_that_never_ends(daemon, thief, tmp_path, file):
    """Looking a name up must not hang on a pipe, nor read a device to its end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for source in (str(pipe), "/dev/zero"):
        text = attempt(daemon, "true", User="somebody:somegroup", host={"Binds": [f"{source}:/etc/{file}"]})
        assert "somebody" in text or file in text
