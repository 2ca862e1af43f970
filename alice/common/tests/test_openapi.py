"""The OpenAPI description."""

import io
import json
import re
from collections import Counter

import pytest
from django.core.management import call_command

ALWAYS = {"400", "405", "429", "500", "503"}
EVERY_ANSWER = {"X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


@pytest.fixture(scope="module")
def schema():
    written = io.StringIO()
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=written
    )
    return json.loads(written.getvalue())


@pytest.fixture(scope="module")
def operations(schema):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def missing(operations, wanted):
    """Operation -> what `wanted(name, operation)` has that it does not declare."""
    gaps = {
        name: wanted(name, operation) - operation["responses"].keys()
        for name, operation in operations.items()
    }
    return {name: gap for name, gap in gaps.items() if gap}


def test_it_is_valid_and_describes_the_api(schema, operations):
    assert schema["openapi"].startswith("3.")
    assert all(path.startswith("/api/") for path in schema["paths"])
    assert len(operations) > 20


def test_every_operation_has_an_id_of_its_own(operations):
    counted = Counter(operation["operationId"] for operation in operations.values())

    assert [name for name, count in counted.items() if count > 1] == []


def test_descriptions_are_written_for_callers(operations):
    texts = " ".join(f"{it['summary']} {it.get('description', '')}" for it in operations.values())

    assert re.findall(r"\b\w*(?:viewset|serializer|queryset)\w*", texts, re.IGNORECASE) == []


def test_every_operation_has_one_tag_and_a_summary(schema, operations):
    assert [name for name, it in operations.items() if len(it["tags"]) != 1] == []
    assert [name for name, it in operations.items() if not it.get("summary")] == []
    described = {tag["name"] for tag in schema["tags"]}
    assert {it["tags"][0] for it in operations.values()} <= described


def test_every_operation_declares_the_errors_it_can_answer(operations):
    def wanted(name, operation):
        statuses = set(ALWAYS)
        statuses |= {"401"} if any(operation.get("security", [])) else set()
        statuses |= {"404"} if "{" in name else set()
        statuses |= {"409", "413", "415"} if "requestBody" in operation else set()
        return statuses

    assert missing(operations, wanted) == {}


def test_every_header_that_counts_declares_its_refusal(operations):
    def wanted(name, operation):
        headers = {parameter["name"] for parameter in operation.get("parameters", [])}
        return {
            status
            for header, status in (("Idempotency-Key", "422"), ("If-Match", "412"))
            if header in headers
        }

    assert missing(operations, wanted) == {}


def test_every_answer_declares_its_headers(operations):
    bare = {
        f"{name} {status}"
        for name, operation in operations.items()
        for status, response in operation["responses"].items()
        if "$ref" not in response and EVERY_ANSWER - response.get("headers", {}).keys()
    }

    assert bare == set()


def test_every_reference_leads_somewhere(schema):
    text = json.dumps(schema)
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        place = schema
        for part in reference.split("/"):
            place = place[part]
        assert place


@pytest.mark.django_db
def test_it_is_public_as_json_and_as_yaml(client):
    as_json = client.get("/api/schema?format=json")
    as_yaml = client.get("/api/schema")

    assert as_json.json()["info"]["title"] == "Alice"
    assert as_yaml.content.startswith(b"openapi: 3")
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 200


def test_what_sends_stored_bytes_says_so(operations):
    download = operations["GET /api/files/{file_id}/download"]

    assert {"200", "206", "302", "304", "401", "403", "404", "416"} <= download["responses"].keys()
    assert download["security"] == [{"bearer": []}, {"link": []}]
    body = download["responses"]["206"]["content"]["application/octet-stream"]["schema"]
    assert body == {"type": "string", "format": "binary"}


def test_an_upload_says_what_it_takes_and_what_can_be_full(operations):
    upload = operations["POST /api/files/upload"]

    assert list(upload["requestBody"]["content"]) == ["multipart/form-data"]
    assert {"201", "403", "409", "413", "415", "422", "507"} <= upload["responses"].keys()
