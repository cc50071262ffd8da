"""Time zones as tables: what they show is what the standard library shows."""

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sktaskneuron.preprocessing.zones import find_zone

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# daylight saving by half an hour, in the south, around Ramadan, by history, none
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Caracas",
    "Asia/Kathmandu",
    "Asia/Tokyo",
]


def shown(zone, moment):
    """Seconds on the clocks, by the standard library."""
    aware = (EPOCH + datetime.timedelta(seconds=moment)).astimezone(zone)
    return moment + int(aware.utcoffset().total_seconds())


@pytest.mark.parametrize("name", ZONES)
def test_clocks(name):
    zone = find_zone(name)
    rng = np.random.default_rng(0)
    at_changes = [int(start) + shift for start in zone.starts for shift in (-1, 0, 3600)]
    moments = np.array([*rng.integers(-(2**31), 2**32 - 2 * 10**8, 300), *at_changes])
    expected = [shown(ZoneInfo(name), int(moment)) for moment in moments]
    np.testing.assert_array_equal(zone.local(moments), expected)


@pytest.mark.parametrize(
    ("name", "ahead"),
    [("UTC", 0), ("+02:00", 7200), ("UTC-03:30", -12_600), ("GMT+5", 18_000), ("-0100", -3600)],
)
def test_written_offsets(name, ahead):
    assert find_zone(name).local(np.array([0, 10**9])).tolist() == [ahead, 10**9 + ahead]


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "tzlocal()", "Europe"])
def test_unknown(name):
    with pytest.raises(ValueError, match="is not known: convert"):
        find_zone(name)
