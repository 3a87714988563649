"""What Tensor shows to other libraries: NumPy's arrays, DLPack, CUDA arrays, storages, aliases, copies."""

from __future__ import annotations

from . import _C

_WITHOUT_NUMPY = (_C.bfloat16, _C.float8_e4m3fn, _C.float8_e5m2)


def _numpy(self, *, force=False):
    """A NumPy array that shares the memory of self. Raises where self requires grad (use `.detach()`), is
    not on the CPU (`.cpu()`), or is of a dtype that NumPy has not, as bfloat16 (`.float()`); `force=True`
    does these first."""
    if force:
        self = self.detach().cpu()
        if self.dtype in _WITHOUT_NUMPY:
            self = self.float()
    elif self.requires_grad and _C.is_grad_enabled():
        raise RuntimeError(
            "numpy: the tensor requires grad, and changes to the array would not be recorded; "
            "use .detach().numpy()"
        )
    elif not self.is_cpu:
        raise TypeError(f"numpy: the tensor is on {self.device}; use .cpu().numpy()")
    elif self.dtype in _WITHOUT_NUMPY:
        raise TypeError(f"numpy: NumPy has no {self.dtype.name}; use .float().numpy()")
    import numpy

    return numpy.asarray(memoryview(self.detach() if self.requires_grad else self))


def _array(self, dtype=None, copy=None):
    array = _numpy(self)
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return array.copy() if copy else array


def _array_wrap(self, array, context=None, return_scalar=False):
    """What NumPy's functions make of a tensor is a tensor, where plait has its dtype."""
    try:
        return _C.from_numpy(array)
    except TypeError:
        return array[()] if return_scalar else array


def _dlpack(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    shared = self.clone() if copy else self
    if self.is_cuda:
        _let_wait(self.device.index, stream)
    elif stream is not None:
        raise ValueError("__dlpack__: stream must be None for a tensor on the CPU")
    return _C._to_dlpack(shared)


def _let_wait(index, stream):
    """A stream of another library's (as DLPack counts them) waits for the current one."""
    if stream == -1:  # nothing need wait
        return
    if stream == 0:
        raise ValueError("__dlpack__: stream 0 is ambiguous; give 1 for the null stream, -1 for none")
    # 1 and None are the null stream; 2, the thread's own one, is CUDA's name of it as well.
    handle = 0 if stream is None or stream == 1 else int(stream)
    cuda = _C._cuda
    current = cuda.current_stream(index)
    if handle != current:
        event = cuda._CudaEvent(False, False, False)
        event.record(index, current)
        event.wait(index, handle)


def _cuda_array_interface(self):
    """What Numba, CuPy and others read of a tensor on a CUDA device (version 2)."""
    if not self.is_cuda:
        raise AttributeError(f"__cuda_array_interface__: the tensor is on {self.device}; use .cuda()")
    if self.requires_grad:
        raise RuntimeError(
            "__cuda_array_interface__: a tensor that requires grad is not handed out; use .detach()"
        )
    kinds = {"bool": "|b1", "uint8": "|u1", "int8": "|i1", "float16": "<f2", "complex64": "<c8"}
    name = self.dtype.name
    if self.dtype in _WITHOUT_NUMPY:
        raise TypeError(f"__cuda_array_interface__: there is no {name} in it; use .float()")
    size = self.element_size()
    letter = "c" if self.dtype.is_complex else "f" if self.dtype.is_floating_point else "i"
    strides = None if self.is_contiguous() else tuple(s * size for s in self.stride())
    return {
        "typestr": kinds.get(name, f"<{letter}{size}"),
        "shape": tuple(self.shape),
        "strides": strides,
        "data": (self.data_ptr() if self.numel() else 0, False),
        "version": 2,
    }


def _dlpack_device(self):
    return (1, 0) if self.is_cpu else (2, self.device.index or 0)


def _untyped_storage(self):
    """The bytes behind self."""
    from .storage import UntypedStorage

    return UntypedStorage(self)


def _storage(self):
    """The memory behind self, as numbers of its dtype. PyTorch has deprecated it: untyped_storage()."""
    from .storage import TypedStorage, UntypedStorage

    return TypedStorage(wrap_storage=UntypedStorage(self), dtype=self.dtype)


def _make_subclass(cls, data, require_grad=False):
    """An alias of data as an instance of cls, a subclass of Tensor; no gradient passes through."""
    return _C._make_subclass(cls, data, require_grad)


def _deepcopy(self, memo):
    if not self.is_leaf:
        raise RuntimeError(
            "deepcopy: only leaves can be copied deeply, since a graph cannot; use .detach().clone()"
        )
    if id(self) in memo:
        return memo[id(self)]
    from copy import deepcopy

    with_grad = self.requires_grad
    if self.is_meta:
        out = self.detach().clone()
    else:  # by storage, so that views of one storage share a copy
        _, size, _, storage = _C._storage_info(self)
        key = ("plait.storage", storage)
        if key not in memo:
            memo[key] = _C._tensor_on_storage(self, _C.uint8, [size], [1], 0).clone()
        out = _C._tensor_on_storage(
            memo[key], self.dtype, list(self.shape), list(self.stride()), self.storage_offset()
        )
    if type(self) is not _C.Tensor:
        out = _C._make_subclass(type(self), out, with_grad)
    elif with_grad:
        out.requires_grad_()
    memo[id(self)] = out
    if self.grad is not None:
        out.grad = deepcopy(self.grad, memo)
    if self.__dict__:
        out.__dict__.update(deepcopy(self.__dict__, memo))
    return out


def _copy(self):
    out = (
        _C._make_subclass(type(self), self, self.requires_grad)
        if type(self) is not _C.Tensor
        else _C._detached(self)
    )
    if self.requires_grad and self.is_leaf:
        out.requires_grad_()
    out.__dict__.update(self.__dict__)
    return out
