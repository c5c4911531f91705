"""Compile many VirtualServices and Services from nothing; objects are given as decoded."""

import sys
from time import perf_counter, process_time

from tests.bench.figures import Figure, hand_on
from tests.bench.machine import million_steps, peak_memory
from tests.bench.world import World, change, compiler

from lateen.runtime.instance import look_rarely_for_garbage, without_looking_for_garbage


def measure(hosts: int) -> list[Figure]:
    """Compile `hosts` VirtualServices and as many Services."""
    look_rarely_for_garbage()
    built, intake = compiler()
    changes = [change(raw, intake) for raw in World(hosts).objects()]
    before = peak_memory()
    pace = million_steps()
    with without_looking_for_garbage():
        wall, cpu = perf_counter(), process_time()
        outcome = built.apply(changes)
        wall, cpu = perf_counter() - wall, process_time() - cpu
    pace = (pace + million_steps()) / 2
    full = hosts == 10_000
    size = f"{hosts:,} VirtualServices + {hosts:,} Services"
    return [
        Figure(f"cold compile, {size}, CPU", cpu, "s", target=3.0 if full else None, how="process_time"),
        Figure(f"cold compile, {size}, by pace", cpu / pace, "", how="CPU, in millions of steps of Python just then"),
        Figure(f"cold compile, {size}, wall", wall, "s", how="perf_counter; other programs count"),
        Figure(f"cold compile, {size}, cells", outcome.recomputed, "cells"),
        Figure(f"cold compile, {size}, peak RSS", peak_memory(), "MB", target=400 if full else None),
        Figure(f"cold compile, {size}, RSS of the input alone", before, "MB", how="Python, imports, decoded objects"),
    ]


if __name__ == "__main__":
    hand_on(measure(int(sys.argv[1])))
