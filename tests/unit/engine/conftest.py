"""What tests of the engine share."""

import pytest
from tests.unit.engine.shop import Shop


@pytest.fixture
def shop() -> Shop:
    """A graph with three orders, committed."""
    shop = Shop()
    shop.engine.set(shop.prices, "nut", 1)
    shop.engine.set(shop.prices, "bolt", 5)
    shop.engine.set(shop.orders, 1, ("ann", "nut", 3))
    shop.engine.set(shop.orders, 2, ("ann", "bolt", 2))
    shop.engine.set(shop.orders, 3, ("bob", "nut", 4))
    shop.engine.commit()
    return shop
