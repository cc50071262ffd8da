"""What is installed, for a report of something that went wrong."""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version

_NAME = re.compile(r"[\w.-]+")
_EXTRA = re.compile(r"extra == ['\"](\w+)['\"]")
# What a user's model may need; the extras for developers say nothing about it.
_EXTRAS = frozenset({"onnx", "plot", "progress", "pysr", "sr"})


def _named() -> dict[str, bool]:
    """Return the packages that the metadata name, and whether each is optional."""
    named: dict[str, bool] = {}
    for line in requires("sktaskneuron") or []:
        name, extra = _NAME.match(line), _EXTRA.search(line)
        if name is not None and (extra is None or extra[1] in _EXTRAS):
            named.setdefault(name[0], extra is not None)
    return named


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def show_versions() -> None:
    """Print the versions of Python, of this package and of those that it uses.

    None of them is imported for it.

    See Also
    --------
    sklearn.show_versions : Print those of scikit-learn and of what it uses.

    Examples
    --------
    >>> import sktaskneuron
    >>> sktaskneuron.show_versions()  # doctest: +SKIP
    """
    rows = [
        ("Python", sys.version.split()[0]),
        ("platform", platform.platform()),
        ("sktaskneuron", version("sktaskneuron")),
    ]
    for name, optional in sorted(_named().items(), key=lambda item: (item[1], item[0])):
        rows.append((f"{name} (optional)" if optional else name, _installed(name)))
    width = max(len(name) for name, _ in rows)
    for name, found in rows:
        sys.stdout.write(f"{name:{width}}  {found}\n")
