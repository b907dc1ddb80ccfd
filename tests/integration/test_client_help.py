"""The help, beside the stock client's: the same flags, command by command; examples; suggestions."""

import re
import shutil
import subprocess
import os

import pytest

from harness.daemon import BIN

BERTH = os.path.join(BIN, "berth")
# Groups of the stock client that are other products: clusters, signatures, plugins of the client.
FOREIGN = {"swarm", "service", "stack", "node", "secret", "config", "plugin", "trust", "manifest", "buildx", "compose", "builder"}
# Not here, and why.
ABSENT_COMMANDS = {"build": "made apart", "image build": "made apart", "network connect": "made apart", "network disconnect": "made apart",
                   "volume update": "for clusters alone"}
ABSENT_COMMANDS |= {f"context {verb}": "to come" for verb in "create export import inspect ls rm show update use".split()}
ABSENT_FLAGS = {  # of swarm, or of address management by plugins
    "network create": {"--config-from", "--config-only", "--ingress", "--ipam-driver", "--ipam-opt", "--ipv4", "--scope"},
    "network inspect": {"--verbose", "-v"},
    "volume create": {"--availability", "--group", "--limit-bytes", "--required-bytes", "--scope", "--secret", "--sharing",
                      "--topology-preferred", "--topology-required", "--type"},
    "volume ls": {"--cluster"},
}

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="needs the stock client to compare with")


def text_of(program, *command):
    result = subprocess.run([program, *command, "--help"], capture_output=True, text=True, env={**os.environ, "BERTH_HOST": "unix:///nowhere"})
    return result.stdout if result.returncode == 0 else None


def flags_of(text):
    lines = [line[:40] for line in text.splitlines() if re.match(r"\s+-", line)]
    return set(re.findall(r"(?<![\w-])(--[a-z][\w-]*|-[a-zA-Z])(?=[, =]|$)", "\n".join(lines), re.M)) - {"--help", "-h"}


def commands_of(text):
    return re.findall(r"^  ([a-z][\w-]*)\*? {2,}\w", text, re.M)


def commands():
    for name in commands_of(text_of("docker")):
        if name in FOREIGN:
            continue
        text = text_of("docker", name)
        for verb in commands_of(text) if "\nCommands:" in text else [None]:
            yield [name] if verb is None else [name, verb]


def test_the_flags_of_the_stock_client_are_all_known():
    differences = []
    compared = 0
    for command in commands():
        name = " ".join(command)
        ours = text_of(BERTH, *command)
        if ours is None:
            if name not in ABSENT_COMMANDS:
                differences.append(f"{name}: there is no such command")
            continue
        compared += 1
        theirs = flags_of(text_of("docker", *command))
        missing = theirs - flags_of(ours) - ABSENT_FLAGS.get(name, set())
        more = flags_of(ours) - theirs
        if more:
            print(f"berth {name} has besides {' '.join(sorted(more))}")
        if missing:
            differences.append(f"{name}: lacks {' '.join(sorted(missing))}")
    assert compared > 60
    assert not differences, "\n".join(differences)


def test_help_fits_80_columns_and_has_examples():
    for command in commands():
        text = text_of(BERTH, *command)
        if text is not None:
            wide = [line for line in text.split("Examples:")[0].splitlines() if len(line) > 80]
            assert not wide, f"{command}: {wide}"
    for name in ("run", "ps", "exec", "logs", "inspect"):
        assert f"Examples:\n" in text_of(BERTH, name) and f"berth {name}" in text_of(BERTH, name)
    assert "Network options:" in text_of(BERTH, "run") and "Refused options:" in text_of(BERTH, "run")


def say(*arguments):
    result = subprocess.run([BERTH, *arguments], capture_output=True, text=True, env={**os.environ, "BERTH_HOST": "unix:///nowhere"})
    return result.returncode, result.stderr


@pytest.mark.parametrize("arguments,expected,code", [
    (["rnu"], "Did you mean run?", 1), (["imagse"], "Did you mean images?", 1), (["contianer", "ls"], "Did you mean container?", 1),
    (["container", "inspct"], "Did you mean inspect?", 1), (["ps", "--fromat", "x"], "Did you mean --format?", 125),
    (["run", "--nmae=x", "busybox"], "Did you mean --name?", 125), (["--contxt", "x", "ps"], "Did you mean --context?", 125),
    (["frobnicate"], "is not a berth command.\nSee 'berth --help'", 1)])
def test_what_is_misspelt_gets_a_suggestion(arguments, expected, code):
    assert say(*arguments)[0] == code and expected in say(*arguments)[1]


@pytest.mark.parametrize("arguments,reason", [
    (["run", "--cpu-count", "2", "busybox"], "--cpu-count cannot be used: it is for Windows"),
    (["create", "--kernel-memory=5m", "busybox"], "Linux has no such limit"),
    (["run", "--use-api-socket", "busybox"], "mount the daemon's socket"),
    (["pull", "--disable-content-trust=false", "busybox"], "signatures of images are not verified"),
    (["images", "--tree"], "images here have one platform each"),
    (["history", "--platform", "linux/amd64", "busybox"], "images here have one platform each")])
def test_flags_that_cannot_work_are_refused_with_the_reason(arguments, reason):
    code, text = say(*arguments)
    assert code == 125 and reason in text


@pytest.mark.parametrize("long,short", [("container ls", "ps"), ("container list", "ps"), ("container ps", "ps"), ("image ls", "images"),
                                        ("image list", "images"), ("image rm", "rmi"), ("image remove", "rmi"), ("container remove", "rm"),
                                        ("system info", "info"), ("image history", "history")])
def test_grouped_forms_are_the_short_ones(long, short):
    assert text_of(BERTH, *long.split()) == text_of(BERTH, short)
