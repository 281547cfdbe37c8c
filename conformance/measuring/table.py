"""Targets, and what the rounds came to."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What must be, and what would be best; `least` is for figures that shall be large."""

    unit: str
    must: float
    moonshot: float
    least: bool = False
    # Whether the target is about the ratio to the baseline, not the figure.
    of_baseline: bool = False


TARGETS = {
    "orders P-256, CPU": Target("ms", 1.4, 0.9),
    "orders P-256, rate": Target("/s", 600, 900, least=True),
    "orders P-384, CPU": Target("ms", 1.7, 1.2),
    "orders P-384, rate": Target("/s", 500, 750, least=True),
    "orders PostgreSQL, CPU": Target("ms", 1.9, 1.3),
    "orders SoftHSM P-384, rate": Target("/s", 350, 480, least=True),
    "order p99 at 25/s": Target("ms", 12, 8),
    "JSON P-256, rate": Target("/s", 2500, 4000, least=True),
    "JSON P-384, rate": Target("/s", 1200, 1800, least=True),
    "JSON SoftHSM P-384, rate": Target("/s", 0.70, 0.85, least=True, of_baseline=True),
    "newNonce p99, signer saturated": Target("ms", 20, 5),
    "OCSP GET CPU": Target("µs", 0.80, 0.95, least=True, of_baseline=True),
    "OCSP POST CPU": Target("µs", 0.80, 0.95, least=True, of_baseline=True),
    "OCSP cold": Target("/s", 0.60, 0.75, least=True, of_baseline=True),
    "start, empty store": Target("ms", 60, 20),
    "memory idle": Target("MiB", 25, 15),
    "memory peak": Target("MiB", 45, 30),
}


def table(rounds):
    """Lines of a Markdown table: medians with the smallest and largest of the rounds."""
    yield "| what | median (min to max) | baseline, ratio | must | moonshot | |"
    yield "|---|---|---|---|---|---|"
    names = list(dict.fromkeys(name for figures in rounds for name in figures))
    for name in names:
        values = [figures[name] for figures in rounds if name in figures]
        yield line(name, values, TARGETS.get(name))


def line(name, values, target):
    """One row."""
    figures = [figure for figure, _ in values]
    unit = target.unit if target else ("ms" if name.endswith("CPU") else "/s")
    middle = statistics.median(figures)
    told = f"{number(middle)} {unit} ({number(min(figures))} to {number(max(figures))}, {len(figures)})"
    baselines = [baseline for _, baseline in values if baseline]
    ratio = None
    compared = ""
    if baselines:
        # CPU of another over ours; our rate over another's.
        ratio = statistics.median(baseline / figure if unit == "µs" else figure / baseline
                                  for figure, baseline in values)
        compared = f"{number(statistics.median(baselines))} {unit}, {ratio:.0%}"
    if target is None:
        return f"| {name} | {told} | {compared} | | | |"
    judged = ratio if target.of_baseline else middle
    wanted = (f"{target.must:.0%}", f"{target.moonshot:.0%}") if target.of_baseline else (
        f"{number(target.must)}", f"{number(target.moonshot)}")
    return f"| {name} | {told} | {compared} | {wanted[0]} | {wanted[1]} | {verdict(judged, target)} |"


def verdict(value, target):
    """How far it got."""
    def reaches(goal):
        return value >= goal if target.least else value <= goal

    if reaches(target.moonshot):
        return "moonshot"
    return "hit" if reaches(target.must) else "**miss**"


def number(value):
    """Three digits that matter."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
