"""The client's commands for volumes and networks, beside the stock client's."""

import json

import pytest


def test_volumes(daemon):
    assert daemon.berth("volume", "create", "--label", "a=b", "data").stdout == "data\n"
    anonymous = daemon.berth("volume", "create").stdout.strip()
    assert len(anonymous) == 64
    ours, theirs = (getattr(daemon, client)("volume", "ls").stdout for client in ("berth", "docker"))
    assert ours.split() == theirs.split() and "VOLUME NAME" in ours
    assert daemon.berth("volume", "ls", "-q", "--filter", "label=a").stdout == "data\n"
    assert daemon.berth("volume", "ls", "--filter", "label=a", "--format", "{{.Name}} {{.Labels}}").stdout == "data a=b\n"
    shown = json.loads(daemon.berth("volume", "inspect", "data").stdout)
    assert shown == json.loads(daemon.docker("volume", "inspect", "data").stdout)
    assert json.loads(daemon.berth("inspect", "data").stdout) == shown
    ran = daemon.berth("run", "--rm", "-v", "data:/v", "--mount", f"type=volume,source={anonymous},target=/w", "busybox", "sh", "-c", "echo x > /v/f; ls /v /w")
    assert ran.returncode == 0 and "f" in ran.stdout, ran.stderr
    pruned = daemon.berth("volume", "prune", "-f")
    assert anonymous in pruned.stdout and "Total reclaimed space:" in pruned.stdout
    assert daemon.berth("volume", "rm", "data").stdout == "data\n"
    missing = daemon.berth("volume", "rm", "data")
    assert missing.returncode == 1 and "no such volume" in missing.stderr
    assert daemon.berth("volume", "rm", "-f", "data").returncode == 0


def test_networks(daemon):
    made = daemon.berth("network", "create", "--subnet", "10.77.0.0/24", "--gateway", "10.77.0.9", "--aux-address", "x=10.77.0.2",
                        "--label", "a=b", "-o", "com.docker.network.driver.mtu=1400", "web")
    assert made.returncode == 0 and len(made.stdout.strip()) == 64, made.stderr
    ours, theirs = (getattr(daemon, client)("network", "ls").stdout for client in ("berth", "docker"))
    assert ours.split() == theirs.split() and "web" in ours
    shown = json.loads(daemon.berth("network", "inspect", "web").stdout)
    assert shown[0]["IPAM"]["Config"][0]["Gateway"] == "10.77.0.9" and shown[0]["Labels"] == {"a": "b"}
    assert json.loads(daemon.docker("network", "inspect", "web").stdout)[0]["Id"] == shown[0]["Id"]
    ran = daemon.berth("run", "--rm", "--network", "web", "busybox", "sh", "-c", "ip route; ip link show eth0")
    assert "default via 10.77.0.9" in ran.stdout and "mtu 1400" in ran.stdout, ran.stderr
    bad = daemon.berth("network", "create", "--gateway", "10.78.0.1", "worse")
    assert bad.returncode == 1 and "needs a --subnet" in bad.stderr
    assert daemon.berth("network", "rm", "web").stdout == "web\n"
    assert daemon.berth("network", "rm", "web").returncode == 1
    assert daemon.berth("network", "create", "spare").returncode == 0
    assert "Deleted Networks:\nspare\n" in daemon.berth("network", "prune", "-f").stdout


@pytest.mark.parametrize("kind", ["volume", "network"])
def test_a_prune_asks_first(daemon, kind):
    result = daemon.berth(kind, "prune", input="n\n")
    assert result.returncode == 1 and f"{kind} prune has been cancelled" in result.stderr and "Are you sure" in result.stdout
