"""Nested containers as trees: flatten them to a list of leaves, map over the leaves, put them back.

Tuples, named tuples, lists, dicts (ordered and default ones too) and deques are nodes, and what
`register_pytree_node` adds; everything else, None too, is a leaf.

>>> tree_map(lambda v: v + 1, {"a": 1, "b": (2, [3])})
{'a': 2, 'b': (3, [4])}
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    IsLeaf = Callable[[Any], bool] | None

__all__ = [
    "LeafSpec",
    "PyTree",
    "TreeSpec",
    "register_pytree_node",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_iter",
    "tree_leaves",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]

PyTree = object


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


def _dict_flatten(tree: dict) -> tuple[list, Any]:
    return list(tree.values()), list(tree)


_NODES: dict[type, tuple[Callable[[Any], tuple[Iterable, Any]], Callable[[Any, Any], Any]]] = {
    tuple: (lambda tree: (tree, None), lambda leaves, _: tuple(leaves)),
    list: (lambda tree: (tree, None), lambda leaves, _: list(leaves)),
    dict: (_dict_flatten, lambda leaves, keys: dict(zip(keys, leaves, strict=True))),
    OrderedDict: (_dict_flatten, lambda leaves, keys: OrderedDict(zip(keys, leaves, strict=True))),
    defaultdict: (
        lambda tree: (list(tree.values()), (tree.default_factory, list(tree))),
        lambda leaves, context: defaultdict(context[0], zip(context[1], leaves, strict=True)),
    ),
    deque: (lambda tree: (list(tree), tree.maxlen), lambda leaves, maxlen: deque(leaves, maxlen=maxlen)),
}


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[Iterable, Any]],
    unflatten_fn: Callable[[Any, Any], Any],
    **kwargs: Any,
) -> None:
    """Makes objects of `cls` nodes: flatten_fn gives (children, context), unflatten_fn makes the object of
    them. What else PyTorch takes is for files and traces, and not used.
    """
    if cls in _NODES:
        raise ValueError(f"register_pytree_node: {cls} is registered already")
    _NODES[cls] = (flatten_fn, unflatten_fn)


_register_pytree_node = register_pytree_node


def _kind(tree: Any) -> type | None:
    cls = type(tree)
    if cls in _NODES:
        return cls
    return tuple if isinstance(tree, tuple) and hasattr(cls, "_fields") else None


def _children(tree: Any, kind: type) -> tuple[Iterable, Any]:
    return _NODES[kind][0](tree)


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
    kind = _kind(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        return LeafSpec()
    children, context = _children(tree, kind)
    return TreeSpec(type(tree), context, [tree_structure(child, is_leaf) for child in children])


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves and the structure: `tree_unflatten(*tree_flatten(tree))` is the tree again."""
    return tree_leaves(tree, is_leaf), tree_structure(tree, is_leaf)


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
    children = [_build(leaves, child) for child in spec.children_specs]
    if spec.type in _NODES:
        return _NODES[spec.type][1](children, spec.context)
    return spec.type(*children)


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
