"""Images for the tests, made by the project's own scripts once a run."""

import functools
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
CACHE = os.path.join(ROOT, "build/cache/images")

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from image_tools import archive  # noqa: E402,F401  (tests make images of their own with it)


@functools.cache
def made(name):
    """The archive of `busybox` or `nginx`; made anew each run, since its script may have changed."""
    os.makedirs(CACHE, exist_ok=True)
    path = os.path.join(CACHE, f"{name}.tar")
    subprocess.run([os.path.join(ROOT, f"scripts/make-{name}-image"), "-o", path], check=True,
                   stdout=subprocess.DEVNULL)
    return path


def extended(path, reference, layers, config):
    """An image of just these layers, under the name, at the path."""
    archive.write_image(path, reference, "amd64", layers, config)
    return path
