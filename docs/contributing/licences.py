"""Print what the package stands on: every package it needs, its version and its licence.

    python docs/contributing/licences.py            # a table in Markdown
    python docs/contributing/licences.py onnx plot  # with these extras

It reads what is installed, so the versions are those of this environment. A bill of materials in
a standard form is written by ``cyclonedx-py environment``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "sktaskneuron"


def needed(name: str, extras: Iterable[str] = ()) -> list[Distribution]:
    """Find what a package needs, and what that needs in turn, without the package itself.

    What is not installed, since another system needs it, is left out.
    """
    found: dict[str, Distribution] = {}
    open_ones = [(name, frozenset(extras))]
    done = set()
    while open_ones:
        name, wanted = open_ones.pop()
        if (name, wanted) in done:
            continue
        done.add((name, wanted))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        found[canonicalize_name(name)] = package
        for text in package.requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in {"", *wanted}):
                open_ones.append((requirement.name, frozenset(requirement.extras)))
    return [found[key] for key in sorted(found) if key != PACKAGE]


def licence_of(package: Distribution) -> str:
    """Return the licence as the package states it: expression, classifier, or first line."""
    about = package.metadata
    if stated := about.get("License-Expression"):
        return str(stated)
    mark = "License :: OSI Approved :: "
    classes = [c.removeprefix(mark) for c in about.get_all("Classifier") or [] if mark in c]
    if classes:
        return ", ".join(classes)
    return (about.get("License") or "").strip().partition("\n")[0] or "not stated"


def table(extras: Iterable[str] = ()) -> str:
    """Return the table of everything that is needed."""
    rows = [
        f"| {package.metadata['Name']} | {package.version} | {licence_of(package)} |"
        for package in needed(PACKAGE, extras)
    ]
    return "\n".join(["| package | version | licence |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    sys.stdout.write(f"{table(sys.argv[1:])}\n")
