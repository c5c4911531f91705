"""A small graph for tests: orders, prices, and what is computed from them."""

from lateen.engine import Derived, Engine, Index, Reads, Table


class Shop:
    """Orders (customer, amount) with a price list: totals per customer, and customers by size."""

    def __init__(self) -> None:
        """Make the empty graph."""
        self.engine = Engine()
        self.orders: Table[int, tuple[str, str, int]] = self.engine.input("orders")
        self.prices: Table[str, int] = self.engine.input("prices")
        self.amounts: Derived[int, tuple[str, int]] = self.engine.derive("amounts", 1, self.amount, each=self.orders)
        self.by_customer: Index[int, tuple[str, int], str] = self.engine.index(
            "by_customer", self.amounts, lambda _, row: [row[0]]
        )
        self.totals: Derived[str, int] = self.engine.derive("totals", 2, self.total, group=self.by_customer)
        self.by_size: Index[str, int, bool] = self.engine.index("by_size", self.totals, lambda _, total: [total > 9])
        self.sizes: Derived[bool, tuple[str, ...]] = self.engine.derive("sizes", 3, self.size, group=self.by_size)

    def amount(self, reads: Reads, key: int) -> tuple[str, int] | None:
        order = reads.get(self.orders, key)
        assert order is not None
        customer, article, count = order
        price = reads.get(self.prices, article)
        return None if price is None else (customer, count * price)

    def total(self, reads: Reads, customer: str) -> int:
        total = sum(row[1] for _, row in reads.values(self.by_customer, customer))
        if total < 0:
            message = f"{customer} owes {-total}"
            raise ValueError(message)
        return total

    def size(self, reads: Reads, large: bool) -> tuple[str, ...]:  # noqa: FBT001 - the key of the table
        return tuple(reads.bucket(self.by_size, large))
