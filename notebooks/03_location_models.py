# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Location models on plain arrays
#
# Where would 30 sites reach the most people within 800 m, how many would reach 60 % of every
# district, and how far is each answer from the best possible? 在普通数组上求解选址模型, 每个答案都带有可复核的界。

# %%
import numpy as np
import siting
from siting.datasets import ezhou, ezhou_spec
from siting.scenario import build_scenario

data = build_scenario(ezhou_spec(), ezhou()).data
people = data.demand.weights["population"]
lived_in = np.flatnonzero(people > 0)
demand_xy, people = data.demand.xy[lived_in], people[lived_in]
site_xy = data.sites.xy
A = siting.disc_cover(demand_xy, site_xy, radius=800.0)
f"{A.shape[0]:,} demand points, {A.shape[1]:,} candidate sites, {A.nnz:,} pairs within 800 m"

# %% [markdown]
# Where people live inside a district and where sites stand is synthetic in the bundled data.
#
# ## The most people with 30 sites

# %%
model = siting.MaximalCovering(A, demand=people, p=30)
most = siting.solve(model, max_runtime_s=15, gap=0.002)
siting.verify(model, most)
print(most.status, most.reason)
print(f"{most.objective:,.0f} people; no 30 sites reach more than {most.bound:,.0f}")

# %% [markdown]
# `verify` shares no code with the search: it has computed value and bound again from the arrays.
#
# ## What a budget buys
#
# Each bound is a statement about all plans of that size, found or not.

# %%
for p in (10, 20, 40):
    model = siting.MaximalCovering(A, demand=people, p=p)
    answer = siting.solve(model, max_runtime_s=10, gap=0.005)
    siting.verify(model, answer)
    print(
        f"{p:3d} sites: {answer.objective:9,.0f} people, at most {answer.bound:9,.0f}, gap {answer.gap:.2%}"
    )

# %% [markdown]
# ## Every district reaches 60 %
#
# `required` is a share per zone; the cost of each site counts, so the answer may differ in number.

# %%
names = {zone.id: zone.name_zh for zone in data.zones if zone.kind == "district"}
district = np.full(len(data.demand), "outside", dtype=object)
for zone_id, name in names.items():
    district[data.demand.in_zone(zone_id)] = name
district = district[lived_in].astype(str)
model = siting.PartialCovering(A, people, zone=district, required=dict.fromkeys(set(district), 0.6))
enough = siting.solve(model, max_runtime_s=15, gap=0.01)
siting.verify(model, enough)
print(f"{enough.objective:.0f} sites, proven: not with fewer than {enough.bound:.0f}")
for name, served in enough.served_by_zone.items():
    print(f"  {name}: {served / people[district == name].sum():.1%}")

# %% [markdown]
# ## A question without an answer names its reason

# %%
asked = dict.fromkeys(set(district), 1.0)
print(siting.solve(siting.PartialCovering(A, people, zone=district, required=asked)).reason)
