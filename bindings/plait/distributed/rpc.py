"""PyTorch's remote procedure calls: plait has none, as a build of PyTorch without them."""

from .._missing import placeholders

__all__ = ["is_available"]


def is_available() -> bool:
    """False.

    >>> plait.distributed.rpc.is_available()
    False
    """
    return False


__getattr__ = placeholders(
    __name__,
    (
        "PyRRef",
        "RRef",
        "RpcBackendOptions",
        "TensorPipeRpcBackendOptions",
        "WorkerInfo",
        "get_worker_info",
        "init_rpc",
        "remote",
        "rpc_async",
        "rpc_sync",
        "shutdown",
    ),
    "plait.distributed has process groups and their collectives, and no remote procedure calls",
)
