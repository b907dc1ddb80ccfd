"""What a test leaves behind: the kernel and the disk before it against after it."""

import os
import re
from collections import Counter

# The database may grow and shrink; its rows are what the tests ask for through the API.
_DATABASE = re.compile(r"\.(db|sqlite3?)(-wal|-shm|-journal)?$|\.lock$")


class Snapshot:
    """Everything countable that a daemon and its containers hold at one moment."""

    def __init__(self, daemon):
        host = daemon.host
        self.daemon_pid = daemon.pid
        self.seen = {
            "mounts": Counter(host.mounts()),
            "interfaces": Counter(host.interfaces()),
            "iptables rules": Counter(host.rules()),
            "control groups": Counter(daemon.cgroups()),
            "processes": Counter(f"{pid} {command}" for pid, command in host.processes().items()),
            "files": Counter([*_files(daemon.exec_root, 3), *_files(daemon.data_root, 3)]),
            "descriptors": Counter(_descriptors(daemon.pid)),
        }

    def difference(self, after):
        """What is there afterwards and was not before, or the other way round, in words."""
        found = []
        for what, before in self.seen.items():
            # A daemon that the test restarted is another process with other descriptors.
            if self.daemon_pid != after.daemon_pid and what in ("processes", "descriptors"):
                continue
            for item, count in (after.seen[what] - before).items():
                found.append(f"left behind in {what}: {item}" + (f" ({count} times)" if count > 1 else ""))
            for item in before - after.seen[what]:
                if what != "descriptors":
                    found.append(f"gone from {what}: {item}")
        return found


def _files(top, depth):
    for folder, folders, files in os.walk(top):
        level = os.path.relpath(folder, top).count(os.sep) + (folder != top)
        for name in folders + files:
            if not _DATABASE.search(name):
                yield os.path.join(folder, name)
        if level + 1 >= depth:
            folders.clear()


def _descriptors(pid):
    """Open descriptors by kind; numbers of sockets and pipes differ from one to the next."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield re.sub(r":\[\d+\]", "", os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            continue
