"""CPU time and memory of process trees, from /proc."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; none for a process that has gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    # The second field is the name, which may hold spaces and brackets itself.
    return text.rpartition(")")[2].split()


def tree(roots: Iterable[int]) -> list[int]:
    """These processes and everything they started, directly or not."""
    children = defaultdict(list)
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
    found = list(roots)
    for pid in found:
        found.extend(children[pid])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of whole trees so far, with that of children they have reaped.

    Only differences mean something: time of a child counts in the child while it lives and in
    its parent afterwards, so that nothing is lost between two readings.
    """
    ticks = 0
    for pid in tree(roots):
        ticks += sum(int(field) for field in stat_fields(pid)[11:15])
    return ticks / TICKS_PER_SECOND


def pss_mib(roots: Iterable[int]) -> float:
    """Memory of whole trees in MiB, with pages that n processes share counted as 1/n in each."""
    kib = 0
    for pid in tree(roots):
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kib / 1024


def command_line(pid: int) -> list[str]:
    """The words a process was started with; none for one that has gone."""
    try:
        text = (PROC / str(pid) / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rstrip("\0").split("\0")


def reset_peak(pids: Iterable[int]) -> None:
    """Have `peak_mib` tell the peak from now on (proc_pid_clear_refs(5))."""
    for pid in pids:
        (PROC / str(pid) / "clear_refs").write_text("5", encoding="ascii")


def peak_mib(pids: Iterable[int]) -> float:
    """The most memory these processes have had resident, each at its own peak."""
    return sum(status_kib(pid, "VmHWM") for pid in pids) / 1024


def resident_mib(pids: Iterable[int]) -> float:
    """The memory these processes have resident."""
    return sum(status_kib(pid, "VmRSS") for pid in pids) / 1024


def status_kib(pid: int, name: str) -> int:
    """A value of /proc/PID/status in KiB."""
    lines = (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
