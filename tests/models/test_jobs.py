"""Independent work side by side: in order, in time, and told of what it leaves out."""

import sys
import threading
import time
import traceback

import numpy as np
import pytest
import torch
from joblib import parallel_config

from sktaskneuron._clock import checkpoint, leave_out, seconds_left, time_limit, within
from sktaskneuron.models.jobs import AllAtOnce, Call, Jobs


def squared(value):
    return value**2


def endless():
    while True:
        time.sleep(0.01)
        checkpoint()


def lazy():
    leave_out("the rest")
    return seconds_left()


def threads():
    return torch.get_num_threads()


def stack_of(thread):
    """Names of the functions that a thread is in."""
    frame = sys._current_frames().get(thread.ident)
    return [] if frame is None else [entry.name for entry in traceback.extract_stack(frame)]


@pytest.fixture(autouse=True)
def in_threads():
    with parallel_config("threading"):
        yield


class TestJobs:
    def test_order(self):
        assert Jobs(2).run([Call(squared, (k,)) for k in range(5)]) == [0, 1, 4, 9, 16]

    @pytest.mark.parametrize(("n_jobs", "several"), [(1, False), (None, False), (2, True)])
    def test_several(self, n_jobs, several):
        assert Jobs(n_jobs).several == several

    def test_the_caller_may_ask_for_several(self):
        with parallel_config("threading", n_jobs=2):
            assert Jobs(None).several
            assert not Jobs(1).several

    def test_time_ends_a_call(self):
        with time_limit(60.0) as told:
            found = Jobs(2).run([Call(squared, (3,)), Call(endless, (), "the end")], 0.2)
        assert found == [9, None]
        assert told == ["the end"]

    def test_those_that_wait_share_the_time(self):
        with time_limit(60.0) as told:
            first, *_, last = Jobs(2).run([Call(lazy, ()) for _ in range(4)], 10.0)
        assert 4.0 < first < 5.1
        assert 9.0 < last < 10.1
        assert told == ["the rest"]

    def test_errors_are_the_callers(self):
        with pytest.raises(TypeError, match="unsupported operand"):
            Jobs(2).run([Call(squared, ("text",))])

    def test_an_error_ends_what_runs_beside_it(self):
        with pytest.raises(TypeError, match="unsupported operand"):
            Jobs(2).run([Call(squared, ("text",)), Call(endless, ())])
        assert not [thread for thread in threading.enumerate() if "endless" in stack_of(thread)]

    def test_threads_of_torch(self):
        before = torch.get_num_threads()
        assert Jobs(2).run([Call(threads, ())] * 2) == [1, 1]
        assert torch.get_num_threads() == before


class TestAllAtOnce:
    def test_values(self):
        parts = [np.arange(k) for k in range(3)]
        at_once = AllAtOnce(Jobs(2), np.sum, parts)
        assert [at_once(part) for part in parts] == [0, 0, 1]

    def test_what_time_ended_ends_the_block(self):
        at_once = AllAtOnce(Jobs(2), lambda _: endless(), [0])
        with time_limit(60.0) as told, within(0.1, "all of it"):
            at_once(0)
        assert told == ["all of it"]
