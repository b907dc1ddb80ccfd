"""Berth on a host with control groups v2 and Debian's kernel 6.1: the results of guest/checks.sh, one test each."""

import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import machine  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BERTH_BUILD", os.path.join(machine.ROOT, "build/release")))

with open(os.path.join(machine.HERE, "guest/checks.sh")) as script:
    CHECKS = ["check_start", *re.findall(r"^(check_\w+)\(\)", script.read(), re.M)]


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    try:
        machine.available()
        folder = str(tmp_path_factory.mktemp("vm"))
        return machine.boot(*machine.initial_file_system(BUILD, folder), folder)
    except machine.Unavailable as reason:
        pytest.skip(f"no virtual machine here: {reason}")


@pytest.mark.parametrize("check", CHECKS)
def test_vm(console, check):
    found = machine.results(console)
    assert check in found, f"the machine did not come to this check; its console ends with:\n{console[-3000:]}"
    passed, text = found[check]
    assert passed, f"{text}\n{console.split(chr(10) + 'berthd' + chr(39) + 's log:')[-1][-3000:]}"
