"""Debian packages as a source of files: which ones, from where, and what is in them.

Nothing is installed on the host: packages are downloaded by apt-get, which checks their
signatures, and unpacked in memory.
"""

import os
import re
import subprocess
import sys
import tarfile

# Only maintainer scripts, which are never run here, need these.
_FOR_SCRIPTS_ONLY = {"debconf", "debconf-2.0", "cdebconf", "dpkg", "iproute2", "init-system-helpers",
                     "lsb-base", "sysvinit-utils", "adduser", "install-info", "tar"}
_LEFT_OUT = re.compile(
    r"^(usr/share/(man|doc(?!/[^/]+/copyright$)|locale|info|vim|apport|lintian|bug)"
    r"|usr/lib/x86_64-linux-gnu/(gconv|audit)"
    r"|etc/(init\.d|ufw|logrotate\.d|default)"
    r"|usr/lib/systemd)(/|$)")
_MERGED = re.compile(r"^(bin|sbin|lib|lib64|lib32|libx32)(/|$)")


def _run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True, **options).stdout


def architecture():
    return _run("dpkg", "--print-architecture").strip()


def closure(names):
    """The named packages and all that they depend on, less what only maintainer scripts use."""
    listing = _run("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests",
                   "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", *names)
    depends, package, alternative = {}, "", False
    for line in listing.splitlines():
        if not line.startswith(" "):
            package, alternative = line, False
            depends[package] = []
        match = re.match(r"\s+(\|?)(?:Pre)?Depends: (\S+)", line)
        if match:
            # Of "a | b" the first is enough; a name in angle brackets is virtual.
            if not alternative and not match[2].startswith("<"):
                depends[package].append(match[2])
            alternative = bool(match[1])
    found, todo = [], list(names)
    while todo:
        name = todo.pop(0)
        if name not in found and name not in _FOR_SCRIPTS_ONLY:
            found.append(name)
            todo += depends[name]
    return found


def download(names, cache):
    """Fetches the packages into the folder `cache` where they are not there yet; name -> file."""
    os.makedirs(cache, exist_ok=True)

    def uris():
        return _run("apt-get", "download", "--print-uris", *names)

    try:
        listing = uris()
    except subprocess.CalledProcessError:
        print("refreshing the package lists", file=sys.stderr)
        _run("apt-get", "update", "-o", "DPkg::Lock::Timeout=300")
        listing = uris()
    files = {match[2].split("_")[0]: (os.path.join(cache, match[2]), int(match[3]))
             for match in re.finditer(r"^'([^']+)' (\S+) (\d+)", listing, re.M)}
    missing = [name for name, (path, size) in files.items()
               if not os.path.exists(path) or os.path.getsize(path) != size]
    if missing:
        print(f"downloading {len(missing)} packages: {' '.join(missing)}", file=sys.stderr)
        _run("apt-get", "download", "-o", "APT::Sandbox::User=root", *missing, cwd=cache)
    return {name: path for name, (path, _) in files.items()}


def unpack(layer, package, keep=None):
    """Adds a package's files to the layer, on merged /usr; `keep(path)` may choose some."""
    process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
        for member in tar:
            path = member.name.removeprefix("./").rstrip("/")
            if _MERGED.match(path):
                path = "usr/" + path
            if path in ("", ".") or _LEFT_OUT.match(path) or (keep and not keep(path)):
                continue
            if member.isdir():
                layer.directory(path, member.mode, member.uid, member.gid)
            elif member.issym():
                layer.symlink(path, member.linkname)
            elif member.islnk():
                target = member.linkname.removeprefix("./")
                layer.hardlink(path, "usr/" + target if _MERGED.match(target) else target)
            elif member.isreg():
                data = tar.extractfile(member).read()
                layer.file(path, data, member.mode, member.uid, member.gid)
    if process.wait() != 0:
        raise RuntimeError(f"dpkg-deb could not read {package}")


def merged_usr(layer):
    """The links that make /bin, /sbin and /lib one with /usr, as Debian 12 installs itself."""
    for name in ("bin", "sbin", "lib", "lib64"):
        layer.directory(f"usr/{name}")
        layer.symlink(name, f"usr/{name}")


def accounts(layer, package):
    """passwd and group as base-passwd's master files have them, so with www-data (33) in them."""
    masters = _Collector()
    unpack(masters, package, keep=lambda path: path.startswith("usr/share/base-passwd/"))
    for name in ("passwd", "group"):
        text = masters.files[f"usr/share/base-passwd/{name}.master"].decode()
        # busybox is the only shell of these images.
        layer.file(f"etc/{name}", text.replace("/bin/bash", "/bin/sh"))


class _Collector:
    def __init__(self):
        self.files = {}

    def directory(self, *_):
        pass

    symlink = hardlink = directory

    def file(self, path, data, *_):
        self.files[path] = data


def busybox(layer, binary, prefix="usr/bin"):
    """The static busybox with a link for every applet that the layer has no program for."""
    layer.file(f"{prefix}/busybox", binary, 0o755)
    listing = _run("/bin/busybox", "--list-full")
    for applet in listing.split():
        folder = os.path.dirname(applet)
        path = f"usr/{folder}" if _MERGED.match(folder) else folder
        path = f"{path}/{os.path.basename(applet)}"
        if path not in layer and os.path.basename(path) != "busybox":
            layer.symlink(path, f"/{prefix}/busybox")
