"""Differences that are meant, each with its reason: (database, pattern of names, pattern of the difference, reason).

Names match as a whole, differences anywhere.
"""

from __future__ import annotations

# Of elementwise functions PyTorch takes numbers in some and refuses them in others.
_TAKE_NUMBERS = (
    "atan2|fmax|fmin|gcd|heaviside|igamma|igammac|isclose|lcm|ldexp|logical_and|logical_or|logical_xor|maximum|minimum|"
    "remainder|pow|float_power"
)

KNOWN: list[tuple[str, str, str, str]] = [
    ("errors", _TAKE_NUMBERS, "must be Tensor, not int|invalid combination", "numbers are taken wherever tensors are"),
    ("errors", "complex|aminmax|gather|multinomial", "no error.*(dtype|scalar type|Long tensor)", "out= converts where can_cast allows"),
    ("errors", "take|cat", "refer to a single memory location", "out= may overlap arguments: docs/differences.md"),
    ("errors", r"nn\.functional\.max_pool[123]d", r"result plait\.Size\(\[0", "no elements in, none out"),
    ("modules", r"nn\.LinearCrossEntropyLoss", "absent", "new in PyTorch 2.13, and may change"),
    ("modules", r"nn\.CTCLoss", "gradient", "PyTorch's is that of log_softmax's argument: docs/differences.md"),
    (
        "modules",
        r"nn\.FractionalMaxPool3d",
        "random samples of shape",
        "PyTorch reads the first of several batches of random samples",
    ),
    ("optimizers", ".*", "capturable=True, (params|mu_products)|If capturable=True", "capturable changes nothing on the CPU"),
    ("optimizers", "Adagrad|Adam|AdamW|SGD", "no error.*fused=True. requires all the params to be floating", "complex ones are fused too"),
    ("optimizers", "Adam|AdamW", "no error.*as a Tensor is not supported", "tensors are taken in every implementation"),
    ("optimizers", "Adam|AdamW", "no error.*betas must be either both", "each may be a tensor"),
    ("optimizers", "ASGD", "differ by .*e-0[789]", "PyTorch's foreach computes eta in another precision than its loop"),
    ("optimizers", "LBFGS", "no error.*view size is not compatible", "parameters may have any strides"),
    ("optimizers", "Muon", "differ by .*e-0[789]", "a rate given as a float32 tensor counts with all of its digits"),
    ("optimizers", "NAdam", "torch.(float64|bfloat16), ours plait.float32", "mu_product keeps its dtype when a state is loaded"),
    ("optimizers", "RMSprop", r"state\[\d\]: values differ", "a difference of nearly equal 16-bit numbers"),
    ("schedulers", "ReduceLROnPlateau.*", "mode_worse", "follows from mode"),
    ("modules", "nn.BatchNorm[123]d", "eps must be positive", "only a negative eps is refused: 0 has a meaning"),
    ("forms", r"nn\.functional\..*|slice_scatter", "unexpected keyword argument 'out'", "their out= is not documented"),
    ("forms", "nonzero", "wider out: raised nonzero: as_tuple", "a tuple of any length has no out="),
    ("forms", "abs", "in-place no error", "lengths fit into complex numbers"),
    ("forms", "float_power", "in-place no error.*the base given", "converted back where can_cast allows"),
    ("forms", "matmul|nn.functional.linear", "strided out: no error", "PyTorch loses the shape of out"),
    ("forms", "__r[a-z]*__|angle|nextafter", "strides:", "made of other ops, or of arguments laid out differently"),
    ("forms", "bfloat16|bool|cfloat|float|long", "strides:", "memory_format counts also where the dtype stays"),
    ("forms", "float", "second derivative: values differ by .*e-0[78]", "float32 in the middle"),
    ("forms", "kthvalue|topk|mode|sort|argsort", r"\[1\]: values differ|method: values differ", "indices among ties"),
    ("forms", "addbmm|div.trunc_rounding", "values differ by [12] of", "16-bit floats, rounded once instead of twice"),
    ("forms", "matrix_exp|special.erfcx|linalg.pinv.*", "second derivative", "condition: differ in relative terms by rounding"),
    ("distributions", "ContinuousBernoulli", "probs=-1.0: a result", "PyTorch clamps probabilities before it checks them"),
    ("distributions", "Kumaraswamy", "mode", "PyTorch takes the logarithm of a negative number"),
    ("distributions", "Multinomial", r"support|log_prob\(0.5\)", "counts are whole numbers"),
    ("distributions", "MultivariateNormal|Wishart", "names of parameters|constraint of", "checked where they are given"),
    ("distributions", "OneHotCategoricalStraightThrough", "repr", "PyTorch's word for it"),
    ("distributions", "Relaxed.*", "log_prob", "PyTorch refuses a temperature that is a number"),
    ("distributions", "Uniform", "constraint of", "PyTorch's bounds broadcast with the batch alone"),
    ("distributions", "Weibull", "mode", "PyTorch computes both branches: NaN"),
    ("distributions", "Weibull", "gradients of cdf: raised RuntimeError: Trying to backward", "PyTorch keeps one graph for two calls"),
    ("distributions", "VonMises", "differ by .*e-0[78]", "PyTorch's Bessel functions have the digits of float32"),
    ("distributions", "kl (Uniform ContinuousBernoulli|ContinuousBernoulli Uniform)", "inf", "equal supports are no reason for infinity"),
    ("distributions", "kl .*", "cannot be broadcast together", "PyTorch's infinity forgets the shape of q"),
    ("distributions", "kl Wishart Wishart", "no rule", "not there"),
]
