"""What is remembered of batches."""

from lateen.model.keys import Key, Kind
from lateen.runtime.batches import HISTORY, BatchBook, BatchRecord

ROUTES = Key(Kind.VIRTUAL_SERVICE, "default", "routes")


def record(number: int) -> BatchRecord:
    return BatchRecord(number, objects=1, at=0.0, compiled=0.001)


def test_a_batch_gives_its_objects_until_it_is_live() -> None:
    book = BatchBook()
    book.add(record(1), [ROUTES])
    assert book.touched(1) == (ROUTES,)
    assert book.live(1, 0.02, rejected=1) == (ROUTES,)
    assert (book.records[0].live, book.records[0].rejected) == (0.02, 1)
    assert book.touched(1) == book.live(1, 0.02, rejected=1) == ()


def test_batches_that_never_become_live_are_forgotten() -> None:
    book = BatchBook()
    for number in range(1, 1_002):
        book.add(record(number), [ROUTES])
    assert (book.touched(1), book.touched(2)) == ((), (ROUTES,))
    assert len(book.records) == HISTORY
