"""The result as a table, as goals met or missed, and as a plot."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
NAME_WIDTH = 40
PREFIXES = {
    "s": [(1, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")],
    "B": [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")],
}

# What the subject must reach: seconds and bytes at most, ratios (peer's time / subject's) at least.
AT_MOST = {
    "overhead/a + b": 150e-9,
    "overhead/a + b +grad": 250e-9,
    "program/import, best of warm runs": 0.050,
    "program/installed package, CPU": 80e6,
    "program/start to first MLP training step": 0.3,
}
MEAN_RATIO = {"overhead": 4.0, "ops": 1.2}
LEAST_RATIO = {"ops": 0.8, "training": 1.0, "func": 1.0}
AIM = {  # where the families are going: geometric mean of the ratios
    "overhead": 6.0, "pointwise": 2.5, "reduce": 2.5, "index": 2.5, "norm": 2.5, "pool": 2.5, "loss": 2.5,
    "matmul": 1.0, "conv": 1.0, "attention": 2.0,
}


def key(row: Row) -> str:
    return f"{row['group']}/{row['name']}"


def quantity(value: float | None, unit: str) -> str:
    """`value` with a prefix: 151 ns, 3.42 ms, 44.1 MB."""
    if value is None:
        return "-"
    scale, name = next((step for step in PREFIXES[unit] if value >= step[0]), PREFIXES[unit][-1])
    return f"{value / scale:.3g} {name}" if value / scale < 1000 else f"{value / scale:.0f} {name}"


def geometric_mean(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def share(row: Row, result: Row, limits: dict[str, float]) -> float | None:
    """Part of the measured peak (where flops are known) or of the copy bandwidth (where bytes are)."""
    if "value" not in result or not limits:
        return None
    if row.get("flops"):
        return row["flops"] / result["value"] / limits["flops"]
    return row["bytes"] / result["value"] / limits["copy"] if row.get("bytes") else None


def heading(group: str, labels: list[str]) -> str:
    values = "".join(f"{label:>10}" for label in labels)
    shares = "".join(f"{label + ' %':>10}" for label in labels)
    return f"\n{group.upper():<{NAME_WIDTH}}{values}{'ratio':>9}{'spread':>15}{shares}"


def line(row: Row, labels: list[str], limits: dict[str, float]) -> str:
    """One row of the table."""
    results = [row["systems"][label] for label in labels]
    values = (quantity(result.get("value"), row["unit"]) for result in results)
    text = f"{row['name']:<{NAME_WIDTH}}" + "".join(f"{value:>10}" for value in values)
    if "ratio" in row:
        low, high = row["spread"]
        text += f"{row['ratio']:>8.2f}x{f'{low:.2f}..{high:.2f}':>15}"
    else:
        text += f"{'-':>9}{'-':>15}"
    for result in results:
        part = share(row, result, limits)
        text += f"{'' if part is None else f'{part:.0%}':>10}"
    notes = [f"{mark.upper()} {label}: {r[mark]}" for label, r in zip(labels, results, strict=True)
             for mark in ("error", "wrong") if mark in r]
    if row.get("reference", "").startswith("no reference"):
        notes.append("UNCHECKED")
    return "  ".join([text, *notes])


def counts(row: Row) -> bool:
    """Whether the row's ratio means anything: a wrong answer is not fast."""
    return "ratio" in row and not any("wrong" in result for result in row["systems"].values())


def means(rows: list[Row]) -> dict[str, float]:
    """Geometric mean of the ratios of each group, then of each family of ops."""
    ratios: dict[str, list[float]] = {}
    for row in rows:
        if counts(row) and row["group"] != "program":
            for name in filter(None, (row["group"], row["family"])):
                ratios.setdefault(name, []).append(row["ratio"])
    return {name: geometric_mean(values) for name, values in ratios.items()}


def goals(rows: list[Row], subject: str) -> list[tuple[str, str, bool]]:
    """(goal, what was measured, met) for each goal that this run can judge."""
    result = []
    by_key = {key(row): row for row in rows}
    for name, limit in AT_MOST.items():
        row = by_key.get(name)
        if row and "value" in row["systems"][subject]:
            value = row["systems"][subject]["value"]
            goal = f"{name} at most {quantity(limit, row['unit'])}"
            result.append((goal, quantity(value, row["unit"]), value <= limit))
    mean = means(rows)
    for group, least in MEAN_RATIO.items():
        if group in mean:
            goal = f"{group}: geometric mean at least {least}x"
            result.append((goal, f"{mean[group]:.2f}x", mean[group] >= least))
    for group, least in LEAST_RATIO.items():
        judged = [row for row in rows if row["group"] == group and counts(row)]
        if judged:
            worst = min(judged, key=lambda row: row["ratio"])
            goal = f"{group}: none below {least}x"
            result.append((goal, f"{worst['ratio']:.2f}x, {worst['name']}", worst["ratio"] >= least))
    bad = [row["name"] for row in rows if {"error", "wrong"} & row["systems"][subject].keys()]
    result.append(("every case runs and is right", "; ".join(bad) or f"{len(rows)} cases", not bad))
    return result


def summary(rows: list[Row], subject: str) -> Iterator[str]:
    mean = means(rows)
    if mean:
        yield "\nGEOMETRIC MEANS (peer's time / subject's)"
        for name, value in mean.items():
            yield f"  {name:<12}{value:>7.2f}x" + (f"   going to {AIM[name]}x" if name in AIM else "")
    yield "\nGOALS"
    for goal, measured, met in goals(rows, subject):
        yield f"  {'pass' if met else 'FAIL'}  {goal}: {measured}"


def markdown(result: dict[str, Any]) -> str:
    """The README's section: what was measured, on what, and the ratios of the groups."""
    rows, labels = result["rows"], result["labels"]
    facts, system = result["machine"], result["systems"]
    versions = " beside ".join(f"{label} {system[label]['version']}" for label in labels)
    lines = [
        f"{versions}, {result['threads']} threads, {facts['cpu']} ({', '.join(facts['isa'])}), "
        f"{result['date'][:10]}; `make bench`:",
        "",
        f"| what | cases | {labels[1]}'s time / {labels[0]}'s (geometric mean) | least | most |",
        "|---|---|---|---|---|",
    ]
    for name, mean in means(rows).items():
        judged = [row for row in rows if counts(row) and name in (row["group"], row["family"])]
        least, most = (f(judged, key=lambda row: row["ratio"]) for f in (min, max))
        span = " | ".join(f"{row['ratio']:.2f}x ({row['name'].replace('|', '/')})" for row in (least, most))
        lines.append(f"| {name} | {len(judged)} | {mean:.2f}x | {span} |")
    lines += ["", f"| one by one | {' | '.join(labels)} | ratio |", "|---|---|---|---|"]
    for row in rows:
        if row["group"] in ("training", "func", "program") or key(row) in AT_MOST:
            values = (quantity(row["systems"][label].get("value"), row["unit"]) for label in labels)
            ratio = f"{row['ratio']:.2f}x" if "ratio" in row else "-"
            lines.append(f"| {row['name']} | {' | '.join(values)} | {ratio} |")
    return "\n".join(lines)


def plot(rows: list[Row], labels: list[str], title: str, path: Path) -> str:
    """Ratios as bars on a log scale, spread as whiskers; returns a line saying what was done."""
    rows = [row for row in rows if "ratio" in row]
    if not rows:
        return "no plot: there is no peer to draw beside"
    try:
        import matplotlib
    except ImportError:
        return "no plot: matplotlib is not installed"
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(9, 0.19 * len(rows) + 1.4), layout="constrained")
    kinds = list(dict.fromkeys(row["family"] or row["group"] for row in rows))
    for i, row in enumerate(rows):
        low, high = row["spread"]
        colour = f"C{kinds.index(row['family'] or row['group']) % 10}" if counts(row) else "0.75"
        axis.barh(i, row["ratio"] - 1, left=1, color=colour, height=0.75)
        axis.plot([low, high], [i, i], color="0.2", linewidth=0.8)
    labelled = [f"{row['name']}   {row['family'] or row['group']}" for row in rows]
    axis.set_yticks(range(len(rows)), labelled, fontsize=6)
    axis.set_xscale("log", base=2)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel(f"time of {labels[1]} / time of {labels[0]}: right of 1, {labels[0]} is faster")
    axis.axvline(1, color="black", linewidth=0.8)
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}x")
    axis.grid(axis="x", alpha=0.3)
    axis.set_title(title, fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return f"plot: {path}"
