"""The modules: one file per family, loaded when one of its names is first asked for; all in `plait.nn`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .activation import *
    from .adaptive import *
    from .attention import *
    from .batchnorm import *
    from .container import *
    from .conv import *
    from .distance import *
    from .dropout import *
    from .flatten import *
    from .instancenorm import *
    from .lazy import *
    from .linear import *
    from .linear_cross_entropy import *
    from .loss import *
    from .module import *
    from .normalization import *
    from .padding import *
    from .pooling import *
    from .rnn import *
    from .rnncell import *
    from .sparse import *
    from .transformer import *
    from .upsampling import *

_FAMILIES = """
    activation: CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid
        LogSoftmax Mish PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus
        Softshrink Softsign Tanh Tanhshrink Threshold
    adaptive: AdaptiveLogSoftmaxWithLoss
    attention: MultiheadAttention
    batchnorm: BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm
    container: ModuleDict ModuleList ParameterDict ParameterList Sequential
    conv: Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
    distance: CosineSimilarity PairwiseDistance
    dropout: AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout
    flatten: Flatten Unflatten
    instancenorm: InstanceNorm1d InstanceNorm2d InstanceNorm3d
    lazy: LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyConv1d LazyConv2d LazyConv3d
        LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d LazyInstanceNorm1d
        LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear
    linear: Bilinear Identity Linear
    linear_cross_entropy: LinearCrossEntropyLoss LinearCrossEntropyOptions
    loss: BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss
        HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss
        MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss PoissonNLLLoss SmoothL1Loss SoftMarginLoss
        TripletMarginLoss TripletMarginWithDistanceLoss
    module: Module
    normalization: CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm
    padding: CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d
        ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d
        ZeroPad1d ZeroPad2d ZeroPad3d
    pooling: AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d
        AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d
        LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d
    rnn: GRU LSTM RNN RNNBase
    rnncell: GRUCell LSTMCell RNNCell RNNCellBase
    sparse: Embedding EmbeddingBag
    transformer: Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
        TransformerEncoderLayer
    upsampling: ChannelShuffle Fold PixelShuffle PixelUnshuffle Unfold Upsample UpsamplingBilinear2d
        UpsamplingNearest2d
"""


def _homes() -> dict[str, str]:
    """The file of each name."""
    homes, family = {}, ""
    for word in _FAMILIES.split():
        if word.endswith(":"):
            family = word[:-1]
        else:
            homes[word] = family
    return homes


_HOMES = _homes()
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        if name == "utils" or name in _HOMES.values():
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    found = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
