"""A prediction as documents: what it came to, and its figures by zone."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from siting.maps.prediction_map import prediction_facts, summary
from siting.maps.raster_tile import lonlat_bounds
from siting.radio.network.plan_prediction import NetworkPrediction
from siting.report import synthetic_line
from siting.text import LANGUAGES


def summary_document(predicted: NetworkPrediction) -> dict[str, Any]:
    """Return sentences in both languages, counts, origins, raster, and what was assumed."""
    facts = prediction_facts(predicted)
    return {
        "sentence": dict(zip(LANGUAGES, summary(predicted), strict=True)),
        "notice": {language: synthetic_line(facts, language) for language in LANGUAGES},
        "stations": len(predicted.stations),
        "sites": facts.sites,
        "cells": len(predicted.network.cells),
        "provenance": {layer: dict(shares) for layer, shares in facts.provenance.items()},
        "terrain_source": predicted.ground.source,
        "grid": dataclasses.asdict(predicted.grid),
        "bounds": list(lonlat_bounds(predicted.grid)),
        "assumptions": [dataclasses.asdict(item) for item in predicted.assumed()],
    }


def zone_documents(predicted: NetworkPrediction) -> list[dict[str, Any]]:
    """Return the figures of every zone, the study area as a whole first; no number is null."""
    documents: list[dict[str, Any]] = []
    required = {item.id: item.required_share for item in predicted.standards}
    for zone, figures in zip(predicted.zones, predicted.report.zones, strict=True):
        document = dataclasses.asdict(figures)
        for item in document["standards"]:
            item["confidence"] = item["confidence"].value
            item["required_share"] = required[item["standard"]]
        names = {"name_zh": zone.name_zh, "name_en": zone.name_en, "kind": zone.kind.value}
        documents.append(_finite({**names, "provenance": zone.provenance.value, **document}))
    return documents


def _finite(value: Any) -> Any:
    """Write numbers that JSON has no word for as null."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
