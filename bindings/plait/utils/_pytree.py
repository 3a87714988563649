"""Nested containers as trees: flatten them to a list of leaves, map over the leaves, put them back.

Tuples, named tuples, lists, dicts (ordered and default ones too) and deques are nodes, and what
`register_pytree_node` adds; everything else, None too, is a leaf.

>>> tree_map(lambda v: v + 1, {"a": 1, "b": (2, [3])})
{'a': 2, 'b': (3, [4])}
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from typing import Any, NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    IsLeaf = Callable[[Any], bool] | None

__all__ = [
    "SUPPORTED_NODES",
    "GetAttrKey",
    "LeafSpec",
    "MappingKey",
    "NodeDef",
    "PyTree",
    "SequenceKey",
    "TreeSpec",
    "keystr",
    "register_pytree_node",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_is_leaf",
    "tree_iter",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_map_with_path",
    "tree_structure",
    "tree_unflatten",
]

PyTree = object
Context = Any


@dataclass
class TreeSpec:
    """The structure of a tree without its leaves: the kind of node, what else it needs, the children."""

    type: Any
    context: Any
    children_specs: list[TreeSpec]

    def __post_init__(self) -> None:
        self.num_children: int = len(self.children_specs)
        self.num_leaves: int = sum(child.num_leaves for child in self.children_specs)

    def is_leaf(self) -> bool:
        """Is the whole tree one leaf?"""
        return False


class LeafSpec(TreeSpec):
    """The structure of a leaf."""

    def __init__(self) -> None:
        super().__init__(None, None, [])

    def __post_init__(self) -> None:
        self.num_children, self.num_leaves = 0, 1

    def is_leaf(self) -> bool:
        return True

    def __repr__(self):
        return "*"


_LEAF = LeafSpec()


@dataclass(frozen=True)
class SequenceKey:
    """The place of a child in a sequence."""

    idx: int

    def __str__(self):
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """The child."""
        return sequence[self.idx]


@dataclass(frozen=True)
class MappingKey:
    """The key of a child in a mapping."""

    key: Any

    def __str__(self):
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """The child."""
        return mapping[self.key]


@dataclass(frozen=True)
class GetAttrKey:
    """The attribute that holds a child."""

    name: str

    def __str__(self):
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """The child."""
        return getattr(obj, self.name)


def keystr(path: Iterable[Any]) -> str:
    """A path to a leaf as it is written in Python.

    >>> [keystr(path) for path, _ in tree_flatten_with_path({"a": (1, 2)})[0]]
    ["['a'][0]", "['a'][1]"]
    """
    return "".join(map(str, path))


class NodeDef(NamedTuple):
    """How objects of a type are taken apart and made."""

    type: Any
    flatten_fn: Callable[[Any], tuple[Iterable, Any]]
    unflatten_fn: Callable[[Any, Any], Any]
    flatten_with_keys_fn: Callable[[Any], tuple[Iterable, Any]] | None = None


def _dict_flatten(tree: dict) -> tuple[list, Any]:
    return list(tree.values()), list(tree)


def _dict_unflatten(values: Iterable, keys: Any) -> dict:
    return dict(zip(keys, values, strict=True))


def _dict_flatten_with_keys(tree: dict) -> tuple[list, Any]:
    return [(MappingKey(k), v) for k, v in tree.items()], list(tree)


def _list_flatten(tree: Iterable) -> tuple[list, Any]:
    return list(tree), None


def _list_unflatten(values: Iterable, context: Any) -> list:
    return list(values)


def _list_flatten_with_keys(tree: Iterable) -> tuple[list, Any]:
    return [(SequenceKey(i), v) for i, v in enumerate(tree)], None


def _default_flatten(tree: defaultdict) -> tuple[list, Any]:
    return list(tree.values()), (tree.default_factory, list(tree))


def _deque_flatten(tree: deque) -> tuple[list, Any]:
    return list(tree), tree.maxlen


def _default_flatten_with_keys(tree: defaultdict) -> tuple[list, Any]:
    return _dict_flatten_with_keys(tree)[0], _default_flatten(tree)[1]


def _deque_flatten_with_keys(tree: deque) -> tuple[list, Any]:
    return _list_flatten_with_keys(tree)[0], tree.maxlen


def _named_flatten_with_keys(tree: Any) -> tuple[list, Any]:
    return [(GetAttrKey(name), getattr(tree, name)) for name in tree._fields], type(tree)


SUPPORTED_NODES: dict[Any, NodeDef] = {
    made.type: made
    for made in (
        NodeDef(tuple, _list_flatten, lambda leaves, _: tuple(leaves), _list_flatten_with_keys),
        NodeDef(list, _list_flatten, _list_unflatten, _list_flatten_with_keys),
        NodeDef(dict, _dict_flatten, _dict_unflatten, _dict_flatten_with_keys),
        NodeDef(
            OrderedDict,
            _dict_flatten,
            lambda leaves, keys: OrderedDict(zip(keys, leaves, strict=True)),
            _dict_flatten_with_keys,
        ),
        NodeDef(
            defaultdict,
            _default_flatten,
            lambda leaves, context: defaultdict(context[0], zip(context[1], leaves, strict=True)),
            _default_flatten_with_keys,
        ),
        NodeDef(
            deque,
            _deque_flatten,
            lambda leaves, maxlen: deque(leaves, maxlen=maxlen),
            _deque_flatten_with_keys,
        ),
        NodeDef(
            namedtuple,
            lambda tree: (list(tree), type(tree)),
            lambda leaves, kind: kind(*leaves),
            _named_flatten_with_keys,
        ),
    )
}


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[Iterable, Any]],
    unflatten_fn: Callable[[Any, Any], Any],
    *,
    flatten_with_keys_fn: Callable[[Any], tuple[Iterable, Any]] | None = None,
    **kwargs: Any,
) -> None:
    """Makes objects of `cls` nodes: flatten_fn gives (children, context), unflatten_fn makes the object of
    them, flatten_with_keys_fn gives ([(key, child), ...], context). What else PyTorch takes is for files and
    traces, and not used.
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"register_pytree_node: {cls} is registered already")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)


_register_pytree_node = register_pytree_node


def is_namedtuple_instance(obj: object) -> bool:
    """Is it a named tuple?"""
    return isinstance(obj, tuple) and hasattr(obj, "_fields")


def is_structseq_instance(obj: object) -> bool:
    """Is it one of C's structures of named fields, such as time.struct_time?"""
    return isinstance(obj, tuple) and hasattr(obj, "n_sequence_fields")


def _get_node_type(tree: Any) -> Any:
    cls = type(tree)
    return namedtuple if cls not in SUPPORTED_NODES and is_namedtuple_instance(tree) else cls


def _kind(tree: Any) -> Any:
    kind = _get_node_type(tree)
    return kind if kind in SUPPORTED_NODES else None


def tree_is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Is it a leaf?

    >>> tree_is_leaf(1), tree_is_leaf([1])
    (True, False)
    """
    return _kind(tree) is None or (is_leaf is not None and is_leaf(tree))


_is_leaf = tree_is_leaf


def _children(tree: Any, kind: Any) -> tuple[Iterable, Any]:
    return SUPPORTED_NODES[kind].flatten_fn(tree)


def tree_iter(tree: Any, is_leaf: IsLeaf = None) -> Iterable[Any]:
    """The leaves, one after the other."""
    kind = _kind(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        yield tree
    else:
        for child in _children(tree, kind)[0]:
            yield from tree_iter(child, is_leaf)


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves in a list.

    >>> tree_leaves({"a": 1, "b": (2, [3])})
    [1, 2, 3]
    """
    return list(tree_iter(tree, is_leaf))


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """The structure of a tree."""
    return _gather(tree, [], is_leaf)


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves and the structure: `tree_unflatten(*tree_flatten(tree))` is the tree again."""
    leaves: list[Any] = []
    return leaves, _gather(tree, leaves, is_leaf)


def _gather(tree: Any, leaves: list[Any], is_leaf: IsLeaf) -> TreeSpec:
    """The structure; the leaves are appended to a list."""
    kind = type(tree)
    node = SUPPORTED_NODES.get(kind)
    if node is None and isinstance(tree, tuple):
        kind = _get_node_type(tree)
        node = SUPPORTED_NODES.get(kind)
    if node is None or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return _LEAF
    children, context = node.flatten_fn(tree)
    return TreeSpec(kind, context, [_gather(child, leaves, is_leaf) for child in children])


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a structure and its leaves.

    >>> leaves, spec = tree_flatten({"a": 1, "b": (2, [3])})
    >>> tree_unflatten([10 * leaf for leaf in leaves], spec)
    {'a': 10, 'b': (20, [30])}
    """
    leaves = list(leaves)
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"tree_unflatten: expected a TreeSpec, got {type(treespec).__name__}")
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"tree_unflatten: the structure has {treespec.num_leaves} leaves, got {len(leaves)}")
    return _build(iter(leaves), treespec)


def _build(leaves: Any, spec: TreeSpec) -> Any:
    if spec.is_leaf():
        return next(leaves)
    children = [next(leaves) if child.is_leaf() else _build(leaves, child) for child in spec.children_specs]
    return SUPPORTED_NODES[spec.type].unflatten_fn(children, spec.context)


def _with_path(tree: Any, path: tuple, is_leaf: IsLeaf) -> Iterable[tuple[tuple, Any]]:
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    node = SUPPORTED_NODES[_kind(tree)]
    if node.flatten_with_keys_fn is None:
        raise ValueError(
            f"tree_flatten_with_path: objects of {node.type} were registered without flatten_with_keys_fn"
        )
    for key, child in node.flatten_with_keys_fn(tree)[0]:
        yield from _with_path(child, (*path, key), is_leaf)


def tree_flatten_with_path(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[tuple[tuple, Any]], TreeSpec]:
    """(path, leaf) for every leaf, and the structure."""
    return list(_with_path(tree, (), is_leaf)), tree_structure(tree, is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf: IsLeaf = None) -> list[tuple[tuple, Any]]:
    """(path, leaf) for every leaf."""
    return list(_with_path(tree, (), is_leaf))


def tree_map_with_path(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """func(path, leaf) of every leaf, in a tree of the same structure.

    >>> tree_map_with_path(lambda path, v: keystr(path), {"a": 1, "b": [2]})
    {'a': "['a']", 'b': ["['b'][0]"]}
    """
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    others = [tree_leaves(rest, is_leaf) for rest in rests]
    return tree_unflatten([func(*pair, *more) for pair, *more in zip(pairs, *others, strict=True)], spec)


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """func of every leaf, in a tree of the same structure; of several trees, their leaves are arguments."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_leaves(rest, is_leaf) for rest in rests]
    for other in others:
        if len(other) != len(leaves):
            raise ValueError(
                f"tree_map: the trees should have as many leaves, got {len(leaves)} and {len(other)}"
            )
    return tree_unflatten([func(*each) for each in zip(leaves, *others, strict=True)], spec)


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Calls func on every leaf, for what it does to them; returns the tree."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(type_or_types: Any, func: Any, tree: Any = None, is_leaf: IsLeaf = None) -> Any:
    """func of the leaves of some type (or that a predicate picks), the others as they are.

    >>> tree_map_only(int, lambda v: -v, [1, "a", 2])
    [-1, 'a', -2]
    """
    if isinstance(type_or_types, type | tuple):
        types: Any = type_or_types
        return tree_map(lambda v: func(v) if isinstance(v, types) else v, tree, is_leaf=is_leaf)
    return tree_map(lambda v: func(v) if type_or_types(v) else v, tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Does `pred` hold for all leaves?"""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Does `pred` hold for any leaf?"""
    return any(map(pred, tree_iter(tree, is_leaf)))
