"""The rows of a case; each file holds one part of the story."""

from davylamp.desk.cases.models.case import (
    Case,
    CaseLead,
    CaseMember,
    CaseState,
    Hypothesis,
    HypothesisReason,
    Label,
    OldCase,
    Recurrence,
    Task,
    TaskTemplate,
)
from davylamp.desk.cases.models.disposal import Figure, Gain, Referral, Sanction, SeizedEvent, SeizedItem
from davylamp.desk.cases.models.evidence import (
    CustodyEvent,
    EvidenceItem,
    IntegrityAlert,
    IntegrityCheck,
    Proves,
    Side,
    Stream,
)
from davylamp.desk.cases.models.finding import Determination, Mark, Objection
from davylamp.desk.cases.models.people import CasePerson, PersonKey
from davylamp.desk.cases.models.remedy import CoverageInterval, Recheck, Rectification

__all__ = [
    "Case",
    "CaseLead",
    "CaseMember",
    "CasePerson",
    "CaseState",
    "CoverageInterval",
    "CustodyEvent",
    "Determination",
    "EvidenceItem",
    "Figure",
    "Gain",
    "Hypothesis",
    "HypothesisReason",
    "IntegrityAlert",
    "IntegrityCheck",
    "Label",
    "Mark",
    "Objection",
    "OldCase",
    "PersonKey",
    "Proves",
    "Recheck",
    "Rectification",
    "Recurrence",
    "Referral",
    "Sanction",
    "SeizedEvent",
    "SeizedItem",
    "Side",
    "Stream",
    "Task",
    "TaskTemplate",
]
