"""What was measured as a table a person reads: times, ratios, rates, goals met, missed and not judged."""

from collections.abc import Iterator
from typing import Any

from report import geometric_mean, quantity

from .cases import Case, Goal

Row = dict[str, Any]
DATASHEET = {"NVIDIA H200": 989e12, "NVIDIA H100": 989e12}  # dense bf16, the usual base of MFU
FAMILY_GOALS = {"convolution": ("torch", 1.1)}  # geometric mean of the ratios of a family's cases
PEERS_FIRST = ("torch", "torch.compile")
COPY, FLOPS = ("limits/copy of 2 GiB", "limits/x + 0, 256M float32"), "limits/matmul bf16 8192x8192x8192"


def value(row: Row, label: str) -> float | None:
    """The time of a system; None where it failed, was wrong or was not there."""
    result = row["systems"].get(label, {})
    return None if {"error", "wrong"} & result.keys() else result.get("value")


def data_sheet(gpu: str) -> float | None:
    """Dense bf16 flops a second as the data sheet of a GPU has them."""
    return next((flops for name, flops in DATASHEET.items() if gpu.startswith(name)), None)


def limits(rows: dict[str, Row]) -> dict[str, float]:
    """What the GPU does at most, by any system: bytes a second of a copy, flops of a bf16 product."""
    result: dict[str, float] = {}
    for name, keys, amount in (("copy", COPY, "bytes"), ("flops", (FLOPS,), "flops")):
        rates = [
            rows[key][amount] / seconds
            for key in keys
            if key in rows
            for label in rows[key]["systems"]
            if (seconds := value(rows[key], label))
        ]
        if rates:
            result[name] = max(rates)
    return result


def ratio(row: Row, subject: str, peer: str) -> float | None:
    ours, theirs = value(row, subject), value(row, peer)
    return theirs / ours if ours and theirs else None


def judge(goal: Goal, row: Row, most: dict[str, float], subject: str) -> tuple[str, str, bool | None]:
    """(goal, what was measured, met); met is None where it cannot be judged."""
    names = [name.replace("plait", subject, 1) for name in goal.subjects]
    times = [t for name in names if (t := value(row, name))]
    best = min(times) if times else None
    missing = (None, "not measured")
    if goal.kind == "ratio":
        peer = value(row, goal.peer)
        found = (peer / best, f"{peer / best:.2f}x") if best and peer else missing
        text = f">= {goal.limit:g}x {goal.peer}"
        if goal.subjects not in (("plait",), ("plait", "plait graph")):
            text += f" ({', '.join(goal.subjects)})"
    elif goal.kind == "seconds":
        text, found = f"<= {quantity(goal.limit, 's')}", (best, quantity(best, "s")) if best else missing
        return text, found[1], None if found[0] is None else found[0] <= goal.limit
    elif goal.kind == "memory":
        ours, theirs = (row["systems"].get(name, {}).get("peak") for name in (subject, goal.peer))
        share = ours / theirs if ours and theirs else None
        text = f"memory <= {goal.peer}'s"
        return (
            text,
            "not measured" if share is None else f"{share:.2f}x",
            None if share is None else share <= goal.limit,
        )
    elif goal.kind == "copy":
        share = row["bytes"] / best / most["copy"] if best and "copy" in most else None
        text, found = f">= {goal.limit:.0%} of copy", missing if share is None else (share, f"{share:.0%}")
    else:
        amount, unit, scale = {
            "bandwidth": ("bytes", "TB/s", 1e12),
            "flops": ("flops", "TFLOP/s", 1e12),
            "items": ("items", "k/s", 1e3),
        }[goal.kind]
        rate = row[amount] / best if best else None
        text = f">= {goal.limit / scale:.4g} {unit}"
        found = missing if rate is None else (rate, f"{rate / scale:.4g} {unit}")
    return text, found[1], None if found[0] is None else found[0] >= goal.limit


def judged(
    case: Case, row: Row, most: dict[str, float], subject: str, dry: bool = False
) -> list[tuple[str, str, bool | None]]:
    """The goals of a case; a dry run meets and misses none."""
    result = [judge(goal, row, most, subject) for goal in case.goals]
    if dry:
        return [(text, "a dry run", None) for text, _, _ in result]
    wrong = row["systems"].get(subject, {}).get("wrong")
    return [(text, f"WRONG ANSWER: {wrong}", False) for text, _, _ in result] if wrong else result


def rate(row: Row, subject: str, most: dict[str, float], gpu: str = "") -> str:
    """The subject's bandwidth, flops or items a second, and the share of the limit. A training step's flops
    over the data sheet's is its MFU."""
    times = [t for label in row["systems"] if label.split()[0] == subject and (t := value(row, label))]
    if not times:
        return ""
    best, parts = min(times), []
    if row.get("items", 0) > 1 or row["name"].startswith("GPT-2"):
        parts.append(f"{row['items'] / best:,.0f} {row['item']}/s")
    if row.get("flops"):
        share = f", {row['flops'] / best / most['flops']:.0%}" if "flops" in most else ""
        parts.append(f"{row['flops'] / best / 1e12:.3g} TFLOP/s{share}")
        if row["timing"] == "step" and (peak := data_sheet(gpu)):
            parts.append(f"MFU {row['flops'] / best / peak:.1%}")
    elif row.get("bytes"):
        share = f", {row['bytes'] / best / most['copy']:.0%}" if "copy" in most else ""
        parts.append(f"{row['bytes'] / best / 1e12:.3g} TB/s{share}")
    return "; ".join(parts)


def cell(row: Row, label: str) -> str:
    result = row["systems"].get(label)
    if result is None:
        return ""
    mark = next((m for m in ("error", "wrong") if m in result), None)
    return mark.upper() if mark else quantity(result.get("value"), "s")


def labels_of(rows: list[Row], subject: str) -> list[str]:
    """The systems of some rows: the subject's variants, then the peers."""
    found = dict.fromkeys(label for row in rows for label in row["systems"])
    order = {label: i for i, label in enumerate((subject, f"{subject} graph", *PEERS_FIRST))}
    return sorted(found, key=lambda label: order.get(label, len(order)))


def means(rows: list[Row], subject: str) -> dict[tuple[str, str], float]:
    """Geometric mean of peer's time / subject's, by family and peer."""
    ratios: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        for peer in row["systems"]:
            if peer.split()[0] != subject and (found := ratio(row, subject, peer)):
                ratios.setdefault((row["family"], peer), []).append(found)
    return {key: geometric_mean(found) for key, found in ratios.items()}


def table(
    rows: list[Row], cases: dict[str, Case], most: dict[str, float], result: dict[str, Any]
) -> Iterator[str]:
    """The lines of one family of a result."""
    subject, dry = result["subject"], result["dry"]
    labels = labels_of(rows, subject)
    peers = [label for label in labels if label.split()[0] != subject]
    heads = ["case", *labels, *(f"{p} / {subject}" for p in peers), "rate", "goals"]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        ratios = [f"{r:.2f}x" if (r := ratio(row, subject, p)) else "" for p in peers]
        goals = (
            "; ".join(
                f"{'pass' if met else 'FAIL' if met is False else '?'} {text}: {found}"
                for text, found, met in judged(cases[row["key"]], row, most, subject, dry)
            )
            if row["key"] in cases
            else ""
        )
        cells = [
            row["name"],
            *(cell(row, label) for label in labels),
            *ratios,
            rate(row, subject, most, result["gpu"]),
            goals,
        ]
        yield "| " + " | ".join(cells) + " |"


def memory(rows: list[Row], subject: str) -> Iterator[str]:
    """Peaks of the training steps."""
    rows = [row for row in rows if any("peak" in result for result in row["systems"].values())]
    if not rows:
        return
    labels = labels_of(rows, subject)
    yield "\n## Peak memory\n"
    yield "| case | " + " | ".join(labels) + " |"
    yield "|---" * (1 + len(labels)) + "|"
    for row in rows:
        peaks = [row["systems"].get(label, {}).get("peak") for label in labels]
        yield (
            f"| {row['name']} | " + " | ".join("" if p is None else quantity(p, "B") for p in peaks) + " |"
        )


def markdown(result: dict[str, Any], cases: dict[str, Case]) -> str:
    """The whole table. Cases without a row are named as not measured."""
    subject, rows = result["subject"], result["rows"]
    by_key = {row["key"]: row for row in rows if "skipped" not in row}
    rows, most = list(by_key.values()), limits(by_key)
    lines = [f"# {result['gpu']}, {result['date'][:10]}", ""]
    if result["dry"]:
        lines += ["**A dry run at tiny sizes: none of these figures measures a GPU.**", ""]
    for label, facts in result["systems"].items():
        lines.append(
            f"- {label}: "
            + ", ".join(f"{k} {v}" for k, v in facts.items() if v is not None and k != "path")
        )
    lines.append(f"- {', '.join(f'{k}: {v}' for k, v in result['machine'].items() if v)}")
    commits = sorted({row.get("commit", "unknown") for row in rows})
    lines.append(f"- commit {', '.join(commits)}; `python benchmarks/gpu.py` (method: docs/design/cuda.md)")
    shown = [f"copy {most['copy'] / 1e12:.2f} TB/s"] if "copy" in most else []
    if "flops" in most:
        peak = data_sheet(result["gpu"])
        shown.append(
            f"bf16 product {most['flops'] / 1e12:.0f} TFLOP/s"
            + (f" ({most['flops'] / peak:.0%} of the data sheet's)" if peak else "")
        )
    lines.append(f"- limits measured in this run: {', '.join(shown) or 'none'}")

    dry, mean = result["dry"], means(rows, subject)
    known = [row for row in rows if row["key"] in cases]
    verdicts = [met for row in known for _, _, met in judged(cases[row["key"]], row, most, subject, dry)]
    for family, (peer, least) in FAMILY_GOALS.items():
        found = mean.get((family, peer))
        verdicts.append(None if found is None or dry else found >= least)
    missing = [key for key in cases if key not in by_key]
    verdicts += [None for key in missing for _ in cases[key].goals]
    lines += [
        "",
        f"**Goals: {verdicts.count(True)} met, {verdicts.count(False)} missed, "
        f"{verdicts.count(None)} not measured.**",
    ]
    for family in dict.fromkeys(row["family"] for row in rows):
        members = [row for row in rows if row["family"] == family]
        lines += ["", f"## {family}", "", *table(members, cases, most, result)]
        found = [f"{peer} {value:.2f}x" for (f, peer), value in mean.items() if f == family]
        if found:
            text = f"Geometric mean of a peer's time / {subject}'s: {', '.join(found)}"
            peer, least = FAMILY_GOALS.get(family, ("", 0.0))
            if not dry and (family, peer) in mean:
                text += f" ({'pass' if mean[family, peer] >= least else 'FAIL'} >= {least:g}x {peer})"
            lines += ["", text]
    lines += memory(rows, subject)
    said = [
        f"- {row['name']}, {label}: {mark}: {result[mark].splitlines()[0][:400]}"
        for row in rows
        for label, result in row["systems"].items()
        for mark in ("error", "wrong")
        if mark in result
    ]
    if said:
        lines += ["", "## Failed", "", *said]
    unchecked = [row["name"] for row in rows if row["reference"].startswith("no reference")]
    if unchecked:
        lines += ["", "## Not checked against float64", "", *(f"- {name}" for name in unchecked)]
    if missing:
        why = {row["key"]: row["skipped"] for row in result["rows"] if "skipped" in row}
        lines += ["", "## Not measured", ""]
        for reason in sorted({why.get(key, "not asked for") for key in missing}):
            keys = [key for key in missing if why.get(key, "not asked for") == reason]
            families: dict[str, list[str]] = {}
            for family, _, name in (key.partition("/") for key in keys):
                families.setdefault(family, []).append(name)
            lines += [f"- {reason}: {family}: {'; '.join(names)}" for family, names in families.items()]
    return "\n".join(lines) + "\n"
