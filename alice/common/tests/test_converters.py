"""Ids in paths."""

import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("faulty_urls")]


@pytest.mark.parametrize("text", ["1", "9", "10", "9223372036854775807"])
def test_a_positive_64_bit_integer_is_an_id(client, text):
    response = client.get(f"/api/ids/{text}")

    assert (response.status_code, response.content) == (200, text.encode())


@pytest.mark.parametrize(
    "text",
    [
        *("0", "00", "01", "-1", "+1", "9223372036854775808", "9" * 19, "9" * 30, "9" * 5000),
        *("1e3", "1.0", "abc", "%00", "1%00", "..%2f1", "%20", "1%20", "%31%0a"),
        *("\uff11", "\u0661", "²", "1/", "1/2", "0x1", "1_0", "null", "", "1;", "1,2"),
    ],
)
def test_anything_else_is_404(client, text):
    response = client.get(f"/api/ids/{text}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
