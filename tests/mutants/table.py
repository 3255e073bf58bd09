"""Each guard of the protocol, with what the code would be without it, and the tests that notice.

A guard that no test misses is either not needed or not tested; `mutants.runner` shows that there is none such.
"""

from typing import Final

from mutants.guards_of_books import BOOKS
from mutants.guards_of_consumers import CONSUMERS
from mutants.guards_of_history import HISTORY
from mutants.guards_of_holds import HOLDS
from mutants.guards_of_instants import INSTANTS
from mutants.guards_of_lives import LIVES
from mutants.guards_of_rushes import RUSHES
from mutants.guards_of_stock import STOCK
from mutants.mutant import INVARIANTS, Edit, Mutant

__all__ = ["INVARIANTS", "MUTANTS", "Edit", "Mutant"]

MUTANTS: Final = (*STOCK, *HOLDS, *BOOKS, *INSTANTS, *CONSUMERS, *RUSHES, *HISTORY, *LIVES)
