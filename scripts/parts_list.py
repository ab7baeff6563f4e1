"""The parts list of a release: what requirements/base.txt locks, as a CycloneDX document.

A component a locked package, with its hashes, what asks for it, and the licence that the installed package declares.
"""

from datetime import datetime
from importlib.metadata import PackageMetadata, metadata
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from locks import Locked, read_lock

LONGEST_NAME = 100  # a longer "licence" is its text


class NoLicenceError(Exception):
    """A package declares no licence."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"{name} declares no licence: find out which it has, or do without the package.")


def declared_licence(package: PackageMetadata) -> str:
    """Give the licence that a package's metadata declare: an expression, a short name or a classifier's words."""
    for field in ("License-Expression", "License"):
        for text in map(str, package.get_all(field, [])):
            if 0 < len(text) <= LONGEST_NAME:
                return text
    for classifier in map(str, package.get_all("Classifier", [])):
        if classifier.startswith("License ::"):
            return classifier.split(" :: ")[-1]
    raise NoLicenceError(package["Name"])


def component(locked: Locked) -> Component:
    """Describe a locked package. Raises NoLicenceError, and PackageNotFoundError where it is not installed."""
    address = PackageURL("pypi", name=locked.name, version=locked.version)
    licence = LicenseFactory().make_from_string(
        declared_licence(metadata(locked.name)), license_acknowledgement=LicenseAcknowledgement.DECLARED
    )
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in locked.hashes]
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=XsUri(address.to_string()), hashes=hashes
    )
    return Component(
        type=ComponentType.LIBRARY,
        bom_ref=f"{locked.name}=={locked.version}",
        name=locked.name,
        version=locked.version,
        purl=address,
        licenses=[licence],
        external_references=[files],
    )


def document(locked: list[Locked], name: str, version: str, released: datetime) -> Bom:
    """Put the packages of a lock together, and who asks for whom."""
    root = Component(type=ComponentType.APPLICATION, bom_ref=name, name=name, version=version)
    parts = {package: component(package) for package in locked}
    bom = Bom(components=parts.values(), serial_number=uuid5(NAMESPACE_URL, f"{name} {version} {released}"))
    bom.metadata.component = root
    bom.metadata.timestamp = released
    for asking in (root, *parts.values()):
        bom.register_dependency(
            asking, [part for package, part in parts.items() if asking.name in package.via]
        )
    return bom


def write_parts_list(lock: str, name: str, version: str, released: datetime) -> str:
    """Write the parts list of a lock. Raises NoLicenceError; ValueError where it does not fit the standard."""
    text = JsonV1Dot6(document(read_lock(lock), name, version, released)).output_as_string(indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(str(error))
    return text + "\n"
