"""Fourier transforms of short, overlapping frames of a signal, and back."""

from __future__ import annotations

import math

from . import _C
from ._autocast import one_op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._C import Tensor

_ops = _C.ops
_SMALLEST = 1e-11  # of what samples are divided by


def _lengths(
    who: str, n_fft: int, hop_length: int | None, win_length: int | None, window: Tensor | None
) -> tuple[int, int]:
    """hop_length and win_length with their defaults."""
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    if n_fft < 1:
        raise ValueError(f"{who}: expected n_fft >= 1, got {n_fft}")
    if hop < 1:
        default = " (n_fft // 4)" if hop_length is None else ""
        raise ValueError(f"{who}: expected hop_length >= 1, got {hop}{default}")
    if not 1 <= win <= n_fft:
        raise ValueError(f"{who}: expected win_length between 1 and n_fft = {n_fft}, got {win}")
    if window is not None and tuple(window.shape) != (win,):
        raise ValueError(
            f"{who}: expected a window of shape ({win},) (win_length), got shape {tuple(window.shape)}"
        )
    return hop, win


def _padded(window: Tensor, n_fft: int) -> Tensor:
    """A window in the middle of n_fft values, with zeros around it."""
    rest = n_fft - window.shape[0]
    return _ops["constant_pad_nd"](window, (rest // 2, rest - rest // 2)) if rest else window


def _ones(length: int, like: Tensor) -> Tensor:
    dtype = _C.float64 if like.dtype in (_C.float64, _C.complex128) else _C.float32
    return _ops["ones"]((length,), dtype=dtype, device=like.device)


def _factor(normalized: bool, n_fft: int) -> float:
    return 1 / math.sqrt(n_fft) if normalized else 1.0


@one_op(cpu="float32", cuda="float32")
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The short-time Fourier transform: that of frames of n_fft samples, hop_length apart.

    Shapes: input (L) or (B, L); the result (N, T) or (B, N, T), with T = 1 + (L - n_fft) // hop_length
    frames, or 1 + L // hop_length where `center`, and N = n_fft // 2 + 1 frequencies, or n_fft unless
    `onesided`. Dtypes: float32, float64, complex64, complex128.

    Frames are multiplied by the window of win_length values (n_fft unless given; ones without a window),
    which stands in their middle. hop_length is n_fft // 4 unless given. `center`: frame t is the one around
    sample t hop_length, and the signal is padded by n_fft // 2 at both ends, as `pad_mode` says (see
    nn.functional.pad). `normalized` divides by sqrt(n_fft). `onesided` is True unless input or window are
    complex, whose spectra have no two equal halves. A real input has to say return_complex=True; where it is
    False, the result is real, with a last dimension for real and imaginary part. `align_to_window` (without
    `center`): as many frames as windows fit, frames that hang over the ends being filled up with zeros.

    Raises ValueError for lengths that do not fit, TypeError for other dtypes.

    >>> x = plait.tensor([1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0])
    >>> plait.stft(x, 4, hop_length=4, window=plait.ones(4), center=False, return_complex=True)
    tensor([[0.+0.j, 0.+0.j],
            [2.+0.j, 2.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    if not isinstance(input, _C.Tensor):
        raise TypeError(f"stft: expected input as a Tensor, got {type(input).__name__}")
    if input.dtype not in (_C.float32, _C.float64, _C.complex64, _C.complex128):
        raise TypeError(f"stft: expected dtype float32, float64 or complex, got {input.dtype}; use .float()")
    if input.dim() not in (1, 2):
        raise ValueError(f"stft: expected input of shape (L) or (B, L), got shape {tuple(input.shape)}")
    hop, win = _lengths("stft", n_fft, hop_length, win_length, window)
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None and not is_complex:
        raise ValueError(
            "stft: expected return_complex to be given for a real input; use return_complex=True"
        )
    if onesided and is_complex:
        raise ValueError("stft: expected onesided=False for a complex input or window, got True")
    if center and align_to_window is not None:
        raise ValueError("stft: expected align_to_window only with center=False")

    signal = input.unsqueeze(0) if input.dim() == 1 else input
    if center:
        signal = _ops["pad"](signal.unsqueeze(1), (n_fft // 2, n_fft // 2), pad_mode).squeeze(1)
    elif align_to_window:
        rest = n_fft - win
        signal = _ops["constant_pad_nd"](signal, (rest // 2, rest - rest // 2))
    if signal.shape[1] < n_fft:
        raise ValueError(
            f"stft: expected n_fft of at most the signal's length, got n_fft = {n_fft} for a length of "
            f"{signal.shape[1]} (input of shape {tuple(input.shape)})"
        )
    frames = signal.unfold(1, n_fft, hop)
    if window is not None or win < n_fft:
        if window is None:
            window = _ones(win, input)
        frames = frames * _padded(window, n_fft)
    factor = _factor(normalized, n_fft)
    if is_complex or onesided is False:
        if not is_complex:
            frames = frames.to(_C.complex64 if frames.dtype is _C.float32 else _C.complex128)
        out = _ops["_fft_c2c"](frames, (2,), True, factor)
    else:
        out = _ops["_fft_r2c"](frames, (2,), factor)
    out = out.transpose(1, 2)
    out = out.squeeze(0) if input.dim() == 1 else out
    return _ops["view_as_real"](out) if return_complex is False else out


def _added(frames: Tensor, hop: int) -> Tensor:
    """The sum (B, L) of frames (B, T, n), each `hop` behind the one before.

    Frames are cut into pieces of `hop` samples. Piece p of frame t belongs to place t + p of the result, so
    that what is summed there lies on a diagonal: one pass that pads, and one that sums over a view.
    """
    batch, count, n = frames.shape
    pieces = -(-n // hop)
    length = n + hop * (count - 1)
    if pieces == 1:
        return frames.reshape(batch, length)
    # Frames of zeros before and behind, and the last piece filled up.
    frames = _ops["constant_pad_nd"](frames, (0, pieces * hop - n, pieces - 1, pieces - 1))
    row = pieces * hop
    diagonals = frames.as_strided(
        (batch, count + pieces - 1, pieces, hop),
        ((count + 2 * pieces - 2) * row, row, row - hop, 1),
        (pieces - 1) * hop,
    )
    return diagonals.sum(2).reshape(batch, -1)[:, :length]


@one_op(cpu="float32", cuda="float32")
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The inverse of stft: the signal whose frames come closest to the given ones (least squares; Griffin and
    Lim, IEEE Trans. ASSP 32, 1984).

    Shapes: input (N, T) or (B, N, T), as stft gives it, N being n_fft // 2 + 1, or n_fft unless `onesided`;
    the result (L) or (B, L). L is `length`, with zeros at the end where the frames do not reach so far, or
    (T - 1) hop_length where `center` (one more for an odd n_fft), or n_fft + (T - 1) hop_length. Dtypes:
    complex64, complex128.

    The other arguments are those that stft had. `onesided` is found out from N unless given;
    `return_complex` is for signals (or windows) that are complex.

    Every sample must be covered by a window that is not zero there: where the sum of the squares of the
    windows vanishes (below 1e-11) it raises ValueError. Looking for that waits for the device; while a graph
    is captured it is left out.

    >>> x = plait.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    >>> window = plait.hann_window(4)
    >>> spectrum = plait.stft(x, 4, window=window, return_complex=True)
    >>> plait.allclose(plait.istft(spectrum, 4, window=window, length=8), x)
    True
    """
    if not isinstance(input, _C.Tensor):
        raise TypeError(f"istft: expected input as a Tensor, got {type(input).__name__}")
    if not input.is_complex():
        raise TypeError(f"istft: expected a complex input, as stft gives it, got {input.dtype}")
    if input.dim() not in (2, 3) or input.numel() == 0:
        raise ValueError(
            f"istft: expected input of shape (N, T) or (B, N, T), not empty, got shape {tuple(input.shape)}"
        )
    hop, win = _lengths("istft", n_fft, hop_length, win_length, window)
    if hop > win:
        raise ValueError(f"istft: expected hop_length of at most win_length = {win}, got {hop}")
    half = n_fft // 2 + 1
    frequencies, count = input.shape[-2:]
    if onesided is None:
        onesided = frequencies != n_fft
    if frequencies != (half if onesided else n_fft):
        expected = f"n_fft // 2 + 1 = {half}" if onesided else f"n_fft = {n_fft}"
        raise ValueError(
            f"istft: expected {expected} frequencies for onesided={onesided}, got shape {tuple(input.shape)}"
        )
    if return_complex and onesided:
        raise ValueError("istft: expected onesided=False for return_complex=True, got a half's frequencies")
    if window is not None and window.is_complex() and not return_complex:
        raise ValueError("istft: expected a real window, got a complex one; use return_complex=True")
    if length is not None and length < 1:
        raise ValueError(f"istft: expected length >= 1, got {length}")

    frames = (input.unsqueeze(0) if input.dim() == 2 else input).transpose(1, 2)
    factor = _factor(True, n_fft) if normalized else 1 / n_fft
    if return_complex:
        frames = _ops["_fft_c2c"](frames, (2,), False, factor)
    else:
        frames = _ops["_fft_c2r"](frames.narrow(2, 0, half), (2,), n_fft, factor)
    if window is None:
        window = _ones(win, input)
    window = _padded(window, n_fft)
    signal = _added(frames * window, hop)
    weight = _added((window * window).expand((1, count, n_fft)), hop)

    whole = n_fft + hop * (count - 1)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else whole - start
    if end <= start or start >= whole:
        raise ValueError(
            f"istft: expected frames that leave a signal, got {count} of them with n_fft = {n_fft} and "
            f"hop_length = {hop}; use center=False"
        )
    kept = min(end, whole) - start
    signal, weight = signal.narrow(1, start, kept), weight.narrow(1, start, kept)
    if not _is_capturing(weight) and bool((weight.detach().abs().min() < _SMALLEST).item()):
        raise ValueError(
            "istft: expected windows whose squares add up to more than 1e-11 at every sample; use a smaller "
            "hop_length, or center=True where the window begins with zero"
        )
    signal = signal / weight
    if end > whole:
        signal = _ops["constant_pad_nd"](signal, (0, end - whole))
    return signal.squeeze(0) if input.dim() == 2 else signal


def _is_capturing(x: Tensor) -> bool:
    if not x.is_cuda:
        return False
    from .cuda import is_current_stream_capturing

    return is_current_stream_capturing()
