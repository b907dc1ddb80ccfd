"""A host of its own for a test: network, mount and process namespaces, gone without a trace."""

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
HOLDER = os.path.join(os.path.dirname(__file__), "holder.py")


class Host:
    """Namespaces held open by one process. Everything run in it dies with close()."""

    def __init__(self, name):
        self.name = name
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             sys.executable, HOLDER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError(f"host {name} could not be set up")
        self.pid = child_of(self._holder.pid)

    def close(self):
        self._holder.stdin.close()
        self._holder.wait(10)
        self._holder.stdout.close()

    # Running things.

    def inside(self, *command):
        """The command line that runs `command` in this host."""
        return ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--",
                *map(str, command)]

    def run(self, *command, check=True, timeout=60, **options):
        """Runs to the end and returns the CompletedProcess, output as text."""
        text = options.pop("input", None)
        options.setdefault("stdin", subprocess.DEVNULL if text is None else subprocess.PIPE)
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             **options)
        with process:
            try:
                output, errors = process.communicate(text, timeout)
            except BaseException:
                process.kill()
                raise
        result = subprocess.CompletedProcess(command, process.returncode, output, errors)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} ended with {result.returncode}: "
                                 f"{result.stdout}{result.stderr}")
        return result

    def start(self, *command, **options):
        """Starts a program in this host; returns its Popen."""
        return _Inside(self.inside(*command), **options)

    def socket(self, family, kind):
        """A socket of this process in the host's network namespace."""
        made = []

        def make():
            with open(f"/proc/{self.pid}/ns/net") as namespace:
                if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.socket(family, kind))

        thread = threading.Thread(target=make)  # which alone goes there
        thread.start()
        thread.join()
        return made[0]

    def connect(self, other, near, far, subnet="198.51.100"):
        """A cable to another host: interface `near` here has .1, `far` there has .2."""
        # The peer is named by the outer process id, so this runs in our own process namespace.
        subprocess.run(["nsenter", "--target", str(self.pid), "--net", "ip", "link", "add", near,
                        "type", "veth", "peer", "name", far, "netns", str(other.pid)], check=True)
        self.run("ip", "address", "add", f"{subnet}.1/24", "dev", near)
        self.run("ip", "link", "set", near, "up")
        other.run("ip", "address", "add", f"{subnet}.2/24", "dev", far)
        other.run("ip", "link", "set", far, "up")

    # Looking at it.

    def interfaces(self):
        return {link["ifname"] for link in json.loads(self.run("ip", "-json", "link").stdout)}

    def rules(self):
        """The lines of iptables-save without comments and counters."""
        text = self.run("iptables-save").stdout
        return sorted(line.split(" [")[0] for line in text.splitlines() if not line.startswith("#"))

    def mounts(self):
        with open(f"/proc/{self.pid}/mountinfo") as lines:
            return sorted(line.split()[4] for line in lines)

    def processes(self):
        """Outer process id -> command line of everything that lives in this host, its init aside."""
        namespace = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = {}
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                if pid in (1, self.pid) or not _lives_in(pid, namespace):
                    continue
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
            except (FileNotFoundError, ProcessLookupError, PermissionError):  # the last: a zombie has no namespaces
                continue
            if command:
                found[pid] = command
        return found


class _Inside(subprocess.Popen):
    """nsenter has to fork to enter a process namespace: it passes on the end of its child, the
    program that was meant, but not the signals for it."""

    def send_signal(self, number):
        deadline = time.monotonic() + 5
        while self.poll() is None:
            try:
                return os.kill(child_of(self.pid), number)
            except ProcessLookupError:  # not forked yet, or just ended
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
        return None


def _lives_in(pid, namespace):
    """Whether the process is in that process namespace, or below it as a container's are."""
    while pid > 1:
        if os.readlink(f"/proc/{pid}/ns/pid") == namespace:
            return True
        pid = parent_of(pid)
    return False


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def child_of(pid):
    """The first child of a process that is known to have one."""
    for entry in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            if parent_of(entry) == pid:
                return entry
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise ProcessLookupError(f"process {pid} has no child")
