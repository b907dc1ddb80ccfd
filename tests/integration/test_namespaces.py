"""Namespaces that containers share with each other and with the host."""

import os

import pytest

SLEEP = ["sleep", "1000"]


def namespace(daemon, container, kind):
    return os.readlink(f"/proc/{daemon.outer_pid(container)}/ns/{kind}")


def refused(daemon, status, host, **config):
    response = daemon.api.post("/containers/create", {"Image": "busybox", "Cmd": SLEEP, "HostConfig": host, **config},
                               expect=status)
    return response.message


def not_startable(daemon, status, host):
    container = daemon.create(command=SLEEP, host=host)
    return daemon.api.post(f"/containers/{container}/start", expect=status).message


@pytest.mark.parametrize("field, kind", [("PidMode", "pid"), ("IpcMode", "ipc"), ("NetworkMode", "net")])
def test_one_container_joins_another(daemon, field, kind):
    first = daemon.run(command=SLEEP, name="first", host={"IpcMode": "shareable"})
    second = daemon.run(command=SLEEP, host={field: "container:first"})
    assert namespace(daemon, first, kind) == namespace(daemon, second, kind)
    others = {"pid", "ipc", "net", "mnt", "uts"} - {kind}
    assert not [other for other in others if namespace(daemon, first, other) == namespace(daemon, second, other)]
    # By its id: a rename changes nothing.
    assert daemon.inspect(second)["HostConfig"][field] == f"container:{first}"


def test_joined_processes_see_each_other_and_end_together(daemon):
    first = daemon.run(command=["sleep", "1001"], name="first")
    second = daemon.run(command=["sleep", "1002"], host={"PidMode": "container:first"})
    third = daemon.run(command=["ps"], host={"PidMode": "container:first"})
    daemon.wait(third)
    output = daemon.output(third)
    assert "sleep 1001" in output and "sleep 1002" in output
    assert daemon.state(second)["Running"]
    daemon.api.post(f"/containers/{first}/kill", expect=204)
    assert daemon.wait(second) == 137


def test_joined_ipc_shares_memory_and_queues(daemon):
    first = daemon.run(command=["sh", "-c", "ipcs -m; echo hello >/dev/shm/word; sleep 1000"], name="first",
                       host={"IpcMode": "shareable", "ShmSize": 3 << 20})
    second = daemon.create(command=["sh", "-c", "until [ -e /dev/shm/word ]; do :; done; cat /dev/shm/word; "
                                    "df -k /dev/shm | awk 'NR>1{print $2}'; grep /dev/shm /proc/self/mounts"],
                           host={"IpcMode": f"container:{first[:12]}"})
    daemon.api.post(f"/containers/{second}/start", expect=204)
    assert daemon.wait(second) == 0
    lines = daemon.output(second).splitlines()
    assert lines[:2] == ["hello", "3072"]
    assert {"nosuid", "nodev", "noexec"} <= set(lines[2].split()[3].split(","))


def test_a_link_in_the_place_of_shared_memory_leads_nowhere_on_the_host(daemon):
    """The donor rearranges its own mounts: the path is looked up inside of its root alone."""
    daemon.run(command=["sh", "-c", "umount /dev/shm && rmdir /dev/shm && ln -s /etc /dev/shm && echo inside > "
                        "/etc/marker && sleep 1000"],
               name="first", host={"IpcMode": "shareable", "CapAdd": ["SYS_ADMIN"]})
    script = "until [ -e /dev/shm/marker ]; do exit 3; done; cat /dev/shm/marker"
    code = 3
    while code == 3:
        second = daemon.run(command=["sh", "-c", script], host={"IpcMode": "container:first"})
        code = daemon.wait(second)
    assert code == 0 and daemon.output(second).strip() == "inside"


def test_only_shareable_ipc_is_joined(daemon):
    for mode in ("private", "none"):
        first = daemon.run(command=SLEEP, host={"IpcMode": mode})
        message = not_startable(daemon, 409, {"IpcMode": f"container:{first}"})
        assert message == (f"can't join IPC of container {first}: non-shareable IPC "
                           "(hint: use IpcMode:shareable for the donor container)")


def test_ipc_modes(daemon):
    own = os.readlink(f"/proc/{daemon.pid}/ns/ipc")
    host = daemon.run(command=SLEEP, host={"IpcMode": "host"})
    assert namespace(daemon, host, "ipc") == own
    none = daemon.run(command=["sh", "-c", "grep -c /dev/shm /proc/self/mounts"], host={"IpcMode": "none"})
    daemon.wait(none)
    assert daemon.output(none).strip() == "0"
    assert daemon.inspect(none)["HostConfig"]["IpcMode"] == "none"


def test_who_is_joined_must_run(daemon):
    first = daemon.create(command=SLEEP, host={"IpcMode": "shareable"})
    assert not_startable(daemon, 409, {"PidMode": f"container:{first}"}) == (
        f"can't join PID namespace of container {first}: container {first} is not running")
    assert not_startable(daemon, 409, {"IpcMode": f"container:{first}"}) == (
        f"can't join IPC of container {first}: container {first} is not running")
    assert not_startable(daemon, 409, {"NetworkMode": f"container:{first}"}) == (
        f"cannot join network of a non running container: {first}")


def test_who_is_joined_must_exist(daemon):
    assert not_startable(daemon, 404, {"PidMode": "container:nobody"}) == (
        "can't join PID namespace of container nobody: No such container: nobody")
    assert not_startable(daemon, 404, {"IpcMode": "container:nobody"}) == (
        "can't join IPC of container nobody: No such container: nobody")
    assert not_startable(daemon, 404, {"NetworkMode": "container:nobody"}) == "No such container: nobody"


@pytest.mark.parametrize("host, message", [
    ({"PidMode": "other"}, "invalid PID mode: other"),
    ({"PidMode": "container:"}, "invalid PID mode: container:"),
    ({"IpcMode": "other"}, "invalid IPC mode: other"),
    ({"UTSMode": "container:x"}, "invalid UTS mode: container:x"),
    ({"CgroupnsMode": "container:x"}, "invalid cgroup namespace mode: container:x"),
    ({"UsernsMode": "private"}, "invalid USER mode: private"),
    ({"NetworkMode": "container:"}, "invalid container format container:<name|id>"),
    ({"NetworkMode": "container:x", "Dns": ["192.0.2.1"]}, "conflicting options: dns and the network mode"),
    ({"NetworkMode": "container:x", "ExtraHosts": ["a:192.0.2.1"]},
     "conflicting options: custom host-to-IP mapping and the network mode"),
    ({"NetworkMode": "container:x", "PublishAllPorts": True},
     "conflicting options: port publishing and the container type network mode"),
])
def test_modes_that_cannot_be(daemon, host, message):
    assert refused(daemon, 400, host) == message


@pytest.mark.parametrize("host, config, message", [
    ({"NetworkMode": "container:x"}, {"Hostname": "h"}, "conflicting options: hostname and the network mode"),
    ({"NetworkMode": "container:x"}, {"ExposedPorts": {"80/tcp": {}}},
     "conflicting options: port exposing and the container type network mode"),
    ({"NetworkMode": "host"}, {"MacAddress": "02:00:00:00:00:01"},
     "conflicting options: mac-address and the network mode"),
    ({"UTSMode": "host"}, {"Hostname": "h"}, "conflicting options: hostname and the UTS mode"),
])
def test_configurations_that_conflict_with_a_mode(daemon, host, config, message):
    assert refused(daemon, 400, host, **config) == message


def test_cgroup_namespaces(daemon):
    own = os.readlink(f"/proc/{daemon.pid}/ns/cgroup")
    host = daemon.run(command=SLEEP, host={"CgroupnsMode": "host"})
    private = daemon.run(command=SLEEP, host={"CgroupnsMode": "private"})
    default = daemon.run(command=SLEEP)
    assert namespace(daemon, host, "cgroup") == own
    assert len({namespace(daemon, each, "cgroup") for each in (host, private, default)}) == 3


def test_the_daemons_defaults(make_daemon):
    daemon = make_daemon("--default-ipc-mode", "shareable", "--default-cgroupns-mode", "host")
    first = daemon.run(command=SLEEP)
    host = daemon.inspect(first)["HostConfig"]
    assert (host["IpcMode"], host["CgroupnsMode"]) == ("shareable", "host")
    second = daemon.run(command=SLEEP, host={"IpcMode": f"container:{first}"})
    assert namespace(daemon, first, "ipc") == namespace(daemon, second, "ipc")
