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
# # What if: more stations, or a site that cannot be had
#
# Two plans differ for two reasons: the question changed, or a search ended sooner. The proven bounds
# tell them apart. 两个方案的差别可能来自问题本身, 也可能来自搜索; 已证明的上下界可以区分二者。

# %%
from siting.coverage import build_coverage
from siting.datasets import ezhou, ezhou_spec
from siting.plan import Plan, Step
from siting.scenario import build_scenario
from siting.planning import plan_scenario
from siting.spec import ScenarioSpec, SolveSpec
from siting.plan_check import verify_plan

data = ezhou()
base_spec = ezhou_spec().model_copy(
    update={"targets": (), "stations": 300, "solve": SolveSpec(gap=0.02, max_runtime_s=15)}
)

# %% [markdown]
# To keep this short, the question is a small one: no targets, and 300 stations where they serve the
# most people indoors. `answer` plans, verifies, and returns the step that serves people.


# %%
def answer(spec: ScenarioSpec) -> tuple[Plan, Step]:
    scenario = build_scenario(spec, data)
    plan = plan_scenario(scenario, coverage=build_coverage(scenario))
    verify_plan(scenario, plan)
    (service,) = [step for step in plan.steps if step.name == "service"]
    return plan, service


base, base_step = answer(base_spec)
f"{base_step.value:,.0f} people served, no plan with 300 stations serves more than {base_step.bound:,.0f}"

# %% [markdown]
# ## More stations
#
# The served weights are exact. That 400 stations *can* serve more is shown by the plan; that 300
# *cannot* serve as many is proven only when the plan with 400 passes the bound of the plan with 300.

# %%
more, more_step = answer(base_spec.model_copy(update={"stations": 400}))
print(f"300 stations: {base_step.value:,.0f} served, at most {base_step.bound:,.0f}")
print(f"400 stations: {more_step.value:,.0f} served, at most {more_step.bound:,.0f}")
print("proven better" if more_step.value > base_step.bound else "better, not proven")

# %% [markdown]
# ## A site that cannot be had
#
# Forbid the first site the plan chose, and plan again. What its loss costs lies in an interval: at
# least what the other plan's bound leaves out of reach, at most this bound less the other's value.

# %%
chosen = data.sites.id[build_scenario(base_spec, data).options.site[base.selected[0]]]
without, without_step = answer(base_spec.model_copy(update={"forbidden_sites": (chosen,)}))
least = max(0.0, base_step.value - without_step.bound)
most = base_step.bound - without_step.value
print(f"without {chosen}: {without_step.value:,.0f} served")
print(f"the site is worth between {least:,.0f} and {most:,.0f} people")

# %% [markdown]
# An interval that begins at 0 says that the site may be replaced for nothing. Where people live inside
# a district is synthetic in the bundled data: judge the method by these figures, not the site.
