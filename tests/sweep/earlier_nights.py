#!/usr/bin/env python3
"""Puts nights before the first one that a sweep really measured into a store that no coordinator holds.
usage: earlier_nights.py STORE NIGHTS

Each series gets the times of its real night again, with a noise of a half, every second night as of a busy machine:
so a test holds on a machine that is busy or not, as long as it is not four times as slow or fast as it was.
"""
import math
import sqlite3
import sys

DAY_S = 86400
NOISE = 0.5
store, nights = sys.argv[1], int(sys.argv[2])
db = sqlite3.connect(store)
points = db.execute("SELECT series, night_s, time_ns, low_ns, high_ns, driver, text_hash FROM sweep_points WHERE repetition = 0").fetchall()
if not points:
    sys.exit("earlier_nights: the store has no point of any series")
for series, night_s, *times, driver, text_hash in points:
    for k in range(1, nights + 1):
        # evenly spread, in an order of each series' own
        off = math.exp(NOISE * (2 * (((k * 5 + series * 3) % nights) + 0.5) / nights - 1) * math.sqrt(3))
        db.execute("INSERT INTO sweep_points(series, night_s, repetition, time_ns, low_ns, high_ns, driver, text_hash, clocks, clock_mhz, flags)"
                   " VALUES(?, ?, 0, ?, ?, ?, ?, ?, 0, 0, ?)",
                   (series, night_s - k * DAY_S, *(off * t for t in times), driver, text_hash, k % 2))
db.commit()
print(f"{len(points)} series, {nights} nights before each")
