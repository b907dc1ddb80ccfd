"""Berth on hosts with control groups v2 and Debian's kernel 6.1, one with systemd: their checks, one test each."""

import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import machine  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BERTH_BUILD", os.path.join(machine.ROOT, "build/release")))

def checks(script):
    with open(os.path.join(machine.HERE, "guest", script)) as file:
        return ["check_start", *re.findall(r"^(check_\w+)\(\)", file.read(), re.M)]


def booted(tmp_path_factory, make, init):
    """What came over the serial line of a machine that ran its checks."""
    try:
        machine.available()
        folder = str(tmp_path_factory.mktemp("vm"))
        return machine.boot(*make(BUILD, folder), folder, init)
    except machine.Unavailable as reason:
        pytest.skip(f"no virtual machine here: {reason}")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return booted(tmp_path_factory, machine.plain_host, "/init")


@pytest.fixture(scope="module")
def systemd(tmp_path_factory):
    return booted(tmp_path_factory, machine.systemd_host, "/systemd-init")


def verdict(console, check):
    found = machine.results(console)
    assert check in found, f"the machine did not come to this check; its console ends with:\n{console[-3000:]}"
    passed, text = found[check]
    log = console.split("\nberthd's log:")[-1]
    assert passed, f"{text}\n{log[-3000:]}"


@pytest.mark.parametrize("check", checks("checks.sh"))
def test_plain(plain, check):
    verdict(plain, check)


@pytest.mark.parametrize("check", checks("systemd-checks.sh"))
def test_systemd(systemd, check):
    verdict(systemd, check)
