"""Containers that crun and runc make, through their command line, from the specification of Berth's own."""

import json
import os
import shutil

import pytest

from harness.schema import problems_of_spec
from harness.wait import eventually

RUNTIMES = [
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed"))
    for name in ("crun", "runc")
]


@pytest.fixture
def daemon(make_daemon):
    """One that sees no mixed control groups (v1 with a v2 that has controllers): crun refuses these."""
    daemon = make_daemon(start=False)
    mixed = daemon.host.run("findmnt", "-n", "-r", "-o", "TARGET", "-t", "cgroup2", check=False).stdout.split()
    if mixed and mixed != ["/sys/fs/cgroup"]:
        daemon.host.run("umount", *mixed)
    return daemon.start().load("busybox")


def on(runtime, **more):
    return {"Runtime": runtime, **more}


def state_left(daemon, runtime):
    root = os.path.join(daemon.exec_root, "runtimes", runtime)
    return os.listdir(root) if os.path.isdir(root) else []


def test_the_daemon_tells_its_runtimes(daemon):
    info = daemon.api.get("/info").json()
    assert info["DefaultRuntime"] == "berth"
    for name in ("crun", "runc"):
        assert (name in info["Runtimes"]) == bool(shutil.which(name))


def test_an_unknown_runtime_is_refused(daemon):
    answer = daemon.api.post("/containers/create", {"Image": "busybox", "HostConfig": on("kata")})
    assert answer.status == 400 and "unknown or invalid runtime name: kata" in answer.message


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_runs_and_gives_its_output_and_exit_code(daemon, runtime):
    command = ["sh", "-c", "echo out; echo err >&2; hostname; id -u; cat /proc/1/comm; ip address show eth0; exit 7"]
    container = daemon.run(command=command, host=on(runtime), Hostname="elsewhere", User="daemon")
    assert daemon.wait(container) == 7
    output = daemon.output(container)
    assert "out\n" in output and "err\n" in output and "elsewhere\n" in output
    assert "\n1\n" in output, "the user daemon has the number 1 in the image's own passwd"
    assert "172.17." in output
    daemon.remove(container)
    assert state_left(daemon, runtime) == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_limits_and_rights_are_the_kernel_s(daemon, runtime):
    host = on(runtime, Memory=64 << 20, PidsLimit=50, CapDrop=["ALL"], ReadonlyRootfs=True)
    container = daemon.run(command=["sleep", "1000"], host=host)
    assert daemon.cgroup_value(container, "memory", "memory.limit_in_bytes") == str(64 << 20)
    assert daemon.cgroup_value(container, "pids", "pids.max") == "50"
    with open(f"/proc/{daemon.outer_pid(container)}/status") as status:
        fields = dict(line.split(":\t", 1) for line in status.read().splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == 0
    assert fields["Seccomp"].strip() == "2"
    daemon.remove(container)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_its_specification_is_valid(daemon, runtime):
    container = daemon.run(command=["sleep", "1000"], host=on(runtime, CapAdd=["NET_ADMIN"]))
    with open(os.path.join(daemon.data_root, "containers", container, "bundle/config.json")) as file:
        spec = json.load(file)
    assert problems_of_spec(spec) == []
    assert any(rule["action"] == "SCMP_ACT_ALLOW" for rule in spec["linux"]["seccomp"]["syscalls"])
    daemon.remove(container)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_terminal_and_its_size(daemon, runtime):
    with daemon.terminal("berth", "run", "--rm", "-it", "--runtime", runtime, "busybox", "sh", rows=33, columns=77) as terminal:
        terminal.expect("/ # ")
        terminal.type("stty size; tty\n")
        terminal.expect("33 77")
        terminal.expect("/dev/")
        terminal.type("exit 4\n")
        assert terminal.wait() == 4


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("program, code", [("/no/such", 127), ("missing", 127), ("/etc/passwd", 126)])
def test_what_cannot_run_has_the_usual_exit_code(daemon, runtime, program, code):
    container = daemon.create(command=[program], host=on(runtime))
    answer = daemon.api.post(f"/containers/{container}/start")
    assert answer.status == 400, answer
    assert runtime in answer.message
    assert daemon.state(container)["ExitCode"] == code
    assert state_left(daemon, runtime) == []
    daemon.remove(container)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_outlives_the_daemon_and_is_paused_and_stopped(daemon, runtime):
    container = daemon.run(command=["sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.02; done"], host=on(runtime))
    daemon.restart(kill=True)
    assert daemon.state(container)["Running"]
    daemon.api.post(f"/containers/{container}/pause", expect=204)
    daemon.api.post(f"/containers/{container}/unpause", expect=204)
    daemon.api.post(f"/containers/{container}/stop", expect=204)
    assert daemon.state(container)["ExitCode"] == 9
    assert state_left(daemon, runtime) == []
    daemon.remove(container)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_killed_shim_leaves_nothing_of_it(daemon, runtime):
    container = daemon.run(command=["sleep", "1000"], host=on(runtime))
    pid = daemon.outer_pid(container)
    with open(f"/proc/{pid}/stat") as stat:
        shim = int(stat.read().rsplit(")", 1)[1].split()[1])
    os.kill(shim, 9)
    eventually(lambda: daemon.state(container)["Status"] == "exited")
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    assert state_left(daemon, runtime) == []
    daemon.remove(container)


def test_a_runtime_is_named_in_the_configuration(daemon):
    if not shutil.which("crun"):
        pytest.skip("crun is not installed")
    config = {"runtimes": {"mine": {"path": shutil.which("crun"), "runtimeArgs": ["--cgroup-manager", "cgroupfs"]}}, "default-runtime": "mine"}
    daemon.stop()
    daemon.write_config(json.dumps(config))
    daemon.start()
    container = daemon.run(command=["echo", "by crun"])
    assert daemon.inspect(container)["HostConfig"]["Runtime"] == "mine"
    daemon.wait(container)
    assert "by crun" in daemon.output(container)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_sessions_in_it_are_as_confined_as_it_is(daemon, runtime):
    container = daemon.run(command=["sleep", "1000"], host=on(runtime, CapDrop=["ALL"]), User="daemon")
    script = ("grep -E '^(Uid|CapEff|CapBnd|Seccomp|NoNewPrivs):' /proc/%s/status; cat /proc/%s/cgroup; "
              "for n in mnt pid net ipc uts; do readlink /proc/%s/ns/$n; done")
    own, first = (daemon.docker("exec", container, "sh", "-c", script.replace("%s", process)).stdout
                  for process in ("self", "1"))
    assert own == first and "Uid:\t1\t1" in own
    with daemon.terminal("docker", "exec", "-it", container, "sh", "-c", "tty; exit 3") as terminal:
        terminal.expect("/dev/pts/")
        assert terminal.wait() == 3
