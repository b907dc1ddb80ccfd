"""--format: what templates give, beside the stock client's answers, which were recorded once and stand in data/templates.json.

RECORD=1 in the environment records them anew with the `docker` found in PATH.
"""

import json
import os
import re
import shutil

import pytest

DATA = os.path.join(os.path.dirname(__file__), "data", "templates.json")
RECORD = os.environ.get("RECORD") == "1"
INSPECT = ["inspect", "--format"]
PS = ["ps", "-a", "--format"]
IMAGES = ["images", "--format"]
C = "shown"  # the container's name

CASES = [
    *[(INSPECT, text, [C]) for text in (
        "{{.Name}}", "{{ .Name }}", "{{.Config.Hostname}}", "{{.Config.Cmd}}", "{{.Config.Env}}", "{{json .Config.Cmd}}",
        "{{json .Config.Labels}}", "{{.Config.Labels}}", "{{.Config.Tty}}", "{{.State.Status}} {{.State.Running}}", "{{.State.ExitCode}}",
        "{{range .Config.Cmd}}<{{.}}>{{end}}", "{{range $i, $v := .Config.Cmd}}{{$i}}={{$v}};{{end}}",
        "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}", "{{range .HostConfig.Binds}}{{.}}{{else}}none{{end}}",
        "{{if .State.Running}}up{{else}}down{{end}}", "{{if .State.Health}}{{.State.Health.Status}}{{else}}no check{{end}}",
        "{{if eq .State.Status \"created\"}}new{{else if eq .State.Status \"running\"}}up{{else}}other{{end}}",
        "{{with .Config}}{{.Image}}{{end}}", "{{with .Config.User}}{{.}}{{else}}root{{end}}", "{{with $x := .Config.Hostname}}{{$x}}{{end}}",
        "{{index .Config.Labels \"com.example.my-app\"}}", "{{index .Config.Labels \"missing\"}}|", "{{index .Config.Cmd 1}}", "{{index .Config.Cmd 9}}",
        "{{(index .Config.Cmd 0)}}", "{{len .Config.Cmd}}", "{{len .Name}}", "{{len .Config.Labels}}", "{{join .Config.Cmd \",\"}}",
        "{{.Config.Cmd | json}}", "{{split .Config.Image \":\"}}", "{{index (split .Config.Image \":\") 0}}", "{{lower \"ABC\"}}", "{{upper .Config.Hostname}}",
        "{{title \"hello big world\"}}", "{{.Name | upper | printf \"%s!\"}}", "{{println .Name}}", "{{print 1 2 \"a\" \"b\" 3}}",
        "{{printf \"%s|%10s|%-10s|\" .Name \"ab\" \"cd\"}}", "{{printf \"%d %5d %-5d %05d\" 1 2 3 4}}", "{{printf \"%q %v %t %x %X\" \"a\\\"b\" 5 true 255 255}}",
        "{{printf \"%.2f %6.1f|%.3s\" 1.5 2.25 \"abcdef\"}}", "{{printf \"%d\" \"x\"}}", "{{printf \"%s\" 5}}", "{{printf \"%s %s\" \"x\"}}", "{{printf \"x\" 1}}", "{{printf \"100%%\"}}",
        "{{printf \"%v %v\" .Config.Cmd .State.Running}}", "{{printf \"%s\" .Config.Cmd}}", "{{printf \"%q\" .Config.Cmd}}", "{{printf \"%+d %x\" 5 \"hi\"}}",
        "{{eq 1 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}}", "{{eq \"a\" \"b\" \"a\"}}", "{{lt \"a\" \"b\"}}", "{{eq 1 \"a\"}}",
        "{{and true false}} {{or \"\" \"x\"}} {{not true}} {{and 1 0 2}} {{or 0 0}}", "{{if and .State.Running (not .Config.Tty)}}a{{else}}b{{end}}",
        "{{if or .State.Running .State.Dead (eq .State.ExitCode 0)}}any{{end}}", "{{$n := .Name}}{{$n}}{{$n}}", "{{$n := 1}}{{$n = 2}}{{$n}}",
        "{{$n := 0}}{{range .Config.Cmd}}{{$n = len .}}{{end}}{{$n}}", "{{range .Config.Cmd}}{{$.Name}}{{end}}", "{{range .Config.Cmd}}{{if eq . \"-c\"}}{{break}}{{end}}{{.}}{{end}}",
        "{{range .Config.Cmd}}{{if eq . \"-c\"}}{{continue}}{{end}}{{.}},{{end}}", "a {{- .Name -}} b", "a  {{- /* c */ -}}  b", "{{/* c */}}x", "{{- range .Config.Cmd }}\n  {{ . }}\n{{- end }}",
        "{{pad \"x\" 2 3}}|", "{{truncate .Config.Hostname 3}}", "{{slice .Name 1 3}}", "{{html \"<a&b>\"}}", "{{urlquery \"a b&c\"}}", "{{\"quoted\"}} {{`raw`}} {{'a'}} {{0x10}} {{1.5}} {{true}}",
        "{{.Name}}\\t{{.Config.Hostname}}\\n", "plain", "{{range .Mounts}}{{.Type}}:{{.Destination}}{{end}}|", "{{(index (index .HostConfig.PortBindings \"80/tcp\") 0).HostPort}}",
        "{{range $p, $conf := .HostConfig.PortBindings}}{{$p}} -> {{(index $conf 0).HostPort}}{{end}}", "{{json .HostConfig.PortBindings}}", "{{.HostConfig.PortBindings}}",
        "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}", "{{.State.Nothing}}", "{{.Nothing}}", "{{.Name.Nothing}}", "{{nothing .Name}}", "{{.Name", "{{if .Name}}", "{{end}}", "{{}}", "{{.Name | }}",
        "{{range .Name}}{{end}}", "{{$x}}", "{{\"open}}", "{{len 3}}", "{{index .Name}}", "{{join .Name}}", "{{.Name !}}", "{{else}}", "{{break}}",
    )],
    *[(PS, text, []) for text in (
        "{{.Names}}", "{{.ID}}|{{.Image}}|{{.Command}}", "{{.Status}} {{.State}}", "{{.Labels}}", "{{.Label \"com.example.my-app\"}}", "{{.Label \"missing\"}}|", "{{.Mounts}}|{{.Networks}}|{{.Ports}}|",
        "{{.RunningFor}}", "{{.Size}}", "{{json .Names}}", "{{json .}}", "json", "table {{.Names}}\\t{{.Image}}", "table {{.Names}}\t{{.Label \"com.example.my-app\"}}", "table {{upper .Names}}\\t{{.State}}",
        "{{if eq .State \"created\"}}{{.Names}}{{end}}", "{{printf \"%-10s|\" .Names}}", "{{.Nothing}}", "{{.Names.More}}", "{{nothing}}", "{{.Label}}", "{{range split .Labels \",\"}}[{{.}}]{{end}}",
        "{{truncate .ID 4 | len}}", "{{.LocalVolumes}}", "{{.CreatedAt | len}}", "{{.Names}}\\t{{.Image}}", "raw", "{{with .Names}}{{.}}{{end}}", "{{pad .Names 1 2}}|",
    )],
    *[(IMAGES, text, []) for text in (
        "{{.Repository}}:{{.Tag}}", "{{.ID}}", "{{.Digest}}", "{{.Size}} {{.SharedSize}} {{.Containers}} {{.UniqueSize}} {{.VirtualSize}}", "{{json .}}", "table {{.Repository}}\\t{{.Tag}}", "{{.Nothing}}", "{{nothing}}", "raw",
    )],
    *[(["network", "ls", "--format"], text, []) for text in ("{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}} {{.IPv6}}", "{{.Labels}}{{.Label \"x\"}}|", "table {{.Name}}\\t{{.Driver}}", "{{.Nothing}}")],
    *[(["volume", "ls", "--format"], text, []) for text in ("{{.Name}} {{.Driver}} {{.Scope}}", "{{.Label \"a\"}} {{.Labels}}", "table {{.Name}}\\t{{.Label \"a\"}}", "{{.Nothing}}", "{{json .Name}}")],
    *[(["version", "--format"], text, []) for text in ("{{.Server.Os}}", "{{.Nothing}}")],
    *[(["info", "--format"], text, []) for text in ("{{.OSType}}", "{{len .Plugins.Network}}", "{{.Nothing}}")],
    *[(["history", "--format"], text, ["busybox"]) for text in ("{{.Size}}", "{{.Nothing}}")],
]


def settle(text):
    """Without what differs from run to run."""
    text = re.sub(r"[0-9a-f]{64}", "<ID>", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \w+", "<time>", text)
    return re.sub(r"(\d+|Less than a|About a) (second|minute|hour)s? ago|Less than a second ago", "<ago>", text)


@pytest.fixture(scope="module")
def recorded():
    if RECORD:
        os.makedirs(os.path.dirname(DATA), exist_ok=True)
        answers = []
        yield answers
        with open(DATA, "w") as file:
            json.dump(answers, file, indent=1, ensure_ascii=False)
            file.write("\n")
    else:
        with open(DATA) as file:
            yield json.load(file)


@pytest.fixture
def subject(daemon):
    made = daemon.berth("create", "--name", C, "--hostname", "myhost", "--label", "com.example.my-app=blog", "--label", "tier=web", "-e", "A=b",
                        "-p", "8081:80", "-v", "kept:/data", "busybox", "sh", "-c", "sleep 1000")
    assert made.returncode == 0, made.stderr
    daemon.berth("volume", "create", "--label", "a=b", "labelled")
    yield daemon
    daemon.berth("rm", "-f", C)
    daemon.berth("volume", "rm", "kept", "labelled")


def answer(result):
    return {"stdout": settle(result.stdout), "stderr": settle(result.stderr), "code": result.returncode}


def test_templates_give_what_the_stock_client_gives(subject, recorded):
    wrong = []
    stock = shutil.which("docker")
    table = {(tuple(row["command"]), row["template"]): row["answer"] for row in recorded}
    for command, template, rest in CASES:
        ours = answer(subject.berth(*command, template, *rest))
        if RECORD:
            theirs = answer(subject.docker(*command, template, *rest))
            recorded.append({"command": command, "template": template, "arguments": rest, "answer": theirs})
        else:
            theirs = table[tuple(command), template]
        if ours != theirs:
            wrong.append(f"{' '.join(command)} {template!r}\n   ours: {ours}\n  stock: {theirs}")
    assert len(CASES) >= 80
    if stock and not RECORD:
        for command, template, rest in CASES[::9]:  # the record is what this client really says
            assert answer(subject.docker(*command, template, *rest)) == table[tuple(command), template]
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong)
