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
# # A first plan: Ezhou's 5G network
#
# Three lines lead from the bundled data to a verified plan. No database, no network.
#
# 三行代码即可从自带数据得到经校核的方案, 不需要数据库和网络。

# %%
from siting.coverage import build_coverage
from siting.datasets import ezhou, ezhou_spec
from siting.scenario import build_scenario
from siting.planning import plan_scenario
from siting.spec import SolveSpec
from siting.plan_check import verify_plan

# %% [markdown]
# The question is a short document: what must be reached where, by which standard, with how many base
# stations. Here the search may stop as soon as each step is proven to lie within 3 % of the best;
# leave that line out for a closer proof.

# %%
spec = ezhou_spec().model_copy(update={"solve": SolveSpec(gap=0.03, max_runtime_s=40)})
spec.model_dump(exclude={"standards", "technologies"})

# %%
scenario = build_scenario(spec, ezhou())
coverage = build_coverage(scenario)
plan = plan_scenario(scenario, coverage=coverage)

# %% [markdown]
# The verifier shares no code with the solver. It recomputes every claim of the plan from the scenario
# and raises an error that lists whatever does not hold.

# %%
verify_plan(scenario, plan)
print(plan.status, "-", plan.reason)
print(f"{plan.stations:,} base stations on {plan.sites:,} sites for {plan.cost_cny:,} CNY")

# %% [markdown]
# Each step states what it reached and the limit that no plan can pass.

# %%
import pandas as pd

pd.DataFrame(
    {
        "step": step.name,
        "unit": step.unit,
        "value": step.value,
        "proven bound": step.bound,
        "gap": step.gap,
        "status": step.status.value,
    }
    for step in plan.steps
)

# %% [markdown]
# What each zone gets, against its target:

# %%
from siting.report import honesty_lines, plan_tables, synthetic_line

tables = plan_tables(scenario, plan, coverage)
tables.zones[["name_zh", "name_en", "standard", "required_fraction", "share", "shortfall", "state"]]

# %% [markdown]
# The map needs nothing from outside, and can be saved as one file.

# %%
from siting.maps import demand_layers, map_html, plan_map

page = map_html(plan_map(tables, demand=demand_layers(scenario, plan, coverage), language="en"))
f"{len(page):,} characters of HTML; write them to a file and open it in a browser"

# %% [markdown]
# And what the figures rest on, which belongs to every plan that is shown:

# %%
for line in (*honesty_lines(tables.facts, "en"), synthetic_line(tables.facts, "en")):
    print(line)
