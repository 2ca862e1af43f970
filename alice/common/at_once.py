"""A migration of many new tables that does not take a second for each of them."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AtOnce(Operation):
    """New tables as the state after all of `operations` has them.

    Django makes the classes of all models anew after each operation that touches one they are
    related to: for 60 tables that is 5,000 classes. Here they are made once. Of the operations,
    only those that make a model reach the database, and make it with the columns, indexes and
    constraints that later ones add; so all of them have to be about tables made here.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = list(operations)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # rendered anew when they are next asked for
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in self.created():
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in reversed(self.created()):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def created(self) -> list[CreateModel]:
        """The operations that make tables, in order."""
        return [one for one in self.operations if isinstance(one, CreateModel)]

    def describe(self) -> str:
        return f"Make {len(self.created())} tables at once"

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, [self.operations], {}
