"""Calls every registered op with random arguments: of any type, and of the type that the schema wants.

Run by test_fuzz.py in a process of its own: `fuzz_ops.py SEED PART PARTS`. The last line on stderr before a
crash names the op and the number of the call. Prints how many calls there were and how many went through.
"""

import faulthandler
import random
import sys
import warnings

import plait

faulthandler.enable()
warnings.simplefilter("ignore")
seed, part, parts = (int(a) for a in sys.argv[1:4])
nan, inf = float("nan"), float("inf")
ODD = [
    None,
    "mean",
    "sum",
    "none",
    "",
    "ij,jk->ik",
    "reflect",
    "abc",
    b"x",
    object(),
    print,
    plait.float32,
    plait.device("meta"),
]
INTEGERS = [0, 1, -1, 2, 3, -2, 7, 2**31, -(2**31), 2**62, -(2**63), 2**70, True, False]
SHAPES = [
    (),
    (0,),
    (1,),
    (3,),
    (2, 3),
    (3, 3),
    (0, 3),
    (2, 0),
    (1, 4),
    (2, 3, 4),
    (1, 2, 5, 5),
    (1, 1, 3, 3, 3),
]
dtypes = [
    plait.bool,
    plait.uint8,
    plait.int8,
    plait.int64,
    plait.float16,
    plait.bfloat16,
    plait.float32,
    plait.float64,
    plait.complex64,
]


def tensor(r):
    shape = r.choice(SHAPES)
    x = plait.ones(shape, dtype=r.choice(dtypes))
    how = r.randrange(8)
    if how == 0:
        x = x * r.choice([-1, 0, 2, 1000])
    elif how == 1 and x.dim() > 1:
        x = x.transpose(0, 1)
    elif how == 2 and x.dim() > 0:
        x = x[::2]
    elif how == 3:
        x = x.expand(2, *shape)
    elif how == 4 and x.is_floating_point():
        x = x * r.choice([nan, inf, -inf])
    elif how == 5 and x.is_floating_point():
        x.requires_grad_()
    return x


def value(r, depth=0):
    kind = r.randrange(16 if depth < 2 else 10)
    if kind < 5:
        return tensor(r)
    if kind < 9:
        return r.choice(INTEGERS)
    if kind < 11:
        return r.choice([0.0, 0.5, -1.5, nan, inf, -inf, 1e308, 1e-300, 1j])
    if kind == 11:
        return r.choice(ODD)
    items = [value(r, depth + 1) for _ in range(r.choice([0, 1, 1, 2, 2, 3, 4]))]
    return tuple(items) if kind == 12 else items


def likely(r, text):
    """Of the type that the schema wants, with a value that need not make sense."""
    t = text.split()[0]
    if t.startswith("Tensor"):
        return [tensor(r) for _ in range(r.randrange(4))] if "[]" in t else tensor(r)
    if "[" in t:
        several = [r.choice([0, 1, -1, 2, 5, 2**40, -(2**62)]) for _ in range(r.randrange(4))]
        return r.choice([several, r.choice([0, 1, -1, 3])])
    if t.startswith("int"):
        return r.choice([0, 1, -1, 2, 3, 5, -7, 100, 2**40, -(2**62)])
    if t.startswith("float"):
        return r.choice([0.0, 0.5, -1.0, 2.0, nan, inf, 1e30])
    if t.startswith("bool"):
        return r.choice([True, False])
    if t.startswith("Scalar"):
        return r.choice([0, 1, -1, 2.5, nan, inf, True, 1j, 2**63 - 1])
    if t.startswith("dtype"):
        return r.choice([*dtypes, None])
    if t.startswith("str"):
        return r.choice(["mean", "sum", "none", "nearest", "bilinear", "reflect", "ii->i", "x"])
    return None


ops = sorted({(e["name"], e["schema"]) for e in plait._C.registry()})[part::parts]
fine = (
    TypeError,
    ValueError,
    RuntimeError,
    IndexError,
    OverflowError,
    AttributeError,
    ZeroDivisionError,
    MemoryError,
)
fine = (*fine, plait.OutOfMemoryError, AssertionError)
calls = passed = 0
for name, schema in ops:
    function = getattr(plait._C.ops, name, None) or getattr(plait, name, None)
    if function is None:
        continue
    inside = schema[schema.index("(") + 1 : schema.rindex("->")].rstrip(" )") if "->" in schema else ""
    wanted = [p.strip() for p in inside.split(",") if p.strip() not in ("", "*")]
    r = random.Random(f"{seed} {name} {schema}")
    for i in range(40):
        if i % 4 == 0:
            args = [value(r) for _ in range(r.randrange(5))]
        else:
            args = [likely(r, w) for w in wanted[: r.choice([len(wanted), r.randrange(len(wanted) + 1)])]]
        print(name, i, file=sys.stderr, flush=True)
        calls += 1
        try:
            form = r.randrange(6)
            if form == 0 and args and isinstance(args[0], plait.Tensor):
                out = getattr(args[0], name + "_")(*args[1:])
            elif form == 1:
                out = function(*args, out=tensor(r))
            else:
                out = function(*args)
            passed += 1
            if isinstance(out, plait.Tensor) and out.requires_grad and out.numel() < 10000:
                out.abs().sum().backward()
        except fine as e:
            str(e)
print(calls, passed)
