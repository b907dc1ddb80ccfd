"""What is on the disk, and giving back what nobody needs."""

import json
import threading
import urllib.parse

import pytest

from harness.daemon import now
from harness.images import archive, extended
from harness.schema import answer_schema, problems
from harness.wait import eventually

MIB = 1 << 20


def df(daemon, *types):
    return daemon.api.get("/system/df" + ("?" + "&".join(f"type={name}" for name in types) if types else "")).json()


def prune(daemon, noun, expect=200, **filters):
    query = "?filters=" + urllib.parse.quote(json.dumps(filters)) if filters else ""
    return daemon.api.post(f"/{noun}/prune{query}", expect=expect)


def stopped(daemon, script="true", **options):
    container = daemon.run(command=["sh", "-c", script], **options)
    assert daemon.wait(container) == 0
    return container


def prunes(daemon, since):
    events = daemon.api.get(f"/events?since={since}&until={now()}").lines()
    return [(event["Type"], event["Actor"]) for event in events if event["Action"] == "prune"]


def test_everything_is_counted(daemon):
    container = stopped(daemon, f"head -c {MIB} /dev/zero >/file; ln /file /again; ln -s /bin/busybox /link")
    usage = df(daemon)
    assert not problems(usage, answer_schema("/system/df"))
    shown = next(each for each in usage["Containers"] if each["Id"] == container)
    assert MIB <= shown["SizeRw"] < MIB + 4096
    busybox = next(image for image in usage["Images"] if image["RepoTags"] == ["busybox:latest"])
    assert shown["SizeRootFs"] == shown["SizeRw"] + busybox["Size"]
    assert (busybox["Containers"], busybox["SharedSize"]) == (1, 0)
    assert usage["LayersSize"] >= busybox["Size"]
    assert usage["Volumes"] == [] and usage["BuildCache"] == []


@pytest.mark.parametrize("types, there", [
    (["container"], {"Containers"}),
    (["image"], {"Images"}),
    (["volume", "build-cache"], {"Volumes", "BuildCache"}),
])
def test_kinds_can_be_chosen(daemon, types, there):
    usage = df(daemon, *types)
    assert {name for name in ("Images", "Containers", "Volumes", "BuildCache") if usage[name] is not None} == there
    assert (usage["LayersSize"] > 0) == ("image" in types)


def test_an_unknown_kind_is_refused(daemon):
    assert daemon.api("GET", "/system/df?type=nosuch", expect=400).message == "unknown object type: nosuch"


def test_stopped_containers_are_pruned_and_running_ones_stay(daemon):
    since = now()
    gone = stopped(daemon, f"head -c {MIB} /dev/zero >/file")
    created = daemon.create(command=["true"])
    stays = daemon.run(command=["sleep", "1000"])
    paused = daemon.run(command=["sleep", "1000"])
    daemon.api.post(f"/containers/{paused}/pause", expect=204)
    answer = prune(daemon, "containers").json()
    assert not problems(answer, answer_schema("/containers/prune", "post"))
    assert set(answer["ContainersDeleted"]) == {gone, created}
    assert MIB <= answer["SpaceReclaimed"] < MIB + 4096
    assert {each["Id"] for each in daemon.containers()} == {stays, paused}
    reclaimed = {"reclaimed": str(answer["SpaceReclaimed"])}
    assert prunes(daemon, since) == [("container", {"ID": "", "Attributes": reclaimed})]
    daemon.api.post(f"/containers/{paused}/unpause", expect=204)
    assert prune(daemon, "containers").json() == {"ContainersDeleted": None, "SpaceReclaimed": 0}


def test_pruned_containers_are_chosen_by_label_and_age(daemon):
    keep = daemon.create(command=["true"], Labels={"keep": "1"})
    other = daemon.create(command=["true"], Labels={"other": "1"})
    assert prune(daemon, "containers", until=["1h"]).json()["ContainersDeleted"] is None
    assert prune(daemon, "containers", **{"label!": ["keep=1"]}).json()["ContainersDeleted"] == [other]
    assert prune(daemon, "containers", label=["keep=2"]).json()["ContainersDeleted"] is None
    assert prune(daemon, "containers", label=["keep"], until=[now()]).json()["ContainersDeleted"] == [keep]


@pytest.mark.parametrize("noun", ["containers", "images"])
@pytest.mark.parametrize("filters", [{"nosuch": ["x"]}, {"until": ["soon"]}, {"until": ["1", "2"]}])
def test_bad_prune_filters(daemon, noun, filters):
    assert prune(daemon, noun, 400, **filters).message


def test_prunes_at_the_same_time_do_not_fight(daemon):
    wanted = {daemon.create(command=["true"]) for _ in range(30)}
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(daemon.api.post("/containers/prune"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {200, 409}
    deleted = [each for answer in answers if answer.status == 200 for each in answer.json()["ContainersDeleted"] or []]
    assert set(deleted) == wanted and len(deleted) == len(wanted)
    assert all(answer.message == "a prune operation is already running" for answer in answers if answer.status == 409)


def test_images_are_pruned(make_daemon, tmp_path):
    daemon = make_daemon()
    layer = archive.Layer("big")
    layer.file("file", b"x" * MIB)
    path = extended(str(tmp_path / "image.tar"), "lonely:1", [layer], {"Labels": {"a": "b"}})
    with open(path, "rb") as file:
        daemon.api.post("/images/load", file.read(), expect=200, headers={"Content-Type": "application/x-tar"})
    container = daemon.create(command=["true"])
    since = now()
    assert prune(daemon, "images").json() == {"ImagesDeleted": None, "SpaceReclaimed": 0}
    assert prune(daemon, "images", dangling=["false"], label=["a=c"]).json()["ImagesDeleted"] is None
    answer = prune(daemon, "images", dangling=["false"]).json()
    assert not problems(answer, answer_schema("/images/prune", "post"))
    assert answer["SpaceReclaimed"] == MIB
    assert {"Untagged": "lonely:1"} in answer["ImagesDeleted"]
    assert [actor["Attributes"]["reclaimed"] for kind, actor in prunes(daemon, since) if kind == "image"] == ["0", "0", str(MIB)]
    daemon.api.get("/images/busybox/json")
    daemon.remove(container)
    prune(daemon, "images", dangling=["0"])
    eventually(lambda: df(daemon, "image")["LayersSize"] == 0)


def test_the_size_is_known_when_the_image_is_gone(daemon):
    daemon.api.post("/images/busybox/tag?repo=other&tag=1", expect=201)
    container = stopped(daemon, f"head -c {MIB} /dev/zero >/file", image="other:1")
    daemon.api.delete("/images/other:1?force=1", expect=200)
    assert daemon.api.get(f"/containers/{container}/json?size=1").json()["SizeRw"] >= MIB


# --- the clients


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_the_clients_show_what_is_on_the_disk(daemon, client):
    run = getattr(daemon, client)
    stopped(daemon, f"head -c {10 * MIB} /dev/zero >/file", name="sized")
    lines = run("system", "df").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["TYPE", "Images", "Containers", "Local", "Build"]
    assert lines[1].split()[1:3] == ["1", "1"] and lines[2].split()[1:] == ["1", "0", "10.49MB", "10.49MB", "(100%)"]
    verbose = run("system", "df", "-v").stdout
    assert "Images space usage:" in verbose and "busybox" in verbose
    assert "Containers space usage:" in verbose and "sized" in verbose and "10.5MB" in verbose
    assert run("system", "df", "--format", "{{.Type}}: {{.Active}}").stdout.splitlines()[0] == "Images: 1"


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_the_clients_prune(daemon, client):
    run = getattr(daemon, client)
    kept = daemon.create(command=["true"], Labels={"keep": "1"})
    gone = stopped(daemon, f"head -c {10 * MIB} /dev/zero >/file")
    result = run("container", "prune", "-f", "--filter", "label!=keep")
    assert result.stdout == f"Deleted Containers:\n{gone}\n\nTotal reclaimed space: 10.49MB\n", result.stderr
    asked = run("container", "prune", input="n\n")
    assert "WARNING! This will remove all stopped containers." in asked.stdout
    assert [each["Id"] for each in daemon.containers()] == [kept]
    daemon.api.post("/images/busybox/tag?repo=extra&tag=1", expect=201)
    assert "Total reclaimed space: 0B" in run("image", "prune", input="y\n").stdout
    daemon.api.delete("/images/extra:1", expect=200)


def test_the_client_prunes_all_at_once(make_daemon):
    daemon = make_daemon()
    container = daemon.create(command=["true"])
    assert daemon.berth("system", "prune", input="\n").returncode == 1
    result = daemon.berth("system", "prune", "-a", "-f")
    assert result.returncode == 0, result.stderr
    assert f"Deleted Containers:\n{container}\n" in result.stdout and "untagged: busybox:latest" in result.stdout
    assert daemon.api.get("/images/json").json() == daemon.containers() == []
