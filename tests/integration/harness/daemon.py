"""A berthd of its own for the tests: own host, own folders, own control groups."""

import glob
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

from . import images
from .api import Api
from .host import Host, child_of
from .terminal import Terminal
from .wait import eventually

BUILD = os.path.abspath(os.environ.get("BERTH_BUILD", os.path.join(images.ROOT, "build/release")))
BIN = os.path.join(BUILD, "bin")
TOOLS = os.path.join(images.ROOT, "build/tools")
CGROUPS = "/sys/fs/cgroup"
_count = itertools.count(1)


class Daemon:
    def __init__(self, *flags, config="{}"):
        self.name = f"berth-test-{os.getpid()}-{next(_count)}"
        # /var/tmp is a real disk where /tmp may be a tmpfs; the path is short for sockets' sake.
        self.folder = tempfile.mkdtemp(prefix="berth-it-", dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        self.data_root = os.path.join(self.folder, "data")
        self.exec_root = os.path.join(self.folder, "exec")
        self.socket = os.path.join(self.folder, "berth.sock")
        self.log_file = os.path.join(self.folder, "berthd.log")
        self.config_file = os.path.join(self.folder, "daemon.json")
        self.write_config(config)
        self.cgroup_parent = "/" + self.name
        self.flags = list(flags)
        self.api = Api(self.socket)
        self.host = Host(self.name)
        self._process = None
        self.pid = None

    def write_config(self, text):
        with open(self.config_file, "w") as file:
            file.write(text)

    # Its life.

    def command(self, *more):
        return [os.path.join(BIN, "berthd"), "--config-file", self.config_file,
                "--data-root", self.data_root, "--exec-root", self.exec_root,
                "--pidfile", os.path.join(self.folder, "berthd.pid"),
                "-H", f"unix://{self.socket}", "--cgroup-parent", self.cgroup_parent,
                *self.flags, *more]

    def start(self):
        with open(self.log_file, "ab") as log:
            self._process = self.host.start(*self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        eventually(self._answers, 20, f"berthd answers; {self.log_file} says: {self.log()[-2000:]}")
        self.pid = child_of(self._process.pid)
        return self

    def _answers(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"berthd ended with {self._process.returncode}: {self.log()[-2000:]}")
        try:
            return self.api("GET", "/_ping", timeout=5).status == 200
        except OSError:
            return False

    def stop(self, signal_number=signal.SIGTERM, seconds=20):
        """Ends it and returns its exit code; -9 when killed."""
        os.kill(self.pid, signal_number)
        code = self._process.wait(seconds)
        self._process = self.pid = None
        return code

    def kill9(self):
        return self.stop(signal.SIGKILL)

    def restart(self, *, kill=False):
        (self.kill9 if kill else self.stop)()
        return self.start()

    def close(self):
        """Ends everything of it and removes what it left; the leak check has looked before."""
        if self._process and self._process.poll() is None:
            try:
                for container in self.containers():
                    self.api.delete(f"/containers/{container['Id']}?force=1&v=1", timeout=30)
                self.stop()
            except (OSError, AssertionError, subprocess.TimeoutExpired):
                self._process.kill()
        self.host.close()
        eventually(self.remove_cgroups, 10, f"the control groups of {self.name} go away")
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        try:
            with open(self.log_file, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    # Driving it.

    def environment(self):
        return {**os.environ, "BERTH_HOST": f"unix://{self.socket}", "DOCKER_HOST": "",
                "DOCKER_CONFIG": os.path.join(self.folder, "docker-config"),
                "PATH": f"{BIN}:{os.environ['PATH']}:{TOOLS}"}

    def _client(self, program, arguments, options):
        options.setdefault("check", False)
        return self.host.run(program, "-H", f"unix://{self.socket}", *arguments,
                             env=self.environment(), **options)

    def berth(self, *arguments, **options):
        """Runs the project's client to its end; returns the CompletedProcess."""
        return self._client(os.path.join(BIN, "berth"), arguments, options)

    def docker(self, *arguments, **options):
        """The same with the stock docker client."""
        return self._client("docker", arguments, options)

    def start_client(self, program, *arguments, **options):
        """A client that goes on running; returns its Popen."""
        path = os.path.join(BIN, program) if program == "berth" else program
        return self.host.start(path, "-H", f"unix://{self.socket}", *arguments,
                               env=self.environment(), **options)

    def terminal(self, program, *arguments, **options):
        """A client on a terminal of its own."""
        path = os.path.join(BIN, program) if program == "berth" else program
        command = self.host.inside(path, "-H", f"unix://{self.socket}", *arguments)
        return Terminal(command, environment=self.environment(), **options)

    def curl(self, *arguments, host=None, **options):
        """curl, quiet, on this daemon's host or on another."""
        return (host or self.host).run("curl", "--silent", "--show-error", "--max-time", "10",
                                       *arguments, **options)

    def load(self, *names):
        for name in names:
            with open(images.made(name), "rb") as archive:
                response = self.api.post("/images/load?quiet=1", archive.read(), timeout=60,
                                         headers={"Content-Type": "application/x-tar"})
            assert response.status == 200, response
        return self

    # Short ways to what most tests need.

    def create(self, image="busybox", command=None, name=None, host=None, expect=201, **config):
        """Creates by the API and returns the id. Published ports are exposed, as clients do it."""
        body = {"Image": image, "HostConfig": host or {}, **config}
        if ports := (host or {}).get("PortBindings"):
            body.setdefault("ExposedPorts", {port: {} for port in ports})
        if command is not None:
            body["Cmd"] = command
        path = "/containers/create" + (f"?name={urllib.parse.quote(name)}" if name else "")
        return self.api.post(path, body, expect=expect).json()["Id"]

    def run(self, *arguments, **options):
        """Creates and starts by the API; returns the id."""
        container = self.create(*arguments, **options)
        self.api.post(f"/containers/{container}/start", expect=204)
        return container

    def inspect(self, container):
        return self.api.get(f"/containers/{container}/json").json()

    def state(self, container):
        return self.inspect(container)["State"]

    def wait(self, container, timeout=30):
        return self.api.post(f"/containers/{container}/wait", expect=200,
                             timeout=timeout).json()["StatusCode"]

    def output(self, container):
        """Its standard output and error so far, as text."""
        response = self.api.get(f"/containers/{container}/logs?stdout=1&stderr=1")
        if self.inspect(container)["Config"]["Tty"]:
            return response.text
        return demultiplex(response.body)

    def remove(self, container):
        self.api.delete(f"/containers/{container}?force=1&v=1", expect=204, timeout=30)

    def containers(self):
        return self.api.get("/containers/json?all=1").json()

    def being_deleted(self):
        """Folders of containers that are no more, and what is in the storage driver's trash."""
        known = {container["Id"] for container in self.containers()} if self.pid else set()
        places = [os.path.join(self.data_root, "containers")]
        places += glob.glob(os.path.join(self.data_root, "layers/*/trash"))
        found = [name for place in places if os.path.isdir(place) for name in os.listdir(place)]
        return [name for name in found if name not in known]

    def inside(self, container, *command, **options):
        """Runs a program of this machine in the container's namespaces other than its mounts."""
        pid = str(self.outer_pid(container))
        return subprocess.run(["nsenter", "-t", pid, "--net", "--uts", "--ipc", *command],
                              check=True, capture_output=True, text=True, **options).stdout

    def outer_pid(self, container):
        """The process id that the machine knows the container's PID 1 by."""
        inner = self.state(container)["Pid"]
        assert inner > 0, "the container is not running"
        level = len(_process_ids(self.host.pid))
        for pid in self.host.processes():
            try:
                ids = _process_ids(pid)
            except (FileNotFoundError, ProcessLookupError, StopIteration):
                continue
            if len(ids) >= level and ids[level - 1] == inner:
                return pid
        raise AssertionError(f"no process {inner} in {self.host.processes()}")

    # Looking at what it has in the kernel.

    def cgroups(self):
        """Every control group below its own parent, in any hierarchy."""
        found = glob.glob(f"{CGROUPS}/*{self.cgroup_parent}/*") + glob.glob(
            f"{CGROUPS}{self.cgroup_parent}/*")
        return sorted(path for path in found if os.path.isdir(path))

    def cgroup_value(self, container, controller, file):
        """What the kernel has in a control file of the container, on v1 or on v2."""
        for pattern in (f"{CGROUPS}/{controller}{self.cgroup_parent}/{container}/{file}",
                        f"{CGROUPS}{self.cgroup_parent}/{container}/{file}"):
            if os.path.exists(pattern):
                with open(pattern) as value:
                    return value.read().strip()
        raise AssertionError(f"no {file} of {container} below {CGROUPS}; there is {self.cgroups()}")

    def remove_cgroups(self):
        """Takes its groups away, deepest first; true once none is left."""
        left = False
        for top in glob.glob(f"{CGROUPS}/*{self.cgroup_parent}") + glob.glob(
                f"{CGROUPS}{self.cgroup_parent}"):
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    pass
                except OSError:
                    left = True
        return not left


def _process_ids(pid):
    """The ids of a process from this machine's namespace inwards."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("NSpid:"))
    return [int(number) for number in line.split()[1:]]


def demultiplex(data):
    """The text of a multiplexed stream (8 byte headers), both streams together."""
    text = b""
    while len(data) >= 8:
        size = int.from_bytes(data[4:8], "big")
        text += data[8:8 + size]
        data = data[8 + size:]
    return text.decode(errors="replace")


def now():
    """The wall clock as the API writes it in queries: seconds with a fraction."""
    return f"{time.time():.9f}"
