"""Another policy, other data or a bad day on a published night, held against it.

Belongs here: figures of a decided night, their differences, their attribution, shocks and the frontier. Does not belong
here: reading and writing (``proposals``), deciding (``decide``).
"""

from tierline.whatif.attribution import attribute
from tierline.whatif.book import Book, book_of
from tierline.whatif.difference import Difference, compare
from tierline.whatif.frontier import frontier
from tierline.whatif.stress import SCENARIOS
from tierline.whatif.words import figure

__all__ = ["SCENARIOS", "Book", "Difference", "attribute", "book_of", "compare", "figure", "frontier"]
