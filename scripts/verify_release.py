"""Check a release: `python3 scripts/verify_release.py FOLDER --signers FILE`.

FILE is an allowed_signers file of OpenSSH, got from elsewhere than the release. Checked are the signature of
SHA256SUMS, the hash of every file (none may be missing, none too many), and that the parts list names exactly what
requirements/base.txt locks, with its hashes and a licence each. Ends with 1 and names what is wrong. Needs Python and
ssh-keygen, no packages.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

from locks import read_lock

NAMESPACE = "steelyard-release"
SUMS = "SHA256SUMS"
SIGNATURE = f"{SUMS}.sig"


class NotGenuineError(Exception):
    """A release is not what was signed."""


def check_signature(folder: Path, signers: Path, identity: str) -> None:
    """Raise NotGenuineError where nobody that `signers` names as `identity` has signed the hashes."""
    if missing := [name for name in (SUMS, SIGNATURE) if not (folder / name).is_file()]:
        raise NotGenuineError(f"{folder} has no {' and no '.join(missing)}.")
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", identity]
    with (folder / SUMS).open("rb") as sums:
        done = subprocess.run(
            [*verify, "-n", NAMESPACE, "-s", str(folder / SIGNATURE)],
            stdin=sums,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise NotGenuineError(f"The signature of {SUMS} does not hold: {said}")


def check_files(folder: Path) -> None:
    """Raise NotGenuineError where a file differs from its hash, is missing, or has none."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    stated = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    paths = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    there = paths - {SUMS, SIGNATURE}
    if there != stated.keys():
        raise NotGenuineError(
            f"Missing: {sorted(stated.keys() - there)}; not signed: {sorted(there - stated.keys())}."
        )
    for path, digest in stated.items():
        if hashlib.sha256((folder / path).read_bytes()).hexdigest() != digest:
            raise NotGenuineError(f"{path} is not the file that was signed.")


def check_parts(lock: str, parts: str) -> None:
    """Raise NotGenuineError where a parts list is not exactly the lock, or a part has no licence."""
    locked = {(package.name, package.version): set(package.hashes) for package in read_lock(lock)}
    components = json.loads(parts)["components"]
    listed = {
        (each["name"], each["version"]): {
            digest["content"] for files in each["externalReferences"] for digest in files.get("hashes", ())
        }
        for each in components
    }
    if listed != locked:
        different = sorted(part for part in listed | locked if listed.get(part) != locked.get(part))
        raise NotGenuineError(f"The parts list and requirements/base.txt differ in {different}.")
    if bare := [each["name"] for each in components if not each.get("licenses")]:
        raise NotGenuineError(f"The parts list has no licence for {bare}.")


def verify(folder: Path, signers: Path, identity: str) -> None:
    """Check a release; raises NotGenuineError."""
    check_signature(folder, signers, identity)
    check_files(folder)
    (parts,) = folder.glob("*.cdx.json")
    check_parts(
        (folder / "requirements/base.txt").read_text(encoding="utf-8"), parts.read_text(encoding="utf-8")
    )


def main() -> None:
    """Check the release that the command line names."""
    parser = argparse.ArgumentParser(description="Check a release: its signature, its files, its parts list.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--signers", type=Path, required=True, help="who may sign (allowed_signers of OpenSSH)"
    )
    parser.add_argument("--identity", default="steelyard", help="the signer's name there")
    asked = parser.parse_args()
    try:
        verify(asked.folder, asked.signers, asked.identity)
    except NotGenuineError as error:
        sys.exit(str(error))
    print(f"{asked.folder} is genuine.")


if __name__ == "__main__":
    main()
