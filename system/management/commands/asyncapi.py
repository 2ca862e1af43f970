"""Writes the description of the sockets."""

import json
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandParser

from alice.common.realtime.asyncapi import document

WIDTH = 100


class PlainDumper(yaml.SafeDumper):
    """Without anchors, which would save lines and be read by nobody."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(description: dict[str, Any]) -> str:
    plain = json.loads(json.dumps(description))
    return yaml.dump(plain, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def as_json(description: dict[str, Any]) -> str:
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


WRITERS = {"yaml": as_yaml, "json": as_json}


class Command(BaseCommand):
    help = "Write the AsyncAPI description of the websockets, as docs/asyncapi.yaml has it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["yaml", "json"], default="yaml")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(WRITERS[options["format"]](document()), ending="")
