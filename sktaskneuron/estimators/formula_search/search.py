"""Search for a neuron's formula, as a transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils._param_validation import Interval, StrOptions

from sktaskneuron._clock import time_limit
from sktaskneuron._typing import (
    CategoricalFeatures,
    Constraints,
    Matrix,
    RandomState,
    TableLike,
    TargetLike,
)
from sktaskneuron.estimators._common.checks import looks_like_classes, plain_target
from sktaskneuron.estimators._common.constraints import TIME_LIMIT
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.fitted import fitted_value, put_on, told
from sktaskneuron.estimators.formula_search.calls import searched
from sktaskneuron.estimators.formula_search.fitted import FittedSearch
from sktaskneuron.estimators.formula_search.predicting import EquationPredictor
from sktaskneuron.estimators.formula_search.settings import DEFAULT_ORDER
from sktaskneuron.estimators.formula_search.updating import EquationUpdates
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.search.columns.proposals import EquationProposer
from sktaskneuron.search.columns.units import UnitLike
from sktaskneuron.search.engines import ENGINES, SEARCHED

if TYPE_CHECKING:
    pass


class NeuronFormulaSearch(TransformerMixin, EquationUpdates, EquationPredictor):
    r"""Find the functions and interactions of the columns that explain a target.

    The model is the neuron of NeuronSeek [1]_: a sum of pure terms :math:`\sum_i w_i g(x_i)` and of
    low-rank interactions, rank-one products :math:`\prod_m \langle u_m, x\rangle` with their
    diagonal :math:`x_i^k` taken out, so that an answer is unique. With ``method="td"`` the
    functions g are powers; their orders, the columns inside each term and the rank of each
    interaction are chosen together. With ``method="sr"`` (vectorised symbolic regression [3]_) the
    functions g themselves are found: powers, sin(a x), exp(a x), tanh(a x), log(1 + a|x|) and
    others, each one for all columns.

    With ``scope="columns"`` it is not a neuron's formula that is found but an equation of y in the
    named columns, by ordinary symbolic regression: products, ratios, functions of columns and of
    each other. Its candidates are refitted by weighted least squares, their numbers made simple
    where the criterion agrees, and compared on held-out rows.

    Parameters
    ----------
    method : {"td", "sr"}, default="td"
        "td" searches powers and interactions by tensor decomposition, "sr" functions of one
        column, with a weight for every column, by symbolic regression.
    scope : {"neuron", "columns"}, default="neuron"
        "neuron" finds the formula of a neuron, the same for all columns; "columns", with "sr" only,
        an equation of the named columns.
    engine : {"auto", "als", "gates", "builtin", "operon", "pysr"}, default="auto"
        Of "td": "als" (its default), forward-backward selection of columns, blocks and atoms fitted
        by alternating least squares; deterministic. "gates", the differentiable dual stream with
        hard-concrete gates of the paper, kept as a reference: it finds which orders are active, at
        a fixed rank, and needs thousands of optimiser steps. Of "sr": "builtin", sets of functions
        by exchange on their Gram matrix, inner constants by least squares; deterministic. "pysr"
        adds the functions that PySR's template expressions propose. Of "sr" and
        ``scope="columns"``: "builtin", sums, ratios and products in libraries of growing
        depth, under transforms of the target; deterministic. "operon" and "pysr", genetic
        programming by these packages, in a process of its own.
    interactions : "auto" or bool, default="auto"
        Whether to look for interactions too; "auto" does.
    max_order : int, default=5
        Highest power among the pure terms. Of an equation of columns the
        largest exponent, where it is not the default.
    max_interaction_order : int, default=3
        Highest number of factors in an interaction, from 2; 1 or 0 looks for none.
    max_rank : int, default=8
        Most atoms per interaction order.
    functions : list of str or None, default=None
        Names of the functions that may stand in the answer, as ``["sin", "exp"]``; [] leaves powers
        and products. None: all. Read by "sr" in both scopes.
    columns : list of str, dict of str to str, or None, default=None
        By the names of the table's columns ("x0", "x1", ... where it has none). A list: only these
        may enter. A dict: "force" for those that stand in the answer whatever they are worth, as
        linear terms where no other term reads them; "allow"; "forbid". None: all may enter.
    max_complexity : int, default=50
        Most nodes of an equation of columns: columns, numbers, functions and operations, one each
        or as `complexity` says. Of three classes and more it holds for the terms that are found
        for one class; each class has a weight for those of all, so its equation may be longer.
    complexity : dict of str to int or None, default=None
        Nodes that a function or a column counts, as ``{"sin": 3, "price": 2}``. For equations of
        columns, as all up to `domain`.
    nesting : dict of str to list of str or None, default=None
        Functions that may not stand inside of a function, as ``{"sin": ["sin", "exp"]}``.
    proposer : callable or None, default=None
        ``proposer(X, y, names)`` returns texts of equations of the encoded columns, to be judged
        beside those that are searched: they are parsed, never run, and their numbers are refitted.
        X is (n_samples, n_columns), y one output, or 0 and 1 for a class.
    monotone : dict of str to int or None, default=None
        Columns along which an equation must rise (1) or fall (-1), looked at on points between the
        ends of the columns.
    domain : dict of str to (float, float) or None, default=None
        Ranges of columns in which an equation must be finite, as ``{"age": (0, 120)}``.
    selection : {"criterion", "score", "one_se"} or int, default="criterion"
        Which point of the front is the answer: that of the least criterion, of the best validated
        score, or the simplest within one standard error of it; a number: the least criterion
        among those of at most so much complexity. `choose` takes another one afterwards.
    units : dict of str to str or sequence of float, default=None
        Units of columns by their names, as ``{"speed": "m/s", "mass": "kg"}``, or exponents of base
        units; columns that are not in it have none. For ``scope="columns"``: the equation is
        looked for in products of columns that have no unit. Sizes of units, as of kilo, are left
        to the numbers of the equation; a constant with a unit needs a column.
    target_unit : str or sequence of float, default=None
        Unit of the target, where there are `units`; None is none.
    criterion : {"ebic", "bic", "cv"}, default="ebic"
        Price of a term. "bic" counts numbers only. "ebic" also charges for the choice of columns
        [2]_: use it unless every column is known to matter. "cv" asks for an improvement of the
        held-out loss by one standard error; it is slower, and as the terms it judges were proposed
        on all rows, it finds some in pure noise too.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        See :class:`sktaskneuron.preprocessing.TableEncoder`.
    target_type : {"auto", "continuous", "classes"}, default="auto"
        How to read y. "auto" takes text, bool and two-valued targets for classes and other
        numbers for a quantity. Classes share one structure, scored by the logistic or multinomial
        likelihood.
    max_samples : int, default=10000
        Rows on which the structure is searched; beyond it rows are drawn at random (`caps_` says
        so) and the weights are refitted on all of them. Equations of columns are searched on 2,000
        at most.
    max_steps : int or None, default=None
        Forward steps of "als" and most functions of "builtin" (None: 100, and 8 functions),
        optimiser steps of "gates" (None: 2000); for equations of columns stages of "builtin"
        (None: all six), evaluations of "operon", iterations of "pysr".
    n_resamples : int, default=5
        Folds behind `selection_frequency_`, `term_gain_` and the scores of `pareto_front_`; 0
        skips this evidence and most of the time. Equations of columns are compared on one fifth
        of the rows instead.
    time_limit : float or None, default=None
        Seconds after which fit ends, of wall time and of the CPU time of the process. What was
        found by then is the answer, and `left_out_` says what is missing. "operon" and "pysr" get
        their share as a limit of their own. Results depend on the machine's speed.
    random_state : int, RandomState instance or None, default=0
        Draws the rows of large tables, the folds and the random starts of the atoms. None takes a
        new seed from the operating system; numpy's global stream is never drawn from.
    verbose : int, default=0
        1 prints a line per step; at a terminal, where rich is installed, it draws scikit-learn's
        bars of progress instead. 2 prints lines in any case.

    Attributes
    ----------
    formula_ : NeuronFormula
        The neuron's formula: functions, orders and ranks. Empty if nothing beats a constant. The
        inner constants are those of the scaled columns, see `fitted_formula_`. Not there for
        ``scope="columns"``.
    fitted_formula_ : FittedFormula or FittedExpression
        The formula with its numbers, on raw columns: evaluate it, or export it. A
        FittedExpression for ``scope="columns"``.
    expression_ : sympy.Expr or list of sympy.Expr
        The same equation as sympy, a list for several outputs. Not there if it is too long.
    constants_ : tuple of Constant
        The numbers of the equation, each with where it stands, its standard error and 95 %
        interval, the structure taken for given. Not there for more than two classes or 200
        numbers, nor after `partial_fit`.
    selection_frequency_ : dict of str to float
        Share of the resamples in which a term was found again, as ``{"x**2": 1.0}``, on the scale
        of the columns that won on all rows. Not there if ``n_resamples=0``, nor for
        ``scope="columns"``; nor is `term_gain_`.
    term_gain_ : dict of str to float
        Validated R2 (classes: explained deviance) lost when a term is taken out.
    pareto_front_ : ParetoFront
        Formulas met on the way, by number of free weights and validated score; equations of
        columns by number of nodes and R2 on held-out rows (those of the first output). Its points
        hold the equation with numbers of all rows, ``pareto_front_[i].fitted``, and its
        ``criterion``. Not there for a neuron's formula if ``n_resamples=0``.
    chosen_ : int or None
        Place in `pareto_front_` of the equation that answers; None if it is not there, since a
        simpler one is better on held-out rows. `choose` takes another one. Not there without a
        front.
    criterion_, null_criterion_ : float
        The criterion of the answer and that of a constant; smaller is better.
    caps_ : tuple of str
        What was cut to keep the cost bounded; empty if nothing was.
    classes_ : ndarray
        Class labels, if y was read as classes.
    n_iter_ : int
        Forward steps taken, at least 1; for equations of columns the steps that `verbose` prints.
    left_out_ : tuple of str
        What was left out, in words, because `time_limit` ran out; empty if nothing was.
    encoder_ : TableEncoder
        Turns the table into the columns of the formula.
    feature_importances_ : ndarray of shape (n_features,)
        By how much the prediction moves with each column, in the unit of the target; see
        :func:`sktaskneuron.inspection.feature_importances`.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of str
        Their names, where the table has names.

    See Also
    --------
    NeuronSeekRegressor : Networks of neurons whose formula is searched so.
    NeuronSeekClassifier : The same for classes.
    sktaskneuron.NeuronFormula : What a formula is.

    References
    ----------
    .. [1] "NeuronSeek: on stability and expressivity of task-driven neurons", arXiv 2506.15715.
    .. [2] Chen and Chen, "Extended Bayesian information criteria", Biometrika 95(3), 2008.
    .. [3] Fan et al., "No one-size-fits-all neurons: task-based neurons for artificial neural
       networks", arXiv 2405.02369.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 5))
    >>> y = 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=300)
    >>> search = NeuronFormulaSearch().fit(X, y)
    >>> print(search.formula_)
    x**2 + <x,x>:1
    >>> search.get_feature_names_out()
    array(['x0**2', 'x1*x2'], dtype=object)

    One function for all columns, with a weight for each:

    >>> y = np.sin(2.5 * X) @ [1.0, -2.0, 0.5, 1.5, -1.0] + 0.1 * rng.normal(size=300)
    >>> print(NeuronFormulaSearch(method="sr").fit(X, y).formula_)
    sin(2.5*x)

    An equation of named columns:

    >>> y = X[:, 0] * X[:, 1] / (1 + X[:, 2] ** 2)
    >>> search = NeuronFormulaSearch(method="sr", scope="columns").fit(X, y)
    >>> print(search.fitted_formula_)
    x0*x1/(x2**2 + 1)
    """

    _parameter_constraints: ClassVar[Constraints] = {
        "method": [StrOptions(set(SEARCHED))],
        "scope": [StrOptions({scope for _, scope in ENGINES})],
        "engine": [StrOptions({"auto"}.union(*ENGINES.values()))],
        "interactions": [StrOptions({"auto"}), "boolean"],
        "max_order": [Interval(Integral, 1, 9, closed="both")],
        "max_interaction_order": [Interval(Integral, 0, 6, closed="both")],
        "max_rank": [Interval(Integral, 1, None, closed="left")],
        "max_complexity": [Interval(Integral, 1, None, closed="left")],
        "functions": [None, list, tuple],
        "columns": [None, list, tuple, dict],
        "complexity": [None, dict],
        "nesting": [None, dict],
        "proposer": [None, callable],
        "monotone": [None, dict],
        "domain": [None, dict],
        "selection": [
            StrOptions({"criterion", "score", "one_se"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "units": [dict, None],
        "target_unit": [str, list, tuple, None],
        "criterion": [StrOptions({"bic", "ebic", "cv"})],
        "target_type": [StrOptions({"auto", "continuous", "classes"})],
        "max_samples": [Interval(Integral, 50, None, closed="left")],
        "max_steps": [None, Interval(Integral, 1, None, closed="left")],
        "n_resamples": [Interval(Integral, 0, None, closed="left")],
        **TIME_LIMIT,
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    formula_: NeuronFormula
    fitted_formula_: FittedFormula | FittedExpression

    def __init__(
        self,
        method: str = "td",
        *,
        scope: Literal["neuron", "columns"] = "neuron",
        engine: Literal["auto", "als", "gates", "builtin", "operon", "pysr"] = "auto",
        interactions: bool | Literal["auto"] = "auto",
        max_order: int = DEFAULT_ORDER,
        max_interaction_order: int = 3,
        max_rank: int = 8,
        functions: Sequence[str] | None = None,
        columns: Mapping[str, str] | Sequence[str] | None = None,
        max_complexity: int = 50,
        complexity: Mapping[str, int] | None = None,
        nesting: Mapping[str, Sequence[str]] | None = None,
        proposer: EquationProposer | None = None,
        monotone: Mapping[str, int] | None = None,
        domain: Mapping[str, tuple[float, float]] | None = None,
        selection: Literal["criterion", "score", "one_se"] | int = "criterion",
        units: Mapping[str, UnitLike] | None = None,
        target_unit: UnitLike | None = None,
        criterion: Literal["bic", "ebic", "cv"] = "ebic",
        categorical_features: CategoricalFeatures = "from_dtype",
        target_type: str = "auto",
        max_samples: int = 10_000,
        max_steps: int | None = None,
        n_resamples: int = 5,
        time_limit: float | None = None,
        random_state: RandomState = 0,
        verbose: int = 0,
    ) -> None:
        self.method = method
        self.scope = scope
        self.engine = engine
        self.interactions = interactions
        self.max_order = max_order
        self.max_interaction_order = max_interaction_order
        self.max_rank = max_rank
        self.functions = functions
        self.columns = columns
        self.max_complexity = max_complexity
        self.complexity = complexity
        self.nesting = nesting
        self.proposer = proposer
        self.monotone = monotone
        self.domain = domain
        self.selection = selection
        self.units = units
        self.target_unit = target_unit
        self.criterion = criterion
        self.categorical_features = categorical_features
        self.target_type = target_type
        self.max_samples = max_samples
        self.max_steps = max_steps
        self.n_resamples = n_resamples
        self.time_limit = time_limit
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None = None) -> Self:
        """Search the formula of y in the columns of X.

        A fit that fails or is interrupted leaves the estimator as it was.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Numbers, categories and missing values; nothing to scale first.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Outputs share one formula, each with its own weights.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k counts as k copies of the row. Weights of a mean below one or above a
            million are scaled to the mean one.

        Returns
        -------
        self : NeuronFormulaSearch
            Fitted.

        Raises
        ------
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used.
        MissingDependencyError
            If the engine's package is not installed.
        EngineError
            If an engine in a process of its own failed.
        """
        with usual_state(), time_limit(self.time_limit) as left_out:
            classification = self.target_type == "classes" or (
                self.target_type == "auto"
                and looks_like_classes(plain_target(type(self).__name__, y))
            )
            fitted = searched(self, X, y, sample_weight, classification=classification)
        return put_on(self, told(self, fitted, left_out))

    @usual_state()
    def transform(self, X: TableLike) -> Matrix:
        """Compute the values of the selected terms.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.

        Returns
        -------
        terms : ndarray of shape (n_samples, n_terms)
            One column per pure term and column of the table, and per atom; of an equation of
            columns one per summand. A term that is not defined for a row, as a logarithm of a
            negative number, has its mean over the training rows there. One column of zeros if
            nothing was found, so that a pipeline goes on.
        """
        fitted: FittedSearch = fitted_value(self)
        return fitted.transform(X, self)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Name the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Checked against the names of fit, else not used: the terms are named by those.

        Returns
        -------
        names : ndarray of str of shape (n_terms,)
            As ``"age**2"`` or ``"age*bmi"``.
        """
        fitted: FittedSearch = fitted_value(self)
        fitted.encoder.get_feature_names_out(input_features)
        found = bool(fitted.equation.terms)
        names = fitted.equation.term_names() if found else ["nothing found"]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        if self.target_type == "continuous":
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        elif self.target_type == "classes":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
            tags.target_tags.multi_output = False
        return tags
