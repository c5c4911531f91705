"""Recorded reads as explanation."""

import pytest

from lateen.engine import Derived, Engine, Index, Reads, Table
from lateen.engine.trace import Node, readers_of, reads_of, tree_of


class Graph:
    """Numbers, their doubles, and sums of doubles by parity; odd sums fail."""

    def __init__(self) -> None:
        """Fill the graph."""
        self.engine = Engine()
        self.numbers: Table[str, int] = self.engine.input("numbers")
        self.factors: Table[str, int] = self.engine.input("factors")
        self.scaled: Derived[str, int] = self.engine.derive("scaled", 1, self.scale, each=self.numbers)
        self.by_parity: Index[str, int, int] = self.engine.index("by_parity", self.scaled, lambda _, value: [value % 2])
        self.sums: Derived[int, int] = self.engine.derive("sums", 2, self.sum, group=self.by_parity)
        for key, value in (("a", 2), ("b", 4), ("c", 3)):
            self.engine.set(self.numbers, key, value)
        self.engine.commit()

    def scale(self, reads: Reads, key: str) -> int:
        return (reads.get(self.numbers, key) or 0) * (reads.get(self.factors, "all") or 1)

    def sum(self, reads: Reads, parity: int) -> int:
        total = sum(value for _, value in reads.values(self.by_parity, parity))
        if total % 2:
            raise ValueError(total)
        return total


@pytest.fixture
def graph() -> Graph:
    return Graph()


def test_the_reads_of_a_cell_are_told_in_order(graph: Graph) -> None:
    assert reads_of(graph.scaled, "a") == (("numbers", "a"), ("factors", "all"))
    assert reads_of(graph.sums, 0) == (("by_parity", 0),)


def test_inputs_and_unknown_keys_have_read_nothing(graph: Graph) -> None:
    assert reads_of(graph.numbers, "a") == ()
    assert reads_of(graph.scaled, "z") == ()


def test_the_readers_of_a_row_include_those_of_its_buckets(graph: Graph) -> None:
    assert readers_of(graph.numbers, "a") == (("scaled", "a"),)
    assert readers_of(graph.scaled, "a") == (("sums", 0),)
    assert readers_of(graph.factors, "all") == (("scaled", "a"), ("scaled", "b"), ("scaled", "c"))
    assert readers_of(graph.sums, 0) == ()


def test_the_readers_of_a_bucket_are_told(graph: Graph) -> None:
    assert readers_of(graph.by_parity, 0) == (("sums", 0),)
    assert readers_of(graph.by_parity, 7) == ()


def test_the_tree_of_a_cell_leads_to_its_inputs_and_unfolds_each_part_once(graph: Graph) -> None:
    factor = Node("factors", "all", exists=False)
    assert tree_of(graph.sums, 0) == Node(
        "sums",
        0,
        exists=True,
        parts=(
            Node(
                "by_parity",
                0,
                exists=True,
                parts=(
                    Node("scaled", "a", exists=True, parts=(Node("numbers", "a", exists=True), factor)),
                    Node("scaled", "b", exists=True, parts=(Node("numbers", "b", exists=True), factor)),
                ),
            ),
        ),
    )


def test_a_part_with_parts_of_its_own_is_marked_when_it_comes_again(graph: Graph) -> None:
    twice: Derived[str, int] = graph.engine.derive(
        "twice",
        3,
        lambda reads, key: (reads.get(graph.scaled, key) or 0) + len(reads.bucket(graph.by_parity, 1)),
        each=graph.scaled,
    )
    graph.engine.commit()
    scaled, bucket = tree_of(twice, "c").parts
    assert not scaled.repeated
    assert bucket.parts == (Node("scaled", "c", exists=True, repeated=True),)


def test_the_tree_shows_errors(graph: Graph) -> None:
    assert tree_of(graph.sums, 1, depth=0) == Node("sums", 1, exists=False, error="ValueError: 3")


def test_the_tree_can_be_cut_at_a_depth(graph: Graph) -> None:
    (bucket,) = tree_of(graph.sums, 0, depth=1).parts
    assert bucket == Node("by_parity", 0, exists=True)
    (bucket,) = tree_of(graph.sums, 0, depth=2).parts
    assert [part.key for part in bucket.parts] == ["a", "b"]


def test_the_tree_of_what_is_not_there_says_so(graph: Graph) -> None:
    assert tree_of(graph.by_parity, 7) == Node("by_parity", 7, exists=False)
    assert tree_of(graph.scaled, "z") == Node("scaled", "z", exists=False)
