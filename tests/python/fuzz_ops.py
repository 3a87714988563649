"""Calls every registered op, Tensor's methods and indexing with garbage: nothing but exceptions may come out.

Run by test_fuzz.py in a process of its own: `fuzz_ops.py SEED PART PARTS SECONDS [NAME]`. Each round calls
every function a few times, with arguments of any type, with such as the schema wants, and with those of a
valid sample of which one or two are replaced. Rounds follow until the time is up; NAME keeps to one
function, to find again what a soak found. What happens in round R depends on the seed and R alone. The last
line on stderr before a crash names the round, the function and the number of the call. Prints how many
calls there were, and how many went through.

With PLAIT_FUZZ_DEVICE=cuda the tensors are there, and a call after which the device works no more is a crash.
"""

import faulthandler
import os
import pathlib
import random
import resource
import signal
import sys
import time
import warnings
import zlib

# What asks for terabytes gets an error, and not the machine's last page.
LIMIT = 1 << 30
CALLS = 6  # of a function in each round
SLOWEST = 40  # seconds of the processor that one call may take: kernels of a limited memory are done sooner

maps = pathlib.Path("/proc/self/maps").read_text()
if "libasan" not in maps:  # its shadow memory counts as data
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))

DEVICE = os.environ.get("PLAIT_FUZZ_DEVICE", "cpu")
os.environ.setdefault("PLAIT_CUDA_EMULATOR_MEMORY", str(LIMIT >> 4))  # likewise

import cuda_device  # noqa: E402, F401  which chooses a GPU, or the emulator
import plait  # noqa: E402
from opinfo import OPS  # noqa: E402
from opinfo.bridge import LAYOUTS, Bridge  # noqa: E402

faulthandler.enable()
warnings.simplefilter("ignore")
nan, inf = float("nan"), float("inf")
ODD = [
    *(None, "mean", "sum", "none", "", "ij,jk->ik", "reflect", "abc", "\ud800", b"x", object(), print, {}),
    *({1: 2}, ..., plait.float32, plait.complex64, plait.device("meta"), plait.channels_last),
    *(plait.Generator(), slice(None, None, -1)),
]
INTEGERS = [
    0,
    1,
    -1,
    2,
    3,
    -2,
    7,
    100,
    2**31,
    -(2**31),
    2**40,
    2**62,
    2**63 - 1,
    -(2**63),
    2**70,
    True,
    False,
]
FLOATS = [0.0, -0.0, 0.5, 1.0, -1.5, nan, inf, -inf, 1e30, 1e308, 1e-300]
SHAPES = [
    *((), (0,), (1,), (3,), (2, 3), (3, 3), (0, 3), (2, 0), (1, 4), (2, 3, 4), (1, 2, 5, 5), (1, 1, 3, 3, 3)),
    (64, 65),
]
DTYPES = [
    *(plait.bool, plait.uint8, plait.int8, plait.int16, plait.int32, plait.int64),
    *(plait.float16, plait.bfloat16, plait.float32, plait.float64, plait.complex64, plait.complex128),
]
TEXTS = [
    "mean",
    "sum",
    "none",
    "nearest",
    "bilinear",
    "reflect",
    "tanh",
    "ii->i",
    "ij,jk",
    "...",
    "floor",
    "x",
    "",
]
EXPECTED = (
    *(
        TypeError,
        ValueError,
        RuntimeError,
        IndexError,
        OverflowError,
        AttributeError,
        ZeroDivisionError,
        MemoryError,
    ),
    *(plait.OutOfMemoryError, AssertionError, BufferError, KeyError, StopIteration),
)
plait.set_default_device(DEVICE)
BRIDGE = Bridge(plait, DEVICE)


def tensor(r, shape=None, dtype=None):
    shape = r.choice(SHAPES) if shape is None else shape
    dtype = r.choice(DTYPES) if dtype is None else dtype
    how = r.randrange(12)
    if how == 11:
        return plait.empty(shape, dtype=dtype, device="meta")
    x = plait.ones(shape, dtype=dtype)
    if how == 0:
        x = x * r.choice([-1, 0, 2, 1000])
    elif how == 1 and x.dim() > 1:
        x = x.transpose(0, 1)
    elif how == 2 and x.dim() > 0:
        x = x[::2]
    elif how == 3:
        x = x.expand(r.choice([0, 2]), *x.shape)
    elif how == 4 and (x.is_floating_point() or x.is_complex()):
        x = x * r.choice([nan, inf, -inf])
    elif how in (5, 6) and (x.is_floating_point() or x.is_complex()):
        x.requires_grad_()
    elif how == 7 and dtype == plait.int64:
        x = x * r.choice([2**62, -(2**63), 2**31, -1])
    elif how == 8 and x.dim() > 0:
        x = x.expand(*([-1] * x.dim()))[..., :0]
    elif how == 9 and x.is_complex():
        x = x.conj()
    return x


def value(r, depth=0):
    kind = r.randrange(16 if depth < 2 else 12)
    if kind < 5:
        return tensor(r)
    if kind < 9:
        return r.choice(INTEGERS)
    if kind < 11:
        return r.choice([*FLOATS, 1j])
    if kind == 11:
        return r.choice(ODD)
    items = [value(r, depth + 1) for _ in range(r.choice([0, 1, 1, 2, 2, 3, 4, 70]))]
    return tuple(items) if kind == 12 else items


def ints(r):
    several = [r.choice([0, 1, 1, 2, 2, 3, -1, 5, 2**31, 2**40, -(2**62)]) for _ in range(r.randrange(6))]
    return r.choice([several, several, r.choice([0, 1, 2, -1, 3, 2**40])])


def likely(r, wanted, shape, dtype):
    """Of the type that the schema wants, with a value that need not make sense."""
    t = wanted.split()[0]
    if t.startswith("Tensor"):
        if "?" in t and r.randrange(3) == 0:
            return None
        return (
            [tensor(r, shape, dtype) for _ in range(r.randrange(4))] if "[]" in t else tensor(r, shape, dtype)
        )
    if "float[" in t:
        return [r.choice(FLOATS) for _ in range(r.randrange(4))]
    if "[" in t:
        return ints(r)
    if t.startswith("int"):
        return r.choice([0, 1, -1, 2, 3, 5, -7, 100, 2**31, 2**40, -(2**62), 2**63 - 1, -(2**63)])
    if t.startswith("float"):
        return r.choice(FLOATS)
    if t.startswith("bool"):
        return r.choice([True, False])
    if t.startswith("Scalar"):
        return r.choice([0, 1, -1, 2.5, nan, inf, True, 1j, 2**63 - 1])
    if t.startswith("dtype"):
        return r.choice([*DTYPES, None])
    if t.startswith("str"):
        return r.choice(TEXTS)
    return None


def from_schema(r, schema):
    inside = schema[schema.index("(") + 1 : schema.rindex("->")].rstrip(" )") if "->" in schema else ""
    wanted = [p.strip() for p in inside.split(",") if p.strip() not in ("", "*")]
    wanted = wanted[: r.choice([len(wanted), len(wanted), r.randrange(len(wanted) + 1)])]
    shape, dtype = (None if r.randrange(2) else r.choice(some) for some in (SHAPES, DTYPES))
    return [likely(r, w, shape, dtype) for w in wanted], {}


def other(r, old):
    """Something of the same kind, or of another one."""
    if r.randrange(6) == 0:
        return value(r)
    if isinstance(old, plait.Tensor):
        keep = r.randrange(3)
        shape = tuple(old.shape)
        if keep == 0 and shape:  # one dimension off
            at = r.randrange(len(shape))
            shape = (*shape[:at], max(shape[at] + r.choice([-1, 1]), 0), *shape[at + 1 :])
        return tensor(r, None if keep == 1 else shape, None if keep == 2 else old.dtype)
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return r.choice([*INTEGERS, old + 1, old - 1, -old])
    if isinstance(old, float):
        return r.choice([*FLOATS, -old])
    if isinstance(old, str):
        return r.choice([*TEXTS, old + "x"])
    if isinstance(old, (tuple, list)) and old:
        new = list(old)
        what = r.randrange(4)
        at = r.randrange(len(new))
        if what == 0:
            del new[at]
        elif what == 1:
            new.insert(at, new[at])
        else:
            new[at] = other(r, new[at])
        return type(old)(new) if type(old) in (tuple, list) else new
    if isinstance(old, plait.dtype):
        return r.choice(DTYPES)
    return value(r)


samples = {}


def from_sample(r, info):
    if info.name not in samples:
        samples[info.name] = [s for d in info.dtypes for s in info.make_samples(d)]
    args, kwargs = BRIDGE.arguments(
        r.choice(samples[info.name]),
        layout=r.choice(["contiguous", *LAYOUTS]),
        requires_grad=r.randrange(2) == 0,
    )
    args, kwargs = list(args), dict(kwargs)
    for _ in range(r.choice([0, 1, 1, 1, 2])):
        at = r.randrange(len(args) + len(kwargs) + 1)
        if at < len(args):
            args[at] = other(r, args[at])
        elif at < len(args) + len(kwargs):
            name = list(kwargs)[at - len(args)]
            kwargs[name] = other(r, kwargs[name])
        else:
            args.append(value(r))
    return args, kwargs


def index(r):
    def one():
        bound = [None, *INTEGERS]
        cut = slice(r.choice(bound), r.choice(bound), r.choice([None, 1, 2, 2**62, -1, 0]))
        places = tensor(r, dtype=plait.int64)
        numbers = r.choice(INTEGERS), r.choice(INTEGERS)
        return r.choice([*numbers, None, ..., True, tensor(r), places, value(r), cut, [0, 1]])

    return one() if r.randrange(2) else tuple(one() for _ in range(r.choice([0, 1, 2, 3, 7, 70])))


def use(x):
    """What a program does with a result: it is printed, listed, differentiated."""
    if not isinstance(x, plait.Tensor):
        return
    if x.numel() < 10000:
        repr(x)
        if x.device.type != "meta":
            x.tolist()
        if x.requires_grad:
            x.abs().sum().backward()


# ---- what is called, by name: each takes the random numbers and a counter of calls that went through
def call_op(name, schemas):
    function = plait._C.ops[name]
    infos = [OPS[n] for n in (name, name + "_") if n in OPS]

    def run(r):
        how = r.randrange(5)
        if how == 0:
            args, kwargs = [value(r) for _ in range(r.randrange(5))], {}
        elif how > 2 and infos:
            args, kwargs = from_sample(r, r.choice(infos))
        else:
            args, kwargs = from_schema(r, r.choice(schemas))
        form = r.randrange(8)
        if form == 0 and args and isinstance(args[0], plait.Tensor):
            use(getattr(args[0], name + "_")(*args[1:], **kwargs))
        elif form == 1:
            outs = tuple(tensor(r) for _ in range(r.choice([1, 1, 2, 3, 9])))
            function(*args, out=outs if len(outs) > 1 else r.choice([outs[0], outs, *args[:1]]), **kwargs)
        elif infos and how > 2 and infos[0].call:
            use(infos[0].run(plait, *args, **kwargs))
        else:
            out = function(*args, **kwargs)
            for x in out[:9] if isinstance(out, (tuple, list)) else (out,):
                use(x)

    return run


def call_indexing(r):
    x = tensor(r)
    use(x[index(r)])


def call_assignment(r):
    x = tensor(r) * 1
    x[index(r)] = value(r)
    use(x)


def call_module(module):
    """A function of the extension module, a method, an attribute."""
    skipped = {"__class__", "__dict__", "__del__", "__subclasshook__", "__init_subclass__", "_run_backward"}
    names = [
        n for n in dir(module) if n not in plait._C.ops and n not in skipped and not n.startswith("_set_")
    ]
    names = [n for n in names if not n.startswith(("set_", "_restore")) and n not in ("ops", "_bump_version")]

    def run(r):
        name = r.choice(names)
        if module is plait.Tensor and r.randrange(4) == 0:
            setattr(
                tensor(r), r.choice(["grad", "data", "requires_grad", "shape", "grad_fn", "new"]), value(r)
            )
            return
        function = getattr(tensor(r) if module is plait.Tensor else module, name)
        if callable(function):
            out = function(*[value(r) for _ in range(r.choice([0, 1, 1, 2, 3, 5]))])
            use(out)

    return run


def call_constructor(r):
    what = r.choice(
        [
            plait.tensor,
            plait.as_tensor,
            plait.Tensor,
            plait.Size,
            plait.from_numpy,
            plait.device,
            plait.Generator,
        ]
    )
    use(what(*[value(r) for _ in range(r.choice([1, 1, 1, 2]))]))


def check_device():
    """What a call has left running is done, and the device goes on."""
    try:
        plait.cuda.synchronize()
    except EXPECTED:  # a bad index or value, which only the device sees
        pass
    if plait.ones(3, device=DEVICE).sum().item() != 3:
        raise SystemExit("the device computes nonsense")


def targets():
    schemas = {}
    for entry in plait._C.registry():
        schemas.setdefault(entry["name"], []).append(entry["schema"])
    found = {name: call_op(name, texts) for name, texts in schemas.items()}
    found["[indexing]"], found["[assignment]"] = call_indexing, call_assignment
    found["[Tensor]"], found["[_C]"] = call_module(plait.Tensor), call_module(plait._C)
    found["[constructors]"] = call_constructor
    return sorted(found.items())


def main():
    seed, part, parts = (int(a) for a in sys.argv[1:4])
    seconds, only = float(sys.argv[4]), sys.argv[5] if len(sys.argv) > 5 else None
    mine = targets()[part::parts] if only is None else [t for t in targets() if t[0] == only]
    started = time.monotonic()
    calls = passed = turn = 0
    while turn == 0 or time.monotonic() - started < seconds:
        for name, run in mine:
            r = random.Random(f"{seed} {turn} {name}")
            plait.manual_seed(zlib.crc32(f"{seed} {turn} {name}".encode()))
            for i in range(CALLS * (20 if name.startswith("[") else 1)):
                print(turn, name, i, file=sys.stderr, flush=True)
                os.environ["PYTEST_CURRENT_TEST"] = f"{turn} {name} {i}"  # for findings of make cuda-racecheck
                signal.setitimer(signal.ITIMER_PROF, SLOWEST)
                calls += 1
                try:
                    run(r)
                    passed += 1
                except EXPECTED as e:
                    str(e)
                if DEVICE != "cpu":
                    check_device()
                signal.setitimer(signal.ITIMER_PROF, 0)
            plait.set_grad_enabled(True)
            if turn > 0 and time.monotonic() - started > seconds:
                break
        turn += 1
    print(calls, passed)


main()
