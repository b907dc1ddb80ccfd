"""What json-file's options add to every line of a log."""

import json

import pytest


def run(daemon, options, **config):
    host = {"LogConfig": {"Type": "json-file", "Config": options}}
    container = daemon.run(command=["echo", "hello"], host=host, **config)
    daemon.wait(container)
    with open(daemon.inspect(container)["LogPath"]) as log:
        line = json.loads(log.readline())
    details = daemon.docker("logs", "--details", container).stdout
    daemon.remove(container)
    return line, details


def test_labels_variables_and_tag_are_in_every_line(daemon):
    line, details = run(
        daemon,
        {"labels": "app,missing", "labels-regex": "^x-", "env": "COLOUR", "env-regex": "^B", "tag": "{{.Name}}/{{ .ImageName }}"},
        Labels={"app": "web \"1\"", "x-team": "blue", "other": "no"},
        Env=["COLOUR=red", "BUILD=7", "NO=1"],
        name="tagged",
    )
    wanted = {"app": "web \"1\"", "x-team": "blue", "COLOUR": "red", "BUILD": "7", "tag": "tagged/busybox"}
    assert line["attrs"] == wanted
    assert line["log"] == "hello\n" and line["stream"] == "stdout"
    # Encoded as in a query, as dockerd does it: what separates is never part of a value.
    assert details == "BUILD=7,COLOUR=red,app=web+%221%22,tag=tagged%2Fbusybox,x-team=blue hello\n"


def test_without_them_a_line_has_none(daemon):
    line, _ = run(daemon, {"labels": "missing"}, Labels={"app": "web"})
    assert "attrs" not in line


@pytest.mark.parametrize(
    "options, message",
    [({"labels-regex": "("}, "no regular expression"), ({"tag": "{{.Nope}}"}, ".Nope"), ({"tag": "{{.ID"}, "no }}")],
)
def test_what_cannot_be_is_refused_at_create(daemon, options, message):
    body = {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": "json-file", "Config": options}}}
    answer = daemon.api.post("/containers/create", body)
    assert answer.status == 400 and message in answer.message
