"""userns-remap: root in a container is nobody on the host, and files keep the host's owners on disk."""

import glob
import io
import os
import stat
import tarfile

import pytest

from harness.daemon import Daemon
from harness.wait import eventually

FIRST = 200000
SLEEP = ["sleep", "1000"]


def etc_of_its_own(daemon):
    """The daemon's host gets an /etc that can be written to."""
    folder = os.path.join(daemon.folder, "etc")
    daemon.host.run("cp", "-a", "/etc", folder)
    daemon.host.run("mount", "--bind", folder, "/etc")
    for name in ("subuid", "subgid"):
        with open(os.path.join(folder, name), "w"):
            pass
    return folder


def add_lines(folder, **lines):
    for name, text in lines.items():
        with open(os.path.join(folder, name), "a") as file:
            file.write(text + "\n")


@pytest.fixture(scope="module")
def remapped():
    daemon = Daemon("--userns-remap", "mapped:mappers")
    try:
        etc = etc_of_its_own(daemon)
        add_lines(etc, passwd="mapped:x:4321:4321::/:/bin/false", group="mappers:x:5432:",
                  subuid=f"other:1:1\nmapped:{FIRST}:60000\n4321:300000:5536", subgid=f"mappers:{FIRST}:65536")
        daemon.start().load("busybox")
        yield daemon
        for container in daemon.containers():
            daemon.remove(container["Id"])
        eventually(lambda: not daemon.cgroups(), 10, "its control groups go away")
    finally:
        daemon.close()


@pytest.fixture(autouse=True)
def cleared(request):
    yield
    if "remapped" in request.fixturenames:
        daemon = request.getfixturevalue("remapped")
        if daemon.pid is None:
            daemon.start()
        for container in daemon.containers():
            daemon.remove(container["Id"])


def output_of(daemon, script, host=None, expect=0, **config):
    container = daemon.run(command=["sh", "-c", script], host=host, **config)
    code = daemon.wait(container)
    text = daemon.output(container).replace("\r\n", "\n")
    assert expect is None or code == expect, text
    return text.strip()


def user_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("Uid:")).split()[1])


def user_namespace(daemon, container):
    return os.readlink(f"/proc/{daemon.outer_pid(container)}/ns/user")


def test_root_inside_is_nobody_outside(remapped):
    container = remapped.run(command=SLEEP)
    assert user_of(remapped.outer_pid(container)) == FIRST
    other = remapped.run(command=SLEEP, User="1000")
    assert user_of(remapped.outer_pid(other)) == FIRST + 1000
    assert user_namespace(remapped, container) != user_namespace(remapped, other)
    lines = output_of(remapped, "id -u; cat /proc/self/uid_map; cat /proc/self/gid_map").splitlines()
    assert [line.split() for line in lines] == [["0"], ["0", str(FIRST), "60000"], ["60000", "300000", "5536"],
                                               ["0", str(FIRST), "65536"]]


def test_every_namespace_belongs_to_it(remapped):
    """NS_GET_USERNS of each is the user namespace of the process: capabilities count in all of them."""
    import fcntl
    container = remapped.run(command=SLEEP)
    pid = remapped.outer_pid(container)
    own = os.stat(f"/proc/{pid}/ns/user").st_ino
    for kind in ("net", "mnt", "ipc", "uts", "cgroup", "pid"):
        with open(f"/proc/{pid}/ns/{kind}") as namespace:
            owner = fcntl.ioctl(namespace, 0xb701)
            assert os.fstat(owner).st_ino == own, kind
            os.close(owner)
    text = output_of(remapped, "hostname new && hostname; ip link set lo down && ip link set lo up && echo wired",
                     host={"CapAdd": ["SYS_ADMIN", "NET_ADMIN"]})
    assert text.split() == ["new", "wired"]


def test_files_keep_the_hosts_owners_on_disk(remapped):
    container = remapped.run(command=["sh", "-c", "touch /mine /theirs && chown 1000:2000 /theirs && mkdir -p /a/b && "
                                      "stat -c '%u:%g' /mine /theirs /bin /etc/passwd /a/b; echo done; sleep 1000"])
    eventually(lambda: "done" in remapped.output(container))
    assert remapped.output(container).split()[:-1] == ["0:0", "1000:2000", "0:0", "0:0", "0:0"]
    upper, = glob.glob(f"{remapped.data_root}/layers/*/writable/{container}/diff")
    found = {name: os.stat(os.path.join(upper, name)) for name in ("mine", "theirs", "a/b")}
    assert [(each.st_uid, each.st_gid) for each in found.values()] == [(0, 0), (1000, 2000), (0, 0)]


def test_changing_what_the_image_has(remapped):
    script = "echo more >> /etc/passwd && chown 7 /etc/group && mv /etc/passwd /etc/moved && stat -c %u /etc/group /etc/moved"
    assert output_of(remapped, script).split() == ["7", "0"]


def test_bind_mounts_are_not_translated(remapped, tmp_path):
    for each in (tmp_path, *tmp_path.parents):
        if str(each).startswith("/tmp/"):
            each.chmod(0o755)
    (tmp_path / "of-root").write_text("text")
    tmp_path.chmod(0o777)
    text = output_of(remapped, "stat -c %u /m/of-root; touch /m/of-root 2>&1; touch /m/new", host={"Binds": [f"{tmp_path}:/m"]})
    assert text.splitlines() == ["65534", "touch: /m/of-root: Permission denied"]
    assert os.stat(tmp_path / "new").st_uid == FIRST


def test_a_source_that_only_the_hosts_root_reaches(remapped, tmp_path):
    """The engine opens it, as it does without user namespaces."""
    folder = tmp_path / "hidden" / "open"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    (tmp_path / "hidden").chmod(0o700)
    assert output_of(remapped, "touch /m/x && echo fine", host={"Binds": [f"{folder}:/m"]}) == "fine"


def test_the_engines_own_files(remapped):
    assert output_of(remapped, "stat -c %u /etc/hosts /etc/resolv.conf /etc/hostname && echo x >> /etc/hosts").split() == ["0"] * 3


def test_devices(remapped):
    script = ("echo x >/dev/null && head -c 2 /dev/zero | wc -c && head -c 2 /dev/urandom | wc -c && "
              "stat -c %t:%T /dev/null /dev/full /dev/tty; ls -l /dev/fd | grep -c proc; mknod /node c 1 3 2>&1; :")
    assert output_of(remapped, script).split("\n") == ["2", "2", "1:3", "1:7", "5:0", "1",
                                                       "mknod: /node: Operation not permitted"]


def test_a_device_of_the_request(remapped):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no /dev/fuse")
    host = {"Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/deep/mine"},
                        {"PathOnHost": "/dev/fuse", "PathInContainer": "/elsewhere"}]}
    number = os.stat("/dev/fuse").st_rdev
    wanted = f"{os.major(number):x}:{os.minor(number):x}"
    assert output_of(remapped, "stat -c %t:%T /dev/deep/mine /elsewhere", host=host).split() == [wanted] * 2


def test_file_systems_and_limits(remapped):
    host = {"Tmpfs": {"/t": "uid=7,gid=8,mode=700"}, "ShmSize": 2 << 20, "OomScoreAdj": 55, "Memory": 64 << 20,
            "Ulimits": [{"Name": "nofile", "Soft": 77, "Hard": 88}], "Sysctls": {"net.ipv4.ip_default_ttl": "33"}}
    script = ("stat -c %u:%g /t; df -k /dev/shm | awk 'NR>1{print $2}'; cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn; "
              "cat /proc/sys/net/ipv4/ip_default_ttl; grep -c mqueue /proc/self/mounts; touch /sys/fs/cgroup/x 2>&1; :")
    lines = output_of(remapped, script, host=host).splitlines()
    assert lines[:-1] == ["7:8", "2048", "55", "77", "88", "33", "1"]
    assert "Read-only" in lines[-1] or "denied" in lines[-1]


def test_groups_and_names(remapped):
    lines = output_of(remapped, "id -u; id -g; id -G", User="daemon", host={"GroupAdd": ["55", "8"]}).splitlines()
    assert lines[:2] == ["1", "1"] and set(lines[2].split()) == {"1", "55", "8"}
    container = remapped.create(command=["true"], User="70000")
    message = remapped.api.post(f"/containers/{container}/start", expect=400).message
    assert message == "user 70000 is not mapped in the container's user namespace"


def test_standard_streams_may_be_opened_again(remapped):
    for user in ("", "1000"):
        assert output_of(remapped, "echo out >/dev/stdout; echo err >/dev/stderr", User=user).split() == ["out", "err"]


def test_a_terminal(remapped):
    with remapped.terminal("berth", "run", "--rm", "-it", "--init", "-u", "1000", "busybox", "sh") as terminal:
        terminal.expect(r"\$ ")
        terminal.type("id -u; tty; echo x >/dev/tty\n")
        terminal.expect("1000\r\n/dev/pts/0\r\nx")
        terminal.type("exit 4\n")
        assert terminal.wait() == 4


def test_a_read_only_root_and_a_folder_that_is_missing(remapped):
    assert output_of(remapped, "touch /x 2>&1; touch /t/y && echo fine", host={"ReadonlyRootfs": True, "Tmpfs": {"/t": ""}}) == (
        "touch: /x: Read-only file system\nfine")
    assert output_of(remapped, "pwd; stat -c %u .", WorkingDir="/made/for/it").split() == ["/made/for/it", "0"]


def test_the_network(remapped):
    container = remapped.run(command=["httpd", "-f", "-p", "80", "-h", "/etc"],
                             host={"PortBindings": {"80/tcp": [{"HostPort": "18080"}]}})
    eventually(lambda: "root" in remapped.curl("http://127.0.0.1:18080/passwd", check=False).stdout)
    address = remapped.inspect(container)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert "1 packets received" in output_of(remapped, f"ping -c 1 -w 5 {address}")


@pytest.mark.parametrize("field, kind", [("NetworkMode", "net"), ("PidMode", "pid"), ("IpcMode", "ipc")])
def test_joining_another_container(remapped, field, kind):
    first = remapped.run(command=["sh", "-c", "echo word >/dev/shm/file; sleep 1000"], host={"IpcMode": "shareable"})
    second = remapped.run(command=["sh", "-c", "touch /x && stat -c %u /x; cat /dev/shm/file; ps | grep -c 'sleep 1000'; "
                                   "echo done; exec sleep 1000"], host={field: f"container:{first}"})
    eventually(lambda: "done" in remapped.output(second))
    one, other = remapped.outer_pid(first), remapped.outer_pid(second)
    for name in (kind, "user"):
        assert os.readlink(f"/proc/{one}/ns/{name}") == os.readlink(f"/proc/{other}/ns/{name}")
    assert user_of(other) == FIRST
    text = remapped.output(second)
    assert text.startswith("0\n") and ("word" in text) == (kind == "ipc")
    remapped.api.post(f"/containers/{second}/kill", expect=204)
    remapped.wait(second)


def test_joining_containers_of_different_user_namespaces(remapped):
    first, second = (remapped.run(command=SLEEP, host={"IpcMode": "shareable"}) for _ in range(2))
    third = remapped.create(command=SLEEP, host={"NetworkMode": f"container:{first}", "IpcMode": f"container:{second}"})
    message = remapped.api.post(f"/containers/{third}/start", expect=409).message
    assert message.startswith("cannot join containers of different user namespaces")
    plain = remapped.run(command=SLEEP, host={"UsernsMode": "host"})
    mixed = remapped.create(command=SLEEP, host={"NetworkMode": f"container:{plain}"})
    message = remapped.api.post(f"/containers/{mixed}/start", expect=409).message
    assert "it is in the host's (use --userns=host)" in message


def test_a_container_may_stay_in_the_hosts(remapped):
    container = remapped.run(command=SLEEP, host={"UsernsMode": "host", "Privileged": True, "PidMode": "host",
                                                  "NetworkMode": "host"})
    assert user_of(remapped.outer_pid(container)) == 0
    assert remapped.inspect(container)["HostConfig"]["UsernsMode"] == "host"


@pytest.mark.parametrize("host, message", [
    ({"Privileged": True}, "privileged mode is incompatible with user namespaces.  You must run the container in the "
                           "host namespace when running privileged mode"),
    ({"NetworkMode": "host"}, "cannot share the host's network namespace when user namespaces are enabled"),
    ({"PidMode": "host"}, "cannot share the host PID namespace when user namespaces are enabled"),
    ({"IpcMode": "host"}, "cannot share the host's ipc namespace when user namespaces are enabled"),
    ({"Binds": ["/tmp:/m:rshared"]}, 'mount propagation "rshared" is not possible when user namespaces are enabled: use rslave'),
])
def test_what_cannot_be_had_in_one(remapped, host, message):
    response = remapped.api.post("/containers/create", {"Image": "busybox", "Cmd": SLEEP, "HostConfig": host}, expect=400)
    assert response.message == message


def test_what_the_hosts_kernel_refuses_to_nobody(remapped):
    """Even with every capability that a container can be given, and without filter and masks."""
    host = {"CapAdd": ["ALL"], "SecurityOpt": ["seccomp=unconfined", "systempaths=unconfined"]}
    text = output_of(remapped, "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches; do "
                     "(echo 0 > $f) 2>&1; done; mount -o remount,rw /sys/fs/cgroup/memory 2>&1; "
                     "mkdir /d && mount -t ext4 /dev/vda /d 2>&1; :", host=host)
    assert text.count("ermission denied") + text.count("not permitted") + text.count("onexistent") >= 5, text


def test_it_outlives_the_daemon(remapped):
    container = remapped.run(command=["sh", "-c", "trap 'exit 6' TERM; echo up; while :; do sleep 0.05; done"])
    eventually(lambda: "up" in remapped.output(container))
    remapped.restart(kill=True)
    assert remapped.state(container)["Running"]
    remapped.api.post(f"/containers/{container}/stop", expect=204)
    assert remapped.state(container)["ExitCode"] == 6


def test_failures_leave_nothing(remapped):
    def host_state():
        return remapped.host.mounts(), set(remapped.host.processes().values())

    def only_the_daemon():
        return not any("berth-shim" in line for line in remapped.host.processes().values())

    eventually(only_the_daemon)
    before = host_state()
    for config, host in (({"Cmd": ["no-such-program"]}, {}), ({"User": "nobody-of-that-name"}, {}),
                         ({"Cmd": ["true"]}, {"Sysctls": {"net.ipv4.ip_default_ttl": "not-a-number"}})):
        container = remapped.create(host=host, **config)
        response = remapped.api.post(f"/containers/{container}/start", expect=400)
        assert response.message
        remapped.remove(container)
    eventually(only_the_daemon)
    assert host_state() == before


def test_info_tells(remapped):
    assert "name=userns" in remapped.api.get("/info").json()["SecurityOptions"]


def test_by_the_plain_storage_driver(make_daemon):
    daemon = make_daemon("--userns-remap", "default", "--storage-driver", "vfs", start=False)
    etc = etc_of_its_own(daemon)
    daemon.start().load("busybox")
    container = daemon.run(command=["sh", "-c", "touch /x && stat -c %u /x /bin && cat /proc/self/uid_map"])
    assert daemon.wait(container) == 0
    lines = daemon.output(container).splitlines()
    assert lines[:2] == ["0", "0"] and lines[2].split() == ["0", "100000", "65536"]
    # The user was made, with ids of its own, and is not made again.
    daemon.remove(container)
    daemon.restart()
    for name in ("subuid", "subgid"):
        with open(os.path.join(etc, name)) as file:
            assert file.read().split() == ["dockremap:100000:65536"]
    with open(os.path.join(etc, "passwd")) as file:
        assert file.read().count("\ndockremap:x") == 1


@pytest.mark.parametrize("remap, lines, message", [
    ("nobody-there", {}, 'userns-remap: there is no user "nobody-there"'),
    ("daemon:no-group", {}, 'userns-remap: there is no group "no-group"'),
    ("daemon", {}, 'userns-remap: no subuid ranges found for "daemon" in /etc/subuid: add a line such as "daemon:100000:65536"'),
    ("daemon", {"subuid": "daemon:100000:65536"}, 'userns-remap: no subgid ranges found for "daemon"'),
    ("daemon", {"subuid": "daemon:many"}, 'userns-remap: cannot parse the subordinate id "daemon:many"'),
])
def test_configurations_that_cannot_be(make_daemon, remap, lines, message):
    daemon = make_daemon("--userns-remap", remap, start=False)
    add_lines(etc_of_its_own(daemon), **lines)
    result = daemon.host.run(*daemon.command(), check=False)
    assert result.returncode != 0 and message in result.stderr


def test_a_machine_that_cannot(make_daemon):
    """A file system that cannot translate owners is told at the daemon's start, not at a container's."""
    daemon = make_daemon("--userns-remap", "daemon", start=False)
    add_lines(etc_of_its_own(daemon), subuid="daemon:100000:65536", subgid="daemon:100000:65536")
    os.mkdir(daemon.data_root)
    daemon.host.run("mount", "-t", "ramfs", "ram", daemon.data_root)
    result = daemon.host.run(*daemon.command(), check=False)
    daemon.host.run("umount", daemon.data_root)
    assert result.returncode != 0
    assert "userns-remap cannot be used on this machine" in result.stderr


def test_root_needs_no_mapping(make_daemon):
    daemon = make_daemon("--userns-remap", "root")
    container = daemon.run(command=SLEEP)
    assert user_of(daemon.outer_pid(container)) == 0
    assert stat.S_ISDIR(os.stat(daemon.data_root).st_mode)


@pytest.mark.parametrize("user", ["0", "1000:2000"])
def test_sessions_are_in_it(remapped, user):
    container = remapped.run(command=SLEEP, host={"OomScoreAdj": 200})
    script = ("id -u; id -g; cat /proc/self/uid_map; readlink /proc/self/ns/user; grep -E 'CapBnd|Seccomp:' "
              "/proc/self/status; cat /proc/self/oom_score_adj; echo again > /dev/stdout; touch /tmp/$(id -u)")
    result = remapped.docker("exec", "-u", user, container, "sh", "-c", script)
    lines = result.stdout.split("\n")
    assert lines[0] == user.split(":")[0] and lines[1] == user.split(":")[-1]
    assert lines[2].split() == ["0", str(FIRST), "60000"]
    assert user_namespace(remapped, container) in lines
    assert lines[-3:] == ["200", "again", ""]
    with remapped.terminal("docker", "exec", "-it", "-u", user, container, "sh", "-c",
                           "stat -c %u $(tty); sleep 1000") as terminal:
        terminal.expect(user.split(":")[0])


def test_a_session_needs_a_user_that_is_mapped(remapped):
    container = remapped.run(command=SLEEP)
    result = remapped.docker("exec", "-u", "100000", container, "true")
    assert result.returncode == 126
    assert "user 100000 is not mapped in the container's user namespace" in result.stdout + result.stderr
    privileged = remapped.docker("exec", "--privileged", container, "hostname", "new")
    assert privileged.returncode == 0 and remapped.docker("exec", container, "hostname").stdout == "new\n"


@pytest.mark.parametrize("running", [True, False])
def test_copied_files_have_the_containers_owners(remapped, tmp_path, running):
    (tmp_path / "file").write_text("copied\n")
    container = remapped.run(command=["sh", "-c", "touch /mine && chown 7:8 /mine && echo done; sleep 1000"])
    eventually(lambda: "done" in remapped.output(container))
    if not running:
        remapped.api.post(f"/containers/{container}/kill", expect=204)
        remapped.wait(container)
    result = remapped.docker("cp", str(tmp_path / "file"), f"{container}:/tmp/in")
    assert result.returncode == 0, result.stderr
    result = remapped.docker("cp", f"{container}:/mine", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    upper, = glob.glob(f"{remapped.data_root}/layers/*/writable/{container}/diff")
    assert os.stat(f"{upper}/tmp/in").st_uid == 0 and os.stat(f"{upper}/mine").st_uid == 7
    for path, owner in (("/tmp/in", 0), ("/mine", 7)):
        body = remapped.api.get(f"/containers/{container}/archive?path={path}").body
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            assert tar.next().uid == owner


def test_an_owner_that_no_container_can_have(remapped):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        info = tarfile.TarInfo("file")
        info.uid = 70000
        tar.addfile(info)
    container = remapped.run(command=SLEEP)
    response = remapped.api("PUT", f"/containers/{container}/archive?path=/tmp", data.getvalue(),
                            headers={"Content-Type": "application/x-tar"}, expect=400)
    assert "owner 70000 is not mapped in the container's user namespace" in response.message
