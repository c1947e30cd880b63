"""Printed numbers are never kinder than the truth."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting import text
from siting.messages import MESSAGES, say

shares = st.floats(min_value=0.0, max_value=1.0)
money = st.integers(min_value=0, max_value=10**13)


def number(printed: str) -> Decimal:
    """Read the number out of a printed text."""
    return Decimal(re.sub(r"[^\d.-]", "", printed))


@given(shares)
def test_a_share_is_never_printed_larger_than_it_is(share: float) -> None:
    """Whatever the share, the printed per cent do not exceed it, nor miss it by 0.1 or more."""
    printed = number(text.share_text(share, "zh"))
    exact = Decimal(repr(share)) * 100
    assert printed <= exact < printed + Decimal("0.1")


@given(st.floats(min_value=0.0, max_value=1.0, exclude_max=True))
def test_less_than_all_is_never_printed_as_all(share: float) -> None:
    """99.96 % is never printed as 100 %, in either language."""
    assert not text.share_text(share, "zh").startswith("100")
    assert not text.share_text(share, "en").startswith("100")


@given(shares, shares)
def test_rounding_never_turns_a_missed_target_into_a_met_one(share: float, target: float) -> None:
    """Where the share is below the target, the printed share is not above the printed target."""
    if share < target:
        served = number(text.share_text(share, "zh"))
        assert served <= number(text.share_text(target, "zh", "up"))


@given(money)
def test_costs_are_rounded_up_and_bounds_outward(cost_cny: int) -> None:
    """A printed cost is never below the cost, a printed lower bound never above it."""
    assert number(text.money_text(cost_cny, "zh")) * 10_000 >= cost_cny
    assert number(text.money_text(cost_cny, "zh", "down")) * 10_000 <= cost_cny
    assert number(text.money_text(cost_cny, "en")) * 1_000_000 >= cost_cny


@given(money)
def test_both_languages_print_the_same_money(cost_cny: int) -> None:
    """万元 and CNY million name the same amount, digit for digit."""
    chinese = number(text.money_text(cost_cny, "zh")) * 10_000
    english = number(text.money_text(cost_cny, "en")) * 1_000_000
    assert chinese == english


@given(money)
def test_table_cells_hold_the_printed_money(cost_cny: int) -> None:
    """The number in a table cell is the one in the text."""
    assert Decimal(repr(text.cost_wan(cost_cny))) == number(text.money_text(cost_cny, "zh"))


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (text.share_text(0.9996, "zh"), "99.9%"),
        (text.share_text(0.29, "en"), "29.0\u00a0%"),
        (text.share_text(1.0, "zh"), "100.0%"),
        (text.share_text(0.9001, "zh", "up"), "90.1%"),
        (text.share_text(math.nan, "zh"), "—"),
        (text.points_text(0.0161, "zh"), "1.7 个百分点"),
        (text.money_text(12_345_001, "zh"), "1,234.6 万元"),
        (text.money_text(12_345_001, "en"), "CNY 12.346 million"),
        (text.money_text(math.inf, "en"), "—"),
        (text.count_text(2001), "2,001"),
        (text.length_text(999.0, "zh"), "999 米"),
        (text.length_text(1000.0, "en"), "1.0 km"),
        (text.weight_text(12_345.9, "population", "zh", "down"), "12,345 人"),
        (text.weight_text(1_234_567.0, "area_m2", "en", "up"), "1.24 km²"),
        (text.degrees_text(114.8849701), "114.884970"),
        (text.date_text(datetime(2026, 11, 21, 17, tzinfo=UTC), "zh"), "2026年11月22日"),
        (text.date_text(datetime(2026, 11, 21, 17, tzinfo=UTC), "en"), "2026-11-22"),
    ],
)
def test_numbers_read_as_the_rules_say(printed: str, expected: str) -> None:
    """Separators, decimals, units and the unfavourable side, case by case."""
    assert printed == expected


def test_every_message_has_both_languages_and_the_same_placeholders() -> None:
    """No text is missing, and none loses a number on the way to the other language."""
    for key, (chinese, english) in MESSAGES.items():
        assert chinese, key
        assert english, key
        if key not in {
            "honesty.feasible",
            "honesty.cost",
            "honesty.levels_cost",
        }:  # the fixed English is shorter
            assert set(re.findall(r"{\w+}", chinese)) == set(re.findall(r"{\w+}", english)), key


def test_english_texts_hold_no_chinese() -> None:
    """Only the switch to Chinese is written in Chinese."""
    for key, (_, english) in MESSAGES.items():
        if key != "map.language":
            assert not re.search(r"[\u3400-\u9fff]", english), key


def test_an_unknown_key_is_an_error() -> None:
    """A missing text is found by a test, never by a planner."""
    with pytest.raises(KeyError):
        say("no.such.text", "zh")
