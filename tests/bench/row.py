# SPDX-License-Identifier: Apache-2.0
"""The table of measure.h, for the rows that are measured from Python: times in microseconds."""


def head():
    print(f"{'row':<38} {'on':<8} {'p50 us':>10} {'p99 us':>10} {'floor us':>10} {'share':>7} {'ratio':>7} {'added us':>9} "
          f"{'at best':>9}  {'target':<16} {'verdict':<7} floor")


def percentile(values, percent):
    return sorted(values)[(len(values) - 1) * percent // 100]


def line(what, on, floor_is, ours, floor, ratio_at_most=None, every=1):
    """every: added time is given for so many parts of one sample, e.g. per APDU."""
    mine, bare = percentile(ours, 50), percentile(floor, 50)
    target = f"ratio <= {ratio_at_most:g}" if ratio_at_most else "-"
    verdict = "-" if not ratio_at_most else "met" if mine / bare <= ratio_at_most else "MISSED"
    print(f"{what:<38} {on:<8} {mine:10.2f} {percentile(ours, 99):10.2f} {bare:10.2f} {bare / mine:7.3f} {mine / bare:7.2f} "
          f"{(mine - bare) / every:9.2f} {(min(ours) - min(floor)) / every:9.2f}  {target:<16} {verdict:<7} {floor_is} ({len(ours)})")
