"""The daemon is killed at random instants; the disk is full. What was acknowledged holds."""

import os
import random
import threading
import time

from harness.wait import eventually

KILLS = 100
WORKERS = 4


class Ledger:
    """What one client knows of one container: what was acknowledged, and what it was told nothing about."""

    def __init__(self, name):
        self.name = name
        self.id = None
        self.acknowledged = "nothing"  # created, running, stopped, removed
        self.attempted = None  # the step without an answer

    def step(self, what, request):
        self.attempted = what
        answer = request()
        assert answer.status in (200, 201, 204), f"{what} of {self.name}: {answer}"
        self.acknowledged, self.attempted = what, None
        return answer


def life(daemon, ledger):
    api = daemon.api
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"RestartPolicy": {"Name": "no"}}}
    created = ledger.step("created", lambda: api("POST", f"/containers/create?name={ledger.name}", body))
    ledger.id = created.json()["Id"]
    ledger.step("running", lambda: api("POST", f"/containers/{ledger.id}/start"))
    ledger.step("stopped", lambda: api("POST", f"/containers/{ledger.id}/stop?t=0"))
    ledger.step("removed", lambda: api("DELETE", f"/containers/{ledger.id}"))


def work(daemon, prefix, ledgers):
    number = 0
    try:
        while True:
            ledger = Ledger(f"{prefix}-{number}")
            ledgers.append(ledger)
            life(daemon, ledger)
            number += 1
    except OSError:
        return  # the daemon was killed


def is_true(daemon, container):
    """Whether a container that is said to run has a process."""
    if daemon.state(container)["Status"] != "running":
        return True
    try:
        return os.path.exists(f"/proc/{daemon.outer_pid(container)}")
    except AssertionError:  # no such process, or none any more
        return False


def check(daemon, ledger, known):
    """Holds what is there against what was promised."""
    row = known.get("/" + ledger.name)
    if ledger.acknowledged == "removed" or (ledger.acknowledged == "stopped" and ledger.attempted == "removed" and not row):
        assert row is None, f"{ledger.name} was removed and is back"
        return
    if ledger.acknowledged == "nothing" and row is None:
        return  # a create without an answer came to nothing
    assert row, f"{ledger.name} was {ledger.acknowledged} and is lost"
    state = daemon.state(row["Id"])
    possible = {
        "nothing": {"created"},
        "created": {"created", "running"} if ledger.attempted == "running" else {"created"},
        "running": {"running", "exited"} if ledger.attempted == "stopped" else {"running"},
        "stopped": {"exited"},
    }[ledger.acknowledged]
    assert state["Status"] in possible, f"{ledger.name}: {ledger.__dict__} but {state}"
    # One whose stop was under way may get the signal now: then it is "exited" a moment later.
    eventually(lambda: is_true(daemon, row["Id"]), what=f"{ledger.name} is what the daemon says of it")
    state = daemon.state(row["Id"])
    assert state["Status"] in possible, f"{ledger.name}: {ledger.__dict__} but {state}"
    if state["Status"] == "exited":
        assert state["ExitCode"] in (137, 143), state


def test_killed_a_hundred_times_no_acknowledged_container_is_lost(daemon):
    chance = random.Random(20240506)
    checked = 0
    for kill in range(KILLS):
        ledgers = [[] for _ in range(WORKERS)]
        workers = [
            threading.Thread(target=work, args=(daemon, f"k{kill}-w{number}", ledgers[number]))
            for number in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0, 0.12))  # the random instant; nothing is waited for
        daemon.kill9()
        for worker in workers:
            worker.join()
        daemon.start()
        known = {row["Names"][0]: row for row in daemon.containers()}
        for ledger in sum(ledgers, []):
            check(daemon, ledger, known)
            checked += 1
        for row in known.values():
            daemon.remove(row["Id"])
    print(f"killed {KILLS} times; {checked} containers were what their clients had been told")


# --- a full disk ---------------------------------------------------------------------------------


def small_disk(daemon, megabytes):
    """Puts the data root on a small ext4, in the daemon's own mount namespace."""
    image = os.path.join(daemon.folder, "disk")
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    daemon.host.run("mkfs.ext4", "-q", "-m", "0", image)
    os.mkdir(daemon.data_root)
    daemon.host.run("mount", "-o", "loop", image, daemon.data_root)


def free(daemon):
    numbers = daemon.host.run("stat", "-f", "-c", "%a %S", daemon.data_root).stdout.split()
    return int(numbers[0]) * int(numbers[1])


def fill(daemon):
    """Takes what is free, to the last block."""
    daemon.host.run("sh", "-c", f"cat /dev/zero > {daemon.data_root}/ballast 2>/dev/null; sync", check=False)


def test_a_full_disk_harms_neither_daemon_nor_containers(make_daemon):
    daemon = make_daemon(start=False)
    small_disk(daemon, 48)
    daemon.start().load("busybox")
    writer = daemon.run(command=["sh", "-c", "while :; do echo some words to be logged; sleep 0.01; done"])
    eventually(lambda: daemon.output(writer).count("some words") > 3)
    fill(daemon)

    refused = daemon.api.post("/containers/create?name=late", {"Image": "busybox", "Cmd": ["true"]})
    if refused.status != 201:  # the last blocks may just do for one
        assert refused.status == 500 and "space" in refused.message.lower(), refused
        daemon.api.get("/containers/late/json", expect=404)
    assert daemon.state(writer)["Status"] == "running"
    pid = daemon.outer_pid(writer)
    assert daemon.api.get("/_ping").status == 200
    assert daemon.output(writer).count("some words") > 3

    # It can be stopped, and the daemon restarted, on the full disk.
    daemon.api.post(f"/containers/{writer}/kill", expect=204)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    daemon.restart(kill=True)
    assert daemon.state(writer)["Status"] == "exited"
    assert daemon.state(writer)["ExitCode"] == 137

    os.unlink(f"/proc/{daemon.host.pid}/root{daemon.data_root}/ballast")
    assert free(daemon) > 1 << 20
    again = daemon.run(command=["echo", "room again"])
    daemon.wait(again)
    assert "room again" in daemon.output(again)


def test_removing_frees_a_full_disk(make_daemon):
    daemon = make_daemon(start=False)
    small_disk(daemon, 48)
    daemon.start().load("busybox")
    hog = daemon.run(command=["sh", "-c", "cat /dev/zero > /ballast; echo full"])
    daemon.wait(hog)
    daemon.remove(hog)
    eventually(lambda: free(daemon) > 20 << 20, 20, "the space is free again")
    container = daemon.run(command=["echo", "fine"])
    daemon.wait(container)
    assert "fine" in daemon.output(container)
