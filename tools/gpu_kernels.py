"""What limits a CUDA kernel, read from its machine code: no GPU is needed.

    python tools/gpu_kernels.py build/release/python/plait/lib/libplait_cuda.so 'softmax_rows<.*BFloat16'
    python tools/gpu_kernels.py LIBRARY PATTERN --legs     every way through a kernel that is many functions
    python tools/gpu_kernels.py LIBRARY PATTERN --classes  the instructions by class
    python tools/gpu_kernels.py LIBRARY --spills           all kernels that use the stack

LIBRARY is a shared library or an object file, PATTERN a regular expression that is searched in demangled
names. For each kernel: registers, the warps a multiprocessor has registers for, stack bytes and the
instructions that access it, static shared memory. Then a line for each hot part: the innermost loops whose
accesses are as wide as the kernel's widest, one pass each, or without such loops the way through the kernel.
Where the code branches, that way is taken which moves the most bytes in accesses of that width, and of those
the one with the fewest instructions: guards hold, slow paths and what is left behind whole vectors are passed
over. Loops on the way count once.

    instr  instructions of a thread, whatever they do: each takes an issue slot
    bytes  of global memory that a thread reads + writes
    flight KB that a multiprocessor has asked for at a time: the bytes read x the threads in its registers. By
           Little's law 4.8 TB/s x 0.8 us / 132 = 29 KB suffice if nothing else is waited for
    memory, issue, alu, mufu, fp64
           cycles of a multiprocessor for a warp: of its memory, of its issue slots, of the units for
           integers, comparisons and conversions, for special functions, for float64
    limit  the longest of those; and its share of the memory's time. Above about 70% the kernel will hardly
           reach the memory's speed, since no unit is busy all the time

The figures are an H200's. The tools come with a CUDA toolkit, or from PyPI: nvidia-cuda-cuobjdump and
nvidia-cuda-nvdisasm.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

WARP = 32
REGISTERS, MOST_WARPS = 65536, 64  # of a multiprocessor
COPY_SPEED = 4.3e12  # bytes/s that a copy reaches
MULTIPROCESSORS, CLOCK = 132, 1.7e9
BYTES_PER_CYCLE = COPY_SPEED / MULTIPROCESSORS / CLOCK
# Lanes that a multiprocessor's units serve in a cycle.
ISSUE_LANES, ALU_LANES, MUFU_LANES, FP64_LANES = 128, 64, 16, 64

INSTALL = (
    "gpu_kernels: {} not found. Install a CUDA toolkit, or run `pip install nvidia-cuda-cuobjdump "
    "nvidia-cuda-nvdisasm`, and put their bin folder on PATH or name it with --tools"
)

# Opcodes by class; the first that matches. What integers, comparisons, selections and conversions do runs in
# the ALU at half the rate of float arithmetic.
CLASSES = (
    ("global load", re.compile(r"LDG|LD\b")),
    ("global store", re.compile(r"STG|ST\b|RED|ATOMG?\b")),
    ("stack", re.compile(r"LDL|STL")),
    ("shared", re.compile(r"LDS|STS|ATOMS|LDSM|LDGSTS|UBLKCP")),
    ("mufu", re.compile(r"MUFU")),
    ("fp64", re.compile(r"D(ADD|MUL|FMA|SETP|MNMX)")),
    ("conversion", re.compile(r"F2F|F2I|I2F|FRND|F2FP|I2FP")),
    ("float", re.compile(r"F(ADD|MUL|FMA|SWZADD)|H(ADD|MUL|FMA)2")),
    ("compare", re.compile(r"F(SET|SEL|MNMX|CHK)|H(SET|MNMX)2|ISETP|I?SEL|IMNMX|VIMNMX|PLOP3|P2R|R2P")),
    ("multiply int", re.compile(r"IMAD|XMAD|IDP")),
    ("integer", re.compile(r"V?IADD|IABS|LOP3|SHF|SHL|SHR|LEA|PRMT|MOV|POPC|FLO|BREV|BMSK|SGXT|VABSDIFF")),
    ("shuffle", re.compile(r"SHFL|VOTE|MATCH|REDUX")),
    ("tensor", re.compile(r"[HIDBQ]G?MMA")),
    ("branch", re.compile(r"BRA|BRX|JMP|BSSY|BSYNC|EXIT|CALL|RET|BREAK|WARPSYNC|YIELD|NOP|BMOV")),
    ("barrier", re.compile(r"BAR|DEPBAR|MEMBAR|ERRBAR|CCTL|FENCE|SYNCS")),
    ("uniform", re.compile(r"U[A-Z]|R2UR|S2UR")),
)
ALU = {"conversion", "compare", "integer", "shuffle"}


@dataclass
class Instruction:
    """A line of machine code."""

    address: int
    guard: str  # "@P0", "@!P1" or empty
    opcode: str  # with its suffixes
    operands: str

    @property
    def kind(self) -> str:
        """Its class."""
        if self.opcode.startswith("HFMA2") and re.match(r"R\d+, -RZ, RZ,", self.operands):
            return "float"  # a constant
        return next((name for name, pattern in CLASSES if pattern.match(self.opcode)), "other")

    @property
    def width(self) -> int:
        """Bytes that an access moves."""
        suffixes = self.opcode.split(".")[1:]
        for suffix, size in (("128", 16), ("64", 8), ("U16", 2), ("S16", 2), ("U8", 1), ("S8", 1)):
            if suffix in suffixes:
                return size
        return 4

    @property
    def target(self) -> int | None:
        """Where a branch goes."""
        if self.opcode.split(".")[0] not in {"BRA", "JMP"}:
            return None
        found = re.search(r"0x([0-9a-f]+)\s*$", self.operands)
        return int(found[1], 16) if found else None


@dataclass
class Block:
    """Instructions without branches into or out of their middle."""

    code: list[Instruction]
    next: list[int] = field(default_factory=list)

    @property
    def address(self) -> int:
        """Of its first instruction."""
        return self.code[0].address

    def moved(self, width: int) -> int:
        """Bytes in accesses of that width."""
        return sum(i.width for i in self.code if i.kind.startswith("global") and i.width == width)


@dataclass
class Part:
    """A way through a loop or a kernel."""

    name: str
    code: list[Instruction]

    def bytes_of(self, kind: str) -> int:
        """Bytes that a thread reads or writes; a narrow access under a condition is not the rule."""
        widest = max((i.width for i in self.code if i.kind.startswith("global")), default=0)
        return sum(i.width for i in self.code if i.kind == kind and (i.width == widest or not i.guard))

    def cycles(self) -> dict[str, float]:
        """For a warp, by unit."""
        counts = Counter(i.kind for i in self.code)
        alu = sum(counts[kind] for kind in ALU)
        moved = self.bytes_of("global load") + self.bytes_of("global store")
        return {
            "memory": WARP * moved / BYTES_PER_CYCLE,
            "issue": WARP * len(self.code) / ISSUE_LANES,
            "alu": WARP * alu / ALU_LANES,
            "mufu": WARP * counts["mufu"] / MUFU_LANES,
            "fp64": WARP * counts["fp64"] / FP64_LANES,
        }


@dataclass
class Kernel:
    """Resources and code of one kernel."""

    mangled: str
    name: str
    registers: int
    stack: int
    shared: int
    code: list[Instruction] = field(default_factory=list)

    @property
    def warps(self) -> int:
        """That a multiprocessor has registers for."""
        each = max(8, -(-self.registers // 8) * 8) * WARP
        return min(MOST_WARPS, REGISTERS // 4 // each * 4)


# ---- from cuobjdump


def tool_folders(given: str | None) -> Iterator[Path]:
    """Where NVIDIA's tools may be."""
    if given:
        yield Path(given)
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if name in os.environ:
            yield Path(os.environ[name]) / "bin"
    yield from Path(sysconfig.get_paths()["purelib"]).glob("nvidia/**/bin")
    yield from sorted(Path("/usr/local").glob("cuda*/bin"))


def find_tool(name: str, folders: Iterable[Path]) -> str:
    """Return the path of a tool, or end with how to get it."""
    path = os.pathsep.join(map(str, folders))
    found = shutil.which(name, path=path) or shutil.which(name)
    if not found:
        raise SystemExit(INSTALL.format(name))
    return found


def dump(cuobjdump: str, folder: str, *arguments: str) -> str:
    """Run cuobjdump, which calls nvdisasm."""
    env = {**os.environ, "PATH": folder + os.pathsep + os.environ.get("PATH", "")}
    command = [cuobjdump, *arguments]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"gpu_kernels: {' '.join(command)} failed: {result.stderr.strip()[:500]}")
    return result.stdout


def demangled(names: list[str]) -> list[str]:
    """Names as people write them, without namespaces and arguments."""
    tool = shutil.which("c++filt") or shutil.which("cu++filt")
    if tool and names:
        text = "\n".join(names)
        result = subprocess.run([tool], input=text, capture_output=True, text=True, check=True)
        names = result.stdout.split("\n")
    short = []
    for name in names:
        for noise in ("plait::cuda::", "plait::", "(anonymous namespace)::", "detail::"):
            name = name.replace(noise, "")
        name = re.sub(r"(\d)ul\b", r"\1", name).removeprefix("void ")
        depth = 0
        for i, letter in enumerate(name):  # the arguments: the first parenthesis outside of <>
            depth += {"<": 1, ">": -1}.get(letter, 0)
            if letter == "(" and depth == 0:
                name = name[:i]
                break
        short.append(name)
    return short


def kernels_of(listing: str, pattern: str) -> list[Kernel]:
    """Return the kernels whose names match, from `cuobjdump -res-usage`."""
    found = re.findall(r"Function (\S+):\s+REG:(\d+) STACK:(\d+) SHARED:(\d+)", listing)
    kernels = [
        Kernel(mangled, name, int(registers), int(stack), int(shared))
        for (mangled, registers, stack, shared), name in zip(found, demangled([f[0] for f in found]))
    ]
    return sorted((k for k in kernels if re.search(pattern, k.name)), key=lambda k: k.name)


INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]{4,})\*/\s+(?:(@!?U?P\w+)\s+)?([A-Z][\w.]*)\s*(.*?)\s*;")


def read_code(listing: str, kernels: list[Kernel]) -> None:
    """Fill in the code, from `cuobjdump -sass`."""
    by_name = {k.mangled: k for k in kernels}
    current: Kernel | None = None
    for line in listing.splitlines():
        if "Function :" in line:
            current = by_name.get(line.split(":", 1)[1].strip())
        elif current and (m := INSTRUCTION.match(line)):
            current.code.append(Instruction(int(m[1], 16), m[2] or "", m[3], m[4]))


# ---- ways through the code


def blocks_of(code: list[Instruction]) -> list[Block]:
    """Cut the code into blocks, with their successors."""
    starts = {0} | {i.target for i in code if i.target is not None}  # of blocks
    blocks: list[Block] = []
    fresh = True
    for i in code:
        if fresh or i.address in starts:
            blocks.append(Block([]))
        blocks[-1].code.append(i)
        fresh = i.opcode.split(".")[0] in {"BRA", "JMP", "BRX", "EXIT", "RET"}
    index = {b.address: k for k, b in enumerate(blocks)}
    for k, b in enumerate(blocks):
        last = b.code[-1]
        name = last.opcode.split(".")[0]
        if last.target is not None and last.target in index:
            b.next.append(index[last.target])
        # Behind an unconditional end nothing follows; "BRA P1, x" has its condition among the operands.
        ends = name in {"BRA", "JMP", "BRX", "EXIT", "RET"} and not last.guard
        if ends and name == "BRA" and re.match(r"!?U?P\d", last.operands):
            ends = False
        if not ends and k + 1 < len(blocks) and k + 1 not in b.next:
            b.next.append(k + 1)
    return blocks


def loops_of(blocks: list[Block]) -> list[tuple[int, int, set[int]]]:
    """(first block, block that jumps back, blocks) of the loops: code lies in order."""
    back = [(to, k) for k, b in enumerate(blocks) for to in b.next if to <= k and blocks[k].code[-1].target]
    before: dict[int, set[int]] = {k: set() for k in range(len(blocks))}
    for k, b in enumerate(blocks):
        for to in b.next:
            before[to].add(k)
    loops = []
    for head, end in back:
        if head == end and len(blocks[head].code) == 1:
            continue  # padding behind the last instruction
        inside, todo = {head, end}, [end] if end != head else []
        while todo:
            for k in before[todo.pop()]:
                if k not in inside and k >= head:
                    inside.add(k)
                    todo.append(k)
        loops.append((head, end, inside))
    return loops


Way = tuple[int, int, list[int]]  # bytes, -instructions, blocks


def best_ways(
    blocks: list[Block], inside: set[int], start: int, stop: set[int], width: int
) -> dict[int, Way]:
    """Return the best ways from `start` to each of the blocks, and stop there; jumps back are left out."""
    best: dict[int, Way] = {start: (blocks[start].moved(width), -len(blocks[start].code), [start])}
    for k in sorted(inside):
        if k not in best or (k in stop and k != start):
            continue
        moved, size, way = best[k]
        for to in blocks[k].next:
            if to <= k or to not in inside:
                continue
            there = (moved + blocks[to].moved(width), size - len(blocks[to].code), [*way, to])
            if to not in best or there[:2] > best[to][:2]:
                best[to] = there
    return best


OPPOSITE = {"GT": "LE", "LE": "GT", "LT": "GE", "GE": "LT", "EQ": "NE", "NE": "EQ"}


def case_of(blocks: list[Block], way: list[int]) -> str:
    """Which of many functions this way is: the number that its branches leave for the chosen register."""
    known: dict[str, tuple[int, int]] = {}
    compares: dict[str, tuple[str, str, int]] = {}
    for k, to in zip(way, [*way[1:], -1]):
        for i in blocks[k].code:
            m = re.match(r"(P\d), PT, (U?R\d+), (-?0x[0-9a-f]+|RZ), (!?U?P\w+)", i.operands)
            if i.opcode.startswith("ISETP") and m and ".EX" not in i.opcode:
                value = 0 if m[3] == "RZ" else int(m[3], 16)
                compares[m[1]] = (i.opcode, m[2], value)
        last = blocks[k].code[-1]
        predicate = last.guard.lstrip("@!")
        if predicate not in compares or to < 0 or last.target is None:
            continue
        holds = (blocks[to].address == last.target) != last.guard.startswith("@!")
        opcode, register, value = compares[predicate]
        if (".OR" in opcode and holds) or ("EX" in opcode):
            continue
        low, high = known.get(register, (-1 << 40, 1 << 40))
        relation = opcode.split(".")[1]
        if not holds:
            relation = OPPOSITE[relation]
        if relation == "EQ":
            low, high = value, value
        elif relation == "GT":
            low = max(low, value + 1)
        elif relation == "GE":
            low = max(low, value)
        elif relation == "LT":
            high = min(high, value - 1)
        elif relation == "LE":
            high = min(high, value)
        elif value == low:
            low += 1
        elif value == high:
            high -= 1
        known[register] = (low, high)
    exact = [low for low, high in known.values() if low == high]
    return f"case {exact[0]}" if exact else ""


def parts_of(kernel: Kernel, legs: bool) -> list[Part]:
    """Return the hot parts."""
    blocks = blocks_of(kernel.code)
    accesses = [i.width for i in kernel.code if i.kind.startswith("global")]
    if not accesses:
        return [Part("no global memory", [])]
    width = max(accesses)

    def code(way: list[int]) -> list[Instruction]:
        return [i for k in way for i in blocks[k].code]

    parts = []
    loops = [a for a in loops_of(blocks) if any(blocks[k].moved(width) for k in a[2])]
    for head, end, inside in loops:
        if any(b[2] < inside for b in loops):
            continue
        once = best_ways(blocks, inside, head, {end}, width).get(end)
        if once and once[0] > 0:
            parts.append(Part(f"loop {blocks[head].address:04x}", code(once[2])))
    if parts and not legs:
        return parts
    everything = set(range(len(blocks)))
    reached = best_ways(blocks, everything, 0, set(), width)
    exits = [k for k, b in enumerate(blocks) if any(i.opcode == "EXIT" for i in b.code[-1:]) and k in reached]
    if not legs:
        best = max((reached[k] for k in exits), default=None)
        return [Part("whole", code(best[2]))] if best else []
    ways: dict[str, Way] = {}  # the compiler makes cheaper copies of a function for special arguments
    for k, b in enumerate(blocks):
        if k not in reached or not any(i.kind == "global store" and i.width == width for i in b.code):
            continue
        behind = best_ways(blocks, everything, k, set(), width)
        ends = [behind[e] for e in exits if e in behind]
        if ends:
            way = [*reached[k][2], *max(ends)[2][1:]]
            name = case_of(blocks, way) or f"at {b.address:04x}"
            found = (sum(blocks[i].moved(width) for i in way), len(code(way)), way)
            ways[name] = max(ways.get(name, found), found)
    return parts + [Part(name, code(way)) for name, (_, _, way) in ways.items()]


# ---- tables


def print_kernel(kernel: Kernel, legs: bool, classes: bool) -> None:
    """Print the lines of a kernel."""
    spills = sum(i.kind == "stack" for i in kernel.code)
    stack = f", stack {kernel.stack} B ({spills} accesses)" if kernel.stack else ""
    print(kernel.name)
    print(f"  {kernel.registers} registers, {kernel.warps} warps{stack}, shared {kernel.shared} B")
    for part in parts_of(kernel, legs):
        if not part.code:
            print(f"  {part.name}")
            continue
        cycles = part.cycles()
        limit = max(cycles, key=lambda unit: cycles[unit])
        busiest = max((unit for unit in cycles if unit != "memory"), key=lambda unit: cycles[unit])
        share = 100 * cycles[busiest] / cycles["memory"]
        read, written = part.bytes_of("global load"), part.bytes_of("global store")
        flight = read * WARP * kernel.warps / 1024
        print(
            f"  {part.name:<12}{len(part.code):>6}{read:>6} +{written:>4}{flight:>7.0f}"
            + "".join(f"{cycles[unit]:>8.1f}" for unit in ("memory", "issue", "alu", "mufu", "fp64"))
            + f"  {limit}, {busiest} {share:.0f}%"
        )
        if classes:
            counts = Counter(
                f"{i.kind} {8 * i.width}" if i.kind.startswith("global") else i.kind for i in part.code
            )
            print("    " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))


HEADER = f"  {'part':<12}{'instr':>6}{'bytes':>12}{'flight':>7}" + "".join(
    f"{unit:>8}" for unit in ("memory", "issue", "alu", "mufu", "fp64")
)


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("library", help="shared library or object file with machine code of kernels")
    parser.add_argument("pattern", nargs="?", default="", help="regular expression for demangled names")
    parser.add_argument("--spills", action="store_true", help="list the kernels that use the stack")
    parser.add_argument("--legs", action="store_true", help="all ways through a kernel of many functions")
    parser.add_argument("--classes", action="store_true", help="count the instructions by class")
    parser.add_argument("--tools", metavar="FOLDER", help="where cuobjdump and nvdisasm are")
    args = parser.parse_args()

    folders = list(tool_folders(args.tools))
    cuobjdump, nvdisasm = find_tool("cuobjdump", folders), find_tool("nvdisasm", folders)
    if not Path(args.library).is_file():
        raise SystemExit(f"gpu_kernels: there is no file {args.library}")
    folder = str(Path(nvdisasm).parent)
    kernels = kernels_of(dump(cuobjdump, folder, "-res-usage", args.library), args.pattern)
    if args.spills:
        kernels = [k for k in kernels if k.stack]
    if not kernels:
        if args.spills:
            print("no kernel uses the stack")
            return
        raise SystemExit(f"gpu_kernels: no kernel in {args.library} matches {args.pattern!r}")
    for first in range(0, len(kernels), 50):  # a command line holds so many names
        names = ",".join(k.mangled for k in kernels[first : first + 50])
        read_code(dump(cuobjdump, folder, "-sass", "-fun", names, args.library), kernels)
    if args.spills:
        print(f"{'stack B':>8}{'accesses':>10}{'registers':>11}  kernel")
        for k in sorted(kernels, key=lambda k: -k.stack):
            spills = sum(i.kind == "stack" for i in k.code)
            print(f"{k.stack:>8}{spills:>10}{k.registers:>11}  {k.name}")
        return
    print(HEADER)
    for kernel in kernels:
        print_kernel(kernel, args.legs, args.classes)


if __name__ == "__main__":
    main()
