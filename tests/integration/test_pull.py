"""Pulling from registries that ask for trust: TLS, passwords, platforms, damaged blobs, many clients."""

import base64
import glob
import json
import os
import subprocess
import threading
import urllib.parse

import pytest

from harness import images
from harness.wait import eventually

NAME = "reg.test"
TLS, PRIVATE = f"{NAME}:5443", f"{NAME}:5444"


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
            file.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {self.folder}/blobs}}}}\n"
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


@pytest.fixture
def registries(make_daemon):
    daemon = make_daemon(start=False)
    made = Registries(daemon)
    daemon.start()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def pull(daemon, name, query="", **credentials):
    """The answer to a pull: its status, and the message of its failure or None."""
    headers = {}
    if credentials:
        headers["X-Registry-Auth"] = base64.urlsafe_b64encode(json.dumps(credentials).encode()).decode()
    response = daemon.api.post(f"/images/create?fromImage={urllib.parse.quote(name)}{query}", headers=headers, timeout=60)
    if response.status != 200:
        return response.status, response.message
    errors = [line["error"] for line in response.lines() if "error" in line]
    return response.status, errors[0] if errors else None


def has(daemon, name):
    return daemon.api("GET", f"/images/{name}/json").status == 200


def test_tls_is_verified(registries):
    daemon = registries.daemon
    status, message = pull(daemon, f"{TLS}/box:1")
    assert "certificate" in message and TLS in message, (status, message)
    assert not has(daemon, f"{TLS}/box:1")
    registries.trust(TLS)
    assert pull(daemon, f"{TLS}/box:1") == (200, None)
    assert has(daemon, f"{TLS}/box:1")


def test_plain_http_is_for_loopback_alone(registries):
    status, message = pull(registries.daemon, f"{NAME}:5000/box:1")
    assert "insecure-registries" in message, (status, message)


def test_a_private_registry(registries):
    daemon, name = registries.daemon, f"{PRIVATE}/box:1"
    registries.trust(PRIVATE)
    for credentials in ({}, {"username": "ann", "password": "wrong"}):
        status, message = pull(daemon, name, **credentials)
        assert status == 404 and message.startswith(f"pull access denied for {PRIVATE}/box"), message
        assert "wrong" not in message
    assert pull(daemon, name, username="ann", password="secret") == (200, None)
    assert "secret" not in daemon.log()


def test_the_docker_client_brings_its_password(registries):
    daemon = registries.daemon
    registries.trust(PRIVATE)
    folder = daemon.environment()["DOCKER_CONFIG"]
    os.makedirs(folder)
    with open(f"{folder}/config.json", "w") as config:
        json.dump({"auths": {PRIVATE: {"auth": base64.b64encode(b"ann:secret").decode()}}}, config)
    result = daemon.docker("pull", f"{PRIVATE}/box:1")
    assert result.returncode == 0, result.stderr
    assert has(daemon, f"{PRIVATE}/box:1")


def test_a_damaged_layer_is_refused(registries):
    daemon = registries.daemon
    layers = [path for path in glob.glob(f"{registries.folder}/blobs/docker/registry/v2/blobs/sha256/*/*/data")
              if os.path.getsize(path) > 100_000]
    assert layers
    for path in layers:
        with open(path, "r+b") as blob:
            blob.seek(50_000)
            byte = blob.read(1)[0]
            blob.seek(50_000)
            blob.write(bytes([byte ^ 1]))
    daemon.api.delete("/images/busybox?force=1")  # or its layer is there already
    _, message = pull(daemon, "127.0.0.1:5000/box:1")
    assert "does not match its digest" in message
    assert not has(daemon, "127.0.0.1:5000/box:1")


def test_another_platform_is_not_there(registries):
    status, message = pull(registries.daemon, "127.0.0.1:5000/box:1", "&platform=linux/s390x")
    assert status == 404 and "linux/s390x" in message


@pytest.mark.parametrize("query", ["&platform=a/b/c/d", "&platform=linux/a%20b"])
def test_a_bad_platform(registries, query):
    assert pull(registries.daemon, "127.0.0.1:5000/box:1", query)[0] == 400


def test_many_pulls_at_once(registries):
    daemon = registries.daemon
    daemon.api.delete("/images/busybox?force=1")
    results = []
    threads = [threading.Thread(target=lambda: results.append(pull(daemon, "127.0.0.1:5000/box:1"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(200, None)] * 6
    container = daemon.run("127.0.0.1:5000/box:1", ["true"])
    assert daemon.wait(container) == 0
