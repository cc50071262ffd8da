"""Where tensors live, in which precision, and who may draw random numbers."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Values of a tensor up to which a second thread gains nothing.
_SMALL = 500_000
# As large as the threshold of the C library may become.
_KEPT_BYTES = 32 * 1024**2 - 8192


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the torch device of a name.

    Parameters
    ----------
    device : str or torch.device, default="auto"
        ``"auto"`` takes cuda, else mps, else the cpu.

    Returns
    -------
    torch.device
        One that is there.

    Raises
    ------
    ValueError
        If the name is not a device or the device is not there.

    See Also
    --------
    resolve_dtype : Return the torch floating type of a name.

    Examples
    --------
    >>> from sktaskneuron.training import resolve_device
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={device!r} is not a torch device; use 'auto', 'cpu', 'cuda', 'cuda:1', 'mps'"
        ) from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (resolved.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(resolved.type, True):
        raise ValueError(f"device={str(device)!r} is not available on this machine; use 'auto'")
    return resolved


def resolve_dtype(
    dtype: str | torch.dtype = "float32", device: torch.device | None = None
) -> torch.dtype:
    """Return the torch floating type of a name.

    Parameters
    ----------
    dtype : {"float32", "float64"} or torch.dtype, default="float32"
    device : torch.device, default=None
        If given, checked to support the type.

    Returns
    -------
    torch.dtype
        The type itself.

    Raises
    ------
    ValueError
        If the type is not one of the two, or the device does not support it (mps: float64).

    See Also
    --------
    resolve_device : Return the torch device of a name.

    Examples
    --------
    >>> from sktaskneuron.training import resolve_dtype
    >>> resolve_dtype("float64")
    torch.float64
    """
    known = {"float32": torch.float32, "float64": torch.float64}
    resolved = known.get(dtype) if isinstance(dtype, str) else dtype
    if resolved is None or resolved not in known.values():
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    if resolved == torch.float64 and device is not None and device.type == "mps":
        raise ValueError("dtype='float64' is not supported by device='mps'; use device='cpu'")
    return resolved


def place_of(
    shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, share: float = 0.5
) -> torch.device:
    """Return where to store a table: on ``device``, or on the host if it would fill the device.

    Batches of a table on the host are moved to the device one by one.

    Parameters
    ----------
    shape : tuple of int
        Of the table.
    dtype : torch.dtype
        Of its numbers.
    device : torch.device
        Where networks are trained.
    share : float, default=0.5
        Share of the free memory of a cuda device that a table may take.

    Returns
    -------
    torch.device
        That device, or the CPU.

    See Also
    --------
    TensorTable : The table that is stored there.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.training import place_of
    >>> place_of((1000, 10), torch.float32, torch.device("cpu"))
    device(type='cpu')
    """
    if device.type != "cuda":
        return device
    free, _ = torch.cuda.mem_get_info(device)
    return device if math.prod(shape) * dtype.itemsize <= share * free else torch.device("cpu")


def keep_freed_memory() -> None:
    """Have the C library keep freed tensors of up to 32 MB instead of giving them back.

    By default it asks the system for every tensor above 128 kB and gives it back, so that each
    training step of packed networks pays for its pages again. Its threshold rises to the largest
    block that was freed: one is, without a page of it being touched.
    """
    torch.empty(_KEPT_BYTES, dtype=torch.uint8)


@contextmanager
def threads_for(n_values: int, device: torch.device) -> Iterator[None]:
    """Use one thread where the tensors are small: more would wait for each other.

    Parameters
    ----------
    n_values : int
        Values of the largest tensor of a step.
    device : torch.device
        Other devices than the CPU are left alone.
    """
    n_threads = torch.get_num_threads()
    if device.type != "cpu" or n_threads == 1 or n_values > _SMALL:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


@contextmanager
def random_scope(seed: int, device: torch.device) -> Iterator[None]:
    """Use a fixed global random stream inside, and restore the user's streams afterwards.

    Our own modules draw from private generators. This scope is for modules of the user that read
    the global stream, such as ``torch.nn.Dropout``.

    Parameters
    ----------
    seed : int
        Seed inside.
    device : torch.device
        Its stream and that of the CPU are seeded inside and restored.

    Yields
    ------
    None
        While the streams are seeded.

    See Also
    --------
    sktaskneuron.nn.GeneratorDropout : Dropout that needs no such scope.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.training import random_scope
    >>> with random_scope(0, torch.device("cpu")):
    ...     first = torch.rand(1)
    >>> with random_scope(0, torch.device("cpu")):
    ...     again = torch.rand(1)
    >>> bool(first == again)
    True
    """
    cpu_state = torch.random.get_rng_state()
    module = getattr(torch, device.type) if device.type != "cpu" else None
    device_state = None
    if device.type == "cuda":
        device_state = torch.cuda.get_rng_state(device)
    elif module is not None:
        device_state = module.get_rng_state()
    try:
        # torch.manual_seed would seed every device, also those that are not restored here
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif module is not None:
            module.manual_seed(seed)
        yield
    finally:
        torch.random.set_rng_state(cpu_state)
        if device.type == "cuda" and device_state is not None:
            torch.cuda.set_rng_state(device_state, device)
        elif module is not None:
            module.set_rng_state(device_state)
