"""Every operation of the API, by the name that the OpenAPI document gives it.

Made by `make client`: do not edit.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, TypeVar

from resellflow_client import models
from resellflow_client.calls import Call, new_key

T = TypeVar("T")


class Methods:
    """A method for each operation. `key` is the idempotency key of a request: your own name of it, like the number of
    a cart. The same key makes the same request once, however often it is sent. Without it a new one is made."""

    def send(self, call: Call[T]) -> T:
        raise NotImplementedError  # the client that inherits these sends

    def preview_batch(self, body: models.BatchRequest) -> models.BatchView:
        """See what a decision about many operations would do.

        Finds at most 1,000 operations and writes down which, and which of them will not go and why. Nothing else is
        changed: a run carries it out.

        For: operator, senior, admin.
        """
        return self.send(Call[models.BatchView]("POST", "/v1/operations/batch", {201: models.BatchView}, body=body))

    def show_batch(self, number: int) -> models.BatchView:
        """Show a batch.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.BatchView](
                "GET", "/v1/operations/batch/{number}", {200: models.BatchView}, parts={"number": number}
            )
        )

    def run_batch(self, number: int) -> models.BatchView:
        """Carry a preview out.

        Decides about the next 25 operations of the preview, each as it would be singly, and about no others. Run it
        again until `finished` is true. To repeat a run is safe: each operation is decided about once.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.BatchView](
                "POST", "/v1/operations/batch/{number}/run", {200: models.BatchView}, parts={"number": number}
            )
        )

    def place_order(
        self, body: models.ServiceRequest, *, dry_run: bool | None = None, key: str | None = None
    ) -> models.OrderAccepted:
        """Order a service.

        Stores the order and starts its workflow. While Temporal is away the order is also accepted. Its operation
        stays `accepted` until the workflow starts automatically.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.OrderAccepted](
                "POST",
                "/v1/services",
                {201: models.OrderAccepted, 200: models.OrderAccepted},
                query={"dry_run": dry_run},
                body=body,
                key=key or new_key(),
            )
        )

    def list_of_services(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        customer: Sequence[str] | None = None,
        status: Sequence[models.ServiceStatus] | None = None,
        plan: Sequence[str] | None = None,
        expires_after: date | None = None,
        expires_before: date | None = None,
        reference: Sequence[str] | None = None,
        q: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        sort: Literal["created_at", "-created_at", "expires_on", "-expires_on"] | None = None,
    ) -> models.Services:
        """List services.

        A storefront sees its own services, other roles see all. So it is for all that belongs to a service.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Services](
                "GET",
                "/v1/services",
                {200: models.Services},
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "customer": customer,
                    "status": status,
                    "plan": plan,
                    "expires_after": expires_after,
                    "expires_before": expires_before,
                    "reference": reference,
                    "q": q,
                    "created_after": created_after,
                    "created_before": created_before,
                    "sort": sort,
                },
            )
        )

    def show_service(self, number: int) -> models.ServiceView:
        """Show a service.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.ServiceView](
                "GET", "/v1/services/{number}", {200: models.ServiceView}, parts={"number": number}
            )
        )

    def close_service(
        self,
        number: int,
        body: models.Closing | None = None,
        *,
        at: Literal["now", "end_of_term"] | None = None,
        dry_run: bool | None = None,
        key: str | None = None,
    ) -> models.OrderAccepted | models.ServiceView:
        """Close a service for good.

        Deletes the item at the upstream, before everything else that waits for this service. What is queued for it
        after that ends without effect.

        A service that is still being opened is called off: nothing more of its opening is sent. If nothing had been
        sent, the answer already says that both operations are `cancelled` and the service `closed`. If an earlier
        request may have left something at the upstream, that is removed first; then both end, without a charge. What
        the upstream has accepted and may not have bought yet is called off there, if this kind of upstream can do
        that. A request under way is waited for: if it had no effect, both end; otherwise the service is deleted once
        it is open. `waits_for` says which case it is. A storefront may call off only what it requested itself, as
        with cancelling; an open service may be closed by its owner.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.OrderAccepted | models.ServiceView](
                "DELETE",
                "/v1/services/{number}",
                {201: models.OrderAccepted, 200: models.OrderAccepted, 202: models.ServiceView},
                parts={"number": number},
                query={"at": at, "dry_run": dry_run},
                body=body,
                key=key or new_key(),
            )
        )

    def change_service(
        self, number: int, body: models.ServiceChange, *, dry_run: bool | None = None, key: str | None = None
    ) -> models.OrderAccepted:
        """Change add-ons, domain, renewal, password or licence key.

        Values that are left out stay. The service shows the new values when the operation is completed. If the
        upstream can say the additional price, the operation's `cost` shows it before it is paid.

        You can't choose a password, because no password is ever stored here. `"password": "new"` sets a generated one
        at the upstream, where the item shows it. With `"licence_key": "new"` the upstream makes another key, which
        can be read when it has come. What this kind of upstream can't do of these is refused, and so is a wish that
        it renews (`absent` of the upstream's capabilities).

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.OrderAccepted](
                "PATCH",
                "/v1/services/{number}",
                {201: models.OrderAccepted, 200: models.OrderAccepted},
                parts={"number": number},
                query={"dry_run": dry_run},
                body=body,
                key=key or new_key(),
            )
        )

    def history_of_service(self, number: int, *, limit: int | None = None, cursor: str | None = None) -> models.History:
        """What changed of a service.

        Every changed value, with old and new value, changed by the upstream, an operation or a person. Storefronts do
        not get `note`, which may contain a person's words.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.History](
                "GET",
                "/v1/services/{number}/history",
                {200: models.History},
                parts={"number": number},
                query={"limit": limit, "cursor": cursor},
            )
        )

    def prolong_service(
        self, number: int, body: models.Prolongation, *, dry_run: bool | None = None, key: str | None = None
    ) -> models.OrderAccepted:
        """Prolong a service.

        The new expiry date is the upstream's word; the service shows it when the operation is completed.

        Name the end of the term, `expires_on`, so that it is prolonged once although several of your programs ask for
        it, each with a key of its own.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.OrderAccepted](
                "POST",
                "/v1/services/{number}/prolong",
                {201: models.OrderAccepted, 200: models.OrderAccepted},
                parts={"number": number},
                query={"dry_run": dry_run},
                body=body,
                key=key or new_key(),
            )
        )

    def suspend_service(
        self, number: int, body: models.Suspension | None = None, *, dry_run: bool | None = None, key: str | None = None
    ) -> models.OrderAccepted:
        """Suspend a service.

        In turn. With `urgent` it comes before everything else that waits for this service; storefronts may not use
        that. The body is optional.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.OrderAccepted](
                "POST",
                "/v1/services/{number}/suspend",
                {201: models.OrderAccepted, 200: models.OrderAccepted},
                parts={"number": number},
                query={"dry_run": dry_run},
                body=body,
                key=key or new_key(),
            )
        )

    def resume_service(
        self, number: int, body: models.Resumption | None = None, *, dry_run: bool | None = None, key: str | None = None
    ) -> models.OrderAccepted:
        """Resume a suspended service.

        If the upstream does not allow it (for example after a suspension for abuse), it becomes a task for a person.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.OrderAccepted](
                "POST",
                "/v1/services/{number}/resume",
                {201: models.OrderAccepted, 200: models.OrderAccepted},
                parts={"number": number},
                query={"dry_run": dry_run},
                body=body,
                key=key or new_key(),
            )
        )

    def change_plan(
        self, number: int, body: models.PlanChange, *, dry_run: bool | None = None, key: str | None = None
    ) -> models.OrderAccepted:
        """Change the tariff plan.

        The upstream is asked for the price first. If it gives one, the operation's `cost` shows it from the stage
        `checking_balance` on, before anything is paid. What the upstream can't do automatically becomes a task for a
        person (stage `awaiting_manual_task`). Add-ons are carried over to the new plan. If it can't have them all,
        the request is refused unless it says `drop_addons`.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.OrderAccepted](
                "POST",
                "/v1/services/{number}/change-plan",
                {201: models.OrderAccepted, 200: models.OrderAccepted},
                parts={"number": number},
                query={"dry_run": dry_run},
                body=body,
                key=key or new_key(),
            )
        )

    def read_licence_key(self, number: int) -> models.LicenceKey:
        """Read the key of a licence.

        The key is read at the upstream and stored nowhere. The audit log records who read it. It is refused until the
        key has come, which `key_ready` of the service and a webhook report. This process needs the upstream's
        password.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.LicenceKey](
                "GET", "/v1/services/{number}/licence-key", {200: models.LicenceKey}, parts={"number": number}
            )
        )

    def set_module(self, number: int, body: models.ModuleChange) -> models.ServiceView:
        """Give a service to another processing module.

        To a manual module, so that every operation on the service becomes a task; or back to a module of its upstream
        account. It is refused while an operation runs. Nothing happens at the upstream.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.ServiceView](
                "PUT", "/v1/services/{number}/module", {200: models.ServiceView}, parts={"number": number}, body=body
            )
        )

    def set_owner(self, number: int, body: models.OwnerChange) -> models.ServiceView:
        """Hand a service over to another storefront.

        With `null`, the operators get it. Its operations, tasks, history and key go with it.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.ServiceView](
                "PUT", "/v1/services/{number}/owner", {200: models.ServiceView}, parts={"number": number}, body=body
            )
        )

    def set_reference(self, number: int, body: models.ReferenceChange) -> models.ServiceView:
        """Change what you have written on a service.

        At once: nothing is sent to the upstream, so there is no operation and no idempotency key. What is left out
        stays. Messages about the service have the new values from the next one on.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.ServiceView](
                "PATCH",
                "/v1/services/{number}/reference",
                {200: models.ServiceView},
                parts={"number": number},
                body=body,
            )
        )

    def set_renewal(self, number: int, body: models.RenewalChange) -> models.ServiceView:
        """Stop the renewal of a service, or go on with it.

        At once: nothing is sent to the upstream, so there is no operation and no idempotency key. It can be taken
        back until the end of the term. `{"renew": false}` lets the service expire, `{"at_end_of_term": "close"}` has
        it closed then.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.ServiceView](
                "PATCH", "/v1/services/{number}/renewal", {200: models.ServiceView}, parts={"number": number}, body=body
            )
        )

    def list_of_operations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        stage: Sequence[models.Stage] | None = None,
        service: Sequence[int] | None = None,
        kind: Sequence[models.OperationKind] | None = None,
        upstream: Sequence[str] | None = None,
        slow: Sequence[bool] | None = None,
        reference: Sequence[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        ended_after: datetime | None = None,
        ended_before: datetime | None = None,
        sort: Literal["created_at", "-created_at"] | None = None,
    ) -> models.Operations:
        """List operations.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Operations](
                "GET",
                "/v1/operations",
                {200: models.Operations},
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "stage": stage,
                    "service": service,
                    "kind": kind,
                    "upstream": upstream,
                    "slow": slow,
                    "reference": reference,
                    "created_after": created_after,
                    "created_before": created_before,
                    "ended_after": ended_after,
                    "ended_before": ended_before,
                    "sort": sort,
                },
            )
        )

    def show_operation(self, number: int) -> models.OperationDetail:
        """Show an operation and the stages it has passed.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.OperationDetail](
                "GET", "/v1/operations/{number}", {200: models.OperationDetail}, parts={"number": number}
            )
        )

    def audit_of_operation(self, number: int, *, limit: int | None = None, cursor: str | None = None) -> models.Audit:
        """Who did what to an operation.

        Not for storefronts.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Audit](
                "GET",
                "/v1/operations/{number}/audit",
                {200: models.Audit},
                parts={"number": number},
                query={"limit": limit, "cursor": cursor},
            )
        )

    def intents_of_operation(self, number: int) -> models.Intents:
        """What an operation sent to the upstream, and the evidence of each verdict.

        Not for storefronts: the evidence names items of others.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Intents](
                "GET", "/v1/operations/{number}/intents", {200: models.Intents}, parts={"number": number}
            )
        )

    def retry(self, number: int, body: models.Vouched) -> models.DecisionTaken:
        """Try again.

        Tries from the start. An earlier request with an unknown outcome is settled first, unless you vouch for it.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.DecisionTaken](
                "POST",
                "/v1/operations/{number}/retry",
                {200: models.DecisionTaken},
                parts={"number": number},
                body=body,
            )
        )

    def correct(self, number: int, body: models.Correction) -> models.DecisionTaken:
        """Correct parameters and try again.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.DecisionTaken](
                "POST",
                "/v1/operations/{number}/correct",
                {200: models.DecisionTaken},
                parts={"number": number},
                body=body,
            )
        )

    def accept_price(self, number: int, body: models.PriceAccepted) -> models.DecisionTaken:
        """Accept the price that is shown.

        For an operation that needs attention with `failure_class` `price_changed`. It goes on, for at most the `cost`
        that it shows. If the upstream then asks more, it waits for a person again.

        For: senior, finance, admin.
        """
        return self.send(
            Call[models.DecisionTaken](
                "POST",
                "/v1/operations/{number}/accept-price",
                {200: models.DecisionTaken},
                parts={"number": number},
                body=body,
            )
        )

    def look_now(self, number: int, body: models.LookAsked | None = None) -> models.DecisionTaken:
        """Have the upstream asked now.

        For an operation that the upstream has accepted. Its item is read now, and what it shows is applied as usual.
        Nothing is sent that changes something or costs money. `message` is what the upstream shows.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.DecisionTaken](
                "POST",
                "/v1/operations/{number}/look-now",
                {200: models.DecisionTaken},
                parts={"number": number},
                body=body,
            )
        )

    def mark_done(self, number: int, body: models.DoneByHand) -> models.DecisionTaken:
        """Mark as done by hand.

        For work that was done by hand at the upstream. The item is linked, and nothing is sent.

        For: senior, admin.
        """
        return self.send(
            Call[models.DecisionTaken](
                "POST",
                "/v1/operations/{number}/mark-done",
                {200: models.DecisionTaken},
                parts={"number": number},
                body=body,
            )
        )

    def cancel(self, number: int, body: models.Cancellation | None = None) -> models.DecisionTaken:
        """Cancel an operation.

        Ends it before its goal is reached; the service of an opening that was not accepted is closed. A shop may
        cancel what it requested itself, an operator everything. What belongs to another shop is not found. This works
        while Temporal is away.

        If nothing had been sent, it is `cancelled` at once. If an earlier request may have left something at the
        upstream, nothing more is sent, the rest is removed, and then it ends. The answer and the operation's
        `called_off_at` say so. Refused where a request may be under way; a senior who has looked may vouch in
        `needs_attention` that nothing was bought. What others asked for and has sent something is a senior's to
        cancel, too. Once the upstream has accepted it, a senior may end the waiting with `what_is_paid_stays`:
        nothing is taken back there, and the item of an opening stays with its service, which can be closed.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.DecisionTaken](
                "POST",
                "/v1/operations/{number}/cancel",
                {200: models.DecisionTaken},
                parts={"number": number},
                body=body,
            )
        )

    def list_of_tasks(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: Sequence[models.TaskState] | None = None,
        service: Sequence[int] | None = None,
        mode: Sequence[models.TaskMode] | None = None,
        department: Sequence[str] | None = None,
        assignee: Sequence[str] | None = None,
        taken: Sequence[bool] | None = None,
        overdue: Sequence[bool] | None = None,
        older_than: str | None = None,
    ) -> models.Tasks:
        """List tasks.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Tasks](
                "GET",
                "/v1/tasks",
                {200: models.Tasks},
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "state": state,
                    "service": service,
                    "mode": mode,
                    "department": department,
                    "assignee": assignee,
                    "taken": taken,
                    "overdue": overdue,
                    "older_than": older_than,
                },
            )
        )

    def show_task(self, number: int) -> models.TaskDetail:
        """Show a task and how to do it.

        Other roles than storefronts also see how it is done, its note, and its history: who did what to the task and
        to its operation.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.TaskDetail]("GET", "/v1/tasks/{number}", {200: models.TaskDetail}, parts={"number": number})
        )

    def take_task(self, number: int, body: models.ActingOnTask | None = None) -> models.TaskDetail:
        """Take a task in hand.

        You have it until you release it or it is handed over. A task that another person has is refused.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.TaskDetail](
                "POST", "/v1/tasks/{number}/take", {200: models.TaskDetail}, parts={"number": number}, body=body
            )
        )

    def release_task(self, number: int, body: models.ActingOnTask | None = None) -> models.TaskDetail:
        """Give a task back.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.TaskDetail](
                "POST", "/v1/tasks/{number}/release", {200: models.TaskDetail}, parts={"number": number}, body=body
            )
        )

    def hand_over_task(self, number: int, body: models.HandOver) -> models.TaskDetail:
        """Hand a task over to another person.

        Every operator may do this, because the person who has it may be away.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.TaskDetail](
                "POST", "/v1/tasks/{number}/hand-over", {200: models.TaskDetail}, parts={"number": number}, body=body
            )
        )

    def note_on_task(self, number: int, body: models.TaskNote) -> models.TaskDetail:
        """Write the task's note.

        It replaces the previous note, which stays in the history.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.TaskDetail](
                "POST", "/v1/tasks/{number}/note", {200: models.TaskDetail}, parts={"number": number}, body=body
            )
        )

    def complete_task(self, number: int, body: models.TaskDone | None = None) -> models.TaskEnded:
        """Say that a task is done.

        This is checked at the upstream first. It is refused if the upstream does not show it; the answer says what
        was found. With `override` the operation of an automatic task is marked done, if that is possible.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.TaskEnded](
                "POST", "/v1/tasks/{number}/complete", {200: models.TaskEnded}, parts={"number": number}, body=body
            )
        )

    def reject_task(self, number: int, body: models.TaskRejected) -> models.TaskEnded:
        """Say that a task will not be done.

        The service stays as it was. With `override` the operation of an automatic task is cancelled, if that is
        possible.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.TaskEnded](
                "POST", "/v1/tasks/{number}/reject", {200: models.TaskEnded}, parts={"number": number}, body=body
            )
        )

    def list_of_incidents(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        open: Sequence[bool] | None = None,
        service: Sequence[int] | None = None,
        kind: Sequence[models.IncidentKind] | None = None,
    ) -> models.Incidents:
        """List incidents.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Incidents](
                "GET",
                "/v1/incidents",
                {200: models.Incidents},
                query={"limit": limit, "cursor": cursor, "open": open, "service": service, "kind": kind},
            )
        )

    def show_incident(self, number: int) -> models.IncidentView:
        """Show an incident.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.IncidentView](
                "GET", "/v1/incidents/{number}", {200: models.IncidentView}, parts={"number": number}
            )
        )

    def close_an_incident(self, number: int, body: models.IncidentClosing) -> models.IncidentView:
        """Close an incident.

        It changes only the incident. The note says what it was, and is written to the audit log.

        For: operator, senior, finance, admin.
        """
        return self.send(
            Call[models.IncidentView](
                "POST", "/v1/incidents/{number}/close", {200: models.IncidentView}, parts={"number": number}, body=body
            )
        )

    def list_of_webhooks(self) -> models.Webhooks:
        """List webhooks.

        A storefront sees its own webhooks, other roles see all. The same holds for the deliveries.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(Call[models.Webhooks]("GET", "/v1/webhooks", {200: models.Webhooks}))

    def add_webhook(self, body: models.WebhookRequest, *, key: str | None = None) -> models.WebhookMade:
        """Add a webhook.

        From now on it receives what happens. The answer has the secret that messages are signed with, and nothing
        else has it later. A storefront may have ten, on public addresses; they get what is about its own services.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.WebhookMade](
                "POST",
                "/v1/webhooks",
                {201: models.WebhookMade, 200: models.WebhookMade},
                body=body,
                key=key or new_key(),
            )
        )

    def list_of_deliveries(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        webhook: Sequence[str] | None = None,
        state: Sequence[models.DeliveryState] | None = None,
        service: Sequence[int] | None = None,
    ) -> models.Deliveries:
        """List what was sent, or is on its way.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Deliveries](
                "GET",
                "/v1/webhooks/deliveries",
                {200: models.Deliveries},
                query={"limit": limit, "cursor": cursor, "webhook": webhook, "state": state, "service": service},
            )
        )

    def show_delivery(self, number: int) -> models.DeliveryDetail:
        """Show a delivery, its content and the log of its tries.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.DeliveryDetail](
                "GET", "/v1/webhooks/deliveries/{number}", {200: models.DeliveryDetail}, parts={"number": number}
            )
        )

    def replay_delivery(self, number: int) -> models.DeliveryDetail:
        """Send it once more.

        With the same id and content, no matter whether it was delivered or given up. The log of its attempts stays.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.DeliveryDetail](
                "POST",
                "/v1/webhooks/deliveries/{number}/replay",
                {200: models.DeliveryDetail},
                parts={"number": number},
            )
        )

    def show_webhook(self, name: str) -> models.WebhookView:
        """Show a webhook.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.WebhookView]("GET", "/v1/webhooks/{name}", {200: models.WebhookView}, parts={"name": name})
        )

    def change_webhook(self, name: str, body: models.WebhookChange) -> models.WebhookView:
        """Change, pause or resume a webhook.

        What is left out stays. While it is not active, messages are kept for it.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.WebhookView](
                "PATCH", "/v1/webhooks/{name}", {200: models.WebhookView}, parts={"name": name}, body=body
            )
        )

    def remove_webhook(self, name: str) -> None:
        """Remove a webhook.

        With its deliveries and their log.

        For: storefront, operator, senior, admin.
        """
        return self.send(Call[None]("DELETE", "/v1/webhooks/{name}", {204: None}, parts={"name": name}))

    def replace_secret(self, name: str, body: models.NewSecret | None = None) -> models.WebhookMade:
        """Replace the secret of a webhook.

        The answer has the new secret. For some time each message is signed with both, so that the receiver can
        change. Refused for a webhook whose secret stands in a file or a variable.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.WebhookMade](
                "POST", "/v1/webhooks/{name}/secret", {200: models.WebhookMade}, parts={"name": name}, body=body
            )
        )

    def test_webhook(self, name: str) -> models.DeliveryDetail:
        """Send a ping to a webhook.

        Sent like every message, by a worker, within about a second. The delivery shows how it went.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.DeliveryDetail](
                "POST", "/v1/webhooks/{name}/test", {201: models.DeliveryDetail}, parts={"name": name}
            )
        )

    def replay_webhook(self, name: str, body: models.ReplayRequest) -> models.Replayed:
        """Send many messages once more.

        All since a time, or those that were given up; at most 10,000. The ids stay the same, so a receiver ignores
        what it has had.

        For: storefront, operator, senior, admin.
        """
        return self.send(
            Call[models.Replayed](
                "POST", "/v1/webhooks/{name}/replay", {200: models.Replayed}, parts={"name": name}, body=body
            )
        )

    def list_of_all_events(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        start: Literal["oldest", "now"] | None = None,
        type: Sequence[models.MessageType] | None = None,
        service: Sequence[int] | None = None,
    ) -> models.Feed:
        """Read all events, oldest first.

        The same events as the webhooks, with the same ids and bodies, whether there is a webhook or not. Keep
        `next_cursor`, and ask with it: no event is left out, however many are written meanwhile. A storefront sees
        what is about its own services.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Feed](
                "GET",
                "/v1/events",
                {200: models.Feed},
                query={"limit": limit, "cursor": cursor, "start": start, "type": type, "service": service},
            )
        )

    def list_of_upstreams(self) -> models.Upstreams:
        """List upstreams: health, money, capabilities, problems.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(Call[models.Upstreams]("GET", "/v1/upstreams", {200: models.Upstreams}))

    def show_upstream(self, name: str) -> models.UpstreamView:
        """Show an upstream.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.UpstreamView]("GET", "/v1/upstreams/{name}", {200: models.UpstreamView}, parts={"name": name})
        )

    def show_forecast(self, name: str, *, hours: int | None = None, days: int | None = None) -> models.ForecastView:
        """See what falls due on an upstream account, against what is there.

        Orders in line, and the terms of services that end. Nothing is asked of the upstream.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.ForecastView](
                "GET",
                "/v1/upstreams/{name}/forecast",
                {200: models.ForecastView},
                parts={"name": name},
                query={"hours": hours, "days": days},
            )
        )

    def list_of_orphans(self, name: str, *, limit: int | None = None, cursor: str | None = None) -> models.Orphans:
        """List items at an upstream that are no service of ours.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Orphans](
                "GET",
                "/v1/upstreams/{name}/orphans",
                {200: models.Orphans},
                parts={"name": name},
                query={"limit": limit, "cursor": cursor},
            )
        )

    def list_of_events(
        self,
        name: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Sequence[models.EventKind] | None = None,
        service: Sequence[int] | None = None,
    ) -> models.Events:
        """List changes seen at an upstream.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Events](
                "GET",
                "/v1/upstreams/{name}/events",
                {200: models.Events},
                parts={"name": name},
                query={"limit": limit, "cursor": cursor, "kind": kind, "service": service},
            )
        )

    def pause_upstream(self, name: str, body: models.Why) -> models.PauseTaken:
        """Have nothing sent to an upstream until it is resumed.

        No order, payment, renewal, change or close is sent. Reads and confirmations go on, and so does what was sent
        before. Operations wait, and say why.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.PauseTaken](
                "POST", "/v1/upstreams/{name}/pause", {200: models.PauseTaken}, parts={"name": name}, body=body
            )
        )

    def resume_upstream(self, name: str, body: models.Why) -> models.PauseTaken:
        """Have things sent to an upstream again.

        The operations that wait continue automatically, the oldest first.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.PauseTaken](
                "POST", "/v1/upstreams/{name}/resume", {200: models.PauseTaken}, parts={"name": name}, body=body
            )
        )

    def link_service(self, number: int, body: models.LinkRequest) -> models.Outcome:
        """Link a service to an item at its upstream.

        The item is read and compared. Differences are refused, unless `force` and a reason overrule them. Nothing is
        bought. This process needs the upstream's password.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.Outcome](
                "POST", "/v1/services/{number}/link", {200: models.Outcome}, parts={"number": number}, body=body
            )
        )

    def adopt_orphan(
        self, name: str, number: str, body: models.AdoptRequest, *, key: str | None = None
    ) -> models.Outcome:
        """Make a service of an item at an upstream.

        This is linking with a new service. It takes name, expiry, cost and address from the item; nothing is bought.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.Outcome](
                "POST",
                "/v1/upstreams/{name}/orphans/{number}/adopt",
                {201: models.Outcome, 200: models.Outcome},
                parts={"name": name, "number": number},
                body=body,
                key=key or new_key(),
            )
        )

    def read_balance(self, name: str) -> models.BalanceRead:
        """Read the balance of an upstream account now.

        By the account's limits and breakers. This process needs the upstream's password.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.BalanceRead](
                "POST", "/v1/upstreams/{name}/read-balance", {200: models.BalanceRead}, parts={"name": name}
            )
        )

    def read_item(self, name: str, number: str, body: models.ItemQuestion) -> models.ItemRead:
        """Read one item at an upstream now.

        What it shows is applied as if the poller had read it. By the account's limits and breakers. This process
        needs the upstream's password.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.ItemRead](
                "POST",
                "/v1/upstreams/{name}/items/{number}/read",
                {200: models.ItemRead},
                parts={"name": name, "number": number},
                body=body,
            )
        )

    def show_sweeps(self) -> models.Sweeps:
        """Show what the last sweeps found.

        For each list: when it was compared last, and the changes that the poller should have seen before.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(Call[models.Sweeps]("GET", "/v1/sweep", {200: models.Sweeps}))

    def ask_for_a_sweep(self) -> models.Sweeps:
        """Compare all services with their upstreams now.

        The pollers do it, within the limits of the accounts. Nothing is bought or changed at an upstream.

        For: operator, senior, admin.
        """
        return self.send(Call[models.Sweeps]("POST", "/v1/sweep", {200: models.Sweeps}))

    def list_of_drift(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: Sequence[models.DriftState] | None = None,
        kind: Sequence[models.DriftKind] | None = None,
        service: Sequence[int] | None = None,
    ) -> models.Drifts:
        """List differences from the upstreams.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Drifts](
                "GET",
                "/v1/drift",
                {200: models.Drifts},
                query={"limit": limit, "cursor": cursor, "state": state, "kind": kind, "service": service},
            )
        )

    def approve_drift(self, number: int, body: models.DriftDecision) -> models.DriftView:
        """Have our record take the upstream's value over.

        Nothing is sent to the upstream.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.DriftView](
                "POST", "/v1/drift/{number}/approve", {200: models.DriftView}, parts={"number": number}, body=body
            )
        )

    def ignore_drift(self, number: int, body: models.DriftDecision) -> models.DriftView:
        """Stop reporting a difference until it changes.

        It is reported again once either value is another one.

        For: operator, senior, admin.
        """
        return self.send(
            Call[models.DriftView](
                "POST", "/v1/drift/{number}/ignore", {200: models.DriftView}, parts={"number": number}, body=body
            )
        )

    def list_of_refunds(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: Sequence[models.RefundState] | None = None,
        service: Sequence[int] | None = None,
        operation: Sequence[int] | None = None,
    ) -> models.Refunds:
        """List what the upstreams paid back.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Refunds](
                "GET",
                "/v1/refunds",
                {200: models.Refunds},
                query={"limit": limit, "cursor": cursor, "state": state, "service": service, "operation": operation},
            )
        )

    def assign_refund(self, number: int, body: models.RefundAssignment) -> models.RefundView:
        """Say for which operation a sum was paid back.

        It is written to the operation as if it had been matched. Nothing is sent to the upstream.

        For: operator, senior, finance, admin.
        """
        return self.send(
            Call[models.RefundView](
                "POST", "/v1/refunds/{number}/assign", {200: models.RefundView}, parts={"number": number}, body=body
            )
        )

    def ignore_refund(self, number: int, body: models.RefundIgnoring) -> models.RefundView:
        """Say that a sum belongs to no operation of ours.

        For: operator, senior, finance, admin.
        """
        return self.send(
            Call[models.RefundView](
                "POST", "/v1/refunds/{number}/ignore", {200: models.RefundView}, parts={"number": number}, body=body
            )
        )

    def list_of_audit(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        actor: Sequence[str] | None = None,
        action: Sequence[str] | None = None,
        object: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> models.WholeAudit:
        """Who did what, to what and when.

        Every change that a person, a token or Resellflow itself has made, with the values before and after.

        For: viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.WholeAudit](
                "GET",
                "/v1/audit",
                {200: models.WholeAudit},
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "actor": actor,
                    "action": action,
                    "object": object,
                    "after": after,
                    "before": before,
                },
            )
        )

    def read_token(self) -> models.TokenHolder:
        """See whose token this is.

        The holder of the token that the request carries. A shop compares it with its own name before it orders.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(Call[models.TokenHolder]("GET", "/v1/token", {200: models.TokenHolder}))

    def list_of_plans(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        product_type: Sequence[str] | None = None,
        active: Sequence[bool] | None = None,
    ) -> models.Plans:
        """List plans: what can be ordered, and for how much.

        Every caller sees the same plans and selling prices. Costs are for operators, and in the plan's own document.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.Plans](
                "GET",
                "/v1/plans",
                {200: models.Plans},
                query={"limit": limit, "cursor": cursor, "product_type": product_type, "active": active},
            )
        )

    def show_plan(self, name: str) -> models.PlanDetail:
        """Show a plan, and what an order of it must look like.

        `order_schema` is the JSON Schema of an order of this plan. `availability` is what the upstream's price list
        said when it was last read: no upstream is asked for this answer.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.PlanDetail]("GET", "/v1/plans/{name}", {200: models.PlanDetail}, parts={"name": name})
        )

    def read_price(
        self, *, plan: str, period_months: int, renewal: bool | None = None, addon: Sequence[str] | None = None
    ) -> models.PriceView:
        """See what a plan is sold for.

        The price of a whole period by the catalogue as it is now. Nothing is ordered, and nothing is reserved.

        For: storefront, viewer, operator, senior, finance, admin.
        """
        return self.send(
            Call[models.PriceView](
                "GET",
                "/v1/prices",
                {200: models.PriceView},
                query={"plan": plan, "period_months": period_months, "renewal": renewal, "addon": addon},
            )
        )

    def quote_request(
        self, body: models.OpenQuote | models.ProlongQuote | models.ChangePlanQuote | models.SetParametersQuote
    ) -> models.QuoteView:
        """See what a request would cost.

        Nothing is ordered and nothing is reserved. The upstream is asked for its price, for five seconds at most.
        What would make the order refused is in `problems`, each with its field. An order that names the quote
        (`quote`) costs no more at the upstream than was quoted.

        For: storefront, operator, senior, admin.
        """
        return self.send(Call[models.QuoteView]("POST", "/v1/quotes", {200: models.QuoteView}, body=body))
