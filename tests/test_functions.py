"""The table of functions against PyTorch: every row's place, spellings, parameters, value and gradient.

A call is written once, in CALLS. gdcli runs the text, and as the oracle Python runs the same text with PyTorch's own
functions and no gdcli in between. Gradients are compared with central differences of the oracle.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from gdcli.lang.constructors import Environment
from gdcli.lang.functions import CATEGORIES, FUNCTIONS, SPELLINGS
from gdcli.lang.functions.elsewhere import SAME
from gdcli.lang.objective import build, evaluate
from gdcli.lang.parsing import parse
from gdcli.lang.signature import Function

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # deprecations and remarks of PyTorch itself

# Every function that is not called as f(x), with x between -2 and 2. The variables are those of `variables()`.
CALLS = """
add(x, y); add(x, 2, alpha=0.5); sub(x, y); sub(x, 2, alpha=0.5); mul(x, y); mul(x, 2); div(x, u)
div(x, u, rounding_mode='floor'); true_divide(x, u); floor_divide(x, u); remainder(x, u); remainder(x, 3); fmod(x, u)
pow(u, y); pow(x, 3); float_power(u, 1.5); sqrt(u); rsqrt(u); hypot(x, y); copysign(x, y); lerp(x, y, 0.25)
lerp(x, y, p); addcmul(x, y, u); addcmul(x, y, u, value=2); addcdiv(x, y, u); ldexp(x, y)
asin(p); acos(p); atan2(x, y); acosh(u); atanh(p)
log(u); log2(u); log10(u); log1p(u); logaddexp(x, y); logaddexp2(x, y); xlogy(x, u); xlog1py(x, u); logit(p); entr(p)
logit(p, 0.2); erfinv(p); ndtri(p); lgamma(u); digamma(u); polygamma(1, u); mvlgamma(u, 2); gammainc(w, u)
gammaincc(w, u); round(x); round(x, decimals=1); heaviside(x, y)
minimum(x, y); maximum(x, y); fmin(x, y); fmax(x, y); clamp(x, -1, 1); clamp(x, min=p); clamp_min(x, 0)
clamp_max(x, y); nan_to_num(x); nan_to_num(n, 1, posinf=2, neginf=3); where(c, x, y); where(c, x, 0)
eq(x, y); eq(x, 0.5); ne(x, y); lt(x, y); le(x, y); gt(x, y); ge(x, 0.5); isclose(x, y); isclose(x, y, 0.1, 1)
isin(x, y); isnan(n); isinf(n); isposinf(n); isneginf(n); isfinite(n); logical_and(x, y); logical_or(x, y)
logical_xor(x, n); logical_not(n)
sum(x); sum(A, 1); nansum(x); nansum(n, 0); mean(x); mean(A, 1); mean(A, (0, 1), keepdim=True); nanmean(A, 0)
nanmean(n); prod(x); prod(A, 1); var(x); var(A, dim=1, correction=0); var(A, 0); std(A, 0, False); std(A, 0); norm(x)
norm(A, 1, 0); dist(x, y); dist(x, y, 1); logsumexp(A, 1); max(x); max(x, y); max(A, 1); min(x); min(x, y); min(A, 1)
amax(x); amax(A, 1); amin(A); amin(A, (0, 1)); argmax(x); argmax(A, 0); argmin(x); median(x); median(A, 1)
nanmedian(n); nanmedian(A, 1); quantile(x, 0.3); quantile(A, 0.3, 1, interpolation='midpoint'); nanquantile(A, 0.3)
mode(x); all(c, 0); any(c, 0); any(x); count_nonzero(n); cumsum(x, 0); cumprod(A, 1); cummax(x, 0); cummin(x, 0)
logcumsumexp(x, 0); diff(x); diff(x, 2); trapezoid(x); trapezoid(x, y); trapezoid(x, dx=0.5); cov(A); corrcoef(A)
sort(x); sort(A, 0, True); argsort(x); topk(x, 2); topk(x, 2, largest=False); kthvalue(x, 2); select(A, 0, 1)
narrow(x, 0, 1, 2); index_select(A, 1, i); gather(A, 1, reshape(i, (3, 1))); take(A, i)
take_along_dim(x, argsort(x), 0); scatter(x, 0, i, y[:3]); scatter_add(x, 0, i, y[:3]); index_add(x, 0, i, y[:3])
index_add(x, 0, i, y[:3], alpha=2); embedding(i, A)
masked_select(x, c); masked_fill(x, c, 0.5); flip(A, (0, 1)); fliplr(A); flipud(A)
roll(x, 2); roll(A, 1, 0); rot90(A)
reshape(A, (1, -1)); view(A, (9,)); flatten(A); flatten(x); squeeze(unsqueeze(x, 0))
squeeze(unsqueeze(x, 0), 0); unsqueeze(x, 1)
transpose(A, 0, 1); swapaxes(A, 0, 1); permute(A, (1, 0)); movedim(A, 0, 1); stack([x, y]); stack([x, y], dim=1)
cat([x, p[:2]]); hstack([x, y]); vstack([x, y]); column_stack([x, y]); unbind(A); chunk(x, 2); split(x, 2)
broadcast_to(x, (2, 5)); expand(x, (2, 5)); repeat(x, (2, 2)); tile(x, (2, 2)); repeat_interleave(x, 2)
repeat_interleave(A, 2, 1); diag(x); diag(A, 1); diagflat(A); diag_embed(A); diagonal(A); tril(A); triu(A); triu(A, 1)
pad(x, (1, 2)); pad(A, (1, 1), mode='reflect')
matmul(A, B); matmul(A, x[:3]); mm(A, B); mv(A, x[:3]); bmm(stack([A, B]), stack([B, A])); dot(x, y); vdot(x, y)
inner(A, B); outer(x, p); vecdot(A, B); cross(x[:3], y[:3]); kron(A[:2], B[:2]); tensordot(A, B); tensordot(A, B, 1)
einsum('ij,jk->ik', A, B)
addmm(A, B, A.T); addmm(A, B, A.T, beta=0.5, alpha=2); addmv(x[:3], A, y[:3]); multi_dot([A, B, x[:3]]); trace(A)
det(A); logdet(A @ A.T); slogdet(A); inverse(A); pinv(A[:2]); pinverse(A[:2]); solve(A, B); solve(A, x[:3])
solve_triangular(A, B, upper=False); cholesky(A @ A.T); eigvalsh(A + A.T); eigh(A + A.T); svdvals(A); linalg.qr(A)
vector_norm(x); vector_norm(A, 3, 1); matrix_norm(A); matrix_norm(A, 2); linalg.norm(A); linalg.cond(A)
linalg.norm(x, 1); linalg.cond(A, 2); matrix_rank(A); matrix_exp(A); matrix_power(A, 3); vander(x); cdist(A, B)
leaky_relu(x); leaky_relu(x, 0.1); prelu(x, p[:1]); elu(x); elu(x, 0.7); celu(x); celu(x, 0.7); gelu(x)
gelu(x, approximate='tanh'); softplus(x); softplus(x, 2, 1); softmax(A, 1); log_softmax(A, 1); softmin(A, 1)
hardshrink(x); softshrink(x); softshrink(x, 0.3); threshold(x, 0.5, 2); glu(x[:4])
linear(x[:3], A, p[:3]); normalize(A); layer_norm(A, (3,)); layer_norm(A, (3,), p[:3])
conv1d(A, reshape(B, (3, 3, 1))); conv2d(unsqueeze(A, 0), reshape(B, (1, 1, 3, 3)))
conv2d(unsqueeze(A, 0), reshape(B, (1, 1, 3, 3)), padding=1); avg_pool1d(A, 2); avg_pool2d(unsqueeze(A, 0), 2)
max_pool1d(A, 2); max_pool2d(unsqueeze(A, 0), 2)
mse_loss(x, y); mse_loss(x, y, reduction='sum'); l1_loss(x, y); smooth_l1_loss(x, y); smooth_l1_loss(x, y, beta=0.5)
huber_loss(x, y); huber_loss(x, y, delta=0.5); binary_cross_entropy(p, q)
binary_cross_entropy_with_logits(x, q, pos_weight=w); cross_entropy(A, softmax(B, 1)); cross_entropy(A, i)
nll_loss(A, i); kl_div(x, p)
kl_div(x, p, reduction='batchmean'); poisson_nll_loss(x, u); gaussian_nll_loss(x, y, u); soft_margin_loss(x, s)
hinge_embedding_loss(x, s); margin_ranking_loss(x, y, s); triplet_margin_loss(A, B, A.T)
cosine_embedding_loss(A, B, s[:3]); cosine_similarity(A, B); pairwise_distance(A, B); cosine_similarity(x, y, dim=0)
FloatTensor([1, 2.5]); Tensor([1, 2]); DoubleTensor([1, 2.5]); LongTensor([[1, 2]]); BoolTensor([True, False])
tensor([[1, 2], [3, 4.5]]); arange(5); arange(end=5); arange(1, 4); arange(1, 2, 0.25); linspace(0, 1, 5)
logspace(-2, 2, 5); zeros(2, 3); zeros((2, 3)); ones((2, 3)); full((2, 3), 0.1); eye(3); eye(2, 3); full_like(x, 0.1)
one_hot(i, 4); rand(2, 3); rand((2, 3)); randn((2, 3)); randint(10, (5,)); randint(high=10, size=(5,))
randint(2, 10, (5,)); randperm(5); normal(1, 0.5, (4,)); bernoulli(p); poisson(u); to(x, torch.float32)
subtract(x, y); multiply(x, y); divide(x, u); clip(x, -1, 1); not_equal(x, y); less(x, y); less_equal(x, y)
arcsin(p); arccos(p); arctan(x); arctan2(x, y); arcsinh(x); arccosh(u); arctanh(p); ger(x, p); trapz(x, y); trapz(x)
swapdims(A, 0, 1); row_stack([x, y]); igamma(w, u); igammac(w, u); expand_as(x[:1], w); view_as(x, unsqueeze(w, 1))
reshape_as(A, zeros(9)); type_as(x, w); linalg.diagonal(A); linalg.cross(A, B); torch.t(A)
greater(x, y); greater_equal(x, y); moveaxis(A, 0, 1); concat([x, y]); concatenate([x, y]); concatenate([A, B], 1)
"""

# Steps and tolerances of the differences where the result has fewer digits; these functions are linear.
ROUGH = {"float": (0.1, 1e-5), "half": (0.5, 5e-3), "bfloat16": (0.5, 4e-2), "to": (0.1, 1e-5)}

FLOAT64 = Environment(dtype=torch.float64, device=torch.device("cpu"), seed=0)
OF_TENSORS = [row for row in FUNCTIONS.values() if row.form != "size"]  # test_pasted.py has the sizes
ROWS = pytest.mark.parametrize("row", OF_TENSORS, ids=[row.name for row in OF_TENSORS])


def variables(point: int) -> dict[str, torch.Tensor]:
    """The variables at one of several points: generic numbers, without kinks and ties."""

    def wave(name: str, *shape: int) -> torch.Tensor:
        count = torch.Size(shape).numel()
        return torch.sin(1.7 * torch.arange(count, dtype=torch.float64) + 0.9 * point + ord(name)).reshape(shape)

    return {
        "x": 2 * wave("x", 5),
        "y": 2 * wave("y", 5),
        "p": 0.5 + 0.4 * wave("p", 5),  # probabilities
        "q": 0.5 + 0.4 * wave("q", 5),
        "u": 2 + 0.9 * wave("u", 5),  # above 1
        "A": wave("A", 3, 3) + 2 * torch.eye(3),
        "B": wave("B", 3, 3) + 2 * torch.eye(3),
        **CONSTANTS,
    }


CONSTANTS = {  # no gradient is asked for these
    "w": torch.tensor([1.1, 1.7, 2.3, 2.9, 3.5], dtype=torch.float64),
    "n": torch.tensor([0.5, torch.nan, torch.inf, -torch.inf, 0.0], dtype=torch.float64),
    "s": torch.tensor([1.0, -1.0, -1.0, 1.0, 1.0], dtype=torch.float64),
    "c": torch.tensor([True, False, False, True, True]),
    "i": torch.tensor([2, 0, 1]),
}


def resolve(path: str) -> Any:
    """What PyTorch has under a spelling, walked here by hand."""
    shorthand = {"F": "torch.nn.functional", "torch": "torch"}
    first, _, rest = path.partition(".")
    found: Any = torch
    for name in f"{shorthand.get(first, f'torch.{first}')}.{rest}".rstrip(".").split(".")[1:]:
        found = getattr(found, name)
    return found


def as_pytorch(row: Function) -> Callable[..., Any]:
    """PyTorch's function, given what gdcli promises to give: the dtype of the run, and the stream of the seed."""
    given: dict[str, Any] = {}
    if row.form != "pure" and any(p.name == "dtype" for p in row.parameters):
        given["dtype"] = torch.float64
    if row.form == "random":
        given["generator"] = torch.Generator().manual_seed(0)
    return functools.partial(resolve(row.path), **given)


def oracle(text: str, tensors: dict[str, torch.Tensor], **others: Any) -> Any:
    """The text as Python runs it, on PyTorch's own functions."""
    names = {name: as_pytorch(FUNCTIONS[name]) for name in re.findall(r"\w+", text) if name in FUNCTIONS}
    modules = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "linalg": torch.linalg}
    return eval(text, {**names, **modules, **others}, tensors)


def calls() -> dict[str, list[str]]:
    found = defaultdict(list)
    for text in CALLS.replace("\n", ";").split(";"):
        if text.strip():
            found[text.strip().partition("(")[0]].append(text.strip())
    return found


WRITTEN = calls()


def called(text: str) -> ast.Call:
    tree = ast.parse(text, mode="eval").body
    assert isinstance(tree, ast.Call)
    return tree


def calls_of(row: Function) -> list[str]:
    required = [p for p in row.parameters if p.required]
    if not WRITTEN.get(row.name):
        assert [p.kind for p in required] == ["tensor"], f"write a call of {row.name} into CALLS"
    return WRITTEN.get(row.name) or [f"{row.name}(x)"]


def gdcli(text: str, tensors: dict[str, torch.Tensor]) -> Any:
    function = build(parse(text), Environment(torch.float64, torch.device("cpu"), 0), tensors)
    return function(*(tensors[name] for name in function.variables))


def parts(result: Any) -> list[torch.Tensor]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def bits(result: Any) -> list[tuple[torch.dtype, str]]:
    """Everything about a result that may differ, -0.0 and nan included."""
    return [(part.dtype, repr(part.tolist())) for part in parts(result)]


def scalar(result: Any) -> torch.Tensor:
    """A generic linear function of all real elements, so that a wrong gradient anywhere shows."""
    flat = torch.cat([part.flatten().double() for part in parts(result) if part.is_floating_point()])
    return flat @ torch.cos(torch.arange(flat.numel(), dtype=torch.float64))


def test_table_covers_pytorch_without_duplicates() -> None:
    assert len(FUNCTIONS) >= 150
    assert len(FUNCTIONS) == sum(len(rows) for rows in CATEGORIES.values())
    assert set(WRITTEN) <= set(FUNCTIONS), "CALLS has calls of unknown functions"


@ROWS
def test_help_is_one_line_and_example_runs(row: Function) -> None:
    assert 3 <= len(row.help) <= 70
    assert "\n" not in row.help
    assert not row.help.endswith(".")
    assert isinstance(row.gradient, str)
    expression = parse(row.example)
    assert f"{row.name}(" in row.example
    assert expression.variables == ()
    assert evaluate(expression, FLOAT64).numel() > 0


def real_parameters(row: Function) -> set[str]:
    function = resolve(row.path)
    try:
        return set(inspect.signature(function).parameters)
    except (ValueError, TypeError):  # built in: the operator's schemas have the names
        name = row.path.removeprefix("torch.").removeprefix("nn.functional.").removeprefix("Tensor.")
        candidates = [name.replace(".", "_"), name.replace("logsigmoid", "log_sigmoid")]
        schemas = [s for n in candidates for s in torch._C._jit_get_schemas_for_operator(f"aten::{n}")]
        names = {argument.name for schema in schemas for argument in schema.arguments}
        return names | {"input"}  # the name that Python functions give to self


@ROWS
def test_parameters_are_pytorchs_own(row: Function) -> None:
    names = {p.name for p in row.parameters[1:] if p.kind != "operands"}
    assert names <= real_parameters(row)


@ROWS
def test_arguments_may_be_given_by_name(row: Function) -> None:
    text, tensors = calls_of(row)[-1], variables(0)
    if any(p.kind == "operands" for p in row.parameters):
        pytest.skip("it takes any number of tensors")
    tree = called(text)
    named = [f"{p.name}={ast.unparse(a)}" for p, a in zip(row.parameters, tree.args, strict=False)]
    if row.path.startswith("torch.Tensor."):
        named[0] = ast.unparse(tree.args[0])
    by_name = f"{row.name}({', '.join([*named, *map(ast.unparse, tree.keywords)])})"
    expected = bits(oracle(text, tensors))
    assert bits(oracle(by_name, tensors)) == expected
    assert bits(gdcli(by_name, tensors)) == expected


def defaults(row: Function) -> Iterator[tuple[str, str]]:
    for part in row.signature.split(", "):
        declaration, _, default = part.partition(" = ")
        if default not in ("", "None"):
            yield declaration.partition(":")[0], default


@ROWS
def test_defaults_are_pytorchs_own(row: Function) -> None:
    for name, default in defaults(row):
        confirmed = [default_is_neutral(row, text, name, default) for text in calls_of(row)]
        assert True in confirmed, f"add a call of {row.name} without {name} to CALLS"
        assert False not in confirmed, f"{name}={default} changes the result"


def default_is_neutral(row: Function, text: str, name: str, default: str) -> bool | None:
    """Whether writing the default leaves the result as it is; None where it cannot be written in addition."""
    tree, tensors = called(text), variables(0)
    if name in {k.arg for k in tree.keywords} | {p.name for p in row.parameters[: len(tree.args)]}:
        return None
    try:
        return bits(oracle(f"{text[:-1]}, {name}={default})", tensors)) == bits(oracle(text, tensors))
    except TypeError:  # keepdim without dim
        return None


@pytest.mark.slow
@ROWS
def test_value_is_pytorchs_bit_for_bit(row: Function) -> None:
    for text in calls_of(row):
        for point in range(3):
            tensors = variables(point)
            assert bits(gdcli(text, tensors)) == bits(oracle(text, tensors)), text


REMOVED = "is now removed"  # what PyTorch says of a spelling that an earlier version had, and that gdcli still reads


@ROWS
def test_every_spelling_is_the_same_function(row: Function) -> None:
    text, tensors = calls_of(row)[0], variables(0)
    arguments = text.removeprefix(row.name)
    expected = bits(oracle(text, tensors))
    spellings = [spelling for spelling, found in SPELLINGS.items() if found.name == row.name and spelling not in SAME]
    assert row.name in spellings
    assert row.path in spellings
    for spelling in spellings:
        assert bits(gdcli(spelling + arguments, tensors)) == expected, spelling
        if "." in spelling:
            keywords = as_pytorch(row).keywords  # type: ignore[attr-defined]
            spelled = functools.partial(resolve(spelling), **keywords)
            try:
                theirs = oracle(f"spelled{arguments}", tensors, spelled=spelled)
            except RuntimeError as error:
                if REMOVED not in str(error):
                    raise
            else:
                assert bits(theirs) == expected, spelling


@ROWS
def test_method_flag_says_what_pytorch_does(row: Function) -> None:
    text, tensors = calls_of(row)[0], variables(0)
    tree = called(text)
    if hasattr(torch.Tensor, row.bare_name) and tree.args and "linalg" not in row.name:
        position = row.parameters.index(row.subject)
        others = [argument for i, argument in enumerate(tree.args) if i != position]
        rest = [*map(ast.unparse, others), *(f"{k.arg}={ast.unparse(k.value)}" for k in tree.keywords)]
        method = f"({ast.unparse(tree.args[position])}).{row.bare_name}({', '.join(rest)})"
        try:
            same = bits(eval_method(method, tensors, row)) == bits(oracle(text, tensors))
        except (RuntimeError, TypeError) as error:
            if REMOVED in str(error):
                return
            same = False
        assert row.method == same
        if same:
            assert bits(gdcli(method, tensors)) == bits(oracle(text, tensors))
    else:
        assert not row.method


def eval_method(text: str, tensors: dict[str, torch.Tensor], row: Function) -> Any:
    if row.form == "random":
        text = f"{text[:-1]}generator=torch.Generator().manual_seed(0))"
    return oracle(text, tensors)


def tracked(point: int) -> dict[str, torch.Tensor]:
    tensors = variables(point)
    return {name: t.clone().requires_grad_(name not in CONSTANTS) for name, t in tensors.items()}


@pytest.mark.slow
@ROWS
def test_gradient_is_that_of_central_differences(row: Function) -> None:
    if row.gradient:
        pytest.skip(row.gradient)
    step, tolerance = ROUGH.get(row.name, (1e-6, 1e-5))
    largest = 0.0
    for text in calls_of(row):
        for point in range(3):
            tensors = tracked(point)
            value = gdcli(text, tensors)
            names = [n for n in parse(text).variables if tensors[n].requires_grad]
            if not names:
                continue
            gradients = torch.autograd.grad(scalar(value), [tensors[n] for n in names])
            for name, gradient in zip(names, gradients, strict=True):
                expected = differences(text, variables(point), name, step)
                close = torch.allclose(gradient, expected, rtol=tolerance, atol=tolerance / 100)
                assert close, f"{text}: d/d{name} is {gradient}, differences give {expected}"
                largest = max(largest, gradient.abs().max().item())
    assert largest > 0, "the gradient is always zero: the row should say why"


def differences(text: str, tensors: dict[str, torch.Tensor], name: str, step: float) -> torch.Tensor:
    """The central differences of the oracle with respect to every element of one variable."""
    gradient = torch.zeros_like(tensors[name])
    for position in range(gradient.numel()):
        sides = []
        for side in (step, -step):
            moved = tensors[name].clone()
            moved.view(-1)[position] += side
            sides.append(scalar(oracle(text, {**tensors, name: moved})))
        gradient.view(-1)[position] = (sides[0] - sides[1]) / (2 * step)
    return gradient


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in OF_TENSORS if row.gradient])
def test_reason_for_no_gradient_is_true(row: Function) -> None:
    for text in calls_of(row):
        tensors = tracked(0)
        value = gdcli(text, tensors)
        leaves = [tensors[n] for n in parse(text).variables if tensors[n].requires_grad]
        if "derivative" in row.gradient:
            with pytest.raises(RuntimeError, match=r"not implemented|inplace"):
                value.sum().backward()
        elif value.requires_grad:
            gradients = torch.autograd.grad(value.sum(), leaves, materialize_grads=True)
            assert not any(gradient.any() for gradient in gradients), text
