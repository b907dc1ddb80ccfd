"""Pulling from registries that ask for trust: TLS, passwords, platforms, damaged blobs, many clients."""

import base64
import glob
import json
import os
import threading

import pytest

from harness.registries import NAME, PRIVATE, TLS, pull

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
