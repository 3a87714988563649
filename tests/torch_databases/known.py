"""Differences that are meant, each with its reason, by database: (pattern of names, pattern of the difference, pattern of the dtypes, reason).

Names and dtypes match as a whole, differences anywhere; no pattern of dtypes is any. Functions ("forms", "samples") name theirs.
"""

from __future__ import annotations

_INTS = "u?int(8|16|32|64)"
_FLOATS = "float32|float64"
_HALVES = "float16|bfloat16"
_COMPLEX = "complex64|complex128"
_ANY = ".*"

# Of elementwise functions PyTorch takes numbers in some and refuses them in others.
_TAKE_NUMBERS = (
    "atan2|fmax|fmin|gcd|heaviside|igamma|igammac|isclose|lcm|ldexp|logical_and|logical_or|logical_xor|maximum|minimum|"
    "remainder|pow|float_power|rsub"
)
_POLYNOMIALS = r"special\.(shifted_)?(chebyshev|hermite|laguerre|legendre)_polynomial_\w+"
# PyTorch's own insides: ops that it has no function for.
_INSIDES = (
    r"_batch_norm_with_update|_chunk_cat|_native_batch_norm_legit|_softmax_backward_data|_unsafe_masked_index(_put_accumulate)?|"
    r"_upsample_bilinear2d_aa|hash_tensor|jiterator_\w+|native_(batch_norm|dropout_backward|group_norm|layer_norm)|__rdiv__|"
    r"torch\._scaled_mm(_v2)?|torch\.ops\.aten\.(_efficient_attention_forward|_flash_attention_forward|_safe_softmax\.default)"
)
_NO_FRACTIONS = "beta and alpha must be integers for tensors of dtype"

KNOWN: dict[str, list[tuple[str, str, str, str]]] = {
    "errors": [
        (f"{_TAKE_NUMBERS}|{_POLYNOMIALS}", "must be Tensor, not int|invalid combination", "", "numbers are taken wherever tensors are"),
        ("complex|aminmax|gather|multinomial", "no error.*(dtype|scalar type|Long tensor)", "", "out= converts where can_cast allows"),
        ("take|cat", "refer to a single memory location", "", "out= may overlap arguments: docs/differences.md"),
        (r"nn\.functional\.max_pool[123]d", r"result plait\.Size\(\[0", "", "no elements in, none out"),
    ],
    "modules": [
        (r"nn\.CTCLoss", "gradient", "", "PyTorch's is that of log_softmax's argument: docs/differences.md"),
        (r"nn\.FractionalMaxPool3d", "random samples of shape", "", "PyTorch reads the first of several batches of random samples"),
        (r"nn\.BatchNorm[123]d", "eps must be positive", "", "only a negative eps is refused: 0 has a meaning"),
    ],
    "optimizers": [
        (
            "Adadelta|Adam|Adamax|AdamW|ASGD|NAdam|RAdam|RMSprop|Rprop",
            "capturable=True, (params|mu_products)|If capturable=True",
            "",
            "capturable changes nothing on the CPU",
        ),
        ("Adagrad|Adam|AdamW|SGD", "no error.*fused=True. requires all the params to be floating", "", "complex ones are fused too"),
        ("Adam|AdamW", "no error.*as a Tensor is not supported", "", "tensors are taken in every implementation"),
        ("Adam|AdamW", "no error.*betas must be either both", "", "each may be a tensor"),
        ("ASGD", "differ by .*e-0[789]", "", "PyTorch's foreach computes eta in another precision than its loop"),
        ("LBFGS", "no error.*view size is not compatible", "", "parameters may have any strides"),
        ("Muon", "differ by .*e-0[789]", "", "a rate given as a float32 tensor counts with all of its digits"),
        ("NAdam", "torch.(float64|bfloat16), ours plait.float32", "", "mu_product keeps its dtype when a state is loaded"),
        ("RMSprop", r"state\[\d\]: values differ", "", "a difference of nearly equal 16-bit numbers"),
    ],
    "schedulers": [("ReduceLROnPlateau.*", "mode_worse", "", "follows from mode")],
    "distributions": [
        ("ContinuousBernoulli", "probs=-1.0: a result", "", "PyTorch clamps probabilities before it checks them"),
        ("Kumaraswamy", "mode", "", "PyTorch takes the logarithm of a negative number"),
        ("Multinomial", r"support|log_prob\(0.5\)", "", "counts are whole numbers"),
        ("MultivariateNormal|Wishart", "names of parameters|constraint of", "", "checked where they are given"),
        ("OneHotCategoricalStraightThrough", "repr", "", "PyTorch's word for it"),
        ("Relaxed(Bernoulli|OneHotCategorical)", "log_prob", "", "PyTorch refuses a temperature that is a number"),
        ("Uniform", "constraint of", "", "PyTorch's bounds broadcast with the batch alone"),
        ("Weibull", "mode", "", "PyTorch computes both branches: NaN"),
        ("Weibull", "gradients of cdf: raised RuntimeError: Trying to backward", "", "PyTorch keeps one graph for two calls"),
        ("VonMises", "differ by .*e-0[78]", "", "PyTorch's Bessel functions have the digits of float32"),
        ("kl (Uniform ContinuousBernoulli|ContinuousBernoulli Uniform)", "inf", "", "equal supports are no reason for infinity"),
        ("kl (.* ContinuousBernoulli|ContinuousBernoulli Pareto)", "cannot be broadcast together", "", "PyTorch's infinity forgets the shape of q"),
        ("kl Wishart Wishart", "no rule", "", "not there"),
    ],
    "forms": [
        (r"nn\.functional\..*|slice_scatter|histogramdd", "unexpected keyword argument 'out'", _ANY, "their out= is not documented"),
        ("nonzero", "wider out: raised nonzero: as_tuple", _ANY, "a tuple of any length has no out="),
        ("abs", "in-place no error", "complex64", "lengths fit into complex numbers"),
        ("float_power", "in-place no error.*the base given", _ANY, "converted back where can_cast allows"),
        ("matmul|nn.functional.linear", "strided out: no error", _ANY, "PyTorch loses the shape of out"),
        (r"fft\.ihfft2|fft\.ihfftn", r"out: (values differ|shape \(0,\))", "bool|int64|float32", "PyTorch leaves out as it was where it transforms one dimension"),
        ("narrow_copy", "strided out: values differ", "bool|int64|float32|bfloat16|complex64", "PyTorch writes as if out were contiguous"),
        (r"linalg\.lstsq", r"out\[1\]: shape \(0,\)", "float32|complex64", "residuals are given by every driver, as documented"),
        (r"linalg\.pinv\.hermitian", "out: values differ", "float32|complex64", "the samples are not Hermitian: their Hermitian part counts"),
        ("addmv|addbmm|baddbmm", _NO_FRACTIONS, "int64", "PyTorch cuts fractions off"),
        ("addbmm", r"addbmm_: the result has shape .* self of shape \((1,)?\)", _ANY, "no tensor is resized silently"),
        ("addr|sum_to_size", "plait.int64|ours plait.bool", "bool", "the dtype of the arguments; PyTorch's depends on the road taken"),
        ("__r[a-z]*__|rsub|angle|nextafter|" + _POLYNOMIALS, "strides:", _ANY, "made of other ops, or of arguments laid out differently"),
        ("bfloat16|bool|cfloat|float|long", "strides:", _ANY, "memory_format counts also where the dtype stays"),
        ("kthvalue|topk|mode|sort|argsort", r"\[1\]: values differ|method: values differ", _ANY, "indices among ties"),
        ("addbmm|div.trunc_rounding", r"values differ by ([12]|0\.25) of", "bfloat16", "rounded once instead of twice"),
        ("matrix_exp", r"NaN [1-9]\d*, ours 0", "bfloat16", "PyTorch overflows in the middle"),
        ("matrix_exp", r"method: values differ by 0\.[0-9]+ of 9\.[0-9]+e\+04", "float32", "rounding of numbers that are small beside the others"),
        ("logcumsumexp", r"values differ by (6\.28|12\.6|18\.8) of", "complex64", "imaginary parts are those of any logarithm"),
        ("__rpow__", "negative integer powers", "int64", "no fraction is cut off silently"),
        ("chalf|to_sparse", "has no attribute", _ANY, "no half complex or sparse tensors"),
        ("float", "second derivative: values differ by .*e-0[78]", "float64", "float32 in the middle"),
        ("as_strided.*", "second derivative", "float64", "PyTorch 2.13's derivatives of overlapping windows, and of what is replaced"),
        (r"linalg\.matrix_power", "no second derivative", "float64", "the power 0 is a constant"),
        (r"linalg\.norm\.subgradients_at_zero", "second derivative", "float64", "derivatives of negative norms at zero: NaN in PyTorch"),
        (r"masked\.logaddexp", "second derivative.*NaN [1-9], ours 0", "float64", "PyTorch's NaN of what is masked"),
        (r"matrix_exp|special\.erfcx|linalg\.pinv.*", "second derivative", "float64", "condition: differ in relative terms by rounding"),
        (r"nn\.functional\.linear_cross_entropy\.chunked(_none)?", "second derivative", "float64", "PyTorch's chunks have none"),
        (r"nn\.functional\.batch_norm", r"got \(0,\)", "float64", "no channels"),
        ("max_pool2d_with_indices_backward", "no function of this name", "float64", "PyTorch's own insides"),
    ],
    "samples": [
        (_INSIDES, "absent", "", "PyTorch's own insides"),
        (r"sparse\.(mm\.reduce|sampled_addmm)|special\.airy_ai", "absent", "", "no sparse tensors; a function that is rarely called"),
        ("max_pool2d_with_indices_backward", "no function of this name", _HALVES + "|" + _FLOATS, "PyTorch's own insides"),
        ("chalf|to_sparse", "has no attribute", _ANY, "no half complex or sparse tensors"),
        (r"nn\.functional\.embedding(_bag)?", "sparse gradients", _HALVES + "|" + _FLOATS, "no sparse tensors"),
        ("view_as_complex|complex", "got (plait.)?float16", "float16", "no complex numbers of 16 bits"),
        ("addmv|addbmm|baddbmm", _NO_FRACTIONS, _INTS, "PyTorch cuts fractions off"),
        ("__rpow__", "negative integer powers", _INTS, "no fraction is cut off silently"),
        ("scalar_tensor", "does not fit", "uint8", "no number is changed silently"),
        ("arange", "shape", "u?int(8|16|32)", "bounds count as integers in every integer dtype, in PyTorch in int64 alone"),
        ("addr", "torch.bool, ours plait.int64", "bool", "the dtype of the arguments; PyTorch's depends on the road taken"),
        ("sum_to_size", "torch.int64, ours", "bool|u?int(8|16|32)", "the dtype of the arguments; PyTorch's depends on the road taken"),
        ("einsum", "torch.int64, ours", "u?int(8|16|32)", "the dtype of the arguments; PyTorch's depends on the road taken"),
        (r"masked\.arg(max|min)", "torch.*, ours plait.int64", "u?int(8|16|32)|float.*|bfloat16", "indices are int64"),
        (r"masked\.cum(sum|prod)", "torch.*, ours plait.int64", "u?int(8|16|32)", "sums of integers are int64"),
        (r"masked\.logsumexp", "torch.*, ours plait.float32", _INTS, "logarithms of integers are floats"),
        (r"masked\.(std|var)", "torch.complex.*, ours plait.float", _COMPLEX, "variances are real"),
        (r"as_strided(_copy|\.partial_views)?", "no gradient where the window reaches beyond self", _ANY, "memory that is no part of self has none"),
        ("as_strided_scatter", "gradient", _FLOATS + "|" + _COMPLEX, "PyTorch 2.13 gives the gradient of what is replaced, not of the rest"),
        (r"(linalg\.)?cholesky(_ex)?", "gradient", _COMPLEX, "of what is not read: imaginary parts of the diagonal"),
        ("cholesky_(inverse|solve)", "gradient", _FLOATS + "|" + _COMPLEX, "of what is not read: the other triangle"),
        ("istft", "gradient", _COMPLEX, "of imaginary parts that are dropped"),
        ("renorm", "gradient: values differ by nan of nan", "complex64|complex128", "NaN in PyTorch"),
        ("logcumsumexp", r"gradient: values differ by 0\.00\d+ of", "float32|complex64", "rounding"),
        ("logcumsumexp", r"values differ by (6\.28|12\.6|18\.8) of", _COMPLEX, "imaginary parts are those of any logarithm"),
        (r"nn\.functional\.ctc_loss", "gradient", _FLOATS, "PyTorch's is that of log_softmax's argument: docs/differences.md"),
        (r"(special\.)?polygamma\..*", "inf of", "int8|int16", "infinite at a pole"),
        (r"special\.bessel\w*|special\.modified_bessel\w*", "differ by .*e-0[78]", "float64", "PyTorch's have the digits of float32"),
        (r"nn\.functional\.(interpolate\.bi\w+|upsample_bilinear)", "values differ: ", "uint8", "rounded once, from the exact value"),
        (r"nn\.functional\.grid_sample|grid_sampler_[23]d", "values differ", _HALVES, "places of 16-bit numbers are computed in float32"),
        (r"nn\.functional\.conv_transpose[123]d|addbmm|div\.trunc_rounding|nn\.functional\.embedding_bag", "values differ", _HALVES, "rounding"),
        ("histc", "values differ by [1-9] of", _HALVES, "edges of bins in float32"),
        (r"nn\.functional\.(hinge_embedding_loss|soft_margin_loss)", "values differ", _HALVES, "PyTorch's overflow and rounding in the middle"),
        ("matrix_exp", r"NaN [1-9]\d*, ours 0", _HALVES, "PyTorch overflows in the middle"),
        ("matrix_exp", r"values differ by 0\.[0-9]+ of 9\.[0-9]+e\+04", "float32", "rounding of numbers that are small beside the others"),
        ("trapz|trapezoid|cumulative_trapezoid", "values differ", "u?int8", "PyTorch's sums of 8 bits wrap around"),
        (r"linalg\.(lstsq.*|slogdet|matrix_power|householder_product)", "requires_grad", _ANY, "results without elements, of the power 0, signs: constants"),
        (r"linalg\.lstsq.*", r"result\[1\]: shape", _ANY, "residuals are given by every driver, as documented"),
        (r"linalg\.pinv\.hermitian", "values differ", _FLOATS + "|" + _COMPLEX, "the samples are not Hermitian: their Hermitian part counts"),
        (r"linalg\.norm(\.subgradients_at_zero)?", "is empty and the reduction", _ANY, "no norm of nothing"),
        (r"linalg\.norm\.subgradients_at_zero", "gradient: values differ by nan of 0", _ANY, "derivatives of negative norms at zero"),
        (r"nn\.functional\.batch_norm", r"got \(0,\)", _HALVES + "|" + _FLOATS, "no channels"),
        ("histogramdd", r"differ by ([\d.]+ of 0|nan)", _FLOATS, "the samples' edges do not rise"),
    ],
}
