"""Every field of a create request, one by one: what it does is seen from inside of a container or read
back from the kernel; what Berth has not is refused; what has no meaning is named with the reason."""

import json
import os
import stat

import pytest

from harness import images
from harness.schema import reference
from harness.wait import eventually

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
MIB = 1 << 20
SLEEP = ["sleep", "1000"]

# Fields that change nothing on this kind of machine; docs/coverage.md says the same.
WITHOUT_EFFECT = {
    "ContainerConfig.ArgsEscaped": "of Windows",
    "ContainerConfig.AttachStderr": "a note of the client's, shown by inspect",
    "ContainerConfig.AttachStdin": "a note of the client's, shown by inspect",
    "ContainerConfig.AttachStdout": "a note of the client's, shown by inspect",
    "ContainerConfig.OnBuild": "for builds alone",
    "ContainerConfig.Shell": "for builds and health checks alone",
    "HostConfig.ContainerIDFile": "the client writes that file",
    "HostConfig.CpuCount": "of Windows",
    "HostConfig.CpuPercent": "of Windows",
    "HostConfig.IOMaximumBandwidth": "of Windows",
    "HostConfig.IOMaximumIOps": "of Windows",
    "Mount.Consistency": "for Docker Desktop alone",
}

# Requests that are refused, and the status.
REFUSED = {
    "HostConfig.Cgroup": ({"HostConfig": {"Cgroup": "container:x"}}, 501),
    "HostConfig.DeviceRequests": ({"HostConfig": {"DeviceRequests": [{"Capabilities": [["gpu"]]}]}}, 501),
    "HostConfig.Isolation": ({"HostConfig": {"Isolation": "hyperv"}}, 400),
    "HostConfig.Links": ({"HostConfig": {"Links": ["a:b"]}}, 501),
    "HostConfig.Runtime": ({"HostConfig": {"Runtime": "other"}}, 400),
    "HostConfig.StorageOpt": ({"HostConfig": {"StorageOpt": {"size": "1g"}}}, 501),
    "HostConfig.VolumeDriver": ({"HostConfig": {"VolumeDriver": "other"}}, 501),
    "HostConfig.VolumesFrom": ({"HostConfig": {"VolumesFrom": ["x"]}}, 501),
    "Mount.ImageOptions": ({"HostConfig": {"Mounts": [
        {"Type": "image", "Source": "busybox", "Target": "/x", "ImageOptions": {"Subpath": "etc"}}]}}, 501),
    "Mount.VolumeOptions": ({"HostConfig": {"Mounts": [
        {"Type": "volume", "Source": "vol", "Target": "/x", "VolumeOptions": {"Subpath": "etc"}}]}}, 501),
}

# Fields that a whole file is about.
ELSEWHERE = {
    "ContainerConfig.Healthcheck": "test_health.py",
    "ContainerConfig.StdinOnce": "test_hijack.py",
    "HostConfig.IpcMode": "test_namespaces.py",
    "HostConfig.PidMode": "test_namespaces.py",
    "HostConfig.PortBindings": "test_network.py",
    "HostConfig.RestartPolicy": "test_restart.py",
}

# HostConfig, other fields of the request, a shell's script, and what it has to print.
INSIDE = {
    "ContainerConfig.Cmd": ({}, {"Cmd": ["echo", "word"]}, None, "word"),
    "ContainerConfig.Domainname": ({}, {"Domainname": "sea.example"}, "cat /proc/sys/kernel/domainname", "sea.example"),
    "ContainerConfig.Entrypoint": ({}, {"Entrypoint": ["echo", "first"], "Cmd": ["second"]}, None, "first second"),
    "ContainerConfig.Env": ({}, {"Env": ["SHIP=1 2"]}, "echo \"$SHIP\"", "1 2"),
    "ContainerConfig.Hostname": ({}, {"Hostname": "ship"}, "hostname", "ship"),
    "ContainerConfig.MacAddress": ({}, {"MacAddress": "02:42:ac:11:00:77"}, "cat /sys/class/net/eth0/address",
                                   "02:42:ac:11:00:77"),
    "ContainerConfig.NetworkDisabled": ({}, {"NetworkDisabled": True}, "ls /sys/class/net", "lo"),
    "ContainerConfig.OpenStdin": ({}, {"OpenStdin": True}, "readlink /proc/self/fd/0 | cut -d: -f1", "pipe"),
    "ContainerConfig.Tty": ({}, {"Tty": True}, "tty", "/dev/pts/0"),
    "ContainerConfig.User": ({}, {"User": "1000:2000"}, "id -u; id -g", "1000\n2000"),
    "ContainerConfig.WorkingDir": ({}, {"WorkingDir": "/var/a/b"}, "pwd", "/var/a/b"),
    "HostConfig.CapAdd": ({"CapDrop": ["ALL"], "CapAdd": ["SYS_TIME"]}, {}, "grep CapEff /proc/self/status",
                          f"CapEff:\t{1 << 25:016x}"),
    "HostConfig.CapDrop": ({"CapDrop": ["ALL"]}, {}, "grep CapEff /proc/self/status", f"CapEff:\t{0:016x}"),
    "HostConfig.ConsoleSize": ({"ConsoleSize": [33, 99]}, {"Tty": True}, "stty size", "33 99"),
    "HostConfig.Dns": ({"Dns": ["192.0.2.5"]}, {}, "grep nameserver /etc/resolv.conf", "nameserver 192.0.2.5"),
    "HostConfig.DnsOptions": ({"DnsOptions": ["ndots:3"]}, {}, "grep options /etc/resolv.conf", "options ndots:3"),
    "HostConfig.DnsSearch": ({"DnsSearch": ["sea.example"]}, {}, "grep search /etc/resolv.conf", "search sea.example"),
    "HostConfig.ExtraHosts": ({"ExtraHosts": ["buoy:192.0.2.7"]}, {}, "grep buoy /etc/hosts | tr '\\t' ' '",
                              "192.0.2.7 buoy"),
    "HostConfig.GroupAdd": ({"GroupAdd": ["777", "daemon"]}, {"User": "1000:2000"}, "id -G", "2000 1 777"),
    "HostConfig.Init": ({"Init": True}, {}, "cat /proc/1/comm", "docker-init"),
    "HostConfig.MaskedPaths": ({"MaskedPaths": ["/etc/passwd", "/home"]}, {}, "wc -c </etc/passwd; ls -A /home", "0"),
    "HostConfig.NetworkMode": ({"NetworkMode": "none"}, {}, "ls /sys/class/net", "lo"),
    "HostConfig.OomScoreAdj": ({"OomScoreAdj": 321}, {}, "cat /proc/self/oom_score_adj", "321"),
    "HostConfig.ReadonlyPaths": ({"ReadonlyPaths": ["/home"]}, {}, "touch /home/x 2>&1; touch /root/x && echo fine",
                                 "touch: /home/x: Read-only file system\nfine"),
    "HostConfig.ReadonlyRootfs": ({"ReadonlyRootfs": True}, {}, "touch /x 2>&1; :", "touch: /x: Read-only file system"),
    "HostConfig.SecurityOpt": ({"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]}, {},
                               "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status", "NoNewPrivs:\t1\nSeccomp:\t0"),
    "HostConfig.ShmSize": ({"ShmSize": 5 * MIB}, {}, "df -k /dev/shm | awk 'NR>1{print $2}'", "5120"),
    "HostConfig.Sysctls": ({"Sysctls": {"kernel.shm_rmid_forced": "1", "net.ipv4.ip_default_ttl": "77",
                                        "fs.mqueue.msg_max": "11"}}, {},
                           "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_default_ttl "
                           "/proc/sys/fs/mqueue/msg_max", "1\n77\n11"),
    "HostConfig.Tmpfs": ({"Tmpfs": {"/t": "size=1m,mode=750,uid=5,gid=6,exec"}}, {},
                         "df -k /t | awk 'NR>1{print $2}'; stat -c '%a %u %g' /t; grep -c ' /t .*noexec' /proc/self/mounts; :",
                         "1024\n750 5 6\n0"),
    "HostConfig.Ulimits": ({"Ulimits": [{"Name": "nofile", "Soft": 70, "Hard": 80}]}, {}, "ulimit -Sn; ulimit -Hn",
                           "70\n80"),
    "Mount.TmpfsOptions.Mode": ({"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Mode": 0o710}}]}, {},
                                "stat -c %a /t", "710"),
    "Mount.TmpfsOptions.Options": ({"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {
        "Options": [["exec"], ["uid", "1000"]]}}]}, {}, "stat -c %u /t; grep -c ' /t .*noexec' /proc/self/mounts; :",
                                   "1000\n0"),
    "Mount.TmpfsOptions.SizeBytes": ({"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {
        "SizeBytes": 3 * MIB}}]}, {}, "df -k /t | awk 'NR>1{print $2}'", "3072"),
}

# HostConfig, and the control file with its content on v1 and on v2; None: that version has no such thing.
LIMITS = {
    "HostConfig.CpuPeriod": ({"CpuPeriod": 50000, "CpuQuota": 25000}, ("cpu/cpu.cfs_period_us", "50000"),
                             ("cpu.max", "25000 50000")),
    "HostConfig.CpuQuota": ({"CpuQuota": 25000}, ("cpu/cpu.cfs_quota_us", "25000"), ("cpu.max", "25000 100000")),
    "HostConfig.CpuShares": ({"CpuShares": 512}, ("cpu/cpu.shares", "512"), ("cpu.weight", "20")),
    "HostConfig.CpusetCpus": ({"CpusetCpus": "0"}, ("cpuset/cpuset.cpus", "0"), ("cpuset.cpus", "0")),
    "HostConfig.CpusetMems": ({"CpusetMems": "0"}, ("cpuset/cpuset.mems", "0"), ("cpuset.mems", "0")),
    "HostConfig.KernelMemoryTCP": ({"KernelMemoryTCP": 8 * MIB}, ("memory/memory.kmem.tcp.limit_in_bytes", str(8 * MIB)),
                                   None),
    "HostConfig.Memory": ({"Memory": 64 * MIB}, ("memory/memory.limit_in_bytes", str(64 * MIB)),
                          ("memory.max", str(64 * MIB))),
    "HostConfig.MemoryReservation": ({"MemoryReservation": 32 * MIB}, ("memory/memory.soft_limit_in_bytes", str(32 * MIB)),
                                     ("memory.low", str(32 * MIB))),
    "HostConfig.MemorySwap": ({"Memory": 64 * MIB, "MemorySwap": 96 * MIB},
                              ("memory/memory.memsw.limit_in_bytes", str(96 * MIB)), ("memory.swap.max", str(32 * MIB))),
    "HostConfig.MemorySwappiness": ({"MemorySwappiness": 33}, ("memory/memory.swappiness", "33"), None),
    "HostConfig.NanoCpus": ({"NanoCpus": 1_500_000_000}, ("cpu/cpu.cfs_quota_us", "150000"), ("cpu.max", "150000 100000")),
    "HostConfig.PidsLimit": ({"PidsLimit": 19}, ("pids/pids.max", "19"), ("pids.max", "19")),
}

CHECKS = {}


def checks(*fields):
    """Marks the test of fields that take more than a line of a table."""
    def mark(function):
        CHECKS.update({field: function for field in fields})
        return function
    return mark


def output_of(daemon, script, host=None, expect_code=0, **config):
    container = daemon.run(command=["sh", "-c", script], host=host, **config)
    code = daemon.wait(container)
    text = daemon.output(container).replace("\r\n", "\n")
    assert expect_code is None or code == expect_code, text
    return text.strip()


@pytest.mark.parametrize("field", sorted(INSIDE))
def test_seen_from_inside(daemon, field):
    host, config, script, wanted = INSIDE[field]
    config = {**config} if script is None else {**config, "Cmd": ["sh", "-c", script]}
    container = daemon.run(command=config.pop("Cmd", None), host=host, **config)
    daemon.wait(container)
    assert daemon.output(container).replace("\r\n", "\n").strip() == wanted


@pytest.mark.parametrize("field", sorted(LIMITS))
def test_read_back_from_the_control_groups(daemon, field):
    host, v1, v2 = LIMITS[field]
    container = daemon.run(command=SLEEP, host=host)
    if V2 and v2 is None:
        assert daemon.inspect(container)["HostConfig"][field.split(".")[1]] == host[field.split(".")[1]]
        return
    path, wanted = v2 if V2 else v1
    controller, _, file = path.rpartition("/")
    try:
        found = daemon.cgroup_value(container, controller, file)
    except AssertionError:
        pytest.skip(f"this kernel has no {path}")
    assert found == wanted


@pytest.mark.parametrize("field", sorted(REFUSED))
def test_refused_with_the_reason(daemon, field):
    body, status = REFUSED[field]
    response = daemon.api.post("/containers/create", {"Image": "busybox", "Cmd": ["true"], **body})
    assert response.status == status, f"{field} is no longer refused: test what it does instead. {response!r}"
    assert response.message


@pytest.mark.parametrize("field", sorted(ELSEWHERE))
def test_covered_by_a_file_of_its_own(field):
    with open(os.path.join(os.path.dirname(__file__), ELSEWHERE[field])) as file:
        assert field.rsplit(".", 1)[1] in file.read()


# --- of the container ----------------------------------------------------------------------------


@checks("ContainerConfig.Image")
def test_image(daemon):
    container = daemon.create("busybox:latest", command=["true"])
    assert daemon.inspect(container)["Image"] == daemon.api.get("/images/busybox/json").json()["Id"]


@checks("ContainerConfig.Volumes")
def test_volumes_that_nobody_named(daemon):
    container = daemon.create(command=["true"], Volumes={"/v": {}})
    [mount] = daemon.inspect(container)["Mounts"]
    assert mount["Type"] == "volume" and mount["Destination"] == "/v" and len(mount["Name"]) == 64
    daemon.api.delete(f"/containers/{container}?v=1", expect=204)
    assert not daemon.api.get("/volumes").json()["Volumes"]


@checks("ContainerConfig.Labels")
def test_labels(daemon):
    container = daemon.create(command=["true"], Labels={"ship": "red"})
    daemon.create(command=["true"])
    found = daemon.api.get('/containers/json?all=1&filters={"label":["ship=red"]}').json()
    assert [each["Id"] for each in found] == [container]


@checks("ContainerConfig.ExposedPorts", "HostConfig.PublishAllPorts")
def test_exposed_ports_are_published(daemon):
    container = daemon.run(command=SLEEP, host={"PublishAllPorts": True}, ExposedPorts={"80/tcp": {}, "53/udp": {}})
    ports = daemon.inspect(container)["NetworkSettings"]["Ports"]
    assert set(ports) == {"80/tcp", "53/udp"}
    assert all(int(binding[0]["HostPort"]) > 0 for binding in ports.values())


@checks("ContainerConfig.StopSignal", "ContainerConfig.StopTimeout")
def test_how_it_is_stopped(daemon):
    script = "trap 'exit 3' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done"
    container = daemon.run(command=["sh", "-c", script], StopSignal="SIGUSR1")
    eventually(lambda: "ready" in daemon.output(container))
    daemon.api.post(f"/containers/{container}/stop", expect=204)
    assert daemon.state(container)["ExitCode"] == 3
    deaf = daemon.run(command=["sh", "-c", script], StopTimeout=0)
    eventually(lambda: "ready" in daemon.output(deaf))
    daemon.api.post(f"/containers/{deaf}/stop", expect=204, timeout=8)
    assert daemon.state(deaf)["ExitCode"] == 137


# --- of the host ---------------------------------------------------------------------------------


@checks("HostConfig.Annotations")
def test_annotations(daemon):
    container = daemon.create(command=["true"], host={"Annotations": {"org.example.ship": "red"}})
    assert daemon.inspect(container)["HostConfig"]["Annotations"] == {"org.example.ship": "red"}
    listed = next(each for each in daemon.containers() if each["Id"] == container)
    assert listed["HostConfig"]["Annotations"] == {"org.example.ship": "red"}


@checks("HostConfig.AutoRemove")
def test_auto_remove(daemon):
    container = daemon.run(command=["true"], host={"AutoRemove": True})
    eventually(lambda: daemon.api("GET", f"/containers/{container}/json").status == 404)


@checks("HostConfig.CgroupParent")
def test_cgroup_parent(daemon):
    container = daemon.run(command=SLEEP, host={"CgroupParent": f"{daemon.cgroup_parent}/deeper"})
    assert any(path.endswith("/deeper") for path in daemon.cgroups())
    with open(f"/proc/{daemon.outer_pid(container)}/cgroup") as groups:
        assert f"{daemon.cgroup_parent}/deeper/{container}" in groups.read()
    daemon.remove(container)
    daemon.remove_cgroups()


@checks("HostConfig.CgroupnsMode", "HostConfig.UTSMode", "HostConfig.UsernsMode")
@pytest.mark.parametrize("field, kind", [("CgroupnsMode", "cgroup"), ("UTSMode", "uts"), ("UsernsMode", "user")])
def test_host_namespaces(daemon, field, kind):
    container = daemon.run(command=SLEEP, host={field: "host"})
    own = os.readlink(f"/proc/{daemon.pid}/ns/{kind}")
    assert os.readlink(f"/proc/{daemon.outer_pid(container)}/ns/{kind}") == own


@checks("HostConfig.Privileged")
def test_privileged(daemon):
    script = "mkdir /x && mount -t tmpfs x /x && touch /sys/kernel/x 2>&1 | grep -c Read-only; ls /dev | grep -c kmsg; grep Seccomp: /proc/self/status"
    assert output_of(daemon, script, host={"Privileged": True}).split() == ["0", "1", "Seccomp:", "0"]


@checks("HostConfig.LogConfig.Type", "HostConfig.LogConfig.Config")
def test_log(daemon):
    silent = daemon.run(command=["echo", "x"], host={"LogConfig": {"Type": "none"}})
    daemon.wait(silent)
    assert daemon.api("GET", f"/containers/{silent}/logs?stdout=1").status >= 400
    rotated = daemon.run(command=["seq", "1000"], host={"LogConfig": {
        "Type": "json-file", "Config": {"max-size": "10k", "max-file": "2"}}})
    daemon.wait(rotated)
    path = daemon.inspect(rotated)["LogPath"]
    assert os.path.getsize(path) <= 10240 and os.path.exists(path + ".1") and not os.path.exists(path + ".2")


@checks("HostConfig.BlkioDeviceReadBps", "HostConfig.BlkioDeviceReadIOps", "HostConfig.BlkioDeviceWriteBps",
        "HostConfig.BlkioDeviceWriteIOps")
def test_block_device_rates(daemon):
    device = os.stat("/var/tmp").st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    if not os.path.exists(f"/sys/dev/block/{number}"):
        pytest.skip("no block device is below /var/tmp")
    node = "/dev/" + os.path.basename(os.path.realpath(f"/sys/dev/block/{number}"))
    names = {"ReadBps": ("read_bps", "rbps", 11 * MIB), "WriteBps": ("write_bps", "wbps", 12 * MIB),
             "ReadIOps": ("read_iops", "riops", 130), "WriteIOps": ("write_iops", "wiops", 140)}
    container = daemon.run(command=SLEEP, host={
        f"BlkioDevice{name}": [{"Path": node, "Rate": rate}] for name, (_, _, rate) in names.items()})
    for v1, v2, rate in names.values():
        if V2:
            assert f"{v2}={rate}" in daemon.cgroup_value(container, "", "io.max").split()
        else:
            assert daemon.cgroup_value(container, "blkio", f"blkio.throttle.{v1}_device") == f"{number} {rate}"


def started_or_refused(daemon, host, names):
    """The container; or None after a refusal that names what this kernel has not."""
    container = daemon.create(command=SLEEP, host=host)
    response = daemon.api.post(f"/containers/{container}/start")
    if response.status == 204:
        return container
    assert names in response.message, response.message
    return None


@checks("HostConfig.BlkioWeight", "HostConfig.BlkioWeightDevice")
def test_block_weights(daemon):
    container = started_or_refused(daemon, {"BlkioWeight": 300}, "block I/O weight")
    if container and not V2:
        assert "300" in daemon.cgroup_value(container, "blkio", "blkio.bfq.weight")
    elif container:
        assert daemon.cgroup_value(container, "", "io.weight") == "default 2929"
    nodes = [f"/dev/{name}" for name in os.listdir("/dev") if stat.S_ISBLK(os.stat(f"/dev/{name}").st_mode)]
    if nodes:
        started_or_refused(daemon, {"BlkioWeightDevice": [{"Path": nodes[0], "Weight": 200}]}, "weight")


@checks("HostConfig.CpuRealtimePeriod", "HostConfig.CpuRealtimeRuntime")
def test_real_time(daemon):
    container = started_or_refused(daemon, {"CpuRealtimePeriod": 1000000, "CpuRealtimeRuntime": 1000}, "real-time")
    if container:
        assert daemon.cgroup_value(container, "cpu", "cpu.rt_runtime_us") == "1000"


@checks("HostConfig.OomKillDisable")
def test_oom_kill_disable(daemon):
    container = daemon.run(command=SLEEP, host={"OomKillDisable": True, "Memory": 64 * MIB})
    if not V2:
        assert "oom_kill_disable 1" in daemon.cgroup_value(container, "memory", "memory.oom_control")


# --- devices -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def device():
    """A harmless device that no container has of its own, and that opens."""
    for path in ("/dev/fuse", "/dev/loop-control", "/dev/net/tun", "/dev/kmsg"):
        try:
            os.close(os.open(path, os.O_RDWR))
            number = os.stat(path).st_rdev
            return path, os.major(number), os.minor(number)
        except OSError:
            continue
    pytest.skip("no such device is on this machine")


OPEN = "for mode in '<' '>'; do (eval \"exec 3$mode{}\") 2>/dev/null && echo yes || echo no; done"


@checks("HostConfig.Devices.PathOnHost", "HostConfig.Devices.PathInContainer", "HostConfig.Devices.CgroupPermissions")
@pytest.mark.parametrize("permissions, wanted", [("rwm", ["yes", "yes"]), ("r", ["yes", "no"]), ("", ["yes", "yes"])])
def test_devices(daemon, device, permissions, wanted):
    path, major, minor = device
    script = f"stat -c '%F %t:%T' /dev/mine; {OPEN.format('/dev/mine')}"
    lines = output_of(daemon, script, host={"Devices": [
        {"PathOnHost": path, "PathInContainer": "/dev/mine", "CgroupPermissions": permissions}]}).splitlines()
    assert lines[0] == f"character special file {major:x}:{minor:x}"
    assert lines[1:] == wanted


def test_a_folder_of_devices(daemon, device, tmp_path):
    path, major, minor = device
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    os.mknod(folder / "sub" / "one", 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    (folder / "text").write_text("no device")
    text = output_of(daemon, "find /dev/mine -type c; ls /dev/mine; " + OPEN.format("/dev/mine/sub/one"), host={"Devices": [
        {"PathOnHost": str(folder), "PathInContainer": "/dev/mine", "CgroupPermissions": "rwm"}]})
    assert text.split() == ["/dev/mine/sub/one", "sub", "yes", "yes"]


@checks("HostConfig.DeviceCgroupRules")
def test_device_rules(daemon, device):
    _, major, minor = device
    script = f"mknod /node c {major} {minor}; {OPEN.format('/node')}"
    assert output_of(daemon, script).split() == ["no", "no"]
    assert output_of(daemon, script, host={"DeviceCgroupRules": [f"c {major}:{minor} rwm"]}).split() == ["yes", "yes"]
    assert output_of(daemon, script, host={"DeviceCgroupRules": [f"c {major}:* r"]}).split() == ["yes", "no"]


# --- mounts --------------------------------------------------------------------------------------


@pytest.fixture
def folder(daemon, tmp_path):
    """A folder of the daemon's host: outside/ with a mount inside/ in it, both writable."""
    top = tmp_path / "outside"
    (top / "inside").mkdir(parents=True)
    (top / "file").write_text("outer")
    for each in (top, *top.parents):
        if str(each).startswith("/tmp/"):
            each.chmod(0o755)
    daemon.host.run("mount", "-t", "tmpfs", "-o", "size=1m", "test", str(top / "inside"))
    yield str(top)
    daemon.host.run("umount", "-l", str(top / "inside"))


def bind(source, **more):
    return {"Mounts": [{"Type": "bind", "Source": source, "Target": "/m", **more}]}


WRITE = "for place in /m /m/inside; do touch $place/x 2>/dev/null && echo yes || echo no; done"


@checks("HostConfig.Binds", "HostConfig.Mounts", "Mount.Type", "Mount.Source", "Mount.Target")
def test_binds(daemon, folder):
    for host in ({"Binds": [f"{folder}:/m"]}, bind(folder)):
        assert output_of(daemon, "cat /m/file; echo; " + WRITE, host=host).split() == ["outer", "yes", "yes"]
        assert os.path.exists(f"{folder}/x")
        os.remove(f"{folder}/x")


@checks("Mount.ReadOnly", "Mount.BindOptions.ReadOnlyNonRecursive", "Mount.BindOptions.ReadOnlyForceRecursive")
@pytest.mark.parametrize("more, wanted", [
    ({"ReadOnly": True}, ["no", "no"]),
    ({"ReadOnly": True, "BindOptions": {"ReadOnlyNonRecursive": True}}, ["no", "yes"]),
    ({"ReadOnly": True, "BindOptions": {"ReadOnlyForceRecursive": True}}, ["no", "no"]),
])
def test_read_only_mounts(daemon, folder, more, wanted):
    assert output_of(daemon, WRITE, host=bind(folder, **more)).split() == wanted


def test_read_only_binds_and_older_clients(daemon, folder):
    assert output_of(daemon, WRITE, host={"Binds": [f"{folder}:/m:ro"]}).split() == ["no", "no"]
    body = {"Image": "busybox", "Cmd": ["sh", "-c", WRITE], "HostConfig": bind(folder, ReadOnly=True)}
    container = daemon.api.post("/v1.43/containers/create", body, expect=201).json()["Id"]
    daemon.api.post(f"/containers/{container}/start", expect=204)
    daemon.wait(container)
    assert daemon.output(container).split() == ["no", "yes"]


@checks("Mount.BindOptions.NonRecursive")
def test_non_recursive(daemon, folder):
    script = "grep -c ' /m' /proc/self/mounts"
    assert output_of(daemon, script, host=bind(folder)) == "2"
    assert output_of(daemon, script, host=bind(folder, BindOptions={"NonRecursive": True})) == "1"


@checks("Mount.BindOptions.CreateMountpoint")
def test_create_mountpoint(daemon, tmp_path):
    missing = str(tmp_path / "a/b")
    response = daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": bind(missing)}, expect=400)
    assert response.message == f'invalid mount config for type "bind": bind source path does not exist: {missing}'
    daemon.create(command=["true"], host=bind(missing, BindOptions={"CreateMountpoint": True}))
    assert os.path.isdir(missing)


@pytest.fixture
def shared(daemon, tmp_path):
    """A mount of the daemon's host that passes mounts on."""
    top = str(tmp_path / "shared")
    os.mkdir(top)
    daemon.host.run("mount", "-t", "tmpfs", "test", top)
    daemon.host.run("mount", "--make-shared", top)
    daemon.host.run("mkdir", f"{top}/of-host", f"{top}/of-container")
    yield top
    daemon.host.run("sh", "-c", f"umount -l {top}/of-container; umount -l {top}/of-host; umount -l {top}", check=False)


@checks("Mount.BindOptions.Propagation")
@pytest.mark.parametrize("propagation, in_container, on_host", [
    ("shared", True, True), ("rshared", True, True), ("slave", True, False), ("rslave", True, False),
    ("private", False, False), ("rprivate", False, False), ("", False, False)])
@pytest.mark.parametrize("form", ["mount", "bind"])
def test_propagation(daemon, shared, propagation, in_container, on_host, form):
    script = ("mount -t tmpfs inner /m/of-container && echo mounted; "
              "while [ ! -e /m/go ]; do sleep 0.02; done; grep -c /m/of-host /proc/self/mounts")
    host = bind(shared, BindOptions={"Propagation": propagation}) if form == "mount" else {
        "Binds": [f"{shared}:/m:{propagation}" if propagation else f"{shared}:/m"]}
    container = daemon.run(command=["sh", "-c", script], host={**host, "CapAdd": ["SYS_ADMIN"]})
    eventually(lambda: "mounted" in daemon.output(container))
    assert (f"{shared}/of-container" in daemon.host.mounts()) == on_host
    daemon.host.run("mount", "-t", "tmpfs", "outer", f"{shared}/of-host")
    daemon.host.run("touch", f"{shared}/go")
    daemon.wait(container)
    assert daemon.output(container).split() == ["mounted", "1" if in_container else "0"]
    assert daemon.inspect(container)["Mounts"][0]["Propagation"] == (propagation or "rprivate")


@pytest.mark.parametrize("propagation, kind", [("rshared", "shared"), ("rslave", "shared or slave")])
def test_propagation_of_what_the_host_keeps_private(daemon, folder, propagation, kind):
    container = daemon.create(command=["true"], host=bind(f"{folder}/inside", BindOptions={"Propagation": propagation}))
    response = daemon.api.post(f"/containers/{container}/start", expect=400)
    assert response.message == f"path {folder}/inside is mounted on {folder}/inside but it is not a {kind} mount"


@pytest.mark.parametrize("wanted, reason", [
    ({"Type": "tmpfs", "Target": "/t", "Source": "/x"}, "field Source must not be specified"),
    ({"Type": "tmpfs", "Target": "/t", "BindOptions": {}}, "field BindOptions must not be specified"),
    ({"Type": "bind", "Target": "/t"}, "field Source must not be empty"),
    ({"Type": "bind", "Source": "/tmp"}, "field Target must not be empty"),
    ({"Type": "bind", "Source": "/tmp", "Target": "/t", "BindOptions": {"Propagation": "wide"}},
     "invalid propagation mode: wide"),
    ({"Type": "bind", "Source": "/tmp", "Target": "/t", "TmpfsOptions": {}}, "field TmpfsOptions must not be specified"),
    ({"Type": "bind", "Source": "/tmp", "Target": "/t", "ReadOnly": True, "BindOptions": {
        "ReadOnlyNonRecursive": True, "ReadOnlyForceRecursive": True}},
     "mount options conflict: ReadOnlyNonRecursive and ReadOnlyForceRecursive"),
])
def test_mounts_that_cannot_be(daemon, wanted, reason):
    response = daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [wanted]}}, expect=400)
    assert response.message == f'invalid mount config for type "{wanted["Type"]}": {reason}'


@pytest.mark.parametrize("host, reason", [
    ({"Tmpfs": {"/t": "upper=1"}}, 'invalid tmpfs option "upper=1"'),
    ({"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Options": [["a", "b", "c"]]}}]},
     "invalid option array length of a tmpfs option: must be 1 or 2"),
    ({"Binds": ["/tmp:/t:ro,rw"]}, "invalid mode: ro,rw"),
    ({"Binds": ["/tmp:/t:rshared,rslave"]}, "invalid mode: rshared,rslave"),
    ({"Devices": [{"PathOnHost": "/dev/no-such", "PathInContainer": "/dev/x"}]},
     'error gathering device information while adding custom device "/dev/no-such": no such file or directory'),
    ({"Devices": [{"PathOnHost": "/dev/null", "CgroupPermissions": "rx"}]}, "invalid device mode: rx: must be of r, w and m"),
    ({"SecurityOpt": ["seccomp={"]}, "decoding seccomp profile failed: it is not JSON"),
    ({"SecurityOpt": ['seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["x"],"action":"DANCE"}]}']}, None),
    ({"Sysctls": {"net/ipv4/../../kernel.panic": "1"}}, None),
])
def test_values_that_cannot_be(daemon, host, reason):
    response = daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": host}, expect=400)
    assert reason is None or response.message == reason


def test_device_requests_are_refused_in_words_that_are_known(daemon):
    response = daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"DeviceRequests": [
        {"Driver": "", "Count": -1, "Capabilities": [["gpu", "compute"], ["x"]]}]}}, expect=501)
    assert response.message == 'could not select device driver "" with capabilities: [[gpu compute] [x]]'


def test_apparmor_profiles_need_apparmor(daemon):
    if os.path.exists("/sys/kernel/security/apparmor"):
        pytest.skip("this machine has AppArmor")
    body = {"Image": "busybox", "HostConfig": {"SecurityOpt": ["apparmor=mine"]}}
    assert daemon.api.post("/containers/create", body, expect=400).message == (
        'apparmor: config provided but apparmor not supported: "mine"')
    assert output_of(daemon, "echo fine", host={"SecurityOpt": ["apparmor=unconfined"]}) == "fine"


# --- seccomp profiles ----------------------------------------------------------------------------

REFUSE_CHMOD = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["chmod", "fchmodat", "fchmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}


def test_a_profile_of_the_request(daemon):
    option = "seccomp=" + json.dumps(REFUSE_CHMOD)
    text = output_of(daemon, "chmod 700 /tmp 2>&1; :", host={"SecurityOpt": [option]})
    assert "Function not implemented" in text


@pytest.mark.parametrize("condition, holds", [
    ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, False), ({"includes": {"caps": ["CAP_CHOWN"]}}, True),
    ({"excludes": {"caps": ["CAP_CHOWN"]}}, False), ({"includes": {"arches": ["amd64", "arm64"]}}, True),
    ({"includes": {"arches": ["s390x"]}}, False), ({"includes": {"minKernel": "4.8"}}, True),
    ({"includes": {"minKernel": "99.0"}}, False), ({"excludes": {"minKernel": "4.8"}}, False),
    ({"args": [{"index": 1, "value": 0o700, "op": "SCMP_CMP_EQ"}]}, True),
    ({"args": [{"index": 1, "value": 0o701, "op": "SCMP_CMP_EQ"}]}, False),
])
def test_conditions_of_a_profile(daemon, condition, holds):
    rule = {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, **condition}
    option = "seccomp=" + json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})
    text = output_of(daemon, "chmod 700 /tmp 2>&1; :", host={"SecurityOpt": [option]})
    assert ("Function not implemented" in text) == holds


def test_the_daemon_s_own_profile(make_daemon, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(REFUSE_CHMOD))
    daemon = make_daemon("--seccomp-profile", str(path))
    script = "chmod 700 /tmp 2>&1; :"
    assert "Function not implemented" in output_of(daemon, script)
    assert output_of(daemon, script, host={"SecurityOpt": ["seccomp=unconfined"]}) == ""
    assert output_of(daemon, script, host={"SecurityOpt": ["seccomp=builtin"]}) == ""
    assert f"name=seccomp,profile={path}" in daemon.api.get("/info").json()["SecurityOptions"]


# --- all of them ---------------------------------------------------------------------------------


def fields_of(name, prefix):
    """Every field of a definition by its path; objects within by theirs."""
    definitions = reference()["definitions"]
    for part in definitions[name].get("allOf", [definitions[name]]):
        if "$ref" in part:
            yield from fields_of(part["$ref"].rsplit("/", 1)[1], prefix)
        for field, schema in part.get("properties", {}).items():
            path = f"{prefix}.{field}"
            if schema.get("type") == "object" and schema.get("properties"):
                yield from (f"{path}.{inner}" for inner in schema["properties"])
            else:
                yield path


def covered(path):
    tables = (WITHOUT_EFFECT, REFUSED, ELSEWHERE, INSIDE, LIMITS, CHECKS)
    parent = path.rsplit(".", 1)[0]
    return any(path in table for table in tables) or parent in REFUSED or any(
        field.startswith(path + ".") for field in CHECKS)


@pytest.mark.parametrize("definition", ["ContainerConfig", "HostConfig", "Mount"])
def test_every_field_of_the_reference_is_covered(definition):
    missing = [path for path in fields_of(definition, definition) if not covered(path)]
    assert not missing, "neither tested nor named with a reason: " + ", ".join(missing)


def test_the_tables_name_nothing_else():
    known = {path for name in ("ContainerConfig", "HostConfig", "Mount") for path in fields_of(name, name)}
    known |= {f"HostConfig.Devices.{field}" for field in reference()["definitions"]["DeviceMapping"]["properties"]}
    known |= {path.rsplit(".", 1)[0] for path in known}
    for table in (WITHOUT_EFFECT, REFUSED, ELSEWHERE, INSIDE, LIMITS, CHECKS):
        assert not set(table) - known


def test_the_documentation_names_what_has_no_effect():
    with open(os.path.join(images.ROOT, "docs/coverage.md")) as file:
        text = file.read()
    missing = [field for field, reason in WITHOUT_EFFECT.items()
               if f"| `{field.replace('ContainerConfig.', '')}` | {reason} |" not in text]
    assert not missing, f"docs/coverage.md does not say why {missing} do nothing"
