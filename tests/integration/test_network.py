"""The bridge, published ports seen from everywhere, the other modes, and running out."""

import contextlib
import json
import os
import subprocess

import pytest

from harness.wait import eventually

WEB = ["sh", "-c", "mkdir /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www"]
HOST_ADDRESS = "198.51.100.1"


def published(*host_ports, container_port="80/tcp", address=""):
    return {"PortBindings": {container_port: [{"HostIp": address, "HostPort": port} for port in host_ports]}}


def web(daemon, host=None, **config):
    """A container that answers port 80 with its host name."""
    return daemon.run(command=WEB, host=host, **config)


def page(daemon, url, host=None):
    """The page, once it is there: the server inside may not have started listening yet."""
    return eventually(lambda: daemon.curl("--fail", url, host=host, check=False).stdout.strip(), 10, f"a page at {url}")


def endpoint(daemon, container):
    return daemon.inspect(container)["NetworkSettings"]["Networks"]["bridge"]


@contextlib.contextmanager
def udp_echo(daemon, container, port):
    """An echo server in the container's network (its image has no program that serves UDP)."""
    server = subprocess.Popen(["nsenter", "-t", str(daemon.outer_pid(container)), "--net", "socat",
                               f"UDP4-RECVFROM:{port},fork", "EXEC:cat"], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait(10)


def udp_answer(host, target):
    return eventually(lambda: host.run("socat", "-t1", "-", f"UDP4:{target}", input="hello", check=False).stdout, 10,
                      f"an answer from udp {target}")


def test_the_bridge_has_its_address(daemon):
    links = json.loads(daemon.host.run("ip", "-json", "address", "show", "docker0").stdout)
    addresses = [(a["local"], a["prefixlen"]) for a in links[0]["addr_info"] if a["family"] == "inet"]
    assert addresses == [("172.17.0.1", 16)]


def test_a_container_has_an_address_and_a_route(daemon):
    container = daemon.run(command=["sh", "-c", "ip -4 address show eth0; ip route; cat /sys/class/net/eth0/address"])
    assert daemon.wait(container) == 0, daemon.output(container)
    output = daemon.output(container)
    assert "inet 172.17.0.2/16" in output
    assert "default via 172.17.0.1" in output


def test_inspect_tells_the_endpoint(daemon):
    container = daemon.run(command=["sleep", "1000"])
    settings = endpoint(daemon, container)
    assert settings["IPAddress"] == "172.17.0.2" and settings["IPPrefixLen"] == 16
    assert settings["Gateway"] == "172.17.0.1"
    assert settings["MacAddress"] in daemon.inside(container, "ip", "link", "show", "eth0")


def test_containers_reach_each_other_and_the_host(daemon):
    server = web(daemon, Hostname="server")
    address = endpoint(daemon, server)["IPAddress"]
    assert page(daemon, f"http://{address}/") == "server"
    client = daemon.run(command=["wget", "-qO-", f"http://{address}/"])
    assert daemon.wait(client) == 0
    assert daemon.output(client) == "server\n"


def test_a_container_reaches_another_machine_under_the_hosts_address(daemon, outside):
    server = outside.start("socat", "TCP4-LISTEN:7777,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR",
                           stdin=subprocess.DEVNULL)
    try:
        container = daemon.run(command=["sh", "-c", "for i in $(seq 50); do nc 198.51.100.2 7777 && exit 0; "
                                                    "usleep 100000; done; exit 1"])
        assert daemon.wait(container) == 0, daemon.output(container)
        assert daemon.output(container).splitlines()[-1] == HOST_ADDRESS
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.parametrize("address", ["127.0.0.1", HOST_ADDRESS, "172.17.0.1"])
def test_a_published_port_from_the_host_itself(daemon, outside, address):
    web(daemon, published("8080"), Hostname="web")
    assert page(daemon, f"http://{address}:8080/") == "web"


def test_a_published_port_from_another_machine(daemon, outside):
    web(daemon, published("8080"), Hostname="web")
    assert page(daemon, f"http://{HOST_ADDRESS}:8080/", host=outside) == "web"


def test_a_published_port_from_another_container(daemon, outside):
    web(daemon, published("8080"), Hostname="web")
    page(daemon, "http://127.0.0.1:8080/")
    for address in ("172.17.0.1", HOST_ADDRESS):
        client = daemon.run(command=["timeout", "5", "wget", "-qO-", f"http://{address}:8080/"])
        assert daemon.wait(client) == 0, daemon.output(client)
        assert daemon.output(client) == "web\n"


def test_a_published_port_from_the_container_itself(daemon, outside):
    """Its packet comes back to the port that it left by, which a bridge does not do by itself."""
    script = WEB[2].replace("exec httpd -f", "httpd") + f"; timeout 5 wget -qO- http://{HOST_ADDRESS}:8080/"
    container = daemon.run(command=["sh", "-c", script], host=published("8080"), Hostname="self")
    assert daemon.wait(container) == 0, daemon.output(container)
    assert daemon.output(container) == "self\n"


def test_the_clients_address_is_kept(daemon, outside):
    """Over NAPT the server sees the machine that asks, not the host."""
    container = daemon.run(command=["httpd", "-f", "-vv", "-p", "80"], host=published("8080"))
    eventually(lambda: outside.run("curl", "-s", "-o", "/dev/null", f"http://{HOST_ADDRESS}:8080/", check=False).returncode == 0)
    eventually(lambda: "198.51.100.2" in daemon.output(container))


def test_published_udp(daemon, outside):
    container = daemon.run(command=["sleep", "1000"], host=published("5353", container_port="53/udp"))
    with udp_echo(daemon, container, 53):
        for host, address in ((daemon.host, "127.0.0.1"), (daemon.host, HOST_ADDRESS), (outside, HOST_ADDRESS)):
            assert udp_answer(host, f"{address}:5353") == "hello"


def test_tcp_and_udp_may_have_the_same_number(daemon):
    both = {"PortBindings": {"80/tcp": [{"HostPort": "8080"}], "53/udp": [{"HostPort": "8080"}]}}
    container = web(daemon, both, Hostname="both")
    assert page(daemon, "http://127.0.0.1:8080/") == "both"
    with udp_echo(daemon, container, 53):
        assert udp_answer(daemon.host, "127.0.0.1:8080") == "hello"


def test_an_ephemeral_port_is_told_by_inspect(daemon):
    container = web(daemon, published(""), Hostname="any")
    bindings = daemon.inspect(container)["NetworkSettings"]["Ports"]["80/tcp"]
    port = int(bindings[0]["HostPort"])
    assert port >= 1024
    assert page(daemon, f"http://127.0.0.1:{port}/") == "any"
    assert daemon.docker("port", container, "80/tcp").stdout.splitlines()[0] == f"0.0.0.0:{port}"


def test_publish_all_takes_the_exposed_ports(daemon):
    container = web(daemon, {"PublishAllPorts": True}, Hostname="all", ExposedPorts={"80/tcp": {}})
    port = daemon.inspect(container)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
    assert page(daemon, f"http://127.0.0.1:{port}/") == "all"


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_a_range_of_ports(daemon, client):
    result = getattr(daemon, client)("run", "-d", "--hostname", "range", "-p", "9000-9002:80-82", "busybox", *WEB)
    assert result.returncode == 0, result.stderr
    ports = daemon.inspect(result.stdout.strip())["NetworkSettings"]["Ports"]
    assert {name: bindings[0]["HostPort"] for name, bindings in ports.items()} == {
        "80/tcp": "9000", "81/tcp": "9001", "82/tcp": "9002"}
    assert page(daemon, "http://127.0.0.1:9000/") == "range"


@pytest.mark.parametrize("client", ["berth", "docker"])
def test_one_free_port_of_a_range(daemon, client):
    run = getattr(daemon, client)
    taken = [run("run", "-d", "-p", "9100-9101:80", "busybox", *WEB).stdout.strip() for _ in range(2)]
    assert sorted(daemon.inspect(c)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] for c in taken) == ["9100", "9101"]
    result = run("run", "-d", "-p", "9100-9101:80", "busybox", *WEB)
    assert result.returncode == 125 and "port" in result.stderr


def test_only_on_the_address_asked_for(daemon, outside):
    web(daemon, published("8080", address="127.0.0.1"), Hostname="local")
    assert page(daemon, "http://127.0.0.1:8080/") == "local"
    assert daemon.curl("--max-time", "2", f"http://{HOST_ADDRESS}:8080/", check=False).returncode != 0
    assert daemon.curl("--max-time", "2", f"http://{HOST_ADDRESS}:8080/", host=outside, check=False).returncode != 0


def test_a_port_published_on_loopback_is_not_for_neighbours(daemon, outside):
    """Another machine may route 127.0.0.1, or the container's own address, to us: neither gets in."""
    web(daemon, published("8080", address="127.0.0.1"), Hostname="local")
    page(daemon, "http://127.0.0.1:8080/")
    address = "172.17.0.2"
    outside.run("ip", "route", "add", "172.17.0.0/16", "via", HOST_ADDRESS)
    try:
        result = daemon.curl("--max-time", "2", f"http://{address}:80/", host=outside, check=False)
    finally:
        outside.run("ip", "route", "delete", "172.17.0.0/16")
    assert result.returncode != 0, "an unpublished way into the container is open to the neighbours"


def test_a_port_in_use_by_a_container(daemon):
    web(daemon, published("8080"))
    second = daemon.create(command=WEB, host=published("8080"))
    response = daemon.api.post(f"/containers/{second}/start")
    assert response.status in (409, 500)
    assert "8080" in response.message and "already allocated" in response.message
    assert daemon.state(second)["Status"] == "created"
    assert endpoint(daemon, second)["IPAddress"] == ""


def test_a_port_in_use_by_another_program(daemon):
    listener = daemon.host.start("socat", "TCP4-LISTEN:8080,reuseaddr", "STDOUT", stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: ":8080" in daemon.host.run("ss", "-Hltn").stdout)
        container = daemon.create(command=WEB, host=published("8080"))
        response = daemon.api.post(f"/containers/{container}/start")
        assert 400 <= response.status <= 500 and "8080" in response.message and "in use" in response.message
    finally:
        listener.terminate()
        listener.wait(10)
    # And as soon as it is free the same container starts.
    daemon.api.post(f"/containers/{container}/start", expect=204)


def test_a_port_is_free_again_after_the_end(daemon):
    for _ in range(3):
        container = web(daemon, published("8080"), Hostname="again")
        assert page(daemon, "http://127.0.0.1:8080/") == "again"
        daemon.remove(container)


def test_no_network(daemon):
    container = daemon.run(command=["ip", "-o", "link"], host={"NetworkMode": "none"})
    assert daemon.wait(container) == 0
    names = [line.split(":")[1].strip() for line in daemon.output(container).splitlines()]
    assert names == ["lo"]
    assert "UP" in daemon.output(container)


def test_the_hosts_network(daemon):
    container = daemon.run(command=["ip", "-o", "link"], host={"NetworkMode": "host"})
    assert daemon.wait(container) == 0
    assert "docker0" in daemon.output(container)


def test_another_containers_network(daemon):
    first = web(daemon, Hostname="first")
    address = endpoint(daemon, first)["IPAddress"]
    page(daemon, f"http://{address}/")
    second = daemon.run(command=["sh", "-c", "hostname; wget -qO- http://127.0.0.1/; ip -4 -o address show eth0"],
                        host={"NetworkMode": f"container:{first}"})
    assert daemon.wait(second) == 0, daemon.output(second)
    lines = daemon.output(second).splitlines()
    assert lines[:2] == ["first", "first"] and address in lines[2]


def test_the_network_of_a_container_that_does_not_run(daemon):
    first = daemon.create(command=["true"])
    second = daemon.create(command=["true"], host={"NetworkMode": f"container:{first}"})
    response = daemon.api.post(f"/containers/{second}/start")
    assert 400 <= response.status < 500 and "running" in response.message


def test_an_address_comes_back_to_the_pool(daemon):
    first = daemon.run(command=["sleep", "1000"])
    address = endpoint(daemon, first)["IPAddress"]
    daemon.remove(first)
    assert endpoint(daemon, daemon.run(command=["sleep", "1000"]))["IPAddress"] == address


def test_the_pool_runs_out_clearly(make_daemon):
    # Of the /29's six hosts one is the bridge.
    daemon = make_daemon("--bip", "192.0.2.1/29")
    running = [daemon.run(command=["sleep", "1000"]) for _ in range(5)]
    one_more = daemon.create(command=["sleep", "1000"])
    response = daemon.api.post(f"/containers/{one_more}/start")
    assert 400 <= response.status <= 503
    assert "address" in response.message
    assert daemon.state(one_more)["Status"] == "created"
    daemon.remove(running[2])
    daemon.api.post(f"/containers/{one_more}/start", expect=204)


def test_many_at_once_get_addresses_of_their_own(daemon):
    ids = [daemon.create(command=["sleep", "1000"]) for _ in range(12)]
    clients = [daemon.start_client("docker", "start", container, stdout=subprocess.DEVNULL) for container in ids]
    assert [client.wait(60) for client in clients] == [0] * len(ids)
    addresses = {endpoint(daemon, container)["IPAddress"] for container in ids}
    assert len(addresses) == len(ids)


def test_no_rules_for_what_is_not_published(daemon):
    before = daemon.host.rules()
    daemon.run(command=["sleep", "1000"])
    assert daemon.host.rules() == before


def test_a_hosts_own_bridge_settings(make_daemon):
    daemon = make_daemon("--bip", "192.0.2.65/26", "--fixed-cidr", "192.0.2.96/29")
    addresses = [endpoint(daemon, daemon.run(command=["sleep", "1000"]))["IPAddress"] for _ in range(3)]
    assert all(96 <= int(address.rsplit(".", 1)[1]) < 104 for address in addresses)


def test_an_unknown_network_is_told_at_the_start(daemon):
    """Not at create: a client that is told "not found" there pulls the image."""
    container = daemon.create(host={"NetworkMode": "nowhere"})
    answer = daemon.api.post(f"/containers/{container}/start")
    assert answer.status == 404 and "network nowhere not found" in answer.message
    assert "network nowhere not found" in daemon.state(container)["Error"]
    daemon.remove(container)


def test_a_host_without_a_hosts_file_runs_containers_on_its_network(make_daemon):
    daemon = make_daemon(start=False)
    etc = os.path.join(daemon.folder, "etc")
    daemon.host.run("cp", "-a", "/etc", etc)
    os.unlink(os.path.join(etc, "hosts"))
    daemon.host.run("mount", "--bind", etc, "/etc")
    daemon.start().load("busybox")
    container = daemon.run(command=["cat", "/etc/hosts"], host={"NetworkMode": "host"})
    assert daemon.wait(container) == 0
    assert "127.0.0.1" in daemon.output(container)
