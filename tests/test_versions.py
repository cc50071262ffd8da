"""What `show_versions` prints for a report."""

from importlib.metadata import version

import sktaskneuron


def test_names_what_is_installed(capsys):
    sktaskneuron.show_versions()
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["sktaskneuron"] == version("sktaskneuron")
    assert lines["torch"] == version("torch")
    assert {"Python", "platform", "scikit-learn", "numpy"} <= set(lines)
    assert lines["onnxruntime"].startswith("(optional)")
    assert "sphinx" not in lines
