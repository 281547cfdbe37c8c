"""Whether memory and files stay as they were, over the lives of a server."""

import statistics

from faults.trouble import read


def judge(report, folder, plan):
    """Peaks of the lives in the first part against those in the last; tells file sizes."""
    samples = read(folder / "samples")
    begun, ended = samples[0]["at"], samples[-1]["at"]
    part = min(600, (ended - begun) / 3)
    tell_troubles(read(folder / "events"))
    with report.check("endurance: memory is flat, the write-ahead log is bounded") as check:
        first = peaks(sample for sample in samples if sample["at"] <= begun + part)
        last = peaks(sample for sample in samples if sample["at"] >= ended - part)
        print(f"  peak MiB of lives: first {mib(first)}, last {mib(last)}; database "
              f"{samples[-1]['ca.db'] >> 20} MiB, write-ahead log at most "
              f"{max(sample['ca.db-wal'] for sample in samples) >> 20} MiB", flush=True)
        bound = statistics.median(first) * 1.15 + 4 * 1024
        check.require(statistics.median(last) <= bound, f"from {mib(first)} to {mib(last)}")
        check.require(all(sample["ca.db-wal"] < LARGEST_WAL for sample in samples),
                      "the write-ahead log grows without end")


def tell_troubles(events):
    """How often there was trouble, and how long a restart took: death to readiness."""
    moments = [(event["what"], event["at"]) for event in events]
    pairs = list(zip(moments, moments[1:]))
    restarts = sorted(to[1] - by[1] for by, to in pairs if (by[0], to[0]) == ("kill", "ready"))
    away = [to[1] - by[1] for by, to in pairs if by[0] == "token away"]
    if restarts:
        print(f"  kills        {len(restarts)}; to readiness {statistics.median(restarts):.2f} s "
              f"(at most {restarts[-1]:.2f} s)", flush=True)
    print(f"  token away   {len(away)} times, {sum(away):.0f} s in all", flush=True)


def peaks(samples):
    """The highest mark of each life, KiB."""
    lives = {}
    for sample in samples:
        lives[sample["life"]] = max(lives.get(sample["life"], 0), sample["VmHWM"])
    return list(lives.values())


def mib(peaks_kib):
    """Smallest, median, largest."""
    low, middle, high = min(peaks_kib), statistics.median(peaks_kib), max(peaks_kib)
    return f"{middle / 1024:.0f} ({low / 1024:.0f} to {high / 1024:.0f})"


LARGEST_WAL = 256 << 20
