"""Limits are in the kernel: read back from its control files, and felt by the container."""

import os

import pytest

from harness.wait import eventually

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
MIB = 1 << 20


def limited(daemon, **host):
    return daemon.run(command=["sleep", "1000"], host=host)


def value(daemon, container, v1, v2):
    """The content of `controller/file` on v1, of `file` on v2."""
    controller, file = v1.split("/")
    return daemon.cgroup_value(container, controller, v2 if V2 else file)


def test_memory(daemon):
    container = limited(daemon, Memory=64 * MIB, MemoryReservation=32 * MIB)
    assert value(daemon, container, "memory/memory.limit_in_bytes", "memory.max") == str(64 * MIB)
    assert value(daemon, container, "memory/memory.soft_limit_in_bytes", "memory.low") == str(32 * MIB)


def test_memory_and_swap(daemon):
    container = limited(daemon, Memory=64 * MIB, MemorySwap=96 * MIB)
    try:
        swap = value(daemon, container, "memory/memory.memsw.limit_in_bytes", "memory.swap.max")
    except AssertionError:
        pytest.skip("this kernel does not account swap")
    assert swap == str((32 if V2 else 96) * MIB)


def test_memory_is_felt(daemon):
    container = daemon.run(command=["tail", "/dev/zero"], host={"Memory": 16 * MIB, "MemorySwap": 16 * MIB})
    assert daemon.wait(container) == 137
    state = daemon.state(container)
    assert state["OOMKilled"] is True
    assert state["ExitCode"] == 137


def test_what_is_killed_otherwise_was_not_out_of_memory(daemon):
    container = limited(daemon, Memory=64 * MIB)
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    daemon.wait(container)
    assert daemon.state(container)["OOMKilled"] is False


def quota(daemon, container):
    if V2:
        return tuple(value(daemon, container, "cpu/", "cpu.max").split())
    return (daemon.cgroup_value(container, "cpu", "cpu.cfs_quota_us"),
            daemon.cgroup_value(container, "cpu", "cpu.cfs_period_us"))


def test_cpus(daemon):
    assert quota(daemon, limited(daemon, NanoCpus=1_500_000_000)) == ("150000", "100000")
    assert quota(daemon, limited(daemon, CpuQuota=20_000, CpuPeriod=50_000)) == ("20000", "50000")


def test_cpu_shares(daemon):
    container = limited(daemon, CpuShares=512)
    # v2 has weights of 1 to 10000 where v1 has shares of 2 to 262144.
    assert value(daemon, container, "cpu/cpu.shares", "cpu.weight") == (
        str(1 + (512 - 2) * 9999 // 262142) if V2 else "512")


def test_cpuset(daemon):
    container = limited(daemon, CpusetCpus="0")
    assert value(daemon, container, "cpuset/cpuset.cpus", "cpuset.cpus") == "0"
    with open(f"/proc/{daemon.outer_pid(container)}/status") as status:
        line = next(line for line in status if line.startswith("Cpus_allowed_list"))
    assert line.split()[1] == "0"


def test_pids(daemon):
    container = limited(daemon, PidsLimit=17)
    assert value(daemon, container, "pids/pids.max", "pids.max") == "17"


def test_pids_are_felt(daemon):
    script = "for i in $(seq 30); do sleep 5 & done 2>&1; kill $(jobs -p) 2>/dev/null; echo done"
    container = daemon.run(command=["sh", "-c", script], host={"PidsLimit": 10})
    daemon.wait(container)
    assert "can't fork" in daemon.output(container)


def block_device():
    """major:minor of the disk below the tests' folder, or None where there is none to limit."""
    device = os.stat("/var/tmp").st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    return number if os.path.exists(f"/sys/dev/block/{number}") else None


def test_block_io(daemon):
    number = block_device()
    if not number:
        pytest.skip("no block device is below /var/tmp")
    node = "/dev/" + os.path.basename(os.path.realpath(f"/sys/dev/block/{number}"))
    container = limited(daemon, BlkioDeviceReadBps=[{"Path": node, "Rate": 10 * MIB}],
                        BlkioDeviceWriteIOps=[{"Path": node, "Rate": 300}])
    if V2:
        line = value(daemon, container, "blkio/", "io.max")
        assert line.startswith(number) and f"rbps={10 * MIB}" in line and "wiops=300" in line
    else:
        assert daemon.cgroup_value(container, "blkio", "blkio.throttle.read_bps_device") == f"{number} {10 * MIB}"
        assert daemon.cgroup_value(container, "blkio", "blkio.throttle.write_iops_device") == f"{number} 300"


def test_it_is_in_its_groups_and_sees_itself_at_their_root(daemon):
    container = limited(daemon)
    with open(f"/proc/{daemon.outer_pid(container)}/cgroup") as groups:
        paths = [line.strip().split(":", 2)[2] for line in groups]
    assert f"{daemon.cgroup_parent}/{container}" in paths
    if not V2:
        assert all(path == f"{daemon.cgroup_parent}/{container}" for path in paths if path != "/")
    inside = daemon.run(command=["cat", "/proc/self/cgroup"])
    daemon.wait(inside)
    assert {line.split(":", 2)[2] for line in daemon.output(inside).splitlines()} == {"/"}


def test_the_clients_flags_arrive(daemon):
    for client in (daemon.berth, daemon.docker):
        result = client("run", "-d", "--memory", "64m", "--cpus", "0.5", "--cpu-shares", "100", "--cpuset-cpus", "0",
                        "--pids-limit", "20", "busybox", "sleep", "1000")
        assert result.returncode == 0, result.stderr
        host = daemon.inspect(result.stdout.strip())["HostConfig"]
        assert (host["Memory"], host["NanoCpus"], host["CpuShares"], host["CpusetCpus"], host["PidsLimit"]) == (
            64 * MIB, 500_000_000, 100, "0", 20)


def test_the_groups_go_with_the_container(daemon):
    container = limited(daemon, Memory=64 * MIB)
    assert any(container in path for path in daemon.cgroups())
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    daemon.wait(container)
    eventually(lambda: not any(container in path for path in daemon.cgroups()))


def test_what_the_container_left_running_goes_too(daemon):
    """A process group of PID 1's making does not outlive it, even when moved to groups below."""
    container = daemon.run(command=["sh", "-c", "sleep 1234 & sleep 1234 & exit 0"])
    daemon.wait(container)
    eventually(lambda: not [line for line in daemon.host.processes().values() if "sleep 1234" in line])
