"""The incremental engine: keyed tables, derived from one another, that recompute only what a change touches.

Generic: it imports nothing of Lateen and knows nothing of what the rows mean.
"""

from lateen.engine.commit import Commit
from lateen.engine.engine import Engine
from lateen.engine.errors import EngineError, words_of
from lateen.engine.index import Index
from lateen.engine.reads import Reads
from lateen.engine.table import Derived, Table

__all__ = ["Commit", "Derived", "Engine", "EngineError", "Index", "Reads", "Table", "words_of"]
