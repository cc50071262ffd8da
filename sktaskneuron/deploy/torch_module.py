"""Fitted models as torch modules of encoded columns, for programs that stay in torch."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import Tensor, nn
from torch.nn.functional import pad

from sktaskneuron._typing import AnyArray, Matrix, Vector
from sktaskneuron.deploy.points import Points
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.formula.equation.terms import PureTerm
from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.models.companions import CompanionModel
from sktaskneuron.models.fitted import Blend, FittedModel, FormulaModel, LinearModel, NoModel
from sktaskneuron.models.inputs import Scaler
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.target import LARGEST_LOGIT, ClassTarget, Target, ValueTarget
from sktaskneuron.nn import TORCH_NAMESPACE
from sktaskneuron.preprocessing import NormalScoreScaler, SmoothClipScaler
from sktaskneuron.preprocessing.ranks import TWO_VALUED_BOUND

_LARGEST = float(np.finfo(np.float64).max)
# Beyond, scaled values are cut before they are bent, so that their squares stay finite.
_FAR = 1e150


class _Part(nn.Module):
    """A step of the way, with its numbers as buffers, which move with the module."""

    bound: Tensor
    center: Tensor
    coef: Tensor
    constant: Tensor
    factors: Tensor
    heights: Tensor
    high: Tensor
    intercept: Tensor
    knots: Tensor
    low: Tensor
    lower: Tensor
    means: Tensor
    places: Tensor
    scale: Tensor
    shift: Tensor
    slopes: Tensor
    two_valued: Tensor
    unit: Tensor
    units: Tensor
    upper: Tensor
    weights: Tensor

    def __init__(self, **numbers: AnyArray | float) -> None:
        super().__init__()
        for name, value in numbers.items():
            self.register_buffer(name, torch.as_tensor(np.array(value)))


# -- scalers ---------------------------------------------------------------------------------------


class _Standard(_Part):
    def forward(self, x: Tensor) -> Tensor:
        return (x - self.center) / self.scale


class _Clip(_Part):
    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp(x, self.lower, self.upper)


class _SmoothClip(_Part):
    def forward(self, x: Tensor) -> Tensor:
        z = ((x - self.center) / self.scale).clamp(-_FAR, _FAR)
        bent = z * (self.bound / torch.sqrt(z * z + self.bound**2))
        most = torch.clamp(self.bound, min=2.0)
        scaled = torch.where(self.two_valued, torch.clamp(z, -most, most), bent)
        return torch.where(self.constant, 0.0, scaled)


class _NormalScores(_Part):
    def forward(self, x: Tensor) -> Tensor:
        z = ((x - self.center) / self.scale).clamp(-TWO_VALUED_BOUND, TWO_VALUED_BOUND)
        inner = (x * self.unit).T.contiguous()
        place = (torch.searchsorted(self.knots, inner, right=True) - 1).clamp(min=0)
        knot, height, slope = (
            torch.gather(table, 1, place) for table in (self.knots, self.heights, self.slopes)
        )
        scores = (slope * (inner - knot) + height).T
        scores = torch.minimum(torch.maximum(scores, self.low), self.high)
        return torch.where(self.constant, 0.0, torch.where(self.two_valued, z, scores))


def _scaler(scaler: Scaler) -> nn.Module:
    match scaler:
        case SmoothClipScaler():
            return _SmoothClip(
                center=scaler.center_,
                scale=scaler.scale_,
                bound=float(scaler.bound),
                two_valued=scaler.two_valued_,
                constant=scaler.constant_,
            )
        case NormalScoreScaler():
            few = scaler.constant_ | scaler.two_valued_
            # columns of few values have no knots of use
            line = np.array([0.0, 1.0])
            points = Points.of(
                *(
                    [line if few[j] else table[j] for j in range(len(few))]
                    for table in (scaler.values_, scaler.scores_)
                )
            )
            return _NormalScores(
                center=scaler.center_,
                scale=scaler.scale_,
                two_valued=scaler.two_valued_,
                constant=scaler.constant_,
                **vars(points),
            )
        case StandardScaler():
            return _Standard(center=scaler.mean_, scale=scaler.scale_)
        case Pipeline():
            return nn.Sequential(*(_scaler(step) for _, step in scaler.steps))
        case FunctionTransformer() if scaler.func is np.clip:
            return _Clip(lower=scaler.kw_args["a_min"], upper=scaler.kw_args["a_max"])
    raise TypeError(f"a scaler of the type {type(scaler).__name__} has no form in torch")


# -- models ----------------------------------------------------------------------------------------


class _Linear(_Part):
    def forward(self, raw: Tensor, codes: Tensor) -> Tensor:
        return ((raw - self.center) / self.scale) @ self.coef + self.intercept


class _Networks(_Part):
    """Packed networks with their scaler: the mean of their outputs, each within bounds."""

    def __init__(self, model: PackedModel, scaler: Scaler) -> None:
        bounds = (-np.inf, np.inf) if model.bounds is None else model.bounds
        low, high = (np.asarray(bound, dtype=model.dtype) for bound in bounds)
        super().__init__(low=low, high=high)
        self.scaler = _scaler(scaler)
        self.network = model.on_device("cpu").network().requires_grad_(False)
        self.n_members = model.n_members

    def forward(self, raw: Tensor, codes: Tensor) -> Tensor:
        rows = torch.cat([self.scaler(raw), codes], dim=1).to(self.low.dtype)
        outputs = self.network(rows.expand(self.n_members, *rows.shape))
        outputs = torch.minimum(torch.maximum(outputs, self.low), self.high)
        return outputs.mean(dim=0).to(raw.dtype)


class _Terms(nn.Module):
    """The additive terms of an equation, (batch, n_terms), in their order."""

    def __init__(self, fitted: FittedFormula | FittedExpression) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        if isinstance(fitted, FittedExpression):
            self.blocks.append(_Trees(fitted, fitted.terms))
            return
        standard = {name: getattr(fitted, name) for name in ("lower", "upper", "center", "scale")}
        functions: dict[int, list[int]] = {}
        orders: dict[int, list[int]] = {}
        for term in fitted.terms:
            if isinstance(term, PureTerm):
                functions.setdefault(term.index, []).append(term.feature)
            else:
                orders.setdefault(term.order, []).append(term.index)
        for index, features in functions.items():
            numbers = {name: values[features] for name, values in standard.items()}
            node = fitted.formula.expressions[index].node
            self.blocks.append(_Pure(node, places=np.array(features), **numbers))
        for order, kept in orders.items():
            factors = fitted.factors[order][:, :, kept]
            read = np.flatnonzero(factors.any(axis=(0, 2)))
            numbers = {name: values[read] for name, values in standard.items()}
            self.blocks.append(_Atoms(places=read, factors=factors[:, read], **numbers))

    def forward(self, raw: Tensor) -> Tensor:
        return torch.cat([block(raw) for block in self.blocks], dim=1)


class _Columns(_Part):
    def columns(self, raw: Tensor) -> Tensor:
        bounded = torch.minimum(torch.maximum(raw[:, self.places], self.lower), self.upper)
        return (bounded - self.center) / self.scale


class _Pure(_Columns):
    def __init__(self, node: Node, **numbers: AnyArray) -> None:
        super().__init__(**numbers)
        self.node = node

    def forward(self, raw: Tensor) -> Tensor:
        value = evaluate(self.node, {"x": self.columns(raw)}, TORCH_NAMESPACE)
        return torch.as_tensor(value)


class _Atoms(_Columns):
    def forward(self, raw: Tensor) -> Tensor:
        powers, *others = self.columns(raw)[:, :, None] * self.factors[:, None]
        values = torch.zeros_like(powers[:, 0])
        for part in others:  # see `atom_values`: as it does it for far cells
            before = pad(part[:, :-1], (0, 0, 1, 0)).cumsum(dim=1)
            behind = pad(part[:, 1:], (0, 0, 0, 1)).flip(1).cumsum(dim=1).flip(1)
            values = values * part.sum(dim=1) + (powers * (before + behind)).sum(dim=1)
            powers = powers * part
        return values


class _Trees(nn.Module):
    def __init__(self, fitted: FittedExpression, nodes: tuple[Node, ...]) -> None:
        super().__init__()
        self.nodes, self.names = nodes, fitted.feature_names
        self.used = fitted.used_features.tolist()

    def forward(self, raw: Tensor) -> Tensor:
        columns = {self.names[place]: raw[:, place] for place in self.used}
        zero = raw[:, 0] * 0.0  # a tree may be a number alone
        values = [zero + evaluate(node, columns, TORCH_NAMESPACE) for node in self.nodes]
        return torch.stack(values, dim=1)


class _Equation(_Part):
    def __init__(self, fitted: FittedFormula | FittedExpression, target: Target) -> None:
        numbers = {}
        if isinstance(fitted, FittedFormula):
            numbers = {"intercept": fitted.intercept, "weights": fitted.term_weights}
        if isinstance(target, ValueTarget):
            numbers |= {"shift": target.shift, "unit": target.unit}
        super().__init__(**numbers)
        self.classes = isinstance(target, ClassTarget)
        if isinstance(fitted, FittedExpression):
            self.terms: nn.Module | None = _Trees(fitted, fitted.nodes)
        else:
            self.terms = _Terms(fitted) if fitted.terms else None

    def forward(self, raw: Tensor, codes: Tensor) -> Tensor:
        if self.terms is None:
            value = raw[:, :1] * 0.0 + self.intercept
        elif hasattr(self, "weights"):
            value = self.terms(raw) @ self.weights + self.intercept
        else:
            value = self.terms(raw)
        if not self.classes:
            return torch.where(torch.isnan(value), 0.0, (value - self.shift) / self.unit)
        logits = torch.nan_to_num(value, nan=0.0).clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits


class _Blend(_Part):
    def __init__(self, parts: list[nn.Module], weights: Vector) -> None:
        super().__init__(weights=weights)
        self.parts = nn.ModuleList(parts)

    def forward(self, raw: Tensor, codes: Tensor) -> Tensor:
        outputs = torch.stack([part(raw, codes) for part in self.parts])
        return (outputs * self.weights[:, None, None]).sum(dim=0)


def _model(model: FittedModel, reader: Reader) -> nn.Module:
    match model:
        case Blend():
            return _Blend([_model(part, reader) for part in model.models], model.weights)
        case LinearModel():
            numbers = {name: getattr(model, name) for name in ("center", "scale", "coef")}
            return _Linear(intercept=model.intercept, **numbers)
        case FormulaModel():
            return _Equation(model.fitted, model.target)
        case PackedModel():
            return _Networks(model, reader.scalers[model.view])
        case CompanionModel():
            raise ValueError(
                "to_torch writes the models of this package alone, and the companion "
                f"{model.name!r} takes part in the prediction; fit with companions=None"
            )
        case NoModel():
            raise AttributeError(model.reason)
    raise TypeError(f"a model of the type {type(model).__name__} has no form in torch")


# -- the whole way ---------------------------------------------------------------------------------


class _Way(_Part):
    """Encoded columns, cut to the bounds of fit, and codes apart."""

    def __init__(self, reader: Reader, **numbers: AnyArray) -> None:
        lower, upper = reader.bounds
        super().__init__(lower=lower, upper=upper, **numbers)
        self.reads_levels = reader.reads_levels

    def split(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        n_columns = len(self.lower)
        raw = torch.minimum(torch.maximum(encoded[:, :n_columns], self.lower), self.upper)
        stop = encoded.shape[1] if self.reads_levels else n_columns
        return raw, encoded[:, n_columns:stop]


class _Prediction(_Way):
    def __init__(self, predictor: Predictor) -> None:
        target = predictor.target
        numbers: dict[str, Matrix] = {}
        if isinstance(target, ValueTarget):
            numbers = {"shift": target.shift, "unit": target.unit}
        super().__init__(predictor.reader, **numbers)
        self.model = _model(predictor.model, predictor.reader)
        self.classes = isinstance(target, ClassTarget)
        self.single = isinstance(target, ValueTarget) and target.single
        self.logarithmic = isinstance(target, ValueTarget) and target.logarithmic
        places = target.loss.places if isinstance(target, ValueTarget) else None
        self.ranks: list[int] | None = None if places is None else places.tolist()

    def forward(self, encoded: Tensor) -> Tensor:
        """Return predictions, or of classes their probabilities."""
        raw = self.model(*self.split(encoded))
        if self.classes:
            return torch.softmax(raw, dim=1)
        if self.logarithmic:
            raw = raw.exp()
        elif self.ranks is not None:
            raw = raw.sort(dim=1).values[:, self.ranks]
        values = (raw * self.unit + self.shift).clamp(-_LARGEST, _LARGEST)
        return values[:, 0] if self.single else values


class _Transform(_Way):
    def __init__(
        self, reader: Reader, equation: FittedFormula | FittedExpression, term_means: Vector
    ) -> None:
        super().__init__(reader, means=term_means)
        self.terms = _Terms(equation) if equation.terms else None

    def forward(self, encoded: Tensor) -> Tensor:
        """Return the terms; where one is not defined its mean."""
        raw, _ = self.split(encoded)
        if self.terms is None:
            return raw[:, :1] * 0.0
        values = self.terms(raw)
        return torch.where(torch.isfinite(values), values, self.means)


class _Field(_Part):
    def __init__(self, model: PackedModel, scaler: StandardScaler, units: Vector) -> None:
        super().__init__(units=units)
        self.networks = _Networks(model, scaler)

    def forward(self, states: Tensor) -> Tensor:
        """Return the rates of states."""
        return self.networks(states, states[:, :0]) * self.units


def predictor_module(predictor: Predictor) -> nn.Module:
    """Return what predicts as a torch module.

    Parameters
    ----------
    predictor : Predictor
    """
    return _Prediction(predictor).eval()


def terms_module(
    reader: Reader, equation: FittedFormula | FittedExpression, term_means: Vector
) -> nn.Module:
    """Return the terms of an equation as a torch module.

    Parameters
    ----------
    reader : Reader
    equation : FittedFormula or FittedExpression
    term_means : ndarray of shape (n_terms,)
        Where terms are not defined.
    """
    return _Transform(reader, equation, term_means).eval()


def field_module(model: PackedModel, scaler: StandardScaler, units: Vector) -> nn.Module:
    """Return a field of rates as a torch module.

    Parameters
    ----------
    model : PackedModel
    scaler : StandardScaler
        Of the states.
    units : ndarray of shape (n_columns,)
        Of the rates.
    """
    return _Field(model, scaler, units).eval()
