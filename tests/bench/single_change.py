"""Change one object among many, and compare with compiling everything again."""

import gc
import sys
from time import perf_counter, process_time

from tests.bench.figures import Figure, hand_on, of_many
from tests.bench.world import World, change, compiler

from lateen.runtime.instance import look_rarely_for_garbage

REPEATS = 500
_STRIDE = 7919


def measure(hosts: int) -> list[Figure]:
    """Change the weights of one VirtualService among `hosts`, again and again."""
    look_rarely_for_garbage()
    world = World(hosts)
    built, intake = compiler()
    everything = [change(raw, intake) for raw in world.objects()]
    built.apply(everything)
    gc.collect()
    gc.freeze()
    seconds: list[float] = []
    cells = resources = 0
    cpu = process_time()
    for number in range(REPEATS):
        raw = world.virtual_service(number * _STRIDE % hosts, weight=10 + number % 50)
        batch = [change(raw, intake)]
        started = perf_counter()
        outcome = built.apply(batch)
        seconds.append(perf_counter() - started)
        cells = max(cells, outcome.recomputed)
        resources = max(resources, sum(map(len, outcome.resources.values())))
    cpu = (process_time() - cpu) / REPEATS
    again, _ = compiler()
    full = process_time()
    again.apply(everything)
    full = process_time() - full
    size = f"1 VirtualService of {hosts:,}"
    large = hosts == 10_000
    return [
        of_many(f"{size}, compile", seconds, "ms", scale=1000, target=1.0 if large else None, how="perf_counter"),
        Figure(f"{size}, CPU", cpu * 1000, "ms", REPEATS, how="process_time, with the making of the object"),
        Figure(f"{size}, most cells", cells, "cells", REPEATS, target=5),
        Figure(f"{size}, most resources", resources, "resources", REPEATS, target=1),
        Figure(f"{size}, compared with all anew", full * 1000, "ms", how="CPU; what incremental compiling saves"),
    ]


if __name__ == "__main__":
    hand_on(measure(int(sys.argv[1])))
