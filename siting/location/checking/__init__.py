"""The independent check of the location engine: nothing here is shared with the search.

Every figure of a solution is counted again from the raw model, and the bound is evaluated again
from the multipliers and the tree the certificate carries.
"""

from siting.location.checking.grid_cover import verify_grid_cover
from siting.location.checking.verdict import confirm_infeasible, verify

__all__ = ["confirm_infeasible", "verify", "verify_grid_cover"]
