"""How Sphinx builds the site; ``make docs`` runs it with warnings as errors."""

import os
import sys
from importlib.metadata import version as installed_version

from sphinx.pycode import ModuleAnalyzer

project = "sktaskneuron"
author = "The sktaskneuron developers"
copyright = f"2026, {author}"
release = installed_version(project)

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates"]
# Where there is no network, links into other projects stay plain words.
suppress_warnings = [] if os.environ.get("DOCS_ONLINE") else ["ref.ref", "ref.term"]
templates_path = ["_templates"]

# Pages are Markdown, readable as they stand; headings are linked to by their words.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # types stand in the docstrings, in words
numpydoc_show_class_members = False  # the class template lists them
numpydoc_xref_param_type = False
default_role = "py:obj"  # a name in single backticks is a link, where it has a page

# The inventories of other projects are fetched where there is a network.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
    if os.environ.get("DOCS_ONLINE")
    else {}
)

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "ignore_pattern": r"quickstart\.py",
    "plot_gallery": not os.environ.get("DOCS_WITHOUT_EXAMPLES"),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "capture_repr": (),  # what is printed is shown, not what a last line returns
    "thumbnail_size": (640, 300),  # pictures are wide, two or three panels side by side
    "write_computation_times": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("sktaskneuron",),
    "backreferences_dir": "generated/backreferences",
    "inspect_global_variables": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "sktaskneuron"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
# Pages without pages below them have nothing to list at their side.
html_sidebars = {page: [] for page in ("index", "start", "compare", "search", "genindex")}
html_theme_options = {
    "show_toc_level": 2,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def _describe_table(app, what, name, obj, options, lines):
    """Give a value that a package shows, such as `nn.ACTIVATIONS`, the comment where it is made."""
    if what != "data":
        return
    short = name.rpartition(".")[2]
    for module in [m for m in sys.modules if m.startswith("sktaskneuron.")]:
        if getattr(sys.modules[module], short, None) is obj:
            said = ModuleAnalyzer.for_module(module).find_attr_docs()
            lines[:] = said.get(("", short), lines)


def setup(app):
    """Connect the above, before numpydoc."""
    app.connect("autodoc-process-docstring", _describe_table, priority=1)
