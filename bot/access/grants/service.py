"""Grants, as people act on them: revoke, reset, reveal. The workers are in `provisioning` and `revocation`."""

from dataclasses import dataclass

from bot.access.errors import Conflict, LostRace, NotFound
from bot.access.grants.provisioning import Provisioning
from bot.access.lifecycle.grants import end_grant
from bot.access.lifecycle.requests import describe_end
from bot.access.models.columns import CredentialKind, Delivery
from bot.access.models.grants import Grant, GrantTask
from bot.access.models.request_details import RequestDetails
from bot.access.models.requests import AccessRequest
from bot.access.ports import Clock, Credential
from bot.access.requests.approvals import Approvals
from bot.access.requests.approver_eligibility import is_own_request
from bot.access.states import LIVE, EndReason, GrantState, RequestState
from bot.access.store.store import Store


@dataclass(frozen=True)
class Grants:
    """The actions of people on grants. Each method raises an `AccessError` with a sentence for them."""

    store: Store
    approvals: Approvals
    provisioning: Provisioning
    clock: Clock

    def revoke(self, grant_id: str, actor: str) -> RequestDetails:
        """Ends a live grant early, for its requester, the person who asked for them, or an owner.

        Raises `AccessError`, `Outage`.
        """
        with self.store.reading() as read:
            request = read.request(grant_id)
        if request is None or not (is_own_request(request, actor) or self.approvals.may_end(request, actor)):
            raise NotFound(grant_id)
        while True:
            grant = self._live(request)
            try:
                return self.end(grant, EndReason.REVOKED, actor)
            except LostRace:
                continue  # it has changed, perhaps by a worker, and may still be live

    def end(self, grant: Grant, end: EndReason, actor: str) -> RequestDetails:
        """Starts the end of a live grant; workers do the rest. Raises `LostRace` if it has changed since."""
        with self.store.writing() as write:
            end_grant(write, grant, end, actor, self.clock.now())
            return write.request_details(grant.id)

    def reset(self, grant_id: str, actor: str) -> RequestDetails:
        """Requests a fresh secret that replaces the old one. Only for the requester."""
        request = self._own(grant_id, actor)
        while True:
            grant = self._live(request)
            _check_has_secret(request)
            if request.delivery is Delivery.REVEAL:
                raise Conflict(f"Press Reveal at {grant_id}: it makes a new secret each time, and the old one stops.")
            if grant.state is not GrantState.ACTIVE:
                raise Conflict(f"The credential of {grant_id} is still being made. It comes in a moment.")
            now = self.clock.now()
            try:
                with self.store.writing() as write:
                    write.change(
                        grant, "grant.reset", actor, now, task=GrantTask.RENEW, due_at=now, attempts=0,
                    )  # fmt: skip
                    return write.request_details(grant_id)
            except LostRace:
                continue

    def reveal(self, grant_id: str, actor: str) -> tuple[RequestDetails, Credential]:
        """Makes the secret of a grant that is delivered by revealing, replacing one that was shown before.

        Only for the requester. Raises `AccessError`, `Outage`, `Refusal`.
        """
        request = self._own(grant_id, actor)
        self._live(request)
        _check_has_secret(request)
        if request.delivery is not Delivery.REVEAL:
            raise Conflict(f"The credential of {grant_id} stands in its message.")
        return self.provisioning.reveal(grant_id, actor)

    def check(self, grant_id: str, actor: str) -> bool | None:
        """Whether the requester's own account has the access; `None` if the cluster cannot say.

        Only for the requester. Raises `AccessError`, `Outage`, `Refusal`.
        """
        request = self._own(grant_id, actor)
        grant = self._live(request)
        if request.kind is not CredentialKind.OWN_ACCOUNT or grant.state is not GrantState.ACTIVE:
            raise Conflict(f"There is nothing to check about {grant_id} at this moment.")
        return self.provisioning.roles.works(RequestDetails(request, grant), grant)

    def _own(self, grant_id: str, actor: str) -> AccessRequest:
        with self.store.reading() as read:
            request = read.request(grant_id)
        if request is None or request.requester != actor:
            raise NotFound(grant_id)
        return request

    def _live(self, request: AccessRequest) -> Grant:
        with self.store.reading() as read:
            grant = read.grant(request.id)
        if grant is None:
            raise Conflict(_no_grant(request))
        if grant.state is GrantState.WRITTEN_OFF:
            raise Conflict(f"{request.id} was written off with its cluster. Nothing was changed.")
        if grant.state not in LIVE:
            raise Conflict(f"{request.id} has already ended. Nothing was changed.")
        return grant


def _check_has_secret(request: AccessRequest) -> None:
    if request.kind is CredentialKind.OWN_ACCOUNT:
        raise Conflict(f"{request.id} is access for your own account: there is no password and no key to make anew.")


def _no_grant(request: AccessRequest) -> str:
    if request.state is RequestState.PENDING:
        return f"{request.id} is not decided yet. To take it back: /es-access cancel {request.id}"
    if request.extends is not None:
        return f"{request.id} only extends {request.extends}. Say that one."
    return describe_end(request)
