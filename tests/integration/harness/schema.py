"""Holds an answer of the API against the reference: its fields are there, and of the right types."""

import functools
import json
import os

import jsonschema

from .images import ROOT

SPEC_SCHEMAS = os.path.join(ROOT, "tests/support/reference/oci-runtime")
REFERENCE = os.path.join(ROOT, "tests/support/reference/api-v1.50.json")
_TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list}

# Fields that an answer need not have: they say something only of what is absent here, or stand
# for an empty value. Everything else in the reference has to be there.
OMITTED = {
    "SystemVersion": {"Experimental"},
    "Volume": {"ClusterVolume", "Status", "UsageData"},
    "SystemInfo": {"CDISpecDirs", "Containerd", "ContainerdCommit", "DefaultAddressPools", "DiscoveredDevices",
                   "FirewallBackend", "GenericResources", "InitBinary", "InitCommit", "Isolation",
                   "KernelMemoryTCP", "ProductLicense", "RuncCommit"},
    "ContainerInspectResponse": {"ImageManifestDescriptor", "SizeRootFs", "SizeRw"},
    # Of Windows, of one version of control groups, or left out at zero.
    "ContainerCPUStats": {"online_cpus", "system_cpu_usage"},
    "ContainerCPUUsage": {"percpu_usage"},
    "ContainerMemoryStats": {"commitbytes", "commitpeakbytes", "failcnt", "max_usage", "privateworkingset"},
    "ContainerNetworkStats": {"endpoint_id", "instance_id"},
    "ContainerPidsStats": {"limit"},
    "ContainerStorageStats": {"read_count_normalized", "read_size_bytes", "write_count_normalized", "write_size_bytes"},
    "ContainerSummary.HostConfig": {"Annotations"},
    "ContainerSummary": {"ImageManifestDescriptor", "SizeRootFs", "SizeRw"},
    "ContainerState": {"Health"},
    "ContainerConfig": {"ArgsEscaped", "ExposedPorts", "Healthcheck", "MacAddress", "NetworkDisabled", "Shell",
                        "StopSignal", "StopTimeout"},
    "ContainerWaitResponse": {"Error"},
    "DriverData": {"Data"},
    "Resources": {"Init", "KernelMemoryTCP"},
    "HostConfig": {"Annotations", "Mounts", "StorageOpt", "Sysctls", "Tmpfs"},
    "ImageConfig": {"ArgsEscaped", "Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels", "OnBuild", "Shell",
                    "StopSignal", "User", "Volumes", "WorkingDir"},
    "ImageDeleteResponseItem": {"Deleted", "Untagged"},
    "ImageInspect": {"Descriptor", "Manifests", "OsVersion", "Variant"},
    "ImageSummary": {"Descriptor", "Manifests"},
    "MountPoint": {"Name", "Driver"},
    "Network": {"ConfigFrom", "Peers"},
    "PluginsInfo": {"Authorization"},
    "Port": {"IP", "PublicPort"},
    "Runtime": {"runtimeArgs", "status"},
    "SwarmInfo": {"Cluster", "RemoteManagers", "Managers", "Nodes"},
}

# Not marked as nullable in the reference, but null wherever they were not set.
NULLABLE = {"Resources": {"MemorySwappiness", "OomKillDisable"}}


@functools.cache
def reference():
    with open(REFERENCE) as file:
        return json.load(file)


def answer_schema(path, method="get", status=200):
    return reference()["paths"][path][method]["responses"][str(status)]


def problems(value, schema, where="answer", name=None):
    """What is wrong with a value, one line each; empty where it is as the reference has it."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        nullable = schema.get("nullable")
        schema = reference()["definitions"][name]
        if nullable and value is None:
            return []
    if "allOf" in schema:
        return [line for part in schema["allOf"] for line in problems(value, part, where, name)]
    kind = schema.get("type", "object" if "properties" in schema else None)
    # The reference's implementation writes null for an empty list or map, nullable or not.
    if value is None and (schema.get("nullable") or kind in ("array", "object")):
        return []
    expected = _TYPES.get(kind)
    if expected and (not isinstance(value, expected) or isinstance(value, bool) and kind in ("integer", "number")):
        return [f"{where}: {value!r} is not of type {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    found = []
    if kind == "array" and "items" in schema:
        for number, item in enumerate(value):
            found += problems(item, schema["items"], f"{where}[{number}]")
    if kind == "object":
        properties = schema.get("properties", {})
        for field, field_schema in properties.items():
            if field in value:
                if value[field] is not None or field not in NULLABLE.get(name, set()):
                    found += problems(value[field], field_schema, f"{where}.{field}", f"{name}.{field}")
            elif field not in OMITTED.get(name, set()):
                found.append(f"{where}: has no field {field} (of {name})")
        if "additionalProperties" in schema:
            for field in value.keys() - properties.keys():
                found += problems(value[field], schema["additionalProperties"], f"{where}.{field}")
    return found


def problems_of_spec(spec):
    """What is wrong with a config.json by the OCI runtime specification's own schema, one line each."""
    with open(os.path.join(SPEC_SCHEMAS, "config-schema.json")) as file:
        schema = json.load(file)
    resolver = jsonschema.RefResolver(f"file://{SPEC_SCHEMAS}/config-schema.json", schema)
    validator = jsonschema.Draft4Validator(schema, resolver=resolver)
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(spec)]
