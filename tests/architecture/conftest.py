"""The checkout, for the architecture rules."""

from __future__ import annotations

import pytest
from house import Repository


@pytest.fixture(scope="session")
def repository() -> Repository:
    """Return the checkout these tests stand in."""
    return Repository()
