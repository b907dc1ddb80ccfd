"""A small virtual machine with Debian's own kernel and control groups v2, that checks Berth and ends.

Its disk is put together from this machine's programs: busybox, iptables and the
built daemon with the libraries that they use. Nothing is installed. The processor is emulated: a
/dev/kvm that is there does not always work (inside of other virtual machines, say), and this way
the machine is the same everywhere.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
from image_tools import debian  # noqa: E402

CACHE = os.path.join(ROOT, "build/cache/vm")
QEMU = "qemu-system-x86_64"
SBIN = "/usr/local/sbin:/usr/sbin:/sbin:" + os.environ["PATH"]

# What the kernel may be asked for: container root file systems, the bridge and the firewall.
MODULES = ["overlay", "veth", "bridge", "br_netfilter", "nf_tables", "nft_compat",
           "nft_chain_nat", "nf_nat", "nf_conntrack", "xt_nat", "xt_MASQUERADE", "xt_addrtype", "xt_conntrack", "xt_tcpudp",
           "xt_comment", "xt_multiport", "ip_tables", "iptable_nat", "iptable_filter", "ipt_REJECT", "nft_reject_ipv4",
           # criu looks at all sockets, and shuts the network while it does.
           "unix_diag", "inet_diag", "tcp_diag", "udp_diag", "raw_diag", "af_packet_diag", "netlink_diag", "xt_mark",
           "nf_conntrack_netlink"]


class Unavailable(Exception):
    """This machine lacks what a virtual machine needs; the text says what."""


def _run(*command, env_more=None, **options):
    options.setdefault("stdout", subprocess.PIPE)
    result = subprocess.run([str(word) for word in command], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                            env={**os.environ, "PATH": SBIN, **(env_more or {})}, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout.decode() if result.stdout is not None else ""


def kernel():
    """The unpacked package of Debian's kernel; fetched once."""
    depends = _run("apt-cache", "depends", "linux-image-cloud-amd64")
    match = re.search(r"Depends: (linux-image-(\S+))", depends)
    if not match:
        raise Unavailable("apt knows no linux-image-cloud-amd64")
    package, version = match[1], match[2]
    folder = os.path.join(CACHE, package)
    if not os.path.exists(os.path.join(folder, "complete")):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        try:
            _run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package, cwd=folder)
        except RuntimeError as error:
            raise Unavailable(f"the package {package} cannot be fetched: {error}") from error
        archive = glob.glob(f"{folder}/*.deb")[0]
        _run("dpkg-deb", "-x", archive, folder)
        os.unlink(archive)
        _run("depmod", "-b", folder, version)
        with open(os.path.join(folder, "complete"), "w"):
            pass
    return folder, version


def _copy(source, root):
    target = root + os.path.realpath(source)
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.realpath(source), target)
    # Programs are found by the name that they are asked for.
    if os.path.realpath(source) != source and not os.path.lexists(root + source):
        os.makedirs(os.path.dirname(root + source), exist_ok=True)
        os.symlink(os.path.realpath(source), root + source)


def _program(path, root, target=None):
    """Copies a program and every library that it loads."""
    if target:
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        shutil.copy2(path, root + target)
    else:
        _copy(path, root)
    _libraries(path, root)


def _libraries(path, root):
    listing = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    for library in re.findall(r"(/\S+) \(0x", listing):
        _copy(library, root)


def _modules(kernel_folder, version, root, names):
    """The wanted modules with those that they need, and an index of just them."""
    base = f"/lib/modules/{version}"
    os.makedirs(root + base)
    for name in names:
        listing = _run("modprobe", "--show-depends", "-d", kernel_folder, "-S", version, name)
        for path in re.findall(r"^insmod (\S+)", listing, re.M):
            relative = os.path.relpath(path, kernel_folder)
            os.makedirs(os.path.dirname(os.path.join(root, relative)), exist_ok=True)
            shutil.copy2(path, os.path.join(root, relative))
    for index in ("modules.builtin", "modules.order"):
        shutil.copy2(kernel_folder + base + "/" + index, root + base)
    _run("depmod", "-b", root, version)


def _skeleton(root):
    """Folders, busybox with its applets, and iptables."""
    shutil.rmtree(root, ignore_errors=True)
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "sys", "dev", "run", "tmp", "var/lib", "var/log",
                 "etc"):
        os.makedirs(f"{root}/{name}")
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{name}", f"{root}/{name}")
    _copy("/bin/busybox", root)
    for applet in _run("/bin/busybox", "--list").split():
        if not os.path.lexists(f"{root}/usr/bin/{applet}"):
            os.symlink("busybox", f"{root}/usr/bin/{applet}")
    os.symlink("../bin/modprobe", f"{root}/usr/sbin/modprobe")
    _program("/usr/sbin/xtables-nft-multi", root)
    for name in ("ip6tables", "ip6tables-save", "ip6tables-restore", "iptables", "iptables-save", "iptables-restore", "iptables-nft", "iptables-nft-save", "iptables-nft-restore"):
        os.symlink("xtables-nft-multi", f"{root}/usr/sbin/{name}")
    for extension in glob.glob("/usr/lib/*/xtables/*.so"):
        _copy(extension, root)
    with open(f"{root}/etc/passwd", "w") as file:
        file.write("root:x:0:0:root:/:/bin/sh\n")
    with open(f"{root}/etc/group", "w") as file:
        file.write("root:x:0:\n")
    _run(os.path.join(ROOT, "scripts/make-busybox-image"), "-o", f"{root}/busybox.tar")


def _guest(root, *names):
    for name in names:
        shutil.copy(os.path.join(HERE, "guest", name), f"{root}/{name}")
        os.chmod(f"{root}/{name}", 0o755)


def _packed(folder, root, kernel_folder, version):
    """(kernel image, initramfs, disk): the root becomes a disk, and the initramfs just finds that one."""
    disk = os.path.join(folder, "disk.img")
    with open(disk, "wb") as file:
        file.truncate(1 << 30)
    _run("mkfs.ext4", "-q", "-F", "-d", root, disk)
    shutil.rmtree(root)

    small = os.path.join(folder, "small")
    shutil.rmtree(small, ignore_errors=True)
    for name in ("bin", "proc", "sys", "dev", "root"):
        os.makedirs(f"{small}/{name}")
    shutil.copy2("/bin/busybox", f"{small}/bin/busybox")
    _modules(kernel_folder, version, small, ["virtio_pci", "virtio_blk"])
    _guest(small, "initramfs-init")
    os.rename(f"{small}/initramfs-init", f"{small}/init")
    image = os.path.join(folder, "initramfs")
    with open(image, "wb") as out:
        _run("sh", "-c", "find . | cpio --quiet --create --format=newc --owner=0:0", cwd=small, stdout=out)
    shutil.rmtree(small)
    return f"{kernel_folder}/boot/vmlinuz-{version}", image, disk


def plain_host(build, folder):
    """A host whose init is a script of ours; for boot()."""
    kernel_folder, version = kernel()
    root = os.path.join(folder, "root")
    _skeleton(root)
    for name, target in (("berthd", "/usr/sbin"), ("berth", "/usr/bin"), ("berth-shim", "/usr/sbin"),
                         ("berth-init", "/usr/sbin")):
        _program(os.path.join(build, "bin", name), root, f"{target}/{name}")
    for name in ("crun", "runc", "criu"):
        if path := shutil.which(name, path=SBIN):
            _program(path, root)
    for name in ("tar", "gzip"):  # criu's, which busybox's would not do for
        os.unlink(f"{root}/usr/bin/{name}")
        _program(f"/usr/bin/{name}", root)
    _modules(kernel_folder, version, root, MODULES)
    _guest(root, "init", "checks.sh")
    return _packed(folder, root, kernel_folder, version)


def systemd_host(build, folder):
    """A host with Debian's systemd, on which Berth was put by `cmake --install`."""
    kernel_folder, version = kernel()
    root = os.path.join(folder, "root")
    _skeleton(root)
    _install_packages(root, "systemd", "apparmor")
    _run("cmake", "--install", build, env_more={"DESTDIR": root})
    for name in ("sbin/berthd", "bin/berth", "libexec/berth/berth-shim", "libexec/berth/berth-init"):
        _libraries(f"{root}/usr/local/{name}", root)
    _modules(kernel_folder, version, root, MODULES)
    _guest(root, "systemd-init", "systemd-checks.sh")
    for unit in ("checks.service", "checks.target"):
        shutil.copy(os.path.join(HERE, "guest", unit), f"{root}/etc/systemd/system/{unit}")
    return _packed(folder, root, kernel_folder, version)


def _install_packages(root, *names):
    """Unpacks the packages and all that they depend on; their scripts are not run."""
    wanted = debian.closure(names)
    for archive in debian.download(wanted, os.path.join(ROOT, "build/cache/debs")).values():
        _run("sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --exclude=./usr/share/doc '
                         '--exclude=./usr/share/man --exclude=./usr/share/locale -C "$2"', "sh", archive, root)


def boot(vmlinuz, initramfs, disk, folder, init, seconds=300):
    """Boots, waits for the end, and returns all that came over the serial line."""
    console = os.path.join(folder, "console.log")
    command = [QEMU, "-machine", "q35,accel=tcg", "-cpu", "max", "-m", "1024", "-smp", "2", "-nodefaults",
               "-no-user-config", "-no-reboot", "-display", "none", "-serial", f"file:{console}",
               "-kernel", vmlinuz, "-initrd", initramfs,
               "-append", f"console=ttyS0 quiet panic=-1 init={init} random.trust_cpu=on no_timer_check",
               "-drive", f"file={disk},if=virtio,format=raw,cache=unsafe"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds)
    except subprocess.TimeoutExpired:
        pass
    with open(console, errors="replace") as file:
        return file.read().replace("\r", "")


def available():
    for program in (QEMU, "cpio", "depmod", "mkfs.ext4", "xtables-nft-multi"):
        if not shutil.which(program, path=SBIN):
            raise Unavailable(f"{program} is not installed")


def results(console):
    """Check -> (passed, what it printed), from the serial line."""
    found = {}
    for name, text, verdict in re.findall(r"^begin (\w+)\n(.*?)^end \1 (\w+)$", console, re.M | re.S):
        found[name] = (verdict == "ok", text)
    return found
