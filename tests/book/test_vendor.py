"""Vendored files: only what the lock names, only with its checksum, and a clear word where they cannot be had."""

import json
import re
import subprocess

import pytest

from book import vendor


def test_every_file_of_the_lock_is_there_and_verified():
    for package, entry in vendor.read_lock().items():
        assert set(vendor.files(package)) == set(entry["files"])
        assert all(re.fullmatch(r"[0-9a-f]{64}", checksum) for checksum in entry["files"].values())
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"]), f"{package} must be pinned to one version"


@pytest.fixture
def lock(tmp_path):
    """A lock with one package, whose one file is in the cache already."""
    home = vendor.folder("@some/thing", "1.0.0", tmp_path)
    home.mkdir(parents=True)
    (home / "a.js").write_text("good")
    entry = {"version": "1.0.0", "licence": "MIT", "files": {"a.js": vendor.sha256(home / "a.js")}}
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({"@some/thing": entry}))
    return path


def test_a_changed_file_is_refused(lock, tmp_path):
    assert vendor.files("@some/thing", lock, tmp_path)["a.js"].read_text() == "good"
    (vendor.folder("@some/thing", "1.0.0", tmp_path) / "a.js").write_text("evil")
    with pytest.raises(vendor.VendorError, match=r"@some/thing 1\.0\.0: a\.js has SHA-256 .* not used"):
        vendor.files("@some/thing", lock, tmp_path)


def test_a_package_with_a_wrong_file_leaves_nothing_behind(lock, tmp_path, monkeypatch):
    work = tmp_path / "archive"
    (work / "package").mkdir(parents=True)
    (work / "package" / "a.js").write_text("evil")
    subprocess.run(["tar", "-czf", tmp_path / "a.tgz", "-C", work, "package"], check=True)
    monkeypatch.setattr(vendor, "npm_pack", lambda *_: tmp_path / "a.tgz")
    cache = tmp_path / "empty"
    with pytest.raises(vendor.VendorError, match="SHA-256"):
        vendor.files("@some/thing", lock, cache)
    assert not list(cache.rglob("*.js"))


def test_without_npm_the_message_says_what_to_install(lock, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(vendor.VendorError, match=r"npm is needed once, to get @some/thing 1\.0\.0.*Install Node\.js"):
        vendor.files("@some/thing", lock, tmp_path / "empty")


def test_without_a_network_the_message_says_so(lock, tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error ENOTFOUND' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(vendor.VendorError, match=r"Is there a network\? npm said: npm error ENOTFOUND"):
        vendor.files("@some/thing", lock, tmp_path / "empty")


def test_a_name_that_the_archive_lacks_is_named(tmp_path):
    (tmp_path / "package").mkdir()
    subprocess.run(["tar", "-czf", tmp_path / "a.tgz", "-C", tmp_path, "package"], check=True)
    with pytest.raises(vendor.VendorError, match=r"does not hold b\.js"):
        vendor.unpack(tmp_path / "a.tgz", ["b.js"], tmp_path / "out")
