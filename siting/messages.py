"""The one table of planner-facing words, Chinese and English.

Every page, map, report and export takes its words from here, so that a thing has one name. Keys
are looked up by :func:`say`; a key that is missing is an error, never printed.
"""

from __future__ import annotations

from siting.text import Language

#: key -> (Chinese, English). Placeholders are filled by :func:`say`.
MESSAGES: dict[str, tuple[str, str]] = {
    # words
    "study_area": ("研究范围", "study area"),
    "zone": ("分区", "zone"),
    "zones": ("分区", "zones"),
    "district": ("区", "district"),
    "districts": ("行政区", "districts"),
    "scenario": ("情景", "scenario"),
    "plan": ("方案", "plan"),
    "target": ("目标", "target"),
    "state": ("达标情况", "target state"),
    "share": ("覆盖率", "coverage"),
    "clear": ("覆盖且 SINR 达标", "with SINR"),
    "served": ("覆盖", "served"),
    "not_served": ("未覆盖", "not reached"),
    "shortfall": ("缺口", "shortfall"),
    "total": ("总量", "total"),
    "reachable": ("全部候选站址可达", "reachable with every candidate"),
    "weight": ("权重", "weight"),
    "weight.area_m2": ("面积", "area"),
    "weight.population": ("人口", "population"),
    "standard": ("服务标准", "service standard"),
    "technology": ("技术类型", "technology"),
    "cost": ("建设费用", "cost to build"),
    "sites": ("入选站址", "chosen sites"),
    "site": ("站址", "site"),
    "stations": ("基站", "base stations"),
    "kind": ("类别", "kind"),
    "tier": ("等级", "tier"),
    "provenance": ("数据来源性质", "provenance"),
    "source": ("来源", "source"),
    "licence": ("许可", "licence"),
    "owner": ("权属单位", "owner"),
    "host": ("载体类型", "host"),
    "existing": ("现状", "existing"),
    "new": ("新建", "new"),
    "height": ("挂高", "antenna height"),
    "direction": ("首扇区方位角 {turn}°，下倾 {tilt}°", "first sector {turn}°, tilt {tilt}°"),
    "accuracy": ("位置精度", "accuracy"),
    "seed": ("随机种子", "seed"),
    "hash": ("情景指纹", "scenario hash"),
    "version": ("软件版本", "software version"),
    "made_at": ("生成时间", "made at"),
    "runtime": ("计算时间", "run time"),
    "status": ("求解状态", "status"),
    "reason": ("说明", "reason"),
    "bound.minimise": ("下界", "lower bound"),
    "bound.maximise": ("上界", "upper bound"),
    "gap": ("最优性差距", "optimality gap"),
    "value": ("达到值", "value"),
    "step": ("步骤", "step"),
    "step.targets": ("第一步: 以最低费用达标", "Step 1: meet the targets at least cost"),
    "step.service": ("第二步: 用余下基站覆盖最多", "Step 2: serve the most with what remains"),
    "step.stations": ("达标所需的最少基站", "Fewest stations for the targets"),
    "frame": ("坐标系", "coordinate frame"),
    "nothing": ("无", "none"),
    "none_known": ("未提供", "not supplied"),
    "place": ("地点", "place"),
    "people": ("人口", "people"),
    "area": ("面积", "area"),
    "near": ("邻近", "near"),
    "served_alone": ("独有覆盖量", "served alone"),
    "served_by": ("覆盖量", "served"),
    "name": ("名称", "name"),
    "code": ("编码", "code"),
    # states and statuses
    "state.met": ("达标", "met"),
    "state.near": ("接近", "near"),
    "state.missed": ("未达标", "missed"),
    "state.impossible": ("无法达标", "impossible"),
    "state.not_assessable": ("无法评估", "not assessable"),
    "state.none": ("无目标", "no target"),
    "status.optimal": ("最优 (已证明)", "optimal (proved)"),
    "status.feasible": ("可行", "feasible"),
    "status.infeasible": ("不可行", "infeasible"),
    "status.unknown": ("未定", "unknown"),
    # kinds
    "zone_kind.airport": ("机场", "airport"),
    "zone_kind.rail_station": ("铁路客站", "rail station"),
    "zone_kind.hub": ("枢纽", "hub"),
    "zone_kind.industrial_park": ("产业园区", "industrial park"),
    "zone_kind.public_place": ("重要公共场所", "public place"),
    "zone_kind.urban_area": ("城区", "urban area"),
    "zone_kind.park": ("公园景区", "park"),
    "zone_kind.district": ("行政区", "district"),
    "site_kind.tower": ("铁塔", "tower"),
    "site_kind.rooftop": ("楼顶", "rooftop"),
    "site_kind.street_pole": ("路灯杆", "street pole"),
    "class.macro": ("宏站", "macro"),
    "class.micro": ("微站", "small cell"),
    "class.wide_area": ("广域站", "wide-area"),
    "provenance.real": ("真实", "real"),
    "provenance.derived": ("推算", "derived"),
    "provenance.approximate": ("近似", "approximate"),
    "provenance.synthetic": ("合成", "synthetic"),
    "provenance.missing": ("缺失", "missing"),
    "layer.demand": ("需求点", "demand points"),
    "layer.demand_population": ("需求点人口", "demand population"),
    "layer.demand_area": ("需求点面积", "demand area"),
    "layer.candidate_sites": ("候选站址", "candidate sites"),
    "layer.zones": ("分区", "zones"),
    "layer.districts": ("行政区", "districts"),
    "layer.water": ("水体", "water"),
    "layer.exclusions": ("选址约束", "siting constraints"),
    # honesty: fixed sentences
    "honesty.optimal": (
        "在所给数据和规则下, 已证明没有更好的方案。",
        "Proved: no better plan exists for these data and rules.",
    ),
    "honesty.feasible": (
        "本方案覆盖 {value}; 已证明任何方案不超过 {bound}, 尚差 {gap}未定。",
        "This plan serves {value}; no plan can exceed {bound}.",
    ),
    "honesty.cost": (
        "本方案达标费用 {value}; 已证明任何达标方案不低于 {bound}, 尚差 {gap}未定。",
        "This plan meets the targets for {value}; no plan can meet them for less than {bound}.",
    ),
    "honesty.cost_optimal": (
        "本方案达标费用 {value}; 已证明没有费用更低的达标方案。",
        "This plan meets the targets for {value}; proved: none meets them for less.",
    ),
    "honesty.levels_cost": (
        "本方案电平达标费用 {value}; 已证明任何电平达标方案不低于 {bound}, 尚差 {gap}未定。",
        "This plan meets the levels for {value}; no plan can meet them for less than {bound}.",
    ),
    "honesty.levels_cost_optimal": (
        "本方案电平达标费用 {value}; 已证明没有费用更低的电平达标方案。",
        "This plan meets the levels for {value}; proved: none meets them for less.",
    ),
    "honesty.stations": (
        "已证明达标至少需要 {bound} 个基站; 本方案第一步用 {value} 个。",
        "Proved: the targets need at least {bound} stations; step 1 of this plan uses {value}.",
    ),
    "honesty.given_targets": (
        "(以第一步为达标所选站址不变为前提)",
        "(with the stations chosen for the targets in step 1 kept)",
    ),
    "honesty.infeasible": (
        "下列要求不能同时满足: {what}。最多可达: {best}。",
        "These requirements cannot be met together: {what}. Best possible: {best}.",
    ),
    "honesty.infeasible_rule": (
        "下列要求不能同时满足: {what}。",
        "These requirements cannot be met together: {what}.",
    ),
    "honesty.sinr_met": (
        "{count} 项目标另有 SINR 要求, 按整网干扰预测全部达标; 已证明的界只针对电平。",
        "{count} targets ask for a SINR, and all have it by prediction; bounds are of level alone.",
    ),
    "honesty.sinr_missed": (
        "{count} 项目标另有 SINR 要求; 按干扰预测, 下列分区不足: {what}。已证明的界只针对电平。",
        "{count} targets ask for a SINR; by prediction short of it: {what}. Bounds are of level.",
    ),
    "honesty.sinr_zone": (
        "{zone} {share} (要求 {required}, {sinr})",
        "{zone} {share} of {required} at {sinr}",
    ),
    "honesty.standing": (
        "现状基站保持不变 {stands} 个, 调整方向 {reaimed} 个; 新建 {new} 个。",
        "Stations that stand: {stands} stay as they are, {reaimed} are aimed anew; {new} are new.",
    ),
    "work.stands": ("保持现状", "stands"),
    "work.reaimed": ("调整方向", "aimed anew"),
    "work.new": ("新建", "new"),
    "honesty.unknown": (
        "限时内未找到满足全部规则的方案, 也未证明其不存在。",
        "No plan that keeps every rule was found in time, and none was proved impossible.",
    ),
    "honesty.stopped": (
        "人工停止, 保留当时最好的方案。",
        "Stopped by hand; the best plan at that moment is kept.",
    ),
    "honesty.no_existing": (
        "现有站址未提供, 按 0 计, 缺口可能偏大。",
        "Existing sites were not supplied and count as 0; shortfalls may be overstated.",
    ),
    "honesty.synthetic": (
        "需求点为按 2020 年普查总数约束的合成数据 (占 {share}), 仅供演示, 不得作为审批依据。",
        (
            "Demand points are synthetic data constrained to the 2020 census totals ({share}); "
            "for demonstration only, no basis for approval."
        ),
    ),
    "honesty.demonstration": (
        "仅供演示, 不得作为审批依据。",
        "For demonstration; no basis for approval.",
    ),
    "honesty.synthetic_layers": (
        "合成数据: {layers}。",
        "Synthetic data: {layers}.",
    ),
    "honesty.approximate_layers": (
        "近似位置或范围: {layers}。",
        "Approximate positions or outlines: {layers}.",
    ),
    "honesty.real_only": (
        "输入数据中没有合成数据。",
        "No part of the input is synthetic.",
    ),
    "honesty.unapproved": (
        "内部资料, 未经地图审核。",
        "Internal material; no map approval number.",
    ),
    # exclusions
    "exclusion.area": ("禁建区", "closed areas"),
    "exclusion.water": ("水域", "water"),
    "exclusion.aerodrome": ("机场净空", "surfaces of a runway"),
    "exclusion.higher_building": ("近旁敏感建筑高于天线", "a sensitive building above the antenna"),
    "exclusion.exposure": ("敏感建筑的电磁曝露", "exposure of a sensitive building"),
    "exclusion.excluded": ("排除", "left out"),
    "exclusion.lowered": ("降低挂高", "lowered"),
    "exclusions.nothing": (
        "选址约束: 没有排除任何建设选项。",
        "Siting constraints: no option is left out.",
    ),
    "exclusions.counts": (
        "选址约束排除 {options} 个建设选项, {closed} 处站址因此不可用: {parts}。",
        "Siting constraints leave out {options} options and close {closed} sites: {parts}.",
    ),
    "exclusions.part": (
        "{reason} {options} 个 ({sites} 处站址)",
        "{reason} {options} ({sites} sites)",
    ),
    "exclusions.lowered": (
        "机场净空使 {sites} 处站址降低挂高 (站址与技术的组合共 {count} 个)。",
        "Runway surfaces lower antennas at {sites} sites ({count} pairs of site and technology).",
    ),
    "exclusions.beyond": (
        "下列约束地物在研究范围之外: {names}。",
        "These shapes lie outside the study area: {names}.",
    ),
    "exclusions.no_water": (
        "未提供水域数据: 水域约束没有起作用。",
        "No water was supplied: the rule about water excludes nothing.",
    ),
    "exclusions.given_ground": (
        "地形未覆盖的站址, 净空按给定的地面高程 {ground} m 计算。",
        "Where no terrain is known, runway surfaces are judged on ground given as {ground} m.",
    ),
    "exclusions.level_ground": (
        "没有地形数据: 敏感建筑与站址按同一地面高程计算。",
        "No terrain is known: sensitive buildings and sites are taken to stand on level ground.",
    ),
    "exclusions.assumed": (
        "选址约束的假设参数: {figures}。",
        "Assumptions of the siting constraints: {figures}.",
    ),
    "exclusions.changed": ("(已改)", " (changed)"),
    "report.exclusions": ("选址约束", "Siting constraints"),
    "report.exclusion_assumptions": ("选址约束的假设参数", "Assumptions of the siting constraints"),
    "assumption.exclusion.rod_m": (
        "天线以上余量 (避雷针)",
        "allowance above the antenna for the rod",
    ),
    "assumption.exclusion.least_height_m": (
        "净空限高下的最低挂高",
        "least height an antenna is lowered to",
    ),
    "assumption.exclusion.limit_share": (
        "单个项目可占公众曝露限值的比例",
        "share of the public exposure limit for one station",
    ),
    "assumption.exclusion.traffic_gain_db": (
        "业务波束相对同步波束的增益 (曝露计算)",
        "gain of traffic beams over synchronisation beams",
    ),
    "assumption.exclusion.duty": (
        "六分钟平均发射功率占最大功率的比例",
        "share of the greatest power radiated over six minutes",
    ),
    "assumption.exclusion.clear_m": (
        "不得有敏感建筑高于天线的水平距离",
        "distance without a sensitive building above the antenna",
    ),
    # summary
    "sentence.plan": (
        "新建 {stations} 个基站 ({sites} 处站址), 建设费用 {cost}; {met} / {targets} 项目标达标",
        "{stations} base stations on {sites} sites for {cost}; {met} of {targets} targets met",
    ),
    "sentence.served": (
        ", 按「{standard}」覆盖{weight} {share}。",
        ", {share} of {weight} served by the standard “{standard}”.",
    ),
    "sentence.end": ("。", "."),
    "sentence.no_site": (
        "没有选中任何站址: 现状已达标, 或没有可行的候选站址。",
        "No site is chosen: the targets are met already, or no candidate can help.",
    ),
    "figure.targets": ("达标的目标", "targets met"),
    "figure.served": ("覆盖的{weight}", "{weight} served"),
    "figure.stations": ("基站 / 站址", "stations / sites"),
    "figure.cost": ("建设费用", "cost to build"),
    # report
    "report.title": ("{area}5G 网络布局方案", "5G network plan for {area}"),
    "report.summary": ("一、摘要", "1 Summary"),
    "report.results": ("二、各分区达标情况", "2 Results by zone"),
    "report.districts": ("三、各区情况", "3 Results by district"),
    "report.unserved": ("四、未覆盖地点", "4 Places not reached"),
    "report.technologies": ("五、按技术类型", "5 By technology"),
    "report.sharing": ("站址共建共享", "Shared sites"),
    "sharing.sites": (
        "一家运营商使用的站址 {one} 处, 两家共享 {two} 处, 三家及以上共享 {more} 处。",
        "Sites with one operator: {one}; with two: {two}; with three or more: {more}.",
    ),
    "sharing.saving": (
        (
            "站址费用由站上各运营商均摊, 基站费用由共用该载波的运营商均摊。若各运营商各自承担站址, "
            "费用为 {separate}; 共享后为 {cost}, 节省 {saving}。"
        ),
        (
            "A site's cost is divided evenly among the operators on it, a station's among those "
            "who run its carrier. Were every operator to pay for its sites alone, they would cost "
            "{separate}; shared they cost {cost}, a saving of {saving}."
        ),
    ),
    "sharing.total": ("合计", "total"),
    "operator.none": ("未注明", "not named"),
    "operator.china-mobile": ("中国移动", "China Mobile"),
    "operator.china-telecom": ("中国电信", "China Telecom"),
    "operator.china-unicom": ("中国联通", "China Unicom"),
    "operator.china-broadnet": ("中国广电", "China Broadnet"),
    "report.steps": ("六、求解与证明", "6 Solution and proof"),
    "report.method": ("七、方法", "7 Method"),
    "report.assumptions": ("八、技术与标准的假设", "8 Assumptions on technologies and standards"),
    "report.data": ("九、数据来源", "9 Data and sources"),
    "report.manifest": ("十、可复现信息", "10 To reproduce this plan"),
    "report.honesty": ("可信程度", "How far this can be trusted"),
    "report.more": ("其余 {n} 处见表格文件。", "{n} more are in the table file."),
    "report.largest": (
        "列出人口最多的 {n} 处, 共 {total} 处。",
        "The {n} with the most people, of {total} in all.",
    ),
    "report.all_served": ("没有未覆盖的地点。", "No place is left unserved."),
    "report.sites_in": (
        "全部入选站址见 plan.xlsx、plan.csv 和 plan.gpkg。",
        "All chosen sites are in plan.xlsx, plan.csv and plan.gpkg.",
    ),
    "method.demand": (
        "需求: 全市陆地分为 {cell} 网格, 共 {n} 个需求点, 按面积和人口加权。",
        (
            "Demand: the land of the city in {cell} cells, {n} demand points, weighted by area and "
            "population."
        ),
    ),
    "method.points": (
        "需求: {n} 个需求点, 按面积和人口加权。",
        "Demand: {n} demand points, weighted by area and population.",
    ),
    "method.options": (
        "候选: {sites} 处候选站址, {options} 个建设选项 (每处站址上每种可行的技术)。",
        (
            "Candidates: {sites} candidate sites, {options} options (every technology a site can "
            "host)."
        ),
    ),
    "method.radio": (
        (
            "覆盖: 按 3GPP TR 38.901 路径损耗模型和链路预算计算 SS-RSRP, 并扣除阴影衰落余量; "
            "达到服务标准的需求点视为覆盖。未计地形和干扰。"
        ),
        (
            "Coverage: SS-RSRP by the path-loss models of 3GPP TR 38.901 and a link budget, less "
            "the shadow-fading margin; a demand point that reaches the service standard is served. "
            "Terrain and interference are not taken into account."
        ),
    ),
    "method.radio_sectors": (
        (
            "覆盖: 按 3GPP TR 38.901 路径损耗模型和链路预算计算 SS-RSRP, "
            "计入各扇区天线的方位角与下倾角、地形绕射, 并扣除阴影衰落余量; "
            "达到服务标准的需求点视为覆盖。未计干扰, 可用 siting predict 预测。"
        ),
        (
            "Coverage: SS-RSRP by the path-loss models of 3GPP TR 38.901 and a link budget, with "
            "azimuth and tilt of every sector and diffraction over the terrain, less the "
            "shadow-fading margin; a demand point that reaches the service standard is served. "
            "Interference is not taken into account; siting predict shows it."
        ),
    ),
    "method.steps": (
        "求解: 先以最低费用满足各分区目标, 再用余下的基站覆盖最多的需求; 每步给出经证明的界。",
        (
            "Solution: first every zone's target at least cost, then the most demand with the "
            "stations that remain; each step states a proven bound."
        ),
    ),
    "method.rounding": (
        "数字一律向不利方向取整: 覆盖率向下, 费用和缺口向上, 界向外; 达标按未取整的值判断。",
        (
            "Numbers are rounded to the unfavourable side: coverage down, costs and shortfalls up, "
            "bounds outward; states are judged on unrounded values."
        ),
    ),
    # unserved
    "unserved.no_candidate": ("无候选站址可达", "no candidate in range"),
    "unserved.not_chosen": ("在给定基站数内未选中", "not chosen within the stations"),
    "unserved.not_chosen_targets": ("目标未要求覆盖", "not required by the targets"),
    "unserved.place": ("{name}{direction} {distance}", "{distance} {direction} of {name}"),
    "unserved.scattered": ("零散人口", "scattered people"),
    "direction.N": ("以北", "north"),
    "direction.NE": ("东北", "north-east"),
    "direction.E": ("以东", "east"),
    "direction.SE": ("东南", "south-east"),
    "direction.S": ("以南", "south"),
    "direction.SW": ("西南", "south-west"),
    "direction.W": ("以西", "west"),
    "direction.NW": ("西北", "north-west"),
    # columns of tables
    "head.number": ("序号", "no."),
    "head.site": ("站址编码", "site code"),
    "head.name": ("名称", "name"),
    "head.service": ("服务类型", "service"),
    "head.district": ("区", "district"),
    "head.lon": ("经度", "longitude [°]"),
    "head.lat": ("纬度", "latitude [°]"),
    "head.north_m": ("X(北)", "X (north) [m]"),
    "head.east_m": ("Y(东)", "Y (east) [m]"),
    "head.host": ("载体类型", "host kind"),
    "head.owner": ("权属单位", "owner"),
    "head.existing": ("现状/新建", "existing / new"),
    "head.work": ("工程内容", "work"),
    "head.technology": ("技术与配置", "technology and configuration"),
    "head.technology_id": ("技术编码", "technology code"),
    "head.height_m": ("挂高(m)", "antenna height [m]"),
    "head.turn_deg": ("首扇区方位角(°)", "azimuth of the first sector [deg]"),
    "head.tilt_deg": ("电下倾角(°)", "electrical tilt [deg]"),
    "head.cost_wan": ("建设费用(万元)", "cost to build [10,000 CNY]"),
    "head.site_cost_wan": ("其中站址费用(万元)", "of it the site [10,000 CNY]"),
    "head.served": ("覆盖量(人)", "served [people]"),
    "head.served_alone": ("独有覆盖量(人)", "served alone [people]"),
    "head.step": ("入选原因", "chosen for"),
    "head.provenance": ("数据来源性质", "provenance"),
    "head.accuracy_m": ("位置精度(m)", "accuracy [m]"),
    "head.zone": ("分区编码", "zone code"),
    "head.zone_name": ("分区", "zone"),
    "head.served_people": ("覆盖人口", "people served"),
    "head.share_people": ("人口覆盖率", "coverage of people"),
    "head.share_area": ("面积覆盖率", "coverage of area"),
    "head.technology_name": ("技术类型", "technology"),
    "head.cost": ("建设费用", "cost to build"),
    "head.step_name": ("步骤", "step"),
    "head.status": ("求解状态", "status"),
    "head.reached": ("达到值", "value"),
    "head.bound": ("已证明的界", "proven bound"),
    "head.gap": ("最优性差距", "optimality gap"),
    "head.runtime": ("计算时间", "run time"),
    "head.area": ("面积", "area"),
    "head.portion": ("占比", "share"),
    "head.kind": ("类别", "kind"),
    "head.tier": ("等级", "tier"),
    "head.standard": ("服务标准", "service standard"),
    "head.weight": ("权重", "weight"),
    "head.total": ("总量", "total"),
    "head.served_weight": ("覆盖量", "served"),
    "head.share": ("覆盖率", "coverage"),
    "head.required": ("目标", "target"),
    "head.sinr_db": ("SINR 要求", "least SS-SINR"),
    "head.clear_share": ("覆盖且 SINR 达标", "covered with SINR"),
    "head.shortfall": ("缺口", "shortfall"),
    "head.reachable": ("最多可达", "best possible"),
    "head.state": ("达标情况", "target state"),
    "head.source": ("来源", "source"),
    "head.licence": ("许可", "licence"),
    "head.place": ("地点", "place"),
    "head.people": ("人口", "people"),
    "head.area_km2": ("面积(km²)", "area [km²]"),
    "head.cells": ("网格数", "cells"),
    "head.reason": ("原因", "reason"),
    "head.stations": ("基站数", "base stations"),
    "head.sites": ("站址数", "sites"),
    "head.key": ("项目", "item"),
    "head.value": ("内容", "value"),
    "head.layer": ("图层", "layer"),
    "head.class": ("站型", "class"),
    "head.band": ("频段", "band"),
    "head.frequency": ("载频(MHz)", "carrier [MHz]"),
    "head.power": ("发射功率(dBm)", "power [dBm]"),
    "head.gain": ("天线增益(dBi)", "antenna gain [dBi]"),
    "head.rsrp": ("SS-RSRP 门限(dBm)", "least SS-RSRP [dBm]"),
    "head.probability": ("区域概率", "area probability"),
    "head.penetration": ("建筑穿透", "penetration"),
    "head.hosts": ("可用载体", "hosts"),
    "head.operator": ("运营商", "operator"),
    "head.cost_part": ("分摊费用", "part of the cost"),
    "head.cost_separate": ("不共享站址时的费用", "cost with sites of its own"),
    "head.separate_wan": (
        "不共享站址时的费用(万元)",
        "cost with sites of its own [10,000 CNY]",
    ),
    "head.equipment_cost": ("设备费用", "equipment cost"),
    "head.effect": ("结果", "effect"),
    "head.by": ("约束地物", "by"),
    "head.amount": ("实际值", "amount"),
    "head.limit": ("限值", "limit"),
    "head.unit": ("单位", "unit"),
    "head.options": ("选项数", "options"),
    "head.assumption": ("假设参数", "assumption"),
    "penetration.outdoor": ("室外", "outdoor"),
    "penetration.low_loss": ("低损耗墙体", "low-loss wall"),
    "penetration.high_loss": ("高损耗墙体", "high-loss wall"),
    "sheet.sharing": ("共建共享", "sharing"),
    "sheet.sites": ("站址", "sites"),
    "sheet.zones": ("分区", "zones"),
    "sheet.districts": ("各区", "districts"),
    "sheet.unserved": ("未覆盖", "unserved"),
    "sheet.exclusions": ("选址约束", "siting constraints"),
    "sheet.manifest": ("说明", "manifest"),
    "service.5g": ("5G 基站", "5G base station"),
    "chosen.targets": ("为达标", "to meet a target"),
    "chosen.service": ("扩大覆盖", "to serve more"),
    # map
    "map.title": ("{area} · {scenario}", "{area} · {scenario}"),
    "map.legend": ("图例", "Legend"),
    "map.sites": ("入选站址 (按技术类型)", "Chosen sites by technology"),
    "map.zone_states": ("分区达标情况", "Zones by target state"),
    "map.demand": ("需求点: {standard}", "Demand: {standard}"),
    "map.demand_short": ("需求覆盖", "Demand"),
    "map.no_demand": ("不显示需求点", "No demand"),
    "map.no_image": ("不显示", "Nothing"),
    "map.cell_served": ("覆盖", "served"),
    "map.cell_unserved": ("未覆盖", "not reached"),
    "map.districts": ("行政区界", "District outlines"),
    "map.water": ("水体", "Water"),
    "map.unserved": ("最大的未覆盖地点", "Largest places not reached"),
    "map.credit": ("{sources}", "{sources}"),
    "map.frame": (
        "显示坐标系 WGS 84 / 网络墨卡托; 计算坐标系 {crs}",
        "Shown in WGS 84 / Web Mercator; computed in {crs}",
    ),
    "map.date": ("数据与方案日期 {date}", "Data and plan of {date}"),
    "map.language": ("English", "中文"),
    "map.skip": ("跳过地图", "Skip the map"),
    "map.north": ("北", "N"),
    "map.whole": ("全市", "Whole city"),
    "map.people_cells": ("{people}", "{people}"),
    "map.noscript": (
        "此地图需要 JavaScript; 同样的内容见表格文件。",
        "This map needs JavaScript; the tables hold the same content.",
    ),
    # radio rasters
    "raster.ss_rsrp": ("参考信号接收功率 SS-RSRP", "SS-RSRP"),
    "raster.ss_sinr": ("信干噪比 SS-SINR", "SS-SINR"),
    "raster.best_server": ("最强小区", "Best server"),
    "raster.class.excellent": ("极好点", "excellent"),
    "raster.class.good": ("好点", "good"),
    "raster.class.mid": ("中点", "mid"),
    "raster.class.poor": ("差点", "poor"),
    "raster.class.very_poor": ("极差点", "very poor"),
    "raster.class.not_covered": ("低于覆盖门限", "below coverage"),
    "raster.span": ("{low} 至 {high} {unit}", "{low} to {high} {unit}"),
    "raster.shares": (
        "占比以图中有数值的栅格计; 透明处无数值。",
        "Shares of the cells with a value; where there is none, the map is clear.",
    ),
    "raster.servers": (
        "{count} 个小区; 相邻小区颜色不同, 颜色本身无含义。",
        "{count} serving cells; neighbours differ in colour, a colour means nothing else.",
    ),
    "raster.assumed": (
        "假设: 发射功率、天线增益和分级门限为规划取值, 未经实测校准。",
        "Assumed: transmit powers, antenna gains and class edges; not calibrated in the field.",
    ),
    "raster.synthetic": (
        "合成数据: 计算所用的部分输入由模型生成, 仅供演示, 不作审批依据。",
        "Synthetic: a model made part of the input; for demonstration, no basis for approval.",
    ),
    "raster.approximate": (
        "近似数据: 计算所用的部分输入为近似值。",
        "Approximate: part of the input is a stand-in for a real shape or place.",
    ),
    "raster.missing": (
        "部分输入缺失, 结果不完整。",
        "Part of the input is missing; the result is incomplete.",
    ),
    # prediction of stations
    "layer.terrain": ("地形", "terrain"),
    "layer.stations": ("基站清单", "stations"),
    "mounting": ("安装", "mounting"),
    "map.assumptions": ("假设参数 ({count} 项)", "Assumptions ({count})"),
    "prediction.scenario": ("无线预测", "radio prediction"),
    "prediction.summary": (
        (
            "{stations} 个基站 ({sites} 处站址, {cells} 个小区): 室外覆盖全市陆地 {share}, "
            "{passed} / {zones} 个分区通过 95% 检验。"
        ),
        (
            "{stations} base stations ({sites} sites, {cells} cells): {share} of the land covered "
            "outdoors, {passed} of {zones} zones pass the 95 % test."
        ),
    ),
    "prediction.level_ground": (
        "没有地形数据: 按平坦地面计算。",
        "No terrain is known: computed on level ground.",
    ),
    "prediction.covered-outdoor": (
        "室外覆盖 (≥ −105 dBm, ≥ −3 dB)",
        "covered outdoors (≥ −105 dBm, ≥ −3 dB)",
    ),
    "prediction.good-outdoor": (
        "室外优质 (≥ −95 dBm, ≥ 0 dB)",
        "good outdoors (≥ −95 dBm, ≥ 0 dB)",
    ),
    "prediction.covered-indoor": (
        "室内覆盖 (≥ −105 dBm, ≥ −3 dB)",
        "covered indoors (≥ −105 dBm, ≥ −3 dB)",
    ),
    "prediction.good-indoor": ("室内优质 (≥ −95 dBm, ≥ 0 dB)", "good indoors (≥ −95 dBm, ≥ 0 dB)"),
    "prediction.listed_only": (
        "室外、终端高 1.5 米的中值; 只计清单中的基站, 其他基站未计入。",
        "Median outdoors at 1.5 m; only the listed stations are on air, no others are counted.",
    ),
    "map.stations": ("基站 (按技术)", "Stations by technology"),
    "assumption.heard_m": ("小区影响距离上限", "distance up to which a cell is heard"),
    "assumption.user_height_m": ("终端高度", "height of the user above ground"),
    "assumption.tx_power_dbm": ("载波发射功率", "power of the carrier"),
    "assumption.ssb_gain_dbi": ("同步波束增益", "gain of the synchronisation beams"),
    "assumption.horizontal_beamwidth_deg": (
        "水平半功率波束宽度",
        "horizontal half-power beamwidth",
    ),
    "assumption.vertical_beamwidth_deg": ("垂直半功率波束宽度", "vertical half-power beamwidth"),
    "prediction.overlap": ("重叠覆盖", "overlap"),
    "prediction.mean_rate": ("平均下行 Mbit/s", "downlink Mbit/s"),
    "prediction.test": ("95% 检验", "95 % test"),
    "prediction.test_meaning": (
        "95% 检验: 室外覆盖的面积占比与计入阴影衰落的位置占比均不低于 95%。",
        "95 % test: both the area covered outdoors and the locations with fading reach 95 %.",
    ),
    "capacity.summary": (
        (
            "忙时容量: 全市下行业务量 {traffic} Mbit/s, 可承载 {share}; "
            "过载小区 {over} / {cells} 个 (假设: 人均 {rate} kbit/s, 室内占 {indoors}, "
            "负荷上限 {load})。"
        ),
        (
            "Busy hour: {traffic} Mbit/s of traffic down, {share} of it carried; {over} of {cells} "
            "cells overloaded (assumed: {rate} kbit/s per person, {indoors} of it indoors, load up "
            "to {load})."
        ),
    ),
    "capacity.traffic": ("忙时业务量 Mbit/s", "traffic Mbit/s"),
    "capacity.carried": ("可承载", "carried"),
    "capacity.overloaded": ("过载小区", "overloaded cells"),
    "capacity.short": ("容量不足人口", "people short of capacity"),
    "prediction.passes": ("通过", "passes"),
    "prediction.fails": ("未通过", "fails"),
    "prediction.unsure": ("存疑", "unsure"),
    "prediction.too_few": ("样本不足", "too few"),
    "assumption.load": (
        "邻区干扰负荷 (小区未给出时)",
        "share of a cell's power that disturbs its neighbours, where the cell states none",
    ),
    "assumption.overlap_db": (
        "重叠覆盖门限: 比最强小区低不超过此值的小区计入",
        "a cell not more than this below the strongest counts as a further server",
    ),
    "assumption.user_noise_figure_db": (
        "终端接收机噪声系数",
        "noise figure of the user's receiver",
    ),
    "assumption.station_noise_figure_db": (
        "基站接收机噪声系数",
        "noise figure of the station's receiver",
    ),
    "assumption.noise_rise_db": ("上行干扰抬升", "interference over thermal noise in the uplink"),
    "assumption.user_power_dbm": ("终端发射功率, 功率等级 3", "power of the user, class 3"),
    "assumption.high_power_dbm": (
        "n41、n77、n78、n79 终端发射功率, 功率等级 2",
        "power of the user in n41, n77, n78 and n79, class 2",
    ),
    "assumption.traffic_gain_db": (
        "业务波束相对同步波束的增益",
        "gain of traffic beams over the beams of the synchronisation signal",
    ),
    "assumption.least_snr_db": ("低于此 SINR 不传输", "SINR below which nothing is sent"),
    "assumption.downlink_efficiency": (
        "下行达到香农速率的比例",
        "share of Shannon's rate reached downwards",
    ),
    "assumption.downlink_cap_bit_s_hz": (
        "下行最高频谱效率 (单流 256QAM)",
        "greatest rate downwards, one layer of 256QAM",
    ),
    "assumption.uplink_efficiency": (
        "上行达到香农速率的比例",
        "share of Shannon's rate reached upwards",
    ),
    "assumption.uplink_cap_bit_s_hz": (
        "上行最高频谱效率 (单流 64QAM)",
        "greatest rate upwards, one layer of 64QAM",
    ),
    "assumption.tdd_downlink_share": (
        "TDD 频段下行时间占比",
        "share of time for the downlink in TDD bands",
    ),
    "assumption.tdd_uplink_share": (
        "TDD 频段上行时间占比",
        "share of time for the uplink in TDD bands",
    ),
    "assumption.edge_downlink_mbps": (
        "小区边缘最低下行速率",
        "least rate down at the edge of a cell",
    ),
    "assumption.edge_uplink_mbps": ("小区边缘最低上行速率", "least rate up at the edge of a cell"),
    "assumption.busy_hour_kbps_per_person": (
        "忙时人均下行业务量",
        "mean traffic down per person in the busiest hour",
    ),
    "assumption.indoor_share": (
        "室内业务占比 (普通外墙)",
        "share of the traffic indoors, behind a low-loss wall",
    ),
    "assumption.greatest_load": (
        "小区可持续的最高负荷",
        "load up to which a cell carries all that it is offered",
    ),
    "assumption.fading_distance_m": (
        "阴影衰落视为独立的距离",
        "distance at which shadow fading counts as independent",
    ),
    # places
    "place_kind.airport": ("机场", "airport"),
    "place_kind.city_centre": ("市中心", "city centre"),
    "place_kind.development_zone": ("开发区", "development zone"),
    "place_kind.district_seat": ("区政府驻地", "district seat"),
    "place_kind.expressway": ("高速公路", "expressway"),
    "place_kind.freight_station": ("货运站", "freight station"),
    "place_kind.hospital": ("医院", "hospital"),
    "place_kind.industrial_park": ("产业园区", "industrial park"),
    "place_kind.interchange": ("互通", "interchange"),
    "place_kind.lake": ("湖泊", "lake"),
    "place_kind.park": ("公园", "park"),
    "place_kind.port": ("港口", "port"),
    "place_kind.power_plant": ("电厂", "power plant"),
    "place_kind.public_building": ("公共建筑", "public building"),
    "place_kind.rail_station": ("铁路客站", "rail station"),
    "place_kind.service_area": ("服务区", "service area"),
    "place_kind.steel_works": ("钢铁厂", "steel works"),
    "place_kind.substation": ("变电站", "substation"),
    "place_kind.tourism_complex": ("旅游城", "tourism complex"),
    "place_kind.town": ("乡镇", "town"),
    "place_kind.university": ("高校", "university"),
    "place_kind.venue": ("场馆", "venue"),
    "place_kind.other": ("其他", "other"),
    # pages
    "page.home": ("首页", "Home"),
    "page.data": ("数据", "Data"),
    "page.api": ("接口说明", "API"),
    "page.brand": ("城市基础设施选址", "City infrastructure siting"),
    "page.skip": ("跳到正文", "Skip to content"),
    "page.language": ("语言", "Language"),
    "page.main": ("主导航", "Main navigation"),
    "page.json": ("本页的 JSON", "This page as JSON"),
    "page.scenarios": ("情景", "Scenarios"),
    "page.plans": ("方案", "Plans"),
    "page.latest": ("最近完成的方案", "Latest finished plan"),
    "page.open_plan": ("打开方案", "Open the plan"),
    "page.no_scenarios": (
        "还没有情景。用内置的鄂州情景开始:",
        "There is no scenario yet. Start with the bundled one for Ezhou:",
    ),
    "page.no_plans": ("还没有方案。", "There is no plan yet."),
    "page.use_default": ("使用内置情景", "Use the bundled scenario"),
    "page.run": ("计算方案", "Compute a plan"),
    "page.created": ("建立时间", "created"),
    "page.state": ("进度", "progress"),
    "page.name": ("名称", "name"),
    "page.cancel": ("停止计算", "Stop the computation"),
    "page.running": ("正在计算", "Computing"),
    "page.progress": ("计算进度", "Progress of the computation"),
    "page.phase": ("阶段", "phase"),
    "page.elapsed": ("已用时间", "time so far"),
    "page.best": ("目前最好", "best so far"),
    "page.bound": ("已证明的界", "proven bound"),
    "page.leave": (
        "可以关闭本页, 计算会继续。完成后本页自动显示方案。",
        "You may close this page; the computation goes on. It shows the plan when it is done.",
    ),
    "page.stopping": ("正在停止, 保留目前最好的方案。", "Stopping; the best plan so far is kept."),
    "page.silent": (
        "20 秒没有收到新的进度, 计算进程可能已停止; 恢复后会自动继续。",
        "No progress for 20 seconds; the worker may have stopped. It goes on once it is back.",
    ),
    "page.failed": ("计算失败", "The computation failed"),
    "page.no_result": ("没有可显示的结果。", "There is no result to show."),
    "page.last_good": ("最近一个完成的方案", "Last finished plan"),
    "page.again": ("重新计算", "Run again"),
    "page.targets": ("目标达标情况", "Target board"),
    "page.map": ("地图", "Map"),
    "page.map_full": ("全屏地图", "Map on the whole screen"),
    "page.downloads": ("下载", "Downloads"),
    "page.proof": ("求解与证明", "Solution and proof"),
    "page.sites_table": ("站址表", "Sites"),
    "page.zones_table": ("分区表", "Zones"),
    "page.unserved_table": ("未覆盖的需求点", "Demand not reached"),
    "page.scenario_of": ("情景", "Scenario"),
    "page.settings": ("设置", "Settings"),
    "page.stations_in_all": ("基站总数 {n}", "{n} base stations in all"),
    "page.stations_free": ("基站数不限, 只求达标", "As many stations as the targets need"),
    "page.target_sentence": (
        "{zones}: 按「{standard}」覆盖{weight}的 {share}",
        "{zones}: {share} of the {weight} by “{standard}”",
    ),
    "page.objective_sentence": (
        "余下的基站: 按「{standard}」覆盖尽可能多的{weight}",
        "Stations that remain: as much {weight} as possible by “{standard}”",
    ),
    "page.locked": ("锁定站址: {sites}", "Locked sites: {sites}"),
    "page.forbidden": ("禁用站址: {sites}", "Forbidden sites: {sites}"),
    "page.exclusions": (
        "选址约束: 禁建区 {areas} 处, 水域{water}, 跑道 {runways} 条, 敏感建筑 {sensitive} 处",
        (
            "Siting constraints: {areas} closed areas, water {water}, {runways} runways, "
            "{sensitive} sensitive buildings"
        ),
    ),
    "page.water_closed": ("不可建站", "closed"),
    "page.water_open": ("不限", "open"),
    "page.stale": (
        "此后数据已更换, 地图和明细不再与本方案对应; 数字为当时所存。请重新计算。",
        (
            "The planning data were replaced since; map and details no longer belong to this plan, "
            "the figures are those stored then. Run it again."
        ),
    ),
    "page.predictions": ("无线预测", "Radio predictions"),
    "page.prediction": ("无线预测", "Radio prediction"),
    "page.predict": ("预测本方案的网络", "Predict this plan's network"),
    "page.predict_what": (
        "逐 50 米栅格预测电平、干扰与主服务小区, 并统计各分区; 邻区负荷等假设用默认值, 接口可改。",
        (
            "Level, interference and best server on pixels of 50 m, and figures by zone; load and "
            "other assumptions are those offered, the API changes them."
        ),
    ),
    "page.no_predictions": ("还没有预测。", "There is no prediction yet."),
    "page.prediction_leave": (
        "可以关闭本页, 计算会继续。完成后本页自动显示结果。",
        "You may close this page; the computation goes on. It shows the result when it is done.",
    ),
    "page.prediction_stopping": (
        "正在停止, 不保留结果。",
        "Stopping; nothing of it is kept.",
    ),
    "page.prediction_map": ("预测地图", "Map of the prediction"),
    "page.prediction_plan": ("所属方案", "The plan"),
    "page.pixel": ("栅格", "pixel"),
    "page.layers": ("图层", "Layers"),
    "page.count": ("数量", "count"),
    "page.shares": ("数据来源性质占比", "share of each provenance"),
    "page.layer": ("图层", "layer"),
    "page.unlocated": ("位置未提供", "Location not supplied"),
    "page.unlocated_why": (
        "下列地点见于行动方案或公开资料, 但没有可靠坐标, 因此不参与规划, 也没有补造。",
        (
            "These places are named by the action plan or public sources, but no reliable "
            "coordinate exists; they take no part in planning, and none was invented."
        ),
    ),
    "page.sources": ("来源与许可", "Sources and licences"),
    "page.loaded": ("装入时间", "loaded"),
    "page.no_data": (
        "数据库中还没有规划数据。",
        "There are no planning data in the database yet.",
    ),
    "page.not_found": ("没有这个页面", "There is no such page"),
    "page.not_found_hint": (
        "地址有误, 或该方案、情景已不存在。",
        "The address is wrong, or the plan or scenario no longer exists.",
    ),
    "page.database_down": ("数据库没有响应", "The database does not answer"),
    "page.database_hint": (
        "稍后重试。若仍不行, 请运维人员在本机运行 siting doctor 查看原因, 用 siting serve 启动。",
        (
            "Try again in a moment. If it stays so, run siting doctor on this machine to see why, "
            "and siting serve to start it."
        ),
    ),
    "page.error": ("请求无法完成", "The request could not be carried out"),
    "page.conflict": ("现在还不能这样做", "That is not possible now"),
    "page.back_home": ("回到首页", "Back to the start page"),
    "plan_state.queued": ("排队", "queued"),
    "plan_state.running": ("计算中", "running"),
    "plan_state.done": ("已计算", "done"),
    "plan_state.cancelled": ("已停止", "stopped"),
    "plan_state.failed": ("失败", "failed"),
    "phase.queued": ("排队", "queued"),
    "phase.running": ("开始", "starting"),
    "phase.load": ("装入数据", "loading"),
    "phase.data": ("读取数据", "reading the data"),
    "phase.prediction": ("计算电平与干扰", "level and interference"),
    "phase.figures": ("统计分区", "adding up zones"),
    "phase.outputs": ("写出结果", "writing the results"),
    "phase.stations": ("达标所需的最少基站", "fewest stations"),
    "phase.coverage": ("计算覆盖", "coverage"),
    "phase.targets": ("第一步: 达标", "step 1: targets"),
    "phase.service": ("第二步: 扩大覆盖", "step 2: service"),
    "phase.interference": ("调整干扰", "interference"),
    "improve.summary": (
        "{stations} 个基站中 {changed} 个调整方向; 预测了 {trials} 次试调; {ended}",
        "{changed} of {stations} stations are aimed anew; {trials} changes were predicted; {ended}",
    ),
    "improve.met": ("计入的分区全部达标", "every zone that counts meets the standard"),
    "improve.nothing": ("单站再调已无改善", "no single change helps any more"),
    "improve.trials": ("已达允许的试调次数", "as many changes were predicted as allowed"),
    "improve.before": ("调整前", "before"),
    "improve.after": ("调整后", "after"),
    "improve.not_checked": (
        "调整后的方向未按选址约束 (如敏感建筑电磁曝露) 重新核对。",
        "New directions are not held against siting constraints (exposure of buildings) again.",
    ),
    "phase.verify": ("核验", "verification"),
    "phase.done": ("完成", "done"),
    "phase.cancelled": ("已停止", "stopped"),
    "phase.failed": ("失败", "failed"),
    "help.rsrp": (
        "SS-RSRP: 5G 同步信号参考信号接收功率",
        "SS-RSRP: received power of the 5G synchronisation reference signal",
    ),
}


def say(key: str, language: Language, **values: object) -> str:
    """Return a text of the table with its placeholders filled.

    Raises
    ------
    KeyError
        When the table has no such key, or a placeholder is not given.
    """
    chinese, english = MESSAGES[key]
    text = chinese if language == "zh" else english
    return text.format(**values) if values else text
