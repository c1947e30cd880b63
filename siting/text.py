"""Numbers as people read them: never kinder than the truth, and the same everywhere.

Shares are rounded down, costs and shortfalls up, bounds outward; an unknown number is a dash,
never zero. States are judged on unrounded values, so these functions only ever print.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Literal

Language = Literal["zh", "en"]
Rounding = Literal["down", "up", "nearest"]

#: Both languages, Chinese first: the planner's own.
LANGUAGES: tuple[Language, Language] = ("zh", "en")
#: Printed where a number is not known.
UNKNOWN = "—"
#: Time of the study area, without daylight saving.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

_MODES = {"down": ROUND_FLOOR, "up": ROUND_CEILING, "nearest": ROUND_HALF_EVEN}
_CNY_PER_WAN = 10_000
_CNY_PER_MILLION = 1_000_000
_M_PER_KM = 1_000


def round_text(value: float, places: int, rounding: Rounding = "nearest") -> str:
    """Write a number with thousands separators and a fixed number of decimals.

    Parameters
    ----------
    value
        Any number; NaN and infinities give :data:`UNKNOWN`.
    places
        Decimals to print, >= 0.
    rounding
        Direction: ``"down"`` towards minus infinity, ``"up"`` towards plus infinity.

    Notes
    -----
    The shortest decimal that names the float is rounded, so 0.29 stays 0.29 and does not become
    0.28 for the sake of its binary tail.
    """
    if not math.isfinite(value):
        return UNKNOWN
    exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(int(value))
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=_MODES[rounding])
    return f"{rounded + 0:,.{places}f}"


def share_text(share: float, language: Language, rounding: Rounding = "down") -> str:
    """Write a share 0..1 as per cent with one decimal; 0.9996 is never printed as 100 %."""
    if not math.isfinite(share):
        return UNKNOWN
    exact = Decimal(repr(float(share))) * 100
    rounded = exact.quantize(Decimal("0.1"), rounding=_MODES[rounding])
    return f"{rounded + 0:,.1f}" + ("%" if language == "zh" else "\u00a0%")


def sinr_text(sinr_db: float) -> str:
    """Write a ratio in decibels; a dash where there is none."""
    return f"{sinr_db:g} dB" if math.isfinite(sinr_db) else UNKNOWN


def points_text(difference: float, language: Language, rounding: Rounding = "up") -> str:
    """Write a difference of two shares, 0..1, in percentage points with one decimal."""
    if not math.isfinite(difference):
        return UNKNOWN
    exact = Decimal(repr(float(difference))) * 100
    rounded = exact.quantize(Decimal("0.1"), rounding=_MODES[rounding])
    return f"{rounded + 0:,.1f}" + (" 个百分点" if language == "zh" else " percentage points")


def count_text(value: float, rounding: Rounding = "nearest") -> str:
    """Write a count with thousands separators and no decimals."""
    return round_text(value, 0, rounding)


def money_text(cost_cny: float, language: Language, rounding: Rounding = "up") -> str:
    """Write money [CNY] in 万元 with one decimal, in English in CNY million to the same digit."""
    if not math.isfinite(cost_cny):
        return UNKNOWN
    exact = Decimal(repr(cost_cny)) if isinstance(cost_cny, float) else Decimal(int(cost_cny))
    # Both languages round the same multiple of 1,000 CNY, so they never differ in value.
    thousands = (exact / 1000).quantize(Decimal(1), rounding=_MODES[rounding])
    if language == "zh":
        return f"{thousands * 1000 / _CNY_PER_WAN + 0:,.1f} 万元"
    return f"CNY {thousands * 1000 / _CNY_PER_MILLION + 0:,.3f} million"


def cost_wan(cost_cny: int) -> float:
    """Convert money [CNY] to 万元 with one decimal, rounded up, for table cells."""
    return -(-cost_cny // 1000) / 10


def length_text(length_m: float, language: Language) -> str:
    """Write a length [m] in metres below 1 km, else in kilometres with one decimal, rounded up."""
    if not math.isfinite(length_m):
        return UNKNOWN
    metre, kilometre = ("米", "公里") if language == "zh" else ("m", "km")
    if length_m < _M_PER_KM:
        return f"{round_text(float(length_m), 0, 'up')} {metre}"
    return f"{round_text(length_m / _M_PER_KM, 1, 'up')} {kilometre}"


def area_text(area_m2: float, language: Language, rounding: Rounding = "nearest") -> str:
    """Write an area [m²] in square kilometres with two decimals."""
    unit = "平方公里" if language == "zh" else "km²"
    text = round_text(float(area_m2) / 1e6, 2, rounding)
    return text if text == UNKNOWN else f"{text} {unit}"


def weight_text(
    value: float, weight: str, language: Language, rounding: Rounding = "nearest"
) -> str:
    """Write an amount of a demand weight with its unit: people, or area in square kilometres."""
    if weight == "area_m2":
        return area_text(value, language, rounding)
    text = count_text(float(value), rounding)
    if weight != "population" or text == UNKNOWN:
        return text
    return f"{text} 人" if language == "zh" else f"{text} people"


def degrees_text(value: float) -> str:
    """Write degrees with six decimals (about 0.1 m)."""
    return f"{value:.6f}"


def seconds_text(seconds: float, language: Language) -> str:
    """Write a duration [s] with one decimal, rounded up."""
    text = round_text(float(seconds), 1, "up")
    return text if text == UNKNOWN else f"{text} {'秒' if language == 'zh' else 's'}"


def date_text(moment: datetime, language: Language) -> str:
    """Write a date in running text: 2026年11月22日, or 2026-11-22; time zone of the study area."""
    local = moment.astimezone(SHANGHAI)
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日"
    return local.date().isoformat()


def time_text(moment: datetime) -> str:
    """Write a moment for tables: ISO, to the minute, time zone of the study area."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") + " Asia/Shanghai"
