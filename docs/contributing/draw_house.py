"""Draw the rooms of the package and the imports between them, as they are in the code.

    python docs/contributing/draw_house.py [picture.png]

Floors are the layers of the first import contract in pyproject.toml. A line starts with a dot in
the room that imports and ends with an arrow at the room that is imported; its width and the number
beside the dot say in how many lines of code.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import textwrap
import tokenize
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grimp
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, Polygon

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sktaskneuron"
PICTURE = ROOT / "docs" / "images" / "house.png"

# One colour per floor, from the roof down.
COLOURS = ["#b5532d", "#c98a1b", "#7d8c2c", "#2f7f5f", "#2b7a9b", "#4659a8", "#7a4a94", "#7f7f7f"]
ANNEX_COLOUR = "#6b7280"

# Where things stand, from left to right; the house is 100 wide.
NAME_END, ROOMS_END, STAIRS_END = 18.5, 53.5, 84.5
SECOND_ROOM = 86.0  # where the second room of a shared floor begins
ANNEX = (106.0, 124.0)
FLOOR, GAP = 10.0, 3.2
PARTS_IN_A_ROW = 5


@dataclass(frozen=True)
class Room:
    """A folder or module directly below the package: what it says of itself, and its size."""

    name: str
    sentence: str
    lines: int
    parts: Mapping[str, int]
    modules: Sequence[str]


@dataclass(frozen=True)
class Place:
    """The rectangle of a room, and its colour."""

    left: float
    right: float
    bottom: float
    colour: str
    height: float = FLOOR

    @property
    def top(self) -> float:
        """Upper edge."""
        return self.bottom + self.height

    @property
    def middle(self) -> float:
        """Height of the middle."""
        return self.bottom + self.height / 2


# -- what is drawn, read from the code -------------------------------------------------------------


def docstring_lines(tree: ast.Module) -> set[int]:
    """Numbers of the lines of docstrings."""
    found: set[int] = set()
    for node in ast.walk(tree):
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            found.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return found


def code_lines(path: Path) -> int:
    """How many lines hold code; docstrings, comments and empty lines do not count."""
    text = path.read_text("utf-8")
    silent = {
        *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
        *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstring_lines(ast.parse(text)))


def sentence_of(path: Path) -> str:
    """Beginning of a module's docstring, up to its first colon or full stop."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return re.split(r"[:.](?=\s|$)", " ".join(text.split()))[0]


def read_room(path: Path) -> Room:
    """Read a room: the folders in it, or its modules where it has no folders."""
    if path.is_file():
        return Room(path.stem, sentence_of(path), code_lines(path), {}, ())
    folders = {
        folder.name: sum(map(code_lines, folder.rglob("*.py")))
        for folder in sorted(path.iterdir())
        if (folder / "__init__.py").exists()
    }
    modules = [path.stem for path in sorted(path.glob("*.py")) if path.stem != "__init__"]
    lines = sum(map(code_lines, path.rglob("*.py")))
    sentence = sentence_of(path / "__init__.py")
    return Room(path.name, sentence, lines, folders, () if folders else modules)


def read_rooms() -> dict[str, Room]:
    """All rooms by name: every folder and module directly below the package."""
    folders = [path.parent for path in PACKAGE.glob("*/__init__.py")]
    modules = [path for path in PACKAGE.glob("*.py") if path.stem != "__init__"]
    return {room.name: room for room in map(read_room, sorted(folders + modules))}


def read_floors() -> list[list[str]]:
    """Rooms floor by floor from the top, as the contract on layers names them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return [[name.strip() for name in floor.split("|")] for floor in layers]


def read_imports() -> Counter[tuple[str, str]]:
    """In how many lines a room imports another one."""
    graph = grimp.build_graph(PACKAGE.name, cache_dir=None)
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = tuple(name.partition(".")[2].partition(".")[0] for name in (module, imported))
            if pair[0] != pair[1] and all(pair):
                lines = graph.get_import_details(importer=module, imported=imported)
                found[pair[0], pair[1]] += len(lines)
    return found


# -- where it stands -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """Floors of the house from the top, what stands beside it, and what all stand on."""

    floors: list[list[str]]
    annexes: list[str]
    ground: list[str]

    @classmethod
    def of(cls, rooms: dict[str, Room], layers: list[list[str]]) -> Plan:
        """Take the layers of single modules as ground; what no layer names is an annex."""
        named = {name for floor in layers for name in floor}
        floors = [floor for floor in layers if not any(name.startswith("_") for name in floor)]
        ground = sorted(named - {name for floor in floors for name in floor})
        annexes = sorted(set(rooms) - named, key=lambda name: -rooms[name].lines)
        return cls(floors, annexes, ground)

    @property
    def height(self) -> float:
        """Upper edge of the highest floor."""
        return len(self.floors) * (FLOOR + GAP) - GAP

    def places(self) -> dict[str, Place]:
        """Lay out a rectangle for every room that is not the ground."""
        places: dict[str, Place] = {}
        for colour, bottom, floor in zip(
            COLOURS, reversed(range(len(self.floors))), self.floors, strict=False
        ):
            edges = [(0.0, 100.0)] if len(floor) == 1 else [(0.0, STAIRS_END), (SECOND_ROOM, 100.0)]
            for name, (left, right) in zip(floor, edges, strict=True):
                places[name] = Place(left, right, bottom * (FLOOR + GAP), colour)
        for number, name in enumerate(self.annexes):
            places[name] = Place(*ANNEX, number * (FLOOR + GAP), ANNEX_COLOUR)
        return places

    def lanes(self, imports: Counter[tuple[str, str]]) -> dict[tuple[str, str], float]:
        """Give every pair of rooms a place on the stairs, so that no two lines cross."""
        level = {name: number for number, floor in enumerate(self.floors) for name in floor}
        second = {floor[1] for floor in self.floors if len(floor) > 1}
        pairs = sorted(
            (pair for pair in imports if set(pair) <= set(level)),
            # a second room's own lines last: its sentence is on the left
            key=lambda pair: (pair[0] in second, level[pair[0]], -level[pair[1]], pair),
        )
        found = {}
        for shaft, (left, right) in (
            ([pair for pair in pairs if not second & set(pair)], (ROOMS_END, STAIRS_END)),
            ([pair for pair in pairs if second & set(pair)], (SECOND_ROOM, 100.0)),
        ):
            step = (right - left) / (len(shaft) + 1)
            found |= {pair: left + step * (i + 1) for i, pair in enumerate(shaft)}
        return found


def path_of(
    plan: Plan, places: dict[str, Place], pair: tuple[str, str], lanes: dict[tuple[str, str], float]
) -> list[tuple[float, float]]:
    """Corners of the line between two rooms."""
    start, end = (places[name] for name in pair)
    if pair in lanes:
        narrow = start.right - start.left < 50  # its sentence reaches to the lane
        first = start.bottom + 1.2 if narrow else start.middle - 1.0
        lane = lanes[pair]
        if lane > start.right:  # past the second room of its floor
            door, between = start.right - 1.2, start.bottom - GAP / 2
            return [(door, first), (door, between), (lane, between), (lane, end.top)]
        return [(lane, first), (lane, end.top)]
    if pair[0] in plan.annexes and pair[1] in plan.annexes:
        x = (start.left + start.right) / 2
        return [(x, start.middle), (x, end.bottom if end.bottom > start.top else end.top)]
    if pair[0] in plan.annexes:
        return [(start.left, start.middle), (100.0, start.middle)]
    # down the outside, the higher floors further out
    x = end.left + 3.5 + 9.0 * start.bottom / plan.height
    return [(98.0, start.middle), (x, start.middle), (x, end.top)]


# -- drawing ---------------------------------------------------------------------------------------


def box(ax: Axes, left: float, right: float, bottom: float, height: float, **style: Any) -> None:
    """Draw a rectangle with rounded corners."""
    shape = FancyBboxPatch(
        (left, bottom),
        right - left,
        height,
        boxstyle="round,pad=0,rounding_size=0.6",
        **style,
    )
    ax.add_patch(shape)


def draw_room(ax: Axes, room: Room, place: Place) -> None:
    """Draw the floor of a room with its name, and the boxes of what is in it."""
    whole = place.right - place.left > 50
    style = {"facecolor": place.colour, "edgecolor": "none", "alpha": 0.14}
    box(ax, place.left, place.right, place.bottom, place.height, **style)
    x = place.left + 1.1
    name = {"fontsize": 13 if whole else 10, "fontweight": "bold", "color": place.colour}
    ax.text(x, place.top - 2.1, room.name, va="center", **name)
    sentence = "\n".join(
        textwrap.wrap(
            room.sentence,
            29 if whole else place.right - place.left + 11,
            max_lines=2,
            placeholder=" …",
        )
    )
    ax.text(x, place.top - 3.7, sentence, va="top", fontsize=7.2, color="0.25")
    ax.text(x, place.bottom + 1.2, f"{room.lines:,} lines", va="center", fontsize=7.2, color="0.4")
    if room.modules:
        draw_modules(ax, room.modules, place)
    elif room.parts:
        n_rows = 1 if len(room.parts) <= PARTS_IN_A_ROW else 2
        names = list(room.parts)
        size = -(-len(names) // n_rows)
        height = (place.height - 2.4 - 0.7 * (n_rows - 1)) / n_rows
        for row in range(n_rows):
            part = {name: room.parts[name] for name in names[row * size : (row + 1) * size]}
            bottom = place.bottom + 1.2 + (n_rows - 1 - row) * (height + 0.7)
            draw_parts(ax, part, bottom, height, place.colour)


def draw_modules(ax: Axes, modules: Sequence[str], place: Place) -> None:
    """Write the names of a room without folders into one box."""
    if place.right - place.left < 50:
        return
    left, right = NAME_END, ROOMS_END - 1.0
    style = {"facecolor": "white", "edgecolor": place.colour, "linewidth": 0.9}
    box(ax, left, right, place.bottom + 1.2, place.height - 2.4, **style)
    lines = textwrap.wrap(", ".join(modules), 62)
    text = {"ha": "center", "va": "center", "fontsize": 6.8, "linespacing": 1.25}
    ax.text((left + right) / 2, place.middle, "\n".join(lines), **text)


def draw_parts(ax: Axes, parts: dict[str, int], bottom: float, height: float, colour: str) -> None:
    """Draw boxes side by side, as wide as their shares of the code, none too narrow to be read."""
    gap = 0.5
    least = {name: max(4.8, 0.2 + 0.5 * len(name)) for name in parts}
    free = ROOMS_END - 1.0 - NAME_END - gap * (len(parts) - 1) - sum(least.values())
    left = NAME_END
    for name, lines in parts.items():
        right = left + least[name] + free * lines / sum(parts.values())
        style = {"facecolor": "white", "edgecolor": colour, "linewidth": 0.9}
        box(ax, left, right, bottom, height, **style)
        x, y = (left + right) / 2, bottom + height / 2
        ax.text(x, y - 0.15, name, va="bottom", ha="center", fontsize=7.4)
        ax.text(x, y - 0.4, f"{lines:,}", va="top", ha="center", fontsize=6.6, color="0.4")
        left = right + gap


def draw_import(ax: Axes, path: list[tuple[float, float]], count: int, colour: str) -> None:
    """Draw a line from a dot, with the number of imports beside it, to the head of an arrow."""
    width = 0.8 + 0.55 * count**0.5
    head = (0.9 + 0.16 * width, 0.55 + 0.1 * width)  # long, half as wide
    (x, y), (before_x, before_y) = path[-1], path[-2]
    if x == before_x:
        down = -1.0 if y < before_y else 1.0
        corners = [(x, y), (x - head[1], y - down * head[0]), (x + head[1], y - down * head[0])]
        end = (x, y - down * 0.9 * head[0])
    else:
        corners = [(x, y), (x + head[0], y - head[1]), (x + head[0], y + head[1])]
        end = (x + 0.9 * head[0], y)
    xs, ys = zip(*path[:-1], end, strict=True)
    ax.plot(xs, ys, color=colour, linewidth=width, solid_joinstyle="round", zorder=3)
    ax.add_patch(Polygon(corners, facecolor=colour, edgecolor="none", zorder=4))
    ax.plot(*path[0], "o", color=colour, markersize=3.0 + 0.7 * width, zorder=4)
    above = path[0][1] + 1.2 + 0.1 * width
    ax.text(path[0][0], above, f"{count}", ha="center", fontsize=6.8, color=colour)


def draw_roof_and_ground(ax: Axes, plan: Plan, rooms: dict[str, Room]) -> None:
    """Draw what is above and below the floors: the package itself, and what all rooms use."""
    eaves, ridge = plan.height + 1.4, plan.height + 9.5
    style = {"facecolor": "#efe9e0", "edgecolor": "#b9ab97", "linewidth": 1.0}
    ax.add_patch(Polygon([(-2.5, eaves), (102.5, eaves), (50, ridge)], **style))
    ax.text(50, eaves + 4.0, "sktaskneuron", ha="center", fontsize=14, fontweight="bold")
    under = "public names, each loaded when it is asked for"
    ax.text(50, eaves + 1.6, under, ha="center", fontsize=8, color="0.3")
    box(ax, -2.5, ANNEX[1] + 1.5, -GAP - 4.6, 4.6, **style)
    ground = "   ".join(f"{name} ({rooms[name].lines})" for name in plan.ground)
    ax.text(0.6, -GAP - 2.3, ground, va="center", fontsize=7.6, fontweight="bold", color="0.25")
    total = sum(map(code_lines, PACKAGE.rglob("*.py")))
    note = (
        "All rooms stand on these; their arrows are left out. Numbers in boxes are lines of code, "
        f"{total:,} in all;\na line's width, and the number at its dot, say how many lines of the "
        "one room import from the other."
    )
    ax.text(70, -GAP - 2.3, note, va="center", fontsize=7.0, color="0.3", linespacing=1.35)


def draw(path: Path) -> None:
    """Write the picture."""
    rooms, imports = read_rooms(), read_imports()
    plan = Plan.of(rooms, read_floors())
    places, lanes = plan.places(), plan.lanes(imports)
    figure, ax = plt.subplots(figsize=(12.5, 8.6))
    figure.subplots_adjust(0, 0, 1, 1)
    draw_roof_and_ground(ax, plan, rooms)
    for name, place in places.items():
        draw_room(ax, rooms[name], place)
    for pair, count in imports.items():
        if set(pair) <= set(places):
            draw_import(ax, path_of(plan, places, pair, lanes), count, places[pair[0]].colour)
    ax.set(xlim=(-3.5, ANNEX[1] + 2.5), ylim=(-GAP - 5.4, plan.height + 10.2))
    ax.axis("off")
    figure.savefig(path, dpi=110, pil_kwargs={"optimize": True})
    plt.close(figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
