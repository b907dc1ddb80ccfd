"""PID 1 of a test host: holds its namespaces open and reaps orphans, as a real init does.

Started by host.py under unshare. Says "ready" once the host is set up; ends when its standard
input closes, and the kernel then ends everything else in the process namespace.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1


def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    commands = ["mount --make-rprivate /", "mount -t tmpfs -o mode=755 tmpfs /run", "ip link set lo up"]
    # skopeo locks a cache there, and would wait for a neighbour's.
    if os.path.isdir("/var/lib/containers"):
        commands.append("mount -t tmpfs tmpfs /var/lib/containers")
    for command in commands:
        subprocess.run(command.split(), check=True)
    signal.signal(signal.SIGCHLD, reap)
    reap()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([sys.stdin], [], [])
        if ready and not os.read(0, 4096):
            return


main()
