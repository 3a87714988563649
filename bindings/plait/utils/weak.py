"""Dictionaries whose keys are objects by identity, held weakly: what is known of a tensor goes with it."""

from __future__ import annotations

from _weakref import ref
from collections.abc import MutableMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["TensorWeakRef", "WeakIdKeyDictionary", "WeakIdRef", "WeakTensorKeyDictionary"]


class WeakIdRef(ref):
    """A weak reference that equals those to the same object, which need not be hashable nor comparable."""

    __slots__ = ("_id",)

    _id: int

    def __init__(self, key: Any, callback: Any = None):
        super().__init__(key, callback)  # type: ignore[call-arg]
        self._id = id(key)

    def __hash__(self) -> int:
        return self._id

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        mine = self()
        return isinstance(other, ref) and mine is not None and mine is other()

    def __ne__(self, other: object) -> bool:
        return not self == other


class TensorWeakRef:
    """A weak reference to a tensor: called, it gives the tensor, or None once that is gone."""

    __slots__ = ("ref",)

    def __init__(self, tensor: Any):
        self.ref = ref(tensor)

    def __call__(self) -> Any:
        """The tensor, or None."""
        return self.ref()


class WeakIdKeyDictionary(MutableMapping):
    """A dictionary that an entry leaves when its key is gone; keys are compared by identity.

    >>> x = plait.ones(2)
    >>> notes = plait.utils.weak.WeakIdKeyDictionary({x: "ones"})
    >>> notes[x], plait.ones(2) in notes
    ('ones', False)
    >>> del x
    >>> len(notes)
    0
    """

    def __init__(self, dict: Mapping | None = None, ref_type: type = WeakIdRef):
        self.data: Any = {}
        self.ref_type = ref_type
        me = ref(self)

        def remove(key: Any) -> None:
            owner = me()
            if owner is not None:
                owner.data.pop(key, None)

        self._remove = remove
        if dict is not None:
            self.update(dict)

    def __getitem__(self, key: Any) -> Any:
        return self.data[self.ref_type(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.data[self.ref_type(key, self._remove)] = value

    def __delitem__(self, key: Any) -> None:
        del self.data[self.ref_type(key)]

    def __contains__(self, key: object) -> bool:
        try:
            return self.ref_type(key) in self.data
        except TypeError:  # nothing weak refers to it
            return False

    def __iter__(self) -> Iterator:
        for held in list(self.data):
            key = held()
            if key is not None:
                yield key

    def __len__(self) -> int:
        return len(self.data)

    def copy(self) -> WeakIdKeyDictionary:
        """Another dictionary of the same keys and values."""
        return type(self)(self, self.ref_type)

    __copy__ = copy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>"


WeakTensorKeyDictionary = WeakIdKeyDictionary
