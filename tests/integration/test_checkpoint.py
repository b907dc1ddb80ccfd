"""Checkpoints: what is refused, and why. That they are made, and gone back to, is seen in tests/vm: criu asks
for a kernel that knows its processor, which not every machine has."""

import shutil
import subprocess

import pytest
from harness.wait import eventually

COUNT = ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"]


def criu_works():
    return bool(shutil.which("criu")) and subprocess.run(["criu", "check"], capture_output=True).returncode == 0


def test_a_checkpoint_where_criu_cannot_work_is_refused_and_harms_nothing(daemon):
    if criu_works():
        pytest.skip("criu works on this machine")
    container = daemon.run(command=COUNT)
    eventually(lambda: len(daemon.output(container).split()) > 2)
    for exits in (True, False):
        answer = daemon.api.post(f"/containers/{container}/checkpoints", {"CheckpointID": "one", "Exit": exits})
        assert answer.status == 501 and "criu" in answer.message, answer.message
        print(answer.message)
    count = len(daemon.output(container).split())
    eventually(lambda: len(daemon.output(container).split()) > count)
    assert daemon.api.get(f"/containers/{container}/checkpoints").json() == []
    daemon.remove(container)


def test_names_and_folders_of_checkpoints_are_checked(daemon, tmp_path):
    container = daemon.run(command=["sleep", "1000"])
    for name in ("", "../up", "a/b", ".."):
        answer = daemon.api.post(f"/containers/{container}/checkpoints", {"CheckpointID": name})
        assert answer.status == 400 and f"Invalid checkpoint ID ({name})" in answer.message, answer.message
    answer = daemon.api.post(f"/containers/{container}/checkpoints", {"CheckpointID": "one", "CheckpointDir": "relative"})
    assert answer.status == 400 and "must be absolute" in answer.message
    other = tmp_path / "one"
    other.mkdir()
    (other / "precious").write_text("not a checkpoint")
    answer = daemon.api.delete(f"/containers/{container}/checkpoints/one?dir={tmp_path}")
    assert answer.status == 404 and "checkpoint one does not exist" in answer.message
    assert (other / "precious").exists()
    assert daemon.api.get(f"/containers/{container}/checkpoints?dir={tmp_path}").json() == []
    daemon.remove(container)


def test_containers_that_cannot_be_checkpointed_say_why(daemon):
    cases = [({"Tty": True}, {}, "with a terminal"), ({}, {"PidMode": "container:%s"}, "that shares namespaces")]
    first = daemon.run(command=["sleep", "1000"])
    for config, host, reason in cases:
        host = {key: value % first for key, value in host.items()}
        container = daemon.run(command=["sleep", "1000"], host=host, **config)
        answer = daemon.api.post(f"/containers/{container}/checkpoints", {"CheckpointID": "one"})
        assert answer.status == 501 and reason in answer.message
        daemon.remove(container)
    daemon.api.post(f"/containers/{first}/pause", expect=204)
    answer = daemon.api.post(f"/containers/{first}/checkpoints", {"CheckpointID": "one"})
    assert answer.status == 409 and "it is paused" in answer.message
    daemon.remove(first)
    stopped = daemon.create(command=["true"])
    answer = daemon.api.post(f"/containers/{stopped}/checkpoints", {"CheckpointID": "one"})
    assert answer.status == 409 and "it is not running" in answer.message
    answer = daemon.api.post(f"/containers/{stopped}/start?checkpoint=none")
    assert answer.status == 404 and "checkpoint none does not exist" in answer.message
    assert daemon.state(stopped)["Status"] in ("created", "exited")
    daemon.remove(stopped)


def test_the_docker_client_offers_checkpoints_when_the_daemon_is_experimental(make_daemon):
    daemon = make_daemon("--experimental")
    assert daemon.api.get("/_ping").headers["docker-experimental"] == "true"
    assert daemon.api.get("/info").json()["ExperimentalBuild"] is True
    container = daemon.run(command=["sleep", "1000"])
    listed = daemon.docker("checkpoint", "ls", container)
    assert listed.returncode == 0 and "CHECKPOINT NAME" in listed.stdout, listed.stderr
    refused = daemon.docker("checkpoint", "rm", container, "none")
    assert refused.returncode != 0 and "checkpoint none does not exist" in refused.stderr
    daemon.remove(container)
