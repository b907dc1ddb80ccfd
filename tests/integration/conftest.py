"""Fixtures: a daemon a module, and after every test the proof that nothing was left behind."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from harness.daemon import BIN, Daemon  # noqa: E402
from harness.host import Host  # noqa: E402
from harness.leaks import Snapshot  # noqa: E402
from harness.registries import Registries  # noqa: E402
from harness.wait import eventually  # noqa: E402


def pytest_configure():
    # Asked to end, the run still gives everything back: the fixtures undo what they made.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        pytest.exit("the integration tests need root: they make namespaces and start containers", 2)
    if not os.path.exists(os.path.join(BIN, "berthd")):
        pytest.exit(f"there is no berthd in {BIN}; build first, or say where with BERTH_BUILD", 2)


@pytest.fixture(scope="module")
def shared_daemon():
    """The module's daemon with busybox loaded; tests take it through `daemon`."""
    daemon = Daemon()
    try:
        daemon.start().load("busybox")
        # What is made once, at the first need, and kept (a folder, a socket) is no leak.
        first = daemon.run(command=["true"])
        daemon.wait(first)
        daemon.remove(first)
        eventually(lambda: not any(name.startswith("veth") for name in daemon.host.interfaces()))
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def daemon(shared_daemon):
    """The module's daemon. Containers of the test are removed after it, and then nothing may be left."""
    yield from _watched(shared_daemon)


@pytest.fixture
def make_daemon():
    """Makes daemons of a test's own, with flags; each is held to leaving nothing behind, too."""
    made = []

    def make(*flags, images=("busybox",), start=True, **options):
        daemon = Daemon(*flags, **options)
        made.append(daemon)
        if start:
            daemon.start().load(*images)
        return daemon

    try:
        yield make
        for daemon in made:
            if daemon.pid:
                clean(daemon)
                daemon.stop()
            eventually(lambda d=daemon: not d.host.processes(), 10, "its processes end")
            eventually(lambda d=daemon: not d.cgroups(), 10, "its control groups go away")
    finally:
        for daemon in made:
            daemon.close()


@pytest.fixture(scope="module")
def outside(shared_daemon):
    """Another machine, connected to the daemon's by a cable: 198.51.100.2, the daemon's is .1."""
    host = Host("outside")
    try:
        shared_daemon.host.connect(host, "uplink0", "eth0")
        yield host
    finally:
        shared_daemon.host.run("ip", "link", "delete", "uplink0")
        host.close()


def clean(daemon):
    for container in daemon.containers():
        daemon.remove(container["Id"])


def _watched(daemon):
    # The test before may have left folders that the daemon is still deleting.
    eventually(lambda: len(daemon.being_deleted()) == 0, 10, "earlier folders are deleted")
    before = Snapshot(daemon)
    yield daemon
    if daemon.pid is None:
        daemon.start()
    clean(daemon)

    def nothing_left():
        difference = before.difference(Snapshot(daemon))
        assert not difference, "\n".join(difference)
        return True

    eventually(nothing_left, 10, "everything that the test made is gone")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its daemon's log."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name in ("daemon", "shared_daemon"):
            daemon = item.funcargs.get(name)
            if isinstance(daemon, Daemon):
                report.sections.append(("berthd's log", daemon.log()[-4000:]))
                break


@pytest.fixture
def registries(make_daemon):
    daemon = make_daemon(start=False)
    made = Registries(daemon)
    daemon.start()
    daemon.load("busybox")
    try:
        made.start()
        yield made
    finally:
        made.stop()
