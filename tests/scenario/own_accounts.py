"""A stage where people have accounts of their own: Alice is a native user of the cluster, and signed in."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from bot.sandbox.node import Node
from tests.stage import Secret, Stage, set_stage

BY_NAME = {
    "ELASTICSEARCH_ACCOUNT_REALM": "native",
    "ELASTICSEARCH_ACCOUNT_USERNAME": "{email}",
    "ELASTICSEARCH_ACCOUNT_ADD_ROLE": "true",
    "KIBANA_URL": "https://kibana.example.com",
}


@dataclass(frozen=True)
class OwnAccountStage:
    """A stage, and Alice's own account in its cluster."""

    stage: Stage
    password: str

    @property
    def username(self) -> str:
        return self.stage.alice.email

    @property
    def role_name(self) -> str:
        """The name of her personal role."""
        return f"es-access-own-{self.stage.alice.id.lower()}"

    def search(self, index: str) -> int:
        """The HTTP status of a search with her own account."""
        return self.stage.search(Secret(self.username, self.password), index)

    def granted(self, text: str) -> str:
        """Asks for access that Bob approves, and waits until she is told of it."""
        request = self.stage.ask(text)
        self.stage.approve(request)
        self.stage.reads(self.stage.alice, f"ACCESS {request}", "with your own account")
        return request

    def role(self) -> dict[str, Any] | None:
        """Her personal role as the cluster has it."""
        security = self.stage.node.client().options(ignore_status=404).security
        found: dict[str, Any] = security.get_role(name=self.role_name).body
        return found.get(self.role_name)

    def grants(self) -> list[str]:
        """The grants that her role holds, by its metadata."""
        role = self.role() or {"metadata": {"es_access": {"parts": []}}}
        return sorted(each["grant"] for each in role["metadata"]["es_access"]["parts"])

    def user(self) -> dict[str, Any]:
        """Her account as the cluster has it."""
        return dict(self.stage.node.client().security.get_user(username=self.username).body[self.username])

    def change_user(self, **changes: Any) -> None:
        """What an administrator changes of her account."""
        kept = {key: value for key, value in self.user().items() if key in {"roles", "full_name", "email", "enabled"}}
        self.stage.node.client().security.put_user(username=self.username, **{**kept, **changes}, refresh=False)

    def delete_user(self) -> None:
        self.stage.node.client().security.delete_user(username=self.username, refresh=False)


def own_account_stage(node: Node, directory: Path, stack: ExitStack, **settings: str) -> OwnAccountStage:
    """The stage, its application not yet started."""
    return with_account(set_stage(node, directory, stack, settings={**BY_NAME, **settings}), stack)


def with_account(stage: Stage, stack: ExitStack) -> OwnAccountStage:
    """Gives Alice an account of her own in the cluster of that stage."""
    staged = OwnAccountStage(stage, token_hex(16))
    security = stage.node.client().options(ignore_status=404).security
    stack.callback(security.delete_user, username=staged.username)
    stack.callback(security.delete_role, name=staged.role_name)
    stage.node.client().security.put_user(
        username=staged.username, password=staged.password, roles=["nobody"], full_name="Alice", refresh=False,
        metadata={"team": "web"},
    )  # fmt: skip
    return staged
