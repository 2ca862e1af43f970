import pytest
from django.db import connection, models
from django.db.migrations import AddField, AddIndex, CreateModel
from django.db.migrations.state import ProjectState

from alice.common.at_once import AtOnce

LEAF = CreateModel("Leaf", [("id", models.BigAutoField(primary_key=True))])
TREE = CreateModel("Tree", [("id", models.BigAutoField(primary_key=True))])
ON_A_TREE = AddField("leaf", "tree", models.ForeignKey("forest.Tree", models.CASCADE))
BY_SIZE = AddField("tree", "size", models.IntegerField(default=0))
INDEXED = AddIndex("tree", models.Index(fields=["size"], name="tree_by_size"))


def apply(operation):
    before, after = ProjectState(), ProjectState()
    operation.state_forwards("forest", after)
    with connection.schema_editor() as editor:
        operation.database_forwards("forest", editor, before, after)
    return before, after


def tables():
    return {name for name in connection.introspection.table_names() if "forest" in name}


@pytest.mark.django_db
def test_tables_are_made_with_what_later_operations_add():
    apply(AtOnce([LEAF, TREE, ON_A_TREE, BY_SIZE, INDEXED]))

    with connection.cursor() as cursor:
        leaf = connection.introspection.get_constraints(cursor, "forest_leaf")
        tree = connection.introspection.get_constraints(cursor, "forest_tree")
    assert [one["foreign_key"] for one in leaf.values() if one["foreign_key"]] == [
        ("forest_tree", "id")
    ]
    assert tree["tree_by_size"]["columns"] == ["size"]


@pytest.mark.django_db
def test_it_can_be_taken_back():
    operation = AtOnce([TREE, LEAF, ON_A_TREE])
    before, after = apply(operation)
    made = tables()

    with connection.schema_editor() as editor:
        operation.database_backwards("forest", editor, after, before)

    assert made == {"forest_leaf", "forest_tree"}
    assert tables() == set()


def test_it_is_written_into_a_migration_as_it_is():
    name, arguments, _ = AtOnce([TREE]).deconstruct()

    assert (name, arguments) == ("AtOnce", [[TREE]])
