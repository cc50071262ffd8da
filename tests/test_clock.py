"""Blocks of time end at a joint, run no longer than the one around, and tell what is left out."""

import time

import pytest

from sktaskneuron._clock import (
    Clock,
    checkpoint,
    end_block,
    leave_out,
    running_clock,
    seconds_left,
    time_limit,
    within,
)


def work():
    while True:
        checkpoint()


def test_without_a_limit_nothing_ends():
    checkpoint()
    assert running_clock()() == 0.0
    with within() as clock:
        checkpoint()
        assert clock.left() == seconds_left() == float("inf")


def test_a_block_ends_at_a_joint_and_keeps_what_it_had():
    done = []
    with within(0.01):
        while True:
            done.append(1)
            checkpoint()
    assert done
    checkpoint()  # behind the block there is time again


def test_an_inner_block_never_has_more_than_the_outer_one():
    with within(0.02) as outer:
        with within(100.0) as inner:
            assert inner.left() <= outer.left() + 1e-3
            work()
        reached = True
        checkpoint()
        reached = False
    assert reached


def test_an_inner_block_leaves_the_outer_one_the_rest():
    with within(100.0):
        with within(0.01):
            work()
        checkpoint()
        assert seconds_left() > 50.0


def test_cpu_time_counts_as_wall_time_does():
    clock = Clock(100.0)
    start = time.process_time()
    while time.process_time() - start < 0.02:
        pass
    assert clock() >= 2e-4
    clock, start = Clock(100.0), time.perf_counter()
    time.sleep(0.02)
    assert clock() >= 2e-4


def test_what_is_left_out_is_told_once_and_as_a_whole():
    with time_limit(None) as told:
        with within(0.0, "the walk"):
            leave_out("a step")
            work()
        with within(otherwise="the rest"):
            leave_out("a stone")
            leave_out("a stone")
        with within(0.0):
            leave_out("a path")
            work()
    assert told == ["the walk", "a stone", "a path"]


def test_a_fit_inside_of_a_fit_has_its_own_limit():
    with time_limit(1e-9) as outer:
        with time_limit(None) as inner:
            checkpoint()
            leave_out("inside")
        with within():
            work()
    assert inner == ["inside"]
    assert outer == []


def test_other_errors_pass():
    with pytest.raises(KeyError), within(1.0):
        raise KeyError
    checkpoint()


def test_work_that_is_kept_does_not_hurry():
    with within(1e-9):
        assert running_clock().pace(0.25) > 1
    with within(1e-9, paces=False):
        assert running_clock().pace(0.25) == 0.25
        with within():
            assert running_clock().pace(0.25) == 0.25


def test_a_block_that_somebody_ends_leaves_nothing_out():
    with time_limit(None) as told:
        with within(otherwise="the rest"):
            with within(otherwise="a part"):
                end_block()
            leave_out("what follows")
            end_block()
        assert seconds_left() == float("inf")
    assert told == ["what follows"]
