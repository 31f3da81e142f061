"""Every table, imported so that SQLModel.metadata knows them all."""

from sqlmodel import SQLModel

from models.audit import AuditEntry, Installation, Restoration
from models.batch import BatchMember, OperationBatch
from models.beat import Beat
from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, TariffPlanPrice, UpstreamAccount
from models.decision import PendingDecision, WholeReason
from models.drift import Drift
from models.events import UpstreamEvent, UpstreamHint, UpstreamList, UpstreamSnapshot
from models.incident import Incident
from models.notifications import Notification, NotificationChannel
from models.order import IntakeKey, Intent, Operation, Reservation, Service, StageEntry, Task
from models.people import Person, PersonSession, SavedFilter
from models.quote import StoredQuote
from models.refund import Refund
from models.sweep import ListSweep
from models.tariffs import TariffState
from models.term import Term
from models.tokens import ApiToken
from models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage

metadata = SQLModel.metadata

__all__ = [
    "ApiToken",
    "AuditEntry",
    "BatchMember",
    "Beat",
    "Drift",
    "Incident",
    "Installation",
    "IntakeKey",
    "Intent",
    "ListSweep",
    "MappedPeriod",
    "Notification",
    "NotificationChannel",
    "Operation",
    "OperationBatch",
    "PendingDecision",
    "Person",
    "PersonSession",
    "PlanMapping",
    "ProcessingModule",
    "Refund",
    "Reservation",
    "Restoration",
    "SavedFilter",
    "Service",
    "StageEntry",
    "StoredQuote",
    "TariffPlan",
    "TariffPlanPrice",
    "TariffState",
    "Task",
    "Term",
    "UpstreamAccount",
    "UpstreamEvent",
    "UpstreamHint",
    "UpstreamList",
    "UpstreamSnapshot",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "WholeReason",
    "metadata",
]
