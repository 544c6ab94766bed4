"""What an op is: a record whose parts say all that the compiler asks of it; knows tensors, no ops and no boards.

An op is a frozen dataclass. The annotation of an operand field (:data:`Read`, ...) says what the op does with it; the
methods are the parts of the record: :class:`~edgealgos.errors.OpRecordError` names one that a class leaves out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar, get_args, get_type_hints

from numpy.typing import NDArray

from edgealgos.errors import OpRecordError

from .answers import Affine as Affine
from .answers import Pieces as Pieces
from .answers import Product as Product
from .answers import Streamed as Streamed
from .cpp import Cpp as Cpp
from .qtype import QType
from .tensor import Shape, Tensor

if TYPE_CHECKING:
    from .program import Program

Values = dict[str, NDArray[Any]]
Types = dict[str, QType]
Counts = Counter[str]


class Role(Enum):
    """What an op does with an operand."""

    READ = "read"
    REUSE = "read; the result may lie where it lay, if nobody needs it any more"
    CONSUME = "read, and the result lies where it lay"
    SCORES = "read: scores, in the full width of their sums"
    CONSTANT = "read: numbers of the model"
    UPDATE = "read and written"
    WRITE = "written"
    RETURN = "returned by the function, stored nowhere"
    OPTION = "no tensor at all"


Read = Annotated[str, Role.READ]
Reusable = Annotated[str, Role.REUSE]
Consumed = Annotated[str, Role.CONSUME]
Scores = Annotated[str, Role.SCORES]
Constant = Annotated[str, Role.CONSTANT]
Update = Annotated[str, Role.UPDATE]
Write = Annotated[str, Role.WRITE]
Returned = Annotated[str, Role.RETURN]
Option = Annotated[str, Role.OPTION]

_WRITTEN = frozenset({Role.UPDATE, Role.WRITE, Role.RETURN})
_READ = frozenset({Role.READ, Role.REUSE, Role.CONSUME, Role.SCORES, Role.CONSTANT, Role.UPDATE})


class _Free:
    """Stands for a shape that an op does not care about."""


FREE: Final = _Free()
Shapes = Mapping[str, "Shape | _Free"]
_OpType = TypeVar("_OpType", bound="Op")
_PARTS: dict[str, str] = {}  # of the record, with what to write where one is missing
_Part = TypeVar("_Part", bound=Callable[..., Any])


def _part(what: str) -> Callable[[_Part], _Part]:
    """Declares a part that every op must have."""

    def declare(method: _Part) -> _Part:
        _PARTS[method.__name__] = what
        return method

    return declare


def counting(**most: int) -> Mapping[str, int]:
    """The part :attr:`Op.largest`: most elements of operands, by field; of those left out 16 bits count all."""
    return MappingProxyType(most)


def cannot_overflow(why: str) -> Any:
    """The part :meth:`Op.bound` of an op whose sums every kernel holds for all inputs, and why that is so."""

    def bound(self: _OpType, program: Program) -> _OpType:
        return self

    bound.__doc__ = f"Nothing can overflow: {why}."
    return bound


@dataclass(frozen=True)
class Op:
    """A kernel call; `out` is what it computes.

    ``class Clip(Op)`` in a file of :mod:`edgealgos.codegen.ops` defines an op. CONTRIBUTING has a template.
    """

    out: Write

    kernels: ClassVar[tuple[str, ...]]
    """Stems of the kernel headers that its call needs, such as ``("motion",)``."""

    largest: ClassVar[Mapping[str, int]]
    """Most elements of operands that its kernel can count: :func:`counting`."""

    measured: ClassVar[Mapping[str, Mapping[str, Mapping[str, float]]]] = {}
    """Costs that it brings along, of parts that no table has: by table, ``cycles``, ``flash`` or ``ram``, and part."""

    over_rows: ClassVar[bool] = False
    """Whether it works on rows of a picture: compilers keep the kernels of such ops apart, each in its frame."""

    in_place: ClassVar[bool] = False
    """Whether its kernel lies in the function that runs it, also where those of other ops are functions."""

    counts_steps: ClassVar[bool] = False
    """Whether it takes as many steps as a sample has, and ignores those that follow."""

    repeats: ClassVar[bool] = False
    """Whether what follows it in its function runs for each of its results: for none, one or several."""

    least_share: ClassVar[int] = 0
    """How likely a class must be, in 256ths, to be returned; 0: any."""

    _roles: ClassVar[dict[str, Role]] = {}

    def __init_subclass__(cls, abstract: bool = False, **others: Any) -> None:
        super().__init_subclass__(**others)
        cls._roles = _roles_of(cls)
        if not abstract:
            check_record(cls)

    # ------------------------------------------------------------------ the record's parts

    @_part("the shape that each operand must have, by field; FREE where any will do")
    def shapes(self, program: Program) -> Shapes:
        """Shapes of all operands, as they follow from each other and from the op's numbers."""
        raise NotImplementedError

    @_part("what it computes in real numbers, vectorised over samples")
    def real(self, program: Program, v: Values) -> NDArray[Any] | None:
        """The result in real numbers; None where the op waits for more and its function ends. Updates go to `v`."""
        raise NotImplementedError

    @_part("what it computes in the device's integers, bit for bit")
    def integer(self, program: Program, v: Values) -> NDArray[Any] | None:
        """The result in integers; None as in :meth:`real`."""
        raise NotImplementedError

    @_part("the integer types that its arithmetic fixes, by tensor; {} where it takes any")
    def types(self, program: Program) -> Types:
        """Types that follow from those of other tensors."""
        raise NotImplementedError

    @_part("itself with accumulators proven wide enough, or cannot_overflow(why)")
    def bound(self: _OpType, program: Program) -> _OpType:
        """The op with its accumulators as narrow as interval arithmetic on the actual weights allows."""
        raise NotImplementedError

    @_part("the parts that one call takes time for, and how many of each")
    def cost(self, program: Program) -> Counts:
        """Parts that a call runs through, typically."""
        raise NotImplementedError

    @_part("the pieces of code and stack that it needs")
    def pieces(self, program: Program) -> Pieces:
        """What it links and what it puts on the stack."""
        raise NotImplementedError

    @_part("the C++ statement that calls its kernel")
    def call(self, program: Program, cpp: Cpp) -> str:
        """The C++ that runs it."""
        raise NotImplementedError

    # ------------------------------------------------------------------ what an op may have besides

    def products(self, program: Program) -> tuple[Product, ...]:
        """Matrices it multiplies with; they are packed, represented and made faster like any."""
        return ()

    @property
    def affine(self) -> Affine | None:
        """The map that it is, where its result is one product and a bias, and nothing else."""
        return None

    def storages(self, program: Program) -> Mapping[str, str]:
        """Storages of constants that it multiplies with nothing, by tensor; the others stay dense."""
        return {}

    def narrowed(self, program: Program) -> Types:
        """Narrower types of constants that its values allow, once the accumulators are proven."""
        return {}

    @property
    def fixed(self) -> tuple[str, ...]:
        """Names of activations whose type its arithmetic or its numbers fix."""
        return ()

    @property
    def reach_of(self) -> Mapping[str, str]:
        """Activations of whose values only those matter that another one has: their names, and its."""
        return {}

    @property
    def alike(self) -> tuple[str, ...]:
        """Names of activations that have one type."""
        return ()

    def value_range(self, program: Program) -> tuple[int, int]:
        """Smallest and largest raw value of the result."""
        qtype = program[self.out].type
        return qtype.low, qtype.high

    def look_up_tables(self) -> Mapping[str, NDArray[Any]]:
        """Tables that the kernel reads and that count as the model's, by name."""
        return {}

    def streamed(self, program: Program) -> Streamed | None:
        """What computes the same where features of the input come one after the other; None: nothing does."""
        return None

    def further(self, program: Program, v: Values) -> NDArray[Any] | None:
        """The next result where the op :attr:`repeats`, once the rest of its function has run for the one before."""
        return None

    def reader(self, name: str) -> str | None:
        """The C++ function that makes the reader of a constant, where that is not its storage's."""
        return None

    def steps_left(self, steps: int) -> int | None:
        """How often its function goes on in so many steps; None: it never waits, or that is not counted on."""
        return None

    @property
    def stops_early(self) -> bool:
        """Whether an answer may stand before the last step, so that only the longest time can be predicted."""
        return False

    def stopping(self, program: Program) -> tuple[Op, Tensor] | None:
        """The op that ends once its largest score is decided, and a constant that it reads; None: it cannot."""
        return None

    def typically(self, program: Program, v: Values | None) -> Op:
        """The op as costs take it: stopping as it does for these samples; None: as late as it may."""
        return self

    def visited(self, program: Program, v: Values) -> Op:
        """The op that knows which ways these samples go, in real numbers, where its cost hangs on that."""
        return self

    def axes(self, program: Program, name: str, count: int) -> Shape:
        """The shape of an operand that must have so many axes."""
        shape = program[name].shape
        if len(shape) != count:
            raise ValueError(f"{type(self).__name__}: {name!r} has shape {shape}, needs {count} axes")
        return shape

    # ------------------------------------------------------------------ operands, as the annotations say

    @property
    def operands(self) -> dict[str, str]:
        """Names of all its tensors by field, in the order of the fields; those left at None are left out."""
        return {f: name for f in self._roles if (name := getattr(self, f)) is not None}

    def _in_roles(self, roles: frozenset[Role]) -> tuple[str, ...]:
        return tuple(name for f, name in self.operands.items() if self._roles[f] in roles)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tensors that it reads, also those that it updates."""
        return self._in_roles(_READ)

    @property
    def writes(self) -> tuple[str, ...]:
        """Names of the tensors that it writes, those included that it updates."""
        return self._in_roles(_WRITTEN)

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the constants that it reads."""
        return self._in_roles(frozenset({Role.CONSTANT}))

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the tensors that it reads as scores."""
        return self._in_roles(frozenset({Role.SCORES}))

    @property
    def reusable(self) -> tuple[str, ...]:
        """Operands whose place the result may take when they die with the op."""
        return self._in_roles(frozenset({Role.REUSE}))

    @property
    def consumed(self) -> tuple[str, ...]:
        """Operands whose place the result takes."""
        return self._in_roles(frozenset({Role.CONSUME}))

    @property
    def is_stored(self) -> bool:
        """Whether its result lies in memory; the one that a function returns does not."""
        return self._roles["out"] is not Role.RETURN


def _roles_of(cls: type[Op]) -> dict[str, Role]:
    """Roles of the operand fields; a string without one is an error, since liveness would not see it."""
    roles: dict[str, Role] = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if hint is ClassVar or getattr(hint, "__origin__", None) is ClassVar:
            continue
        bare = next((a for a in get_args(hint) if a is not type(None)), hint) if type(None) in get_args(hint) else hint
        role = next((extra for extra in getattr(bare, "__metadata__", ()) if isinstance(extra, Role)), None)
        if role is None and bare is str:
            raise OpRecordError(
                f"{cls.__name__}.{name}: a string that is no operand; annotate it as Read, Constant, Update or Write, "
                "or as Option where it names no tensor"
            )
        if role is not None and role is not Role.OPTION:
            roles[name] = role
    return roles


def check_record(cls: type[Op]) -> None:
    """Raise OpRecordError, naming what is missing, unless the class has every part of the record."""
    missing = [f"{name}() ({what})" for name, what in _PARTS.items() if getattr(cls, name) is getattr(Op, name)]
    missing += ["kernels (stems of the headers that its kernel needs)"] * (not hasattr(cls, "kernels"))
    if not hasattr(cls, "largest"):
        missing.append("largest (counting(field=most that its kernel counts); counting() where 16 bits count all)")
    if missing:
        raise OpRecordError(f"{cls.__name__} in {cls.__module__}: the record has no {'; no '.join(missing)}")
