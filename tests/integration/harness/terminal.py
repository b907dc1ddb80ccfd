"""A person at a real terminal: a pty with a program in it, to type at and to read from."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time


class Terminal:
    def __init__(self, command, rows=24, columns=80, environment=None):
        self._master, slave = pty.openpty()
        self.resize(rows, columns)
        self.screen = ""
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm", **(environment or {})},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def resize(self, rows, columns):
        """The kernel tells the programs on the terminal by SIGWINCH."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def raw(self):
        """Whether the program has switched its terminal to raw mode."""
        return not termios.tcgetattr(self._master)[3] & termios.ICANON

    def type(self, text):
        os.write(self._master, text.encode())

    def _read(self, seconds):
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: nobody has the other end open any more
            return None
        self.screen += data.decode(errors="replace")
        return True

    def expect(self, pattern, seconds=15):
        """Reads until the pattern matches; returns the match and forgets all up to its end."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.screen)):
            left = deadline - time.monotonic()
            if left <= 0 or self._read(left) is None:
                raise AssertionError(f"{pattern!r} did not come; the screen has {self.screen!r}")
        self.screen = self.screen[match.end():]
        return match

    def wait(self, seconds=15):
        """Reads to the end; returns the exit code of the program."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._read(min(left, 0.1)) is None or self._process.poll() is not None:
                break
        while self._read(0):
            pass
        return self._process.wait(max(0.1, deadline - time.monotonic()))
