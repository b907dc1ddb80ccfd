"""Layered container images written from scratch: the same inputs give the same bytes.

The archive holds an OCI image layout and the manifest.json of `docker save`, over the same
blobs, so `docker load`, `berth load` and OCI tools all read it.
"""

import hashlib
import io
import json
import os
import tarfile

# One fixed time in every entry, since the time of the build would change every digest.
EPOCH = 1735689600
CREATED = "2025-01-01T00:00:00Z"


class Layer:
    """A tree of files by path; entries are owned by root unless told otherwise."""

    def __init__(self, comment):
        self.comment = comment
        self._entries = {}

    def _add(self, path, kind, mode, uid=0, gid=0, data=b"", target=""):
        path = path.strip("/")
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
        info.mtime, info.linkname, info.size = EPOCH, target, len(data)
        self._entries[path] = (info, data)

    def directory(self, path, mode=0o755, uid=0, gid=0):
        self._add(path, tarfile.DIRTYPE, mode, uid, gid)

    def file(self, path, data, mode=0o644, uid=0, gid=0):
        if isinstance(data, str):
            data = data.encode()
        self._add(path, tarfile.REGTYPE, mode, uid, gid, data)

    def symlink(self, path, target):
        self._add(path, tarfile.SYMTYPE, 0o777, target=target)

    def hardlink(self, path, target):
        """Another name of a file that the layer has; it has the file's owner and mode, as every tar has it."""
        target = target.strip("/")
        info = self._entries[target][0]
        self._add(path, tarfile.LNKTYPE, info.mode, info.uid, info.gid, target=target)

    def __contains__(self, path):
        return path.strip("/") in self._entries

    def data(self, path):
        return self._entries[path.strip("/")][1]

    def tar(self):
        """The layer as an uncompressed tar, parents before children, sorted by path."""
        entries = dict(self._entries)
        for path in list(entries):
            parent = os.path.dirname(path)
            while parent and parent not in entries:
                info = tarfile.TarInfo(parent)
                info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, EPOCH
                entries[parent] = (info, b"")
                parent = os.path.dirname(parent)
        # A hard link has to come after the file that it names.
        order = sorted(entries, key=lambda path: (entries[path][0].islnk(), path))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in order:
                info, data = entries[path]
                tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
        return out.getvalue()


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def _compact(document):
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def write_image(path, reference, architecture, layers, config):
    """Writes the archive; `config` is the image's run configuration (Cmd, Env, ...). Returns the id."""
    blobs = {}

    def blob(data):
        blobs[_digest(data)] = data
        return _digest(data)

    tars = [layer.tar() for layer in layers]
    image_config = _compact({
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(tar)}" for tar in tars]},
        "history": [{"created": CREATED, "created_by": layer.comment} for layer in layers],
    })
    config_digest = blob(image_config)
    layer_digests = [blob(tar) for tar in tars]
    manifest = _compact({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{config_digest}",
            "size": len(image_config),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": f"sha256:{digest}",
            "size": len(blobs[digest]),
        } for digest in layer_digests],
    })
    manifest_digest = blob(manifest)
    name, tag = reference.rsplit(":", 1)
    index = _compact({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": f"sha256:{manifest_digest}",
            "size": len(manifest),
            "annotations": {
                "io.containerd.image.name": f"docker.io/library/{name}:{tag}",
                "org.opencontainers.image.ref.name": tag,
            },
        }],
    })
    docker_manifest = _compact([{
        "Config": f"blobs/sha256/{config_digest}",
        "RepoTags": [reference],
        "Layers": [f"blobs/sha256/{digest}" for digest in layer_digests],
    }])

    archive = Layer("")
    for digest, data in blobs.items():
        archive.file(f"blobs/sha256/{digest}", data)
    archive.file("index.json", index)
    archive.file("manifest.json", docker_manifest)
    archive.file("oci-layout", _compact({"imageLayoutVersion": "1.0.0"}))
    # Written aside and renamed, so that a reader never meets half an archive.
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as out:
        out.write(archive.tar())
    os.replace(temporary, path)
    return f"sha256:{config_digest}"
