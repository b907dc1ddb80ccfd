"""What a container may see and do: namespaces, masked paths, capabilities, system calls."""

import os
import subprocess

import pytest

from harness import images

PROBE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int n, char** a) {
  for (int i = 1; i < n; i++) {
    long number, x = 0, y = 0, z = 0;
    sscanf(a[i], "%ld:%li:%li:%li", &number, &x, &y, &z);
    long r = syscall(number, x, y, z, 0, 0);
    puts(r < 0 ? strerrorname_np(errno) : "OK");
  }
}
"""


@pytest.fixture(scope="module")
def prober(shared_daemon):
    """An image with a program that makes the system calls it is told to: number:arguments."""
    source = os.path.join(shared_daemon.folder, "probe.c")
    with open(source, "w") as file:
        file.write(PROBE)
    subprocess.run(["cc", "-static", "-o", source[:-2], source], check=True)
    layer = images.archive.Layer("a prober")
    with open(source[:-2], "rb") as program:
        layer.file("probe", program.read(), 0o755)
    path = images.extended(os.path.join(shared_daemon.folder, "probe.tar"), "probe:latest", [layer],
                           {"Entrypoint": ["/probe"]})
    with open(path, "rb") as archive:
        shared_daemon.api.post("/images/load", archive.read(), expect=200,
                               headers={"Content-Type": "application/x-tar"})
    return "probe"


def run(daemon, *command, image="busybox", **config):
    """The output of a program in a container that has ended well."""
    container = daemon.run(image, list(command), **config)
    code = daemon.wait(container)
    output = daemon.output(container)
    assert code == 0, output
    daemon.remove(container)
    return output


def namespaces(pid):
    return {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in ("pid", "net", "mnt", "uts", "ipc", "cgroup")}


def test_it_has_its_own_namespaces(daemon):
    container = daemon.run(command=["sleep", "1000"])
    ours, its = namespaces(daemon.pid), namespaces(daemon.outer_pid(container))
    assert [name for name in ours if ours[name] == its[name]] == []


def test_two_containers_share_none(daemon):
    first, second = (namespaces(daemon.outer_pid(daemon.run(command=["sleep", "1000"]))) for _ in range(2))
    assert [name for name in first if first[name] == second[name]] == []


@pytest.mark.parametrize("option, name", [("PidMode", "pid"), ("IpcMode", "ipc"), ("UTSMode", "uts"), ("NetworkMode", "net"),
                                          ("CgroupnsMode", "cgroup")])
def test_the_hosts_namespace_on_request(daemon, option, name):
    container = daemon.run(command=["sleep", "1000"], host={option: "host"})
    pid = next(pid for pid, line in daemon.host.processes().items() if line == "sleep 1000")
    ours, its = namespaces(daemon.pid), namespaces(pid)
    assert ours[name] == its[name]
    assert ours["mnt"] != its["mnt"]
    daemon.remove(container)


def test_it_sees_only_its_own_processes(daemon):
    lines = run(daemon, "ps", "-o", "pid,args").splitlines()
    assert len(lines) == 2 and lines[1].split()[0] == "1"


def test_its_root_is_its_own(daemon):
    mounts = run(daemon, "cat", "/proc/self/mountinfo")
    assert [" overlay " in line for line in mounts.splitlines() if line.split()[4] == "/"] == [True]
    # Nothing of the machine's own mount tree is left to be seen.
    assert "/sys/fs/cgroup/unified" not in mounts and "old_root" not in mounts


def test_nothing_of_it_is_mounted_on_the_host(daemon):
    before = daemon.host.mounts()
    daemon.run(command=["sleep", "1000"])
    assert daemon.host.mounts() == before


@pytest.mark.parametrize("path", ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"])
def test_masked_files_are_empty(daemon, path):
    if not os.path.exists(path):
        pytest.skip(f"this kernel has no {path}")
    assert run(daemon, "sh", "-c", f"head -c 100 {path} | wc -c").strip() == "0"


@pytest.mark.parametrize("path", ["/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"])
def test_masked_folders_are_empty(daemon, path):
    if not os.path.isdir(path):
        pytest.skip(f"this kernel has no {path}")
    assert run(daemon, "ls", "-A", path) == ""


@pytest.mark.parametrize("path", ["/proc/sys/kernel/domainname", "/proc/sysrq-trigger", "/sys/kernel/notes", "/proc/irq/default_smp_affinity"])
def test_read_only_paths(daemon, path):
    if not os.path.exists(path):
        pytest.skip(f"this kernel has no {path}")
    text = run(daemon, "sh", "-c", f"echo 1 2>&1 >{path} || true; : ")
    assert "Read-only file system" in text or "Permission denied" in text


def test_privileged_has_the_kernels_whole_proc(daemon):
    script = "grep -c ' /proc/[a-z]' /proc/self/mountinfo; : > /proc/sys/kernel/domainname"
    assert run(daemon, "sh", "-c", script + "; true", host={"Privileged": True}).strip() == "0"


def test_devices_are_the_standard_ones(daemon):
    names = run(daemon, "ls", "/dev").split()
    assert set(names) >= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "fd",
                          "stdin", "stdout", "stderr"}
    assert set(names) <= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "fd",
                          "stdin", "stdout", "stderr", "core", "console"}


def test_other_devices_are_refused_by_the_kernel(daemon):
    """mknod is among the default capabilities; opening what it made is what the kernel refuses."""
    output = run(daemon, "sh", "-c", "mknod /disk b 254 0 && head -c 1 /disk 2>&1 || true")
    assert "Operation not permitted" in output


DEFAULT_CAPABILITIES = 0x00000000A80425FB


def capabilities(daemon, **host):
    text = run(daemon, "grep", "Cap", "/proc/self/status", host=host)
    return {line.split(":")[0]: int(line.split()[1], 16) for line in text.splitlines()}


def test_default_capabilities(daemon):
    found = capabilities(daemon)
    assert found["CapEff"] == found["CapPrm"] == found["CapBnd"] == DEFAULT_CAPABILITIES
    assert found["CapInh"] == found["CapAmb"] == 0


def test_capabilities_added_and_dropped(daemon):
    net_admin, chown = 1 << 12, 1 << 0
    found = capabilities(daemon, CapAdd=["NET_ADMIN"], CapDrop=["CAP_CHOWN"])
    assert found["CapBnd"] == (DEFAULT_CAPABILITIES | net_admin) & ~chown
    assert capabilities(daemon, CapDrop=["ALL"])["CapEff"] == 0
    assert capabilities(daemon, CapDrop=["all"], CapAdd=["net_admin"])["CapEff"] == net_admin


def test_privileged_has_what_the_machine_has(daemon):
    with open(f"/proc/{daemon.pid}/status") as status:
        ours = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))
    assert capabilities(daemon, Privileged=True)["CapEff"] == ours


def test_a_user_has_no_capabilities(daemon):
    text = run(daemon, "grep", "CapEff", "/proc/self/status", User="1000")
    assert int(text.split()[1], 16) == 0


SYS = {"mount": 165, "keyctl": 250, "add_key": 248, "request_key": 249, "unshare": 272, "clone3": 435, "bpf": 321,
       "perf_event_open": 298, "io_uring_setup": 425, "kexec_load": 246, "open_by_handle_at": 304, "personality": 135,
       "userfaultfd": 323, "swapon": 167, "reboot": 169, "init_module": 175, "acct": 163, "settimeofday": 164,
       "uselib": 134, "pivot_root": 155, "setns": 308, "quotactl": 179, "lookup_dcookie": 212, "umount2": 166,
       "socket": 41, "getpid": 39, "uname": 63, "ptrace": 101, "chroot": 161}


def calls(daemon, prober, *which, **host):
    return run(daemon, *[f"{SYS[name]}{':' + rest if rest else ''}" for name, _, rest in
                         (call.partition(":") for call in which)], image=prober, host=host).split()


@pytest.mark.parametrize("call", ["keyctl", "add_key", "request_key", "bpf", "perf_event_open", "io_uring_setup",
                                  "kexec_load", "open_by_handle_at", "userfaultfd", "swapon", "reboot", "init_module",
                                  "acct", "settimeofday", "mount", "umount2", "pivot_root", "setns", "quotactl",
                                  "unshare:0x10000000", "unshare:0x20000", "personality:0x40000", "socket:40:1:0"])
def test_refused_system_calls(daemon, prober, call):
    assert calls(daemon, prober, call) == ["EPERM"]


def test_clone3_is_answered_as_by_an_old_kernel(daemon, prober):
    # Its flags lie in memory where a filter cannot look; ENOSYS makes C libraries use clone instead.
    assert calls(daemon, prober, "clone3") == ["ENOSYS"]


def test_ordinary_system_calls_work(daemon, prober):
    assert calls(daemon, prober, "getpid", "personality:0xffffffff", "socket:2:1:0", "socket:16:3:0") == ["OK"] * 4


def test_a_capability_opens_its_system_calls(daemon, prober):
    assert calls(daemon, prober, "unshare:0x20000", CapAdd=["SYS_ADMIN"]) == ["OK"]


def test_seccomp_may_be_turned_off(daemon, prober):
    assert calls(daemon, prober, "keyctl:99", SecurityOpt=["seccomp=unconfined"]) != ["EPERM"]
    modes = [run(daemon, "grep", "^Seccomp:", "/proc/self/status", host=host).split()[1]
             for host in ({}, {"SecurityOpt": ["seccomp=unconfined"]}, {"Privileged": True})]
    assert modes == ["2", "0", "0"]


def test_no_new_privileges_where_asked(daemon):
    for options, wanted in (([], "0"), (["no-new-privileges"], "1"), (["no-new-privileges:true"], "1")):
        text = run(daemon, "grep", "NoNewPrivs", "/proc/self/status", host={"SecurityOpt": options})
        assert text.split()[1] == wanted


def test_resource_limits(daemon):
    text = run(daemon, "sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -c",
               host={"Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}, {"Name": "core", "Soft": 0, "Hard": 0}]})
    assert text.split() == ["100", "200", "0"]


def test_hostname_and_hosts(daemon):
    container = daemon.run(command=["sh", "-c", "hostname; cat /etc/hostname; cat /etc/hosts"], Hostname="ship",
                           Domainname="sea.example", host={"ExtraHosts": ["buoy:192.0.2.7"]})
    daemon.wait(container)
    lines = daemon.output(container).splitlines()
    assert lines[0] == "ship" and lines[1].startswith("ship")
    hosts = [line.split() for line in lines[2:]]
    assert ["192.0.2.7", "buoy"] in hosts
    assert any(line[:1] == ["127.0.0.1"] and "localhost" in line for line in hosts)
    assert any(line[:1] == ["172.17.0.2"] and "ship" in line for line in hosts)


def test_the_hostname_is_the_short_id_by_default(daemon):
    container = daemon.run(command=["hostname"])
    daemon.wait(container)
    assert daemon.output(container).strip() == container[:12]


def test_name_servers(daemon):
    text = run(daemon, "cat", "/etc/resolv.conf",
               host={"Dns": ["192.0.2.53"], "DnsSearch": ["sea.example"], "DnsOptions": ["ndots:2"]})
    lines = [line.split() for line in text.splitlines()]
    assert ["nameserver", "192.0.2.53"] in lines
    assert ["search", "sea.example"] in lines
    assert ["options", "ndots:2"] in lines


def test_the_root_may_be_read_only(daemon):
    text = run(daemon, "sh", "-c", "echo x 2>&1 >/file; echo x >/dev/shm/ok && echo fine", host={"ReadonlyRootfs": True})
    assert "Read-only file system" in text and "fine" in text


def test_shared_memory_and_tmpfs_sizes(daemon):
    text = run(daemon, "sh", "-c", "df -k /dev/shm /scratch | awk 'NR>1{print $2}'",
               host={"ShmSize": 8 << 20, "Tmpfs": {"/scratch": "size=4m"}})
    assert text.split() == ["8192", "4096"]


def test_sysctls_of_its_own_namespaces_only(daemon):
    assert run(daemon, "cat", "/proc/sys/net/ipv4/ip_local_port_range",
               host={"Sysctls": {"net.ipv4.ip_local_port_range": "2000 3000"}}).split() == ["2000", "3000"]
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Sysctls": {"kernel.panic": "1"}}}
    response = daemon.api.post("/containers/create", body)
    if response.status == 201:
        response = daemon.api.post(f"/containers/{response.json()['Id']}/start")
    assert response.status == 400 and "kernel.panic" in response.message


def test_a_container_cannot_reach_the_daemon_through_its_descriptors(daemon):
    names = run(daemon, "sh", "-c", "ls -l /proc/self/fd; ls /proc/1/fd | wc -l").splitlines()
    assert not [line for line in names if "berth" in line or "memfd" in line]
