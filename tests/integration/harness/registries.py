"""Registries for the tests: Debian's docker-registry behind several doors, in the daemon's own namespaces."""

import base64
import json
import os
import subprocess
import urllib.parse

from harness import images
from harness.wait import eventually

NAME = "reg.test"
PLAIN, TLS, PRIVATE = "127.0.0.1:5000", f"{NAME}:5443", f"{NAME}:5444"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_certificates(folder):
    """A CA of our own and a server certificate for NAME."""
    with open(f"{folder}/names", "w") as names:
        names.write(f"subjectAltName=DNS:{NAME}\n")
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt",
            "-days", "2", "-subj", "/CN=test-ca")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr",
            "-subj", f"/CN={NAME}")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.crt", "-days", "2", "-extfile", "names")


class Registries:
    """One store behind three doors: plain on loopback, TLS, and TLS with a password."""

    def __init__(self, daemon):
        self.daemon, self.folder, self.servers = daemon, daemon.folder, []
        make_certificates(self.folder)
        # /etc of the daemon's host alone: the name, and what is trusted.
        for part in ("upper", "work"):
            os.mkdir(f"{self.folder}/etc-{part}")
        daemon.host.run("mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir=/etc,upperdir={self.folder}/etc-upper,workdir={self.folder}/etc-work", "/etc")
        with open(f"{self.folder}/etc-upper/hosts", "w") as hosts:
            hosts.write(f"127.0.0.1 localhost {NAME}\n")

    def trust(self, *registries):
        for registry in registries:
            folder = f"/etc/berth/certs.d/{registry}"
            self.daemon.host.run("mkdir", "-p", folder)
            self.daemon.host.run("cp", f"{self.folder}/ca.crt", folder)

    def start(self):
        tls = f"tls: {{certificate: {self.folder}/server.crt, key: {self.folder}/server.key}}"
        # "ann" with "secret", as htpasswd -B writes it.
        with open(f"{self.folder}/htpasswd", "w") as passwords:
            passwords.write(subprocess.run(["htpasswd", "-Bbn", "ann", "secret"], check=True, text=True,
                                           capture_output=True).stdout)
        auth = f"auth: {{htpasswd: {{realm: test, path: {self.folder}/htpasswd}}}}"
        self.serve("plain", "127.0.0.1:5000", "", "")
        self.serve("tls", "127.0.0.1:5443", tls, "")
        self.serve("private", "127.0.0.1:5444", tls, auth)
        self.daemon.host.run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                             f"docker-archive:{images.made('busybox')}", "docker://127.0.0.1:5000/box:1")

    def serve(self, name, address, tls, auth):
        config = f"{self.folder}/{name}.yml"
        with open(config, "w") as file:
            file.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {self.folder}/blobs}}, delete: {{enabled: true}}}}\n"
                       f"http:\n  addr: {address}\n" + (f"  {tls}\n" if tls else "") + (f"{auth}\n" if auth else ""))
        self.servers.append(self.daemon.host.start(
            "docker-registry", "serve", config, env=self.daemon.environment(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL))
        scheme = "https" if tls else "http"
        eventually(lambda: self.daemon.curl("--insecure", f"{scheme}://{address}/v2/", check=False).returncode == 0)

    def stop(self):
        for server in self.servers:
            server.terminate()
            server.wait(10)

    def blobs(self):
        """The digests of all blobs that the store has."""
        found = set()
        for _, folders, files in os.walk(f"{self.folder}/blobs/docker/registry/v2/blobs/sha256"):
            if "data" in files:
                continue
            found.update(folder for folder in folders if len(folder) == 64)
        return found


def auth_header(**credentials):
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(credentials).encode()).decode()}


def stream(daemon, target, **credentials):
    """The answer of a pull or push: status, lines, and the message of its failure or None."""
    response = daemon.api.post(target, headers=auth_header(**credentials) if credentials else {}, timeout=60)
    if response.status != 200:
        return response.status, [], response.message
    lines = response.lines()
    errors = [line["error"] for line in lines if "error" in line]
    return response.status, lines, errors[0] if errors else None


def pull(daemon, name, query="", **credentials):
    """The answer to a pull: its status, and the message of its failure or None."""
    status, _, error = stream(daemon, f"/images/create?fromImage={urllib.parse.quote(name)}{query}", **credentials)
    return status, error


def push(daemon, name, query="", **credentials):
    """The answer to a push: its status, the statuses by layer, and the message of its failure or None."""
    repository, _, tag = name.rpartition(":")
    status, lines, error = stream(daemon, f"/images/{repository}/push?tag={tag}{query}", **credentials)
    layers = {}
    for line in lines:
        if "id" in line:
            layers.setdefault(line["id"], []).append(line["status"])
    return status, layers, error
