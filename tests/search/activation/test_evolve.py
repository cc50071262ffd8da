"""Evolution of activation functions, proposers and checkpoints."""

import errno
import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.search.activation.admission import admissible, cost, dedupe
from sktaskneuron.search.activation.evolve import search_evolve
from sktaskneuron.search.activation.features import output_features
from sktaskneuron.search.activation.grammar import sample

from .helpers import CLASSICS

TARGET = output_features(["x*tanh(softplus(x)) + 0.2*sin(2*x)"])
STARTS = ["relu", "tanh", "silu", "sigmoid"]


def distance(texts):
    """A loss without training: how unlike a function's outputs are those of the target."""
    return np.abs(output_features(texts) - TARGET).mean(axis=1)


def evolved(seed=0, evaluate=distance, **options):
    options = {"initial": STARTS, "population_size": 10, "n_generations": 5, **options}
    return search_evolve(evaluate, rng=np.random.default_rng(seed), **options)


def same(one, two):
    assert one.texts == two.texts
    np.testing.assert_array_equal(one.losses, two.losses)
    np.testing.assert_array_equal(one.generations, two.generations)
    assert one.proposals == two.proposals


class Killed(BaseException):
    """The process ends."""


def repr_of(content):
    return repr(content[:20])


def killed_at(count, evaluate=distance):
    calls = itertools.count()

    def call(texts):
        if next(calls) == count:
            raise Killed
        return evaluate(texts)

    return call


class TestEvolution:
    def test_answer(self):
        result = evolved()
        assert len(result.texts) == len(result.losses) == 50
        assert result.texts[:4] == tuple(CLASSICS[name] for name in STARTS)
        assert np.bincount(result.generations).tolist() == [10] * 5
        assert all(map(admissible, result.texts))
        assert dedupe(result.texts) == list(result.texts)
        np.testing.assert_array_equal(result.losses, distance(result.texts))
        assert result.ranked[0][1] == result.losses.min()

    def test_beats_random_choice(self):
        far = output_features(["tanh(1.5*x)*gaussian(0.45*x) + 0.2*x"])

        def loss(texts):
            return np.abs(output_features(texts) - far).mean(axis=1)

        ratios = []
        for seed in range(3):
            result = evolved(seed, loss, n_generations=12)
            drawn = sample(np.random.default_rng([seed, 1]), len(result.texts))
            ratios.append(result.losses.min() / loss(drawn).min())
        assert np.mean(ratios) < 0.85

    def test_same_seed_same_answer(self):
        same(evolved(1), evolved(1))
        assert evolved(1).texts != evolved(2).texts

    def test_failures_have_no_children(self):
        def fails(texts):
            return [
                np.nan if "tanh" in text else value
                for text, value in zip(texts, distance(texts), strict=True)
            ]

        result = evolved(evaluate=fails, n_generations=8)
        failed = np.array(["tanh" in text for text in result.texts])
        assert np.isinf(result.losses[failed]).all()
        late = result.generations >= 4
        assert failed[late].mean() < 0.25

    def test_budget(self):
        assert max(map(cost, evolved(budget=25.0).texts)) <= 25

    def test_small_budget_ends_the_search(self):
        result = evolved(initial=["relu"], population_size=4, budget=1.0, n_generations=60)
        assert 1 < len(result.texts) < 240

    def test_misuse(self):
        with pytest.raises(FormulaError, match="unknown"):
            evolved(initial=["swoosh"])
        with pytest.raises(FormulaError, match="'1/x' is undefined"):
            evolved(initial=["1/x"])
        with pytest.raises(ValueError, match="one loss for each of 10 texts"):
            evolved(evaluate=lambda texts: [0.0])

    def test_hook(self):
        seen = []

        def hook(step, texts, losses):
            seen.append((step, len(texts), len(losses)))
            return step == 1

        assert len(evolved(on_step=hook).texts) == 20
        assert seen == [(0, 10, 10), (1, 20, 20)]


class TestProposer:
    def test_gets_the_archive_and_is_used(self):
        calls = []

        def propose(archive, rng, n):
            calls.append((list(archive), n))
            archive.clear()  # it is the proposer's own
            return ["x*tanh(softplus(x)) + 0.2*sin(2*x)"]

        result = evolved(proposer=propose, n_generations=3)
        assert result.losses.min() == pytest.approx(0, abs=1e-12)
        assert result.proposals == {"taken": 1, "duplicate": 1}
        archive, n = calls[0]
        assert (len(archive), n) == (10, 5)
        assert [loss for _, loss in archive] == sorted(loss for _, loss in archive)
        assert len(result.texts) == 30

    def test_is_told_why_strings_were_dropped(self):
        calls = []

        def propose(archive, rng, n):
            calls.append(dict(archive.refused))
            best = archive[0][0]
            assert archive.curves(np.zeros(3))[best].shape == (3,)
            return ["1/x", best, f"sin({len(calls)}*x) + x**2", "y" * 1000, None]

        evolved(proposer=propose, n_generations=3)
        assert calls[0] == {}
        assert calls[1]["1/x"] == "undefined"
        assert "duplicate" in calls[1].values()
        assert calls[1]["y" * 200] == "unreadable"

    def test_hostile_strings_are_dropped_and_counted(self, tmp_path):
        mark = tmp_path / "executed"
        strings = [
            f"__import__('pathlib').Path({str(mark)!r}).touch()",
            f"open({str(mark)!r}, 'w')",
            "lambda x: x",
            "x" * 10_000,
            None,
            "1/x",
            "exp(x)",
            "3",
            "softplus(softplus(softplus(softplus(x))))",
            "tanh(x)",
            "silu",
            "cos(x)*tanh(x)",
        ]
        result = evolved(proposer=lambda *_: strings, n_generations=2)
        assert result.proposals == {
            "unreadable": 5,
            "undefined": 1,
            "steep": 1,
            "flat": 1,
            "costly": 1,
            "duplicate": 2,
            "taken": 1,
        }
        assert "cos(x)*tanh(x)" in result.texts
        assert len(result.texts) == 20
        assert not mark.exists()

    def test_endless_and_single_answers(self):
        endless = evolved(proposer=lambda *_: itertools.repeat("sin("), n_generations=2)
        assert endless.proposals == {"unreadable": 50}
        single = evolved(proposer=lambda *_: "x*sin(x)", n_generations=2)
        assert "x*sin(x)" in single.texts

    def test_no_more_than_asked_for(self):
        many = [f"tanh(x) + {c}*x" for c in np.linspace(0.1, 0.9, 30).round(3)]
        result = evolved(proposer=lambda *_: many, n_generations=2)
        assert result.proposals == {"taken": 5}

    def test_errors_are_the_users(self, tmp_path):
        def fail(archive, rng, n):
            raise ConnectionError("no answer")

        path = tmp_path / "search.json"
        with pytest.raises(ConnectionError):
            evolved(proposer=fail, checkpoint=path)
        same(evolved(checkpoint=path), evolved())


class TestCheckpoint:
    @pytest.mark.parametrize("count", [0, 1, 3])
    @pytest.mark.parametrize("proposing", [False, True])
    def test_killed_search_goes_on(self, tmp_path, count, proposing):
        proposer = (lambda archive, rng, n: [*sample(rng, 2), "sin("]) if proposing else None
        path = tmp_path / "search.json"
        whole = evolved(proposer=proposer)
        with pytest.raises(Killed):
            evolved(evaluate=killed_at(count), proposer=proposer, checkpoint=path)
        asked = []

        def counted(texts):
            asked.extend(texts)
            return distance(texts)

        same(evolved(evaluate=counted, proposer=proposer, checkpoint=path), whole)
        assert len(asked) == 10 * (5 - count)  # one generation was lost at most

    def test_failed_losses_are_kept(self, tmp_path):
        def fails(texts):
            return np.where(np.arange(len(texts)) % 2, np.nan, distance(texts))

        path = tmp_path / "search.json"
        with pytest.raises(Killed):
            evolved(evaluate=killed_at(2, fails), checkpoint=path)
        same(evolved(evaluate=fails, checkpoint=path), evolved(evaluate=fails))

    def test_finished_search_asks_for_nothing_and_can_be_longer(self, tmp_path):
        path = tmp_path / "search.json"
        first = evolved(checkpoint=path, n_generations=3)
        same(evolved(evaluate=killed_at(0), checkpoint=path, n_generations=3), first)
        same(evolved(checkpoint=path), evolved())

    def test_file_is_whole_when_writing_fails(self, tmp_path, monkeypatch):
        path = tmp_path / "search.json"
        evolved(checkpoint=path, n_generations=1)
        before = path.read_bytes()

        def fail(*_):
            raise Killed

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(Killed):
            evolved(checkpoint=path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["search.json"]

    @pytest.mark.parametrize(
        ("options", "what"),
        [
            ({"seed": 1}, "seed"),
            ({"population_size": 11}, "population_size"),
            ({"initial": ["relu"]}, "initial"),
            ({"budget": 50.0}, "budget"),
        ],
    )
    def test_other_search(self, tmp_path, options, what):
        path = tmp_path / "search.json"
        evolved(checkpoint=path, n_generations=1)
        with pytest.raises(ValueError, match=f"search with another {what}"):
            evolved(checkpoint=path, **options)

    def test_other_settings(self, tmp_path):
        path = tmp_path / "search.json"
        evolved(checkpoint=path, n_generations=1, settings={"batch_size": 8, "table": "f" * 64})
        with pytest.raises(ValueError, match=r"another batch_size \(8 there, 9 here\): fit as"):
            evolved(checkpoint=path, settings={"batch_size": 9, "table": "f" * 64})
        with pytest.raises(ValueError, match="another table: fit as"):
            evolved(checkpoint=path, settings={"batch_size": 8, "table": "e" * 64})
        with pytest.raises(ValueError, match="another batch_size"):
            evolved(checkpoint=path)

    def test_numbers_beside_the_losses(self, tmp_path):
        def evaluate(texts):
            losses = distance(texts)
            return np.stack([losses, 1 / losses, np.full(len(texts), np.inf)], axis=1)

        path = tmp_path / "search.json"
        whole = evolved(evaluate=evaluate)
        with pytest.raises(Killed):
            evolved(evaluate=killed_at(2, evaluate), checkpoint=path)
        again = evolved(evaluate=evaluate, checkpoint=path)
        same(again, whole)
        np.testing.assert_array_equal(again.numbers, whole.numbers)
        np.testing.assert_array_equal(again.numbers[:, 1], 1 / again.losses)

    @pytest.mark.parametrize(
        "content",
        [
            *("", "[]", "{}", "1", "\x00", '{"format": 1, "losses": [1]}', '{"format": 3}'),
            *('{"format": 3, "sha256": 1, "state": {}}', "[" * 100_000, "9" * 5_000, "NaN"),
        ],
        ids=repr_of,
    )
    def test_no_checkpoint(self, tmp_path, content):
        path = tmp_path / "search.json"
        path.write_text(content)
        with pytest.raises(ValueError, match="is no checkpoint of a search"):
            evolved(checkpoint=path)
        assert path.read_text() == content

    def test_damaged_files(self, tmp_path):
        """A file cut short or with changed bytes is refused, or it still says the same."""
        path = tmp_path / "search.json"
        evolved(checkpoint=path, n_generations=1)
        whole, content, n_same = evolved(n_generations=1), path.read_bytes(), 0
        rng = np.random.default_rng(0)
        damaged = [content[:stop] for stop in rng.integers(len(content), size=30)]
        for place in rng.integers(len(content), size=150).tolist():
            byte = bytes([content[place] ^ int(rng.integers(1, 256))])
            damaged.append(content[:place] + byte + content[place + 1 :])
        n_refused = 0
        for data in damaged:
            path.write_bytes(data)
            try:
                found = evolved(checkpoint=path, n_generations=1)
            except ValueError as error:
                n_refused += "is no checkpoint of a search" in str(error)
            else:
                n_same += 1
                same(found, whole)
        assert n_refused + n_same == len(damaged)
        assert n_same < 10

    @pytest.mark.parametrize("kind", ["device", "fifo", "folder", "sparse"])
    def test_reading_has_an_end(self, tmp_path, kind):
        path = tmp_path / "search.json"
        if kind == "device":
            path = "/dev/zero"
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            with open(path, "wb") as file:
                file.truncate(10 * 2**30)
        with pytest.raises(ValueError, match=r"is no file|has 10737418240 bytes") as caught:
            evolved(evaluate=killed_at(0), checkpoint=path)
        assert str(path) in str(caught.value)

    def test_folder_is_asked_first(self, tmp_path):
        path = tmp_path / "missing" / "search.json"
        with pytest.raises(FileNotFoundError, match=r"can be written in the folder '.*missing'"):
            evolved(evaluate=killed_at(0), checkpoint=path)

    def test_folder_without_permission(self, tmp_path, monkeypatch):
        def refuse(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(Path, "touch", refuse)  # a superuser may write everywhere
        with pytest.raises(PermissionError, match=r"in the folder .* \(Permission denied\)"):
            evolved(evaluate=killed_at(0), checkpoint=tmp_path / "search.json")

    def test_full_disk(self, tmp_path, monkeypatch):
        path = tmp_path / "search.json"
        evolved(checkpoint=path, n_generations=2)
        before = path.read_bytes()

        def fail(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(OSError, match=r"search.json' cannot be written \(No space left"):
                evolved(checkpoint=path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["search.json"]
        same(evolved(checkpoint=path), evolved())
