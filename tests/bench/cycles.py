#!/usr/bin/env python3
"""Whether the daemon's memory stays flat: so many containers created, run, waited for and removed.

usage: cycles.py [CYCLES]      10,000 without a number; needs root and a build (BERTH_BUILD)
"""

import concurrent.futures
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../integration"))
from harness.daemon import Daemon  # noqa: E402

STEPS = 10
CLIENTS = 4


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


def cycle(daemon):
    container = daemon.run(command=["true"])
    daemon.wait(container)
    daemon.remove(container)


def main():
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    daemon = Daemon().start().load("busybox")
    try:
        print(f"{'cycles':>8} {'PSS':>10} {'descriptors':>12} {'seconds':>8}")
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            for step in range(STEPS + 1):
                begun = time.monotonic()
                if step:
                    list(clients.map(lambda _: cycle(daemon), range(cycles // STEPS)))
                descriptors = len(os.listdir(f"/proc/{daemon.pid}/fd"))
                print(f"{step * cycles // STEPS:8} {pss(daemon.pid):6} KiB {descriptors:12} "
                      f"{time.monotonic() - begun:8.1f}", flush=True)
    finally:
        daemon.close()


if __name__ == "__main__":
    main()
