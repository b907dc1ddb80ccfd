"""User-defined networks: made, listed, used by containers, kept over the daemon's end, and removed."""

import json
import subprocess
import urllib.parse

import pytest

from harness.wait import eventually

WEB = ["sh", "-c", "mkdir /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www"]


@pytest.fixture
def network(daemon):
    """Makes networks, and removes them when the test's containers are gone."""
    yield from networks_of(daemon)


def networks_of(daemon):
    def make(name, expect=201, **config):
        response = daemon.api.post("/networks/create", {"Name": name, **config}, expect=expect)
        return response.json().get("Id", response.json().get("message"))

    yield make
    for container in daemon.containers():
        daemon.remove(container["Id"])
    daemon.api.post("/networks/prune", expect=200)
    assert names(daemon) == ["bridge", "host", "none"]


def names(daemon, **filters):
    query = "?filters=" + urllib.parse.quote(json.dumps(filters)) if filters else ""
    return sorted(network["Name"] for network in daemon.api.get("/networks" + query).json())


def show(daemon, name):
    return daemon.api.get(f"/networks/{name}").json()


def on(name, **settings):
    """What `create` takes to put a container on a network."""
    return {"host": {"NetworkMode": name}, "NetworkingConfig": {"EndpointsConfig": {name: settings}}}


def sleeper(daemon, name, host=None, **settings):
    config = on(name, **settings)
    config["host"].update(host or {})
    return daemon.run(command=["sleep", "1000"], **config)


def place(daemon, container, name):
    return daemon.inspect(container)["NetworkSettings"]["Networks"][name]


def fetch(daemon, container, url):
    """The page as the container's network shows it; None when it does not get there."""
    pid = str(daemon.outer_pid(container))
    done = subprocess.run(["nsenter", "-t", pid, "--net", "curl", "--silent", "--fail", "--max-time", "2", url],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def test_the_built_in_networks_are_listed(daemon):
    assert names(daemon) == ["bridge", "host", "none"]
    bridge = show(daemon, "bridge")
    assert bridge["Driver"] == "bridge" and bridge["Scope"] == "local"
    assert bridge["IPAM"]["Config"] == [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]
    assert bridge["Options"]["com.docker.network.bridge.name"] == "docker0"
    assert show(daemon, "none")["Driver"] == "null"
    container = daemon.run(command=["sleep", "1000"])
    assert show(daemon, "bridge")["Containers"][container]["IPv4Address"] == "172.17.0.2/16"


@pytest.mark.parametrize("name", ["bridge", "host", "none"])
def test_the_built_in_networks_stay(daemon, name):
    response = daemon.api.delete(f"/networks/{name}", expect=403)
    assert response.message == f"{name} is a pre-defined network and cannot be removed"
    response = daemon.api.post("/networks/create", {"Name": name}, expect=403)
    assert response.message == f"operation is not permitted on predefined {name} network"


def test_a_network_has_a_bridge_and_a_subnet(daemon, network):
    made = network("one", Labels={"a": "b"})
    shown = show(daemon, "one")
    assert shown["Id"] == made and shown["Driver"] == "bridge" and shown["Labels"] == {"a": "b"}
    assert shown["IPAM"]["Config"] == [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]
    links = json.loads(daemon.host.run("ip", "-json", "address", "show", f"br-{made[:12]}").stdout)
    assert [(a["local"], a["prefixlen"]) for a in links[0]["addr_info"] if a["family"] == "inet"] == [("172.18.0.1", 16)]
    network("two")
    assert show(daemon, "two")["IPAM"]["Config"][0]["Subnet"] == "172.19.0.0/16"
    daemon.api.delete("/networks/one", expect=204)
    assert f"br-{made[:12]}" not in daemon.host.interfaces()
    network("three")
    assert show(daemon, "three")["IPAM"]["Config"][0]["Subnet"] == "172.18.0.0/16"


def test_networks_are_found_by_name_id_and_beginning(daemon, network):
    made = network("findme")
    for reference in ("findme", made, made[:8]):
        assert show(daemon, reference)["Id"] == made
    response = daemon.api.get("/networks/other", expect=404)
    assert response.message == "network other not found"
    assert daemon.api.delete("/networks/other", expect=404).message == "network other not found"
    response = daemon.api.post("/networks/create", {"Name": "findme"}, expect=409)
    assert response.message == "network with name findme already exists"


def test_the_list_is_filtered(daemon, network):
    made = network("red-one", Labels={"colour": "red"})
    network("blue-two", Labels={"colour": "blue"})
    sleeper(daemon, "red-one")
    assert names(daemon, name=["red"]) == ["red-one"]
    assert names(daemon, id=[made[:10]]) == ["red-one"]
    assert names(daemon, label=["colour=blue"]) == ["blue-two"]
    assert names(daemon, type=["custom"]) == ["blue-two", "red-one"]
    assert names(daemon, type=["builtin"]) == ["bridge", "host", "none"]
    assert names(daemon, driver=["null"]) == ["none"]
    assert names(daemon, dangling=["true"]) == ["blue-two"]
    assert names(daemon, dangling=["false"]) == ["red-one"]
    assert names(daemon, scope=["swarm"]) == []
    assert daemon.api.get('/networks?filters={"x":["y"]}', expect=400).message == "invalid filter 'x'"
    assert daemon.api.get('/networks?filters={"type":["y"]}', expect=400).message == "invalid filter: 'type'='y'"


def test_a_container_has_its_address_there(daemon, network):
    made = network("lan", IPAM={"Config": [{"Subnet": "10.77.0.0/24", "IPRange": "10.77.0.128/25",
                                            "Gateway": "10.77.0.254", "AuxiliaryAddresses": {"printer": "10.77.0.128"}}]})
    first = sleeper(daemon, "lan", Aliases=["db"])
    settings = place(daemon, first, "lan")
    assert settings["IPAddress"] == "10.77.0.129" and settings["IPPrefixLen"] == 24
    assert settings["Gateway"] == "10.77.0.254" and settings["NetworkID"] == made
    assert settings["Aliases"] == ["db"]
    name = daemon.inspect(first)["Name"][1:]
    assert settings["DNSNames"] == [name, "db", first[:12]]
    assert "default via 10.77.0.254" in daemon.inside(first, "ip", "route")
    assert show(daemon, "lan")["Containers"][first] == {
        "Name": name, "EndpointID": settings["EndpointID"], "MacAddress": settings["MacAddress"],
        "IPv4Address": "10.77.0.129/24", "IPv6Address": ""}
    hosts = daemon.run(command=["cat", "/etc/hosts"], Hostname="somebody", **on("lan"))
    daemon.wait(hosts)
    assert "10.77.0.130\tsomebody\n" in daemon.output(hosts)
    # The address is free again.
    third = sleeper(daemon, "lan")
    assert place(daemon, third, "lan")["IPAddress"] == "10.77.0.130"


def test_a_certain_address(daemon, network):
    network("lan", IPAM={"Config": [{"Subnet": "10.77.0.0/24"}]})
    first = sleeper(daemon, "lan", IPAMConfig={"IPv4Address": "10.77.0.99"}, MacAddress="02:00:00:00:00:09")
    settings = place(daemon, first, "lan")
    assert settings["IPAddress"] == "10.77.0.99" and settings["MacAddress"] == "02:00:00:00:00:09"
    assert settings["IPAMConfig"] == {"IPv4Address": "10.77.0.99"}
    assert "02:00:00:00:00:09" in daemon.inside(first, "ip", "link", "show", "eth0")
    second = daemon.create(command=["true"], **on("lan", IPAMConfig={"IPv4Address": "10.77.0.99"}))
    assert "address 10.77.0.99 is already in use" in daemon.api.post(f"/containers/{second}/start").message
    body = {"Image": "busybox", "HostConfig": {"NetworkMode": "lan"},
            "NetworkingConfig": {"EndpointsConfig": {"lan": {"IPAMConfig": {"IPv4Address": "10.78.0.1"}}}}}
    response = daemon.api.post("/containers/create", body, expect=400)
    assert response.message == ("invalid config for network lan: invalid endpoint settings:\n"
                                "no configured subnet contains IP address 10.78.0.1")
    network("auto")
    body = {"Image": "busybox", "HostConfig": {"NetworkMode": "auto"},
            "NetworkingConfig": {"EndpointsConfig": {"auto": {"IPAMConfig": {"IPv4Address": "172.18.0.9"}}}}}
    response = daemon.api.post("/containers/create", body, expect=400)
    assert "supported only when connecting to networks with user configured subnets" in response.message


def test_a_network_in_use_stays(daemon, network):
    network("busy")
    container = sleeper(daemon, "busy")
    name = daemon.inspect(container)["Name"][1:]
    response = daemon.api.delete("/networks/busy", expect=403)
    assert response.message == ("error while removing network: network busy has active endpoints "
                                f'(name:"{name}" id:"{container[:12]}")')
    assert daemon.api.post("/networks/prune", expect=200).json() == {"NetworksDeleted": None}
    daemon.remove(container)
    daemon.api.delete("/networks/busy", expect=204)


def test_a_container_of_a_network_that_is_not_there(daemon):
    container = daemon.create(command=["true"], **on("nowhere"))
    response = daemon.api.post(f"/containers/{container}/start", expect=404)
    assert response.message == "network nowhere not found"


def test_published_ports_work_and_networks_are_apart(daemon, network, outside):
    network("one")
    network("two")
    web = daemon.run(command=WEB, Hostname="web", host={"NetworkMode": "one", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}})
    address = place(daemon, web, "one")["IPAddress"]
    neighbour, stranger, old = sleeper(daemon, "one"), sleeper(daemon, "two"), daemon.run(command=["sleep", "1000"])
    assert eventually(lambda: daemon.curl("--fail", "http://198.51.100.1:8080/", host=outside, check=False).stdout.strip()) == "web"
    assert daemon.curl("--fail", "http://127.0.0.1:8080/").stdout.strip() == "web"
    assert fetch(daemon, neighbour, f"http://{address}/") == "web"
    assert fetch(daemon, stranger, f"http://{address}/") is None
    assert fetch(daemon, old, f"http://{address}/") is None
    # By the published port everybody gets in.
    assert fetch(daemon, stranger, "http://198.51.100.1:8080/") == "web"
    assert fetch(daemon, old, "http://198.51.100.1:8080/") == "web"


def test_an_internal_network_leads_nowhere(daemon, network, outside):
    network("inner", Internal=True)
    web = daemon.run(command=WEB, Hostname="web", host={"NetworkMode": "inner"})
    client = sleeper(daemon, "inner", host={"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}})
    assert daemon.inside(client, "ip", "route").split("\n")[0].startswith("172.18.0.0/16")
    assert eventually(lambda: fetch(daemon, client, f"http://{place(daemon, web, 'inner')['IPAddress']}/")) == "web"
    assert daemon.inspect(client)["NetworkSettings"]["Ports"] == {"80/tcp": None}
    assert place(daemon, client, "inner")["Gateway"] == ""


def test_containers_that_may_not_talk(daemon, network):
    network("quiet", Options={"com.docker.network.bridge.enable_icc": "false"})
    web = daemon.run(command=WEB, host={"NetworkMode": "quiet"})
    client = sleeper(daemon, "quiet")
    url = f"http://{place(daemon, web, 'quiet')['IPAddress']}/"
    assert eventually(lambda: daemon.curl("--fail", url, check=False).returncode == 0)
    assert fetch(daemon, client, url) is None


def test_options_of_the_bridge(daemon, network):
    network("opts", Options={"com.docker.network.bridge.name": "mybridge0", "com.docker.network.driver.mtu": "1400",
                             "com.docker.network.bridge.enable_ip_masquerade": "false",
                             "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"})
    assert "mybridge0" in daemon.host.interfaces()
    container = sleeper(daemon, "opts", host={"PortBindings": {"80/tcp": [{"HostPort": "8081"}]}})
    assert "mtu 1400" in daemon.inside(container, "ip", "link", "show", "eth0")
    assert not [rule for rule in daemon.host.rules() if "! -o mybridge0 -j MASQUERADE" in rule]
    ports = daemon.inspect(container)["NetworkSettings"]["Ports"]
    assert ports == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}
    message = network("other", expect=403, Options={"com.docker.network.bridge.name": "mybridge0"})
    assert message.endswith("networks have same bridge name")


@pytest.mark.parametrize("config, status, message", [
    ({"Name": ""}, 400, "invalid network name: name is empty"),
    ({"Name": "n", "Driver": "weave"}, 404, "could not find plugin weave in v1 plugin registry: plugin not found"),
    ({"Name": "n", "Driver": "host"}, 403, 'only one instance of "host" network is allowed'),
    ({"Name": "n", "Driver": "overlay"}, 403, "cannot create an overlay network: there is no swarm mode on this engine"),
    ({"Name": "n", "Ingress": True}, 501, "ingress networks need swarm mode, which is not supported"),
    ({"Name": "n", "ConfigOnly": True}, 501, "config-only networks are not supported"),
    ({"Name": "n", "Options": {"com.docker.network.bridge.enable_icc": "maybe"}}, 400,
     "failed to parse com.docker.network.bridge.enable_icc value: maybe: want true or false"),
    ({"Name": "n", "Options": {"com.docker.network.bridge.other": "1"}}, 501,
     "the network option com.docker.network.bridge.other is not supported"),
    ({"Name": "n", "IPAM": {"Config": [{"Subnet": "10.9.0.0/33"}]}}, 400,
     "invalid network config:\ninvalid subnet 10.9.0.0/33: invalid CIDR block notation"),
    ({"Name": "n", "IPAM": {"Config": [{"Subnet": "10.9.0.5/24"}]}}, 400,
     "invalid network config:\ninvalid subnet 10.9.0.5/24: it should be 10.9.0.0/24"),
    ({"Name": "n", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24", "IPRange": "10.8.0.0/25"}]}}, 400,
     "invalid network config:\ninvalid ip-range 10.8.0.0/25: parent subnet 10.9.0.0/24 doesn't contain ip-range"),
    ({"Name": "n", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.8.0.1"}]}}, 400,
     "invalid network config:\ninvalid gateway 10.8.0.1: parent subnet 10.9.0.0/24 doesn't contain this address"),
    ({"Name": "n", "IPAM": {"Config": [{"Subnet": "172.17.3.0/24"}]}}, 403,
     "invalid pool request: Pool overlaps with other one on this address space"),
])
def test_what_is_refused(daemon, config, status, message):
    response = daemon.api.post("/networks/create", config, expect=status)
    assert response.message == message
    assert names(daemon) == ["bridge", "host", "none"]


def test_prune(daemon, network):
    network("keep", Labels={"keep": "yes"})
    network("drop")
    answer = daemon.api.post('/networks/prune?filters={"label!":["keep"]}', expect=200).json()
    assert answer == {"NetworksDeleted": ["drop"]}
    assert "keep" in names(daemon)


def test_events(daemon, network):
    since = daemon.api.get("/info").json()["SystemTime"]
    made = network("told")
    container = sleeper(daemon, "told")
    daemon.remove(container)
    daemon.api.delete("/networks/told", expect=204)
    until = daemon.api.get("/info").json()["SystemTime"]
    seen = daemon.api.get(f'/events?since={since}&until={until}&filters={{"type":["network"]}}').lines()
    assert [(event["Action"], event["Actor"]["Attributes"]["name"]) for event in seen] == [
        (action, "told") for action in ("create", "connect", "disconnect", "destroy")]
    assert all(event["Actor"]["ID"] == made and event["Actor"]["Attributes"]["type"] == "bridge" for event in seen)
    assert seen[1]["Actor"]["Attributes"]["container"] == container


@pytest.mark.parametrize("kill", [False, True])
def test_networks_outlive_the_daemon(daemon, network, kill):
    made = network("lasting", IPAM={"Config": [{"Subnet": "10.66.0.0/24"}]}, Labels={"a": "b"})
    web = daemon.run(command=WEB, Hostname="web", host={"NetworkMode": "lasting", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}})
    before = show(daemon, "lasting")
    daemon.restart(kill=kill)
    assert show(daemon, "lasting") == before and before["Id"] == made
    assert eventually(lambda: daemon.curl("--fail", "http://127.0.0.1:8080/", check=False).stdout.strip()) == "web"
    assert place(daemon, sleeper(daemon, "lasting"), "lasting")["IPAddress"] == "10.66.0.3"
    daemon.stop()
    daemon.host.run("ip", "link", "delete", f"br-{made[:12]}")
    daemon.start()
    assert f"br-{made[:12]}" in daemon.host.interfaces()
    daemon.remove(web)


def test_pools_of_the_configuration(make_daemon):
    daemon = make_daemon(config=json.dumps({"default-address-pools": [{"base": "10.20.0.0/16", "size": 17}]}))
    assert show(daemon, "bridge")["IPAM"]["Config"][0]["Subnet"] == "10.20.0.0/17"
    daemon.api.post("/networks/create", {"Name": "one"}, expect=201)
    assert show(daemon, "one")["IPAM"]["Config"] == [{"Subnet": "10.20.128.0/17", "Gateway": "10.20.128.1"}]
    response = daemon.api.post("/networks/create", {"Name": "two"}, expect=400)
    assert response.message == "all predefined address pools have been fully subnetted"


def test_a_renamed_container_has_its_new_name(daemon, network):
    network("lan")
    container = sleeper(daemon, "lan")
    daemon.api.post(f"/containers/{container}/rename?name=fresh", expect=204)
    assert place(daemon, container, "lan")["DNSNames"][0] == "fresh"
    assert show(daemon, "lan")["Containers"][container]["Name"] == "fresh"
