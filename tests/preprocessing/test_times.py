"""Dates, durations and times of day: read alike from whatever holds them, and encoded."""

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.columns import read_table

BERLIN = ZoneInfo("Europe/Berlin")
DATES = [datetime.date(2011, 1, 1), None, datetime.date(9999, 12, 31), datetime.date(1, 1, 1)]
MOMENTS = [
    datetime.datetime(2011, 3, 5, 7, 30, 0, 250_000),
    None,
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999),
    datetime.datetime(2012, 2, 29),
]
AWARE = [None if moment is None else moment.replace(tzinfo=BERLIN) for moment in MOMENTS]
SPANS = [datetime.timedelta(days=2, microseconds=1), None, datetime.timedelta(hours=-7)]
CLOCKS = [datetime.time(7, 30), None, datetime.time(23, 59, 59, 999_999)]
CELLS = {"dates": DATES, "moments": MOMENTS, "aware": AWARE, "spans": SPANS, "clocks": CLOCKS}


def arrow(cells, type_=None):
    return pd.Series(pd.array(cells, dtype=pd.ArrowDtype(type_ or pa.array(cells).type)))


def numpy_of(cells):
    letter = "m" if isinstance(cells[0], datetime.timedelta) else "M"
    return np.array(cells, dtype=f"{letter}8[us]")


HOLDERS = {
    "pandas": lambda cells: pd.DataFrame({"x0": pd.Series(cells)}),
    "objects of pandas": lambda cells: pd.DataFrame({"x0": pd.Series(cells, dtype=object)}),
    "arrow in pandas": lambda cells: pd.DataFrame({"x0": arrow(cells)}),
    "polars": lambda cells: pl.DataFrame({"x0": pl.Series(cells)}),
    "objects of polars": lambda cells: pl.DataFrame({"x0": pl.Series(cells, dtype=pl.Object)}),
    "arrow": lambda cells: pa.table({"x0": pa.array(cells)}),
    "objects": lambda cells: np.array(cells, dtype=object)[:, None],
    "numpy": lambda cells: numpy_of(cells)[:, None],
}


def seconds_of(X):
    table = read_table(X)
    return table.times(0, table.time_kind(0)).seconds


def expected_seconds(cells):
    def seconds(cell):
        if cell is None:
            return np.nan
        if isinstance(cell, datetime.timedelta):
            return cell.total_seconds()
        if isinstance(cell, datetime.time):
            cell = datetime.datetime.combine(datetime.date(1970, 1, 1), cell)
        if not isinstance(cell, datetime.datetime):
            cell = datetime.datetime(cell.year, cell.month, cell.day)
        zone = None if cell.tzinfo is None else datetime.UTC
        return (cell - datetime.datetime(1970, 1, 1, tzinfo=zone)) / datetime.timedelta(seconds=1)

    return [seconds(cell) for cell in cells]


def encoded(X, y=None):
    encoder = TableEncoder().fit(X)
    return encoder, dict(zip(encoder.get_feature_names_out(), encoder.transform(X).T, strict=True))


class TestRead:
    @pytest.mark.parametrize("holder", HOLDERS)
    @pytest.mark.parametrize("kind", CELLS)
    def test_every_holder(self, kind, holder):
        if holder == "numpy" and kind in ("aware", "clocks"):
            pytest.skip("numpy has no type for these")
        X = HOLDERS[holder](CELLS[kind])
        np.testing.assert_allclose(seconds_of(X), expected_seconds(CELLS[kind]), rtol=0, atol=1e-6)

    @pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "25s", "ms", "us", "10ns"])
    def test_units_of_numpy(self, unit):
        cells = np.array(["2020-01-01", "1950-06-01", "NaT"], dtype=f"M8[{unit}]")
        whole = cells.astype("M8[s]").astype(float)
        np.testing.assert_array_equal(seconds_of(cells[:, None])[:2], whole[:2])
        assert np.isnan(seconds_of(cells[:, None])[2])

    def test_short_durations(self):
        nanoseconds = np.array([[350], [1_000_000_001], [-7]])
        found = seconds_of(nanoseconds.astype("m8[ns]"))
        np.testing.assert_allclose(found, nanoseconds[:, 0] * 1e-9, rtol=1e-12, atol=1e-16)

    def test_types_of_arrow(self):
        for type_ in (pa.date32(), pa.date64()):
            days = pa.table({"d": pa.array(DATES, type_)})
            np.testing.assert_array_equal(seconds_of(days), expected_seconds(DATES))
        for type_ in (pa.time32("s"), pa.time64("ns")):
            assert seconds_of(pa.table({"t": pa.array([CLOCKS[0]], type_)})).tolist() == [27_000]

    def test_periods(self):
        months = pd.DataFrame({"m": pd.period_range("2020-01", periods=3, freq="M")})
        columns = encoded(months)[1]
        assert columns["m [days since 2020-01-01]"].tolist() == [0, 31, 60]

    @pytest.mark.parametrize(
        ("cells", "message"),
        [
            ([datetime.date(2020, 1, 1), 3.5], "column 'x0' is one of dates, but holds 3.5"),
            ([datetime.date(2020, 1, 1), "n/a"], "column 'x0' is one of dates, but holds 'n/a'"),
            ([SPANS[0], MOMENTS[0]], "column 'x0' is one of durations, but holds 2011"),
            ([MOMENTS[0], AWARE[0]], r"several time zones \(none, Europe/Berlin\)"),
            ([AWARE[0].astimezone(datetime.UTC), AWARE[0]], r"\(UTC, Europe/Berlin\)"),
        ],
    )
    def test_mixed_cells(self, cells, message):
        with pytest.raises((TypeError, ValueError), match=message):
            TableEncoder().fit(np.array(cells, dtype=object)[:, None])

    def test_out_of_bounds(self):
        far = np.array([[10**11]]).astype("M8[D]")
        with pytest.raises(ValueError, match="column 'x0' holds times of more than 30 million"):
            TableEncoder().fit(far)
        with pytest.raises(ValueError, match="no fixed length"):
            TableEncoder().fit(np.array([[3]]).astype("m8[M]"))

    def test_chosen_as_category(self):
        X = pd.DataFrame({"d": [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)] * 3})
        encoder = TableEncoder(categorical_features=["d"]).fit(X)
        assert encoder.get_feature_names_out().tolist() == ["d=2021-01-01"]


class TestColumns:
    @pytest.mark.parametrize(
        ("cells", "names"),
        [
            (pd.date_range("2011-03-05", periods=3000, freq="D"), ["days since 2011-01-01", "WY"]),
            (pd.date_range("2011-03-05", periods=100, freq="D"), ["days since 2011-03-01", "W"]),
            (pd.date_range("2011-03-05", periods=9, freq="D"), ["days since 2011-03-05", "W"]),
            (pd.date_range("2011-03-05", periods=20, freq="W"), ["days since 2011-03-01", ""]),
            (pd.date_range("2011-01-01", periods=9, freq="YS"), ["days since 2011-01-01", "W"]),
            (pd.date_range("2011-01-01", periods=999, freq="h"), ["days since 2011-01-01", "DW"]),
            (
                pd.date_range("2011-01-01 05:00", periods=20, freq="h"),
                ["hours since 2011-01-01", ""],
            ),
            (
                pd.date_range("2011-01-01 05:07", periods=20, freq="20s"),
                ["minutes since 2011-01-01 05:00", ""],
            ),
            (
                pd.date_range("2011-01-01 05:07:09", periods=20, freq="50ms"),
                ["seconds since 2011-01-01 05:07", ""],
            ),
            (pd.to_datetime(["2011-03-05"] * 4), ["days since 2011-03-05", ""]),
            (pd.to_datetime([None] * 4), ["days since 1970-01-01", ""]),
            (
                pd.date_range("1031", periods=900, freq="YS", unit="s"),
                ["days since 1031-01-01", "W"],
            ),
            (
                pd.date_range("2011-01-01", periods=99, freq="D", tz="Asia/Tokyo"),
                ["days since 2010-12-01 UTC", "W"],
            ),
            (pd.to_timedelta(range(1, 50), unit="h"), ["days", ""]),
            (pd.to_timedelta(range(1, 5), unit="h"), ["hours", ""]),
            (pd.to_timedelta(range(-300, 50), unit="s"), ["minutes", ""]),
            (pd.to_timedelta([0.001, 0.02], unit="s"), ["seconds", ""]),
            (pd.to_timedelta([7, 14], unit="D"), ["days", ""]),
            ([datetime.time(hour) for hour in range(24)], ["hours since midnight", "D"]),
            ([datetime.time(hour) for hour in (9, 12, 17)], ["hours since midnight", ""]),
        ],
        ids=lambda value: "" if isinstance(value, list) else None,
    )
    def test_unit_origin_and_cycles(self, cells, names):
        X = pd.DataFrame({"t": cells})
        cycles = [{"D": "day", "W": "week", "Y": "year"}[letter] for letter in names[1]]
        waves = [f"t [{wave} of the {c}]" for c in cycles for wave in ("sine", "cosine")]
        found = TableEncoder().fit(X).get_feature_names_out().tolist()
        assert found[: 1 + len(waves)] == [f"t [{names[0]}]", *waves]

    def test_slip_of_the_year_and_mark_of_no_end(self):
        days = pl.date_range(datetime.date(2020, 5, 1), datetime.date(2020, 9, 9), eager=True)
        odd = pl.Series([datetime.date(1900, 1, 1), datetime.date(9999, 12, 31)])
        encoder, columns = encoded(pl.DataFrame({"d": pl.concat([days, odd])}))
        names = encoder.get_feature_names_out().tolist()
        assert names[0] == "d [days since 2020-05-01]"
        assert not any("year" in name for name in names)
        first = datetime.date(2020, 5, 1)
        assert columns[names[0]][-2:].tolist() == [(day - first).days for day in odd]

    def test_clocks_of_the_zone(self):
        """Noon in Berlin is noon in summer and in winter, and an hour apart in UTC."""
        noons = pd.date_range("2020-01-01 12:00", periods=300, freq="D", tz="Europe/Berlin")
        midnight = noons[:1] + pd.Timedelta("12h")
        encoder, columns = encoded(pd.DataFrame({"t": noons.append(midnight)}))
        np.testing.assert_allclose(columns["t [cosine of the day]"][:-1], -1.0)
        elapsed = np.diff(columns["t [days since 2020-01-01 UTC]"][:-1])
        assert sorted(set(np.round(elapsed * 24).astype(int))) == [23, 24, 25]
        other = pd.DataFrame({"t": noons.tz_convert("America/New_York")})
        np.testing.assert_array_equal(
            encoder.transform(other)[:, 1], columns["t [sine of the day]"][:-1]
        )

    def test_zones_that_do_not_fit(self):
        plain = pd.DataFrame({"t": pd.date_range("2020-01-01", periods=9)})
        aware = plain.assign(t=plain["t"].dt.tz_localize("Europe/Berlin"))
        gaps = plain.assign(t=pd.NaT)
        for X, other, words in ((plain, aware, "have none"), (aware, plain, "tz_localize")):
            encoder = TableEncoder().fit(X)
            with pytest.raises(ValueError, match=f"column 't' holds dates .*{words}"):
                encoder.transform(other)
            assert np.isfinite(encoder.transform(gaps)).all()
        tz = pytest.importorskip("dateutil.tz").tzrange("home", 3600)
        odd = aware.assign(t=plain["t"].dt.tz_localize(tz))
        with pytest.raises(ValueError, match="the time zone 'tzrange"):
            TableEncoder().fit(odd)

    def test_gaps(self, dataframe):
        X = dataframe(
            {"a": [1.0, 2.0, None], "t": [MOMENTS[0], None, MOMENTS[3]], "c": list("uvu")}
        )
        encoder = TableEncoder().fit(X)
        names = encoder.get_feature_names_out().tolist()
        assert names == [
            "a",
            "t [days since 2011-03-01]",
            *names[2:6],
            "a is missing",
            "t is missing",
            "c=v",
        ]
        Z = encoder.transform(X)
        np.testing.assert_array_equal(Z[1, 1:6], encoder.median_[1:6])
        assert Z[:, 7].tolist() == [0, 1, 0]
        assert encoder.source_.tolist() == [0, 1, 1, 1, 1, 1, 0, 1, 2]
        assert encoder.indicator_.tolist() == [False] * 6 + [True] * 3

    @pytest.mark.parametrize("cells", [[None], [np.nan], [pd.NaT]])
    def test_new_rows_of_gaps_alone(self, cells):
        encoder = TableEncoder().fit(pd.DataFrame({"t": pd.date_range("2020", periods=9)}))
        later = pd.DataFrame({"t": pd.Series(cells, dtype=object)})
        np.testing.assert_array_equal(encoder.transform(later)[0], encoder.median_)

    @pytest.mark.parametrize("cell", [3.0, "2020-01-01", datetime.timedelta(1), datetime.time(1)])
    def test_new_rows_of_another_kind(self, dataframe, cell):
        encoder = TableEncoder().fit(dataframe({"t": DATES[:1] * 3}))
        with pytest.raises(TypeError, match="column 't' is one of dates, but holds"):
            encoder.transform(dataframe({"t": [cell]}))

    def test_dates_where_numbers_were(self, dataframe):
        encoder = TableEncoder().fit(dataframe({"t": [1.0, 2.0]}))
        with pytest.raises(TypeError, match="column 't' does not hold numbers but dates"):
            encoder.transform(dataframe({"t": DATES[:1]}))

    def test_beyond_the_range_of_fit(self):
        encoder = TableEncoder().fit(pd.DataFrame({"t": pd.date_range("2020-01-01", periods=9)}))
        later = encoder.transform(pl.DataFrame({"t": [datetime.date(2500, 1, 1)]}))
        assert later[0, 0] == (datetime.date(2500, 1, 1) - datetime.date(2020, 1, 1)).days

    def test_another_resolution(self):
        seconds = pd.DataFrame({"t": pd.date_range("2020-01-01 03:00", periods=99, unit="s")})
        encoder = TableEncoder().fit(seconds)
        for unit in ("ms", "us", "ns"):
            later = seconds.assign(t=seconds["t"].dt.as_unit(unit))
            np.testing.assert_array_equal(encoder.transform(later), encoder.transform(seconds))

    def test_weights_are_copies(self):
        rng = np.random.default_rng(0)
        cells = np.datetime64("2020-01-01") + rng.integers(0, 600, 60).astype("m8[D]")
        cells[:3] = np.array(["1900-01-01", "9999-12-31", "NaT"], dtype="M8[D]")
        X, weight = cells[:, None], rng.integers(0, 4, 60)
        one = TableEncoder().fit(X, sample_weight=weight)
        other = TableEncoder().fit(np.repeat(X, weight, axis=0))
        assert one.get_feature_names_out().tolist() == other.get_feature_names_out().tolist()
        np.testing.assert_array_equal(one.transform(X), other.transform(X))

    @settings(max_examples=25)
    @given(
        # pandas 2 knows the rules of zones up to 2037
        st.lists(
            st.datetimes(datetime.datetime(1902, 1, 1), datetime.datetime(2037, 1, 1)), min_size=2
        ),
        st.sampled_from([None, "Europe/Berlin", "America/New_York", "+05:30"]),
    )
    def test_the_moment_is_told_back(self, moments, zone):
        cells = pd.Series(pd.to_datetime(moments)).astype("M8[us]")
        if zone is not None:
            cells = cells.dt.tz_localize("UTC").dt.tz_convert(zone)
        encoder, columns = encoded(pd.DataFrame({"t": cells}))
        time = encoder.times_[0]
        unit = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}[time.unit]
        elapsed, *waves = columns.values()
        naive = cells if zone is None else cells.dt.tz_convert(None)
        since = (naive - pd.Timestamp("1970-01-01")) / pd.Timedelta("1s")
        np.testing.assert_allclose(time.origin + elapsed * unit, since, rtol=0, atol=1e-5)
        shown = cells if zone is None else cells.dt.tz_localize(None)
        hours = (shown - shown.dt.normalize()) / pd.Timedelta("1D")
        turns = {"day": hours, "week": shown.dt.day_of_week / 7}
        for place, cycle in enumerate(time.cycles):
            if cycle in turns:
                angle = 2 * np.pi * turns[cycle]
                np.testing.assert_allclose(waves[2 * place], np.sin(angle), atol=1e-9)
                np.testing.assert_allclose(waves[2 * place + 1], np.cos(angle), atol=1e-9)
            else:
                days = np.arctan2(waves[2 * place], waves[2 * place + 1]) % (2 * np.pi)
                off = days / (2 * np.pi) * 365.2425 - (shown.dt.day_of_year - 1 + hours)
                assert np.abs((off + 180) % 365.2425 - 180).max() < 2
