"""Quantities with their units: MH/s is not GH/s, kilowatts are no kilowatt-hours, coal is not CO2.

A quantity is made with its unit and asked for in a unit; in between nobody sees a bare number. Adding unlike
things is an error with a code, and so is adding hashrates of different algorithms: a sum of hashes of
SHA-256d and Ethash means nothing, although releases have printed such sums.

    Power.of(6187.5, "kW").over(Duration.of(1, "d"))       -> Energy, 148,500 kWh
    Hashrate.of(100, "MH/s", "ethash") + Power.of(1, "W")  -> E-QTY-010
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Final, TypeVar

from davylamp.records import Interval
from davylamp.sizing.quantities_bounds import Bounded, Number, QuantityError, bounded, read_amount

_Q = TypeVar("_Q", bound="Quantity")

HOURS_A_DAY: Final = 24.0
DAYS_A_YEAR: Final = 365.0  # judged: releases multiply a day by 365, leap years too
PREFIXES: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_HASHES: Final = {f"{p}{u}": s for p, s in PREFIXES.items() for u in ("H/s", "Sol/s", "G/s")}


@dataclass(frozen=True, slots=True)
class Quantity:
    """What all quantities share; ``amount`` is in the base unit of the class, the first one of `UNITS`."""

    amount: Bounded
    UNITS: ClassVar[Mapping[str, float]] = {}

    @classmethod
    def factor(cls, unit: str) -> float:
        """Base units in one ``unit``.

        Raises:
            QuantityError: E-QTY-011 when it is no unit of this quantity.
        """
        if unit in cls.UNITS:
            return cls.UNITS[unit]
        known = f"{cls.__name__} is in {', '.join(list(cls.UNITS)[:8])}"
        raise QuantityError("E-QTY-011", f"{unit!r} is no unit of {cls.__name__}", known)

    @classmethod
    def base(cls) -> str:
        """Name of the base unit."""
        return next(iter(cls.UNITS))

    def to(self, unit: str) -> Bounded:
        """The number in ``unit``."""
        return self.amount / self.factor(unit)

    @property
    def kind(self) -> tuple[object, ...]:
        """What else must agree before two of them add up: algorithm, substance, currency."""
        return tuple(getattr(self, f.name) for f in fields(self) if f.name != "amount")

    def matched(self: _Q, other: object) -> _Q:
        """``other`` if it can be added to this.

        Raises:
            QuantityError: E-QTY-010 for another quantity or a bare number, E-QTY-012 for another kind.
        """
        if type(other) is not type(self):
            mine, theirs = type(self).__name__, type(other).__name__
            raise QuantityError("E-QTY-010", f"{mine} and {theirs} do not add up", "give the number its unit")
        assert isinstance(other, type(self))
        if other.kind != self.kind:
            mine, theirs = (", ".join(map(str, q.kind)) for q in (self, other))
            hint = "show them side by side"
            raise QuantityError("E-QTY-012", f"{type(self).__name__} of {mine} and of {theirs}: no sum", hint)
        return other

    def __add__(self: _Q, other: _Q) -> _Q:
        return replace(self, amount=self.amount + self.matched(other).amount)

    def __sub__(self: _Q, other: _Q) -> _Q:
        return replace(self, amount=self.amount - self.matched(other).amount)

    def __mul__(self: _Q, other: Number) -> _Q:
        return replace(self, amount=self.amount * other)

    __rmul__ = __mul__

    def __truediv__(self: _Q, other: Number) -> _Q:
        return replace(self, amount=self.amount / other)

    def ratio(self: _Q, other: _Q) -> Bounded:
        """How many times ``other`` it is."""
        return self.amount / self.matched(other).amount

    def text(self, unit: str, digits: int = 4) -> str:
        """The number in ``unit`` and the unit."""
        return f"{self.to(unit).text(digits)} {unit}"

    def __str__(self) -> str:
        return self.text(self.base())


def total(quantities: Iterable[_Q]) -> _Q:
    """The sum of like quantities; bounds add up as they are.

    Raises:
        QuantityError: E-QTY-013 for nothing at all, E-QTY-010 and E-QTY-012 for unlike ones.
    """
    items = list(quantities)
    if not items:
        raise QuantityError("E-QTY-013", "a sum of nothing has no unit", "check for emptiness first")
    result = items[0]
    for item in items[1:]:
        result = result + item
    return result


@dataclass(frozen=True, slots=True)
class Duration(Quantity):
    """Time, in hours."""

    UNITS: ClassVar[Mapping[str, float]] = {
        "h": 1.0, "s": 1 / 3600, "min": 1 / 60, "d": HOURS_A_DAY, "a": HOURS_A_DAY * DAYS_A_YEAR,
        "小时": 1.0, "天": HOURS_A_DAY, "日": HOURS_A_DAY, "年": HOURS_A_DAY * DAYS_A_YEAR,
    }  # fmt: skip

    @classmethod
    def of(cls, value: Number, unit: str) -> "Duration":
        """So many of ``unit``."""
        return cls(bounded(value) * cls.factor(unit))


@dataclass(frozen=True, slots=True)
class Power(Quantity):
    """Power, in watts; an energy per day or year is one too."""

    UNITS: ClassVar[Mapping[str, float]] = {
        "W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9, "瓦": 1.0, "千瓦": 1e3, "万千瓦": 1e7, "兆瓦": 1e6,
        "kWh/d": 1e3 / HOURS_A_DAY, "kWh/day": 1e3 / HOURS_A_DAY, "MWh/d": 1e6 / HOURS_A_DAY,
        "kWh/a": 1e3 / HOURS_A_DAY / DAYS_A_YEAR, "千瓦时/日": 1e3 / HOURS_A_DAY, "度/天": 1e3 / HOURS_A_DAY,
    }  # fmt: skip

    @classmethod
    def of(cls, value: Number, unit: str) -> "Power":
        """So many of ``unit``."""
        return cls(bounded(value) * cls.factor(unit))

    @classmethod
    def read(cls, text: str) -> "Power":
        """Out of a text such as ``约6.2兆瓦`` or ``148,500 kWh/d``."""
        reading = read_amount(text)
        return cls.of(reading.amount, reading.unit)

    def over(self, time: Duration) -> "Energy":
        """The energy that it draws in a time."""
        if not isinstance(time, Duration):
            raise QuantityError("E-QTY-010", "power times a bare number is power", "give the time its unit")
        return Energy.of(self.to("kW") * time.to("h"), "kWh")


@dataclass(frozen=True, slots=True)
class Energy(Quantity):
    """Electrical energy, in kilowatt-hours."""

    UNITS: ClassVar[Mapping[str, float]] = {
        "kWh": 1.0, "Wh": 1e-3, "MWh": 1e3, "GWh": 1e6, "度": 1.0, "千瓦时": 1.0, "兆瓦时": 1e3, "J": 1 / 3.6e6,
    }  # fmt: skip

    @classmethod
    def of(cls, value: Number, unit: str) -> "Energy":
        """So many of ``unit``."""
        return cls(bounded(value) * cls.factor(unit))

    @classmethod
    def read(cls, text: str) -> "Energy":
        """Out of a text such as ``37万余千瓦时``."""
        reading = read_amount(text)
        return cls.of(reading.amount, reading.unit)

    def average(self, time: Duration) -> Power:
        """The mean power that draws it in a time."""
        if not isinstance(time, Duration):
            raise QuantityError("E-QTY-010", "energy by a bare number is energy", "give the time its unit")
        return Power.of(self.to("kWh") / time.to("h"), "kW")


@dataclass(frozen=True, slots=True)
class Mass(Quantity):
    """A mass of one substance (``of``: CO2, standard coal), in kilograms."""

    of_what: str = ""
    UNITS: ClassVar[Mapping[str, float]] = {
        "kg": 1.0, "t": 1e3, "g": 1e-3, "万吨": 1e7, "吨": 1e3, "千克": 1.0, "公斤": 1.0,
        "tce": 1e3, "kgce": 1.0, "吨标准煤": 1e3, "吨标煤": 1e3,
    }  # fmt: skip

    @classmethod
    def of(cls, value: Number, unit: str, of_what: str) -> "Mass":
        """So many of ``unit`` of a substance."""
        return cls(bounded(value) * cls.factor(unit), of_what)

    @classmethod
    def read(cls, text: str, of_what: str) -> "Mass":
        """Out of a text such as ``≈ 21,900 t``."""
        reading = read_amount(text)
        return cls.of(reading.amount, reading.unit, of_what)


@dataclass(frozen=True, slots=True)
class MassFlow(Quantity):
    """A mass of one substance in a time, in kilograms a day."""

    of_what: str = ""
    UNITS: ClassVar[Mapping[str, float]] = {
        "kg/d": 1.0, "t/d": 1e3, "t/day": 1e3, "t/a": 1e3 / DAYS_A_YEAR,
        "吨/日": 1e3, "吨/天": 1e3, "吨/年": 1e3 / DAYS_A_YEAR,
    }  # fmt: skip

    @classmethod
    def of(cls, value: Number, unit: str, of_what: str) -> "MassFlow":
        """So many of ``unit`` of a substance."""
        return cls(bounded(value) * cls.factor(unit), of_what)

    @classmethod
    def read(cls, text: str, of_what: str) -> "MassFlow":
        """Out of a text such as ``≈ 60 t/d``."""
        reading = read_amount(text)
        return cls.of(reading.amount, reading.unit, of_what)

    def over(self, time: Duration) -> Mass:
        """The mass that comes together in a time."""
        if not isinstance(time, Duration):
            raise QuantityError("E-QTY-010", "a flow times a bare number is a flow", "give the time its unit")
        return Mass.of(self.amount * time.to("d"), "kg", self.of_what)


@dataclass(frozen=True, slots=True)
class Hashrate(Quantity):
    """Hashes (or solutions) per second of one algorithm."""

    algorithm: str = ""
    UNITS: ClassVar[Mapping[str, float]] = _HASHES

    @classmethod
    def of(cls, value: Number, unit: str, algorithm: str) -> "Hashrate":
        """So many of ``unit`` with an algorithm.

        Raises:
            QuantityError: E-QTY-014 without an algorithm: such a rate can be compared with nothing.
        """
        if not algorithm:
            raise QuantityError(
                "E-QTY-014", "a hashrate without an algorithm", "name it, for instance sha256d"
            )
        return cls(bounded(value) * cls.factor(unit), algorithm)

    @classmethod
    def read(cls, text: str, algorithm: str) -> "Hashrate":
        """Out of a text such as ``over 10 PH/s``."""
        reading = read_amount(text)
        return cls.of(reading.amount, reading.unit, algorithm)

    @classmethod
    def seen(cls, interval: Interval, algorithm: str) -> "Hashrate":
        """An interval that sizing gave, in hashes per second."""
        return cls.of(interval, "H/s", algorithm)

    def __str__(self) -> str:
        size = max(abs(self.amount.estimate), 1.0)
        prefix = max((p for p, scale in PREFIXES.items() if scale <= size), key=PREFIXES.__getitem__)
        return self.text(f"{prefix}H/s")


@dataclass(frozen=True, slots=True)
class Coins(Quantity):
    """An amount of one coin."""

    coin: str = ""
    UNITS: ClassVar[Mapping[str, float]] = {"coins": 1.0}

    @classmethod
    def of(cls, value: Number, coin: str) -> "Coins":
        """So many coins."""
        if not coin:
            raise QuantityError("E-QTY-014", "an amount of no coin", "name it, for instance ETH")
        return cls(bounded(value), coin)

    def __str__(self) -> str:
        return f"{self.amount} {self.coin}"


@dataclass(frozen=True, slots=True)
class Money(Quantity):
    """Money in one currency at prices of one day or rule (``as_of``); other prices are other money."""

    currency: str = ""
    as_of: str = ""
    UNITS: ClassVar[Mapping[str, float]] = {"units": 1.0}

    @classmethod
    def of(cls, value: Number, currency: str, as_of: str) -> "Money":
        """So much of a currency.

        Raises:
            QuantityError: E-QTY-014 without currency or without the day or rule of its prices.
        """
        if not currency or not as_of:
            hint = "an amount of money has a currency and the day or rule of its prices"
            raise QuantityError("E-QTY-014", "money without currency or date", hint)
        return cls(bounded(value), currency, as_of)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} ({self.as_of})"
