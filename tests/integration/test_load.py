"""Many containers at once, and nothing of them left."""

import concurrent.futures
import time

from harness.wait import eventually

CONTAINERS = 200
CLIENTS = 16


def test_two_hundred_containers_by_sixteen_clients(daemon):
    def start(number):
        # Every fourth publishes a port, so that the packet filter takes part.
        host = {"PortBindings": {"80/tcp": [{"HostPort": ""}]}} if number % 4 == 0 else {}
        return daemon.run(command=["sleep", "1000"], name=f"load-{number}", host=host)

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        containers = list(clients.map(start, range(CONTAINERS)))
        listed = daemon.api.get("/containers/json").json()
        assert len(listed) == CONTAINERS
        addresses = {item["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] for item in listed}
        assert len(addresses) == CONTAINERS
        ports = [port["PublicPort"] for item in listed for port in item["Ports"] if port["IP"] == "0.0.0.0"]
        assert len(set(ports)) == CONTAINERS // 4
        held = {
            "interfaces": len(daemon.host.interfaces()),
            "control groups": len(daemon.cgroups()),
            "processes": len(daemon.host.processes()),
        }
        list(clients.map(daemon.remove, containers))
    assert daemon.containers() == []
    eventually(lambda: not daemon.cgroups(), 20, "all control groups are gone")
    print(f"{CONTAINERS} containers ran at once, with {held}; that nothing is left is checked after the test")


def test_they_start_and_end_in_order(daemon):
    """One after the other started, one after the other stopped: the events say so in that order, under load."""
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        noise = [clients.submit(lambda: daemon.remove(daemon.run(command=["true"]))) for _ in range(10)]
        containers = [daemon.run(command=["sleep", "1000"]) for _ in range(10)]
        for container in containers:
            daemon.api.post(f"/containers/{container}/kill", expect=204)
        for task in noise:
            task.result()
    # All of them fit into what the daemon remembers.
    until = int(time.time()) + 1
    events = daemon.api.get(f"/events?since=0&until={until}").lines()
    for action in ("start", "die"):
        order = [event["Actor"]["ID"] for event in events if event["Action"] == action]
        assert [container for container in order if container in containers] == containers
    times = [event["timeNano"] for event in events]
    assert times == sorted(times)
