"""Secrets at rest: sealed in their column, hidden when shown, readable across changes of keys."""

import copy
import pickle
import traceback

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError
from django.db import models

from alice.common.secrets import (
    EncryptedTextField,
    Secret,
    SecretUnreadable,
    check_encryption_keys,
)

TEXT = "whsec_a text that nobody is to see"


@pytest.fixture
def field():
    field = EncryptedTextField()
    field.set_attributes_from_name("secret")
    return field


def test_what_is_sealed_can_be_opened(field):
    stored = field.get_prep_value(Secret(TEXT))

    assert TEXT not in stored
    assert field.from_db_value(stored, None, None).reveal() == TEXT


def test_the_same_text_is_never_sealed_the_same(field):
    assert field.get_prep_value(Secret(TEXT)) != field.get_prep_value(Secret(TEXT))


def test_what_comes_sealed_stays_as_it_was(field):
    stored = field.get_prep_value(Secret(TEXT))

    assert field.get_prep_value(field.from_db_value(stored, None, None)) == stored


def test_it_shows_itself_to_nobody_who_does_not_ask():
    secret = Secret(TEXT)

    assert TEXT not in f"{secret} {secret!r} {[secret]} {(secret,)!r}"
    assert TEXT.encode() not in pickle.dumps(secret)
    assert pickle.loads(pickle.dumps(secret)).reveal() == TEXT  # noqa: S301 - our own
    assert copy.deepcopy(secret).reveal() == TEXT


def test_nothing_is_nothing(field):
    assert field.get_prep_value(None) is None
    assert field.from_db_value(None, None, None) is None


def test_plain_text_is_not_taken_for_a_secret(field):
    with pytest.raises(TypeError):
        field.get_prep_value(TEXT)


def test_a_new_secret_key_opens_what_the_old_one_sealed(settings):
    sealed = Secret(TEXT).seal()

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key that signs from now on"

    assert Secret.from_sealed(sealed).reveal() == TEXT


def test_given_keys_seal_and_open_what_derived_ones_sealed(settings):
    by_derived = Secret(TEXT).seal()
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.ENCRYPTION_KEYS = [old]
    by_old = Secret(TEXT).seal()

    settings.ENCRYPTION_KEYS = [new, old]
    by_new = Secret(TEXT).seal()

    assert {Secret.from_sealed(each).reveal() for each in (by_derived, by_old, by_new)} == {TEXT}
    assert Fernet(new).decrypt(by_new).decode() == TEXT


def test_without_its_key_it_says_what_is_missing_and_nothing_else(settings):
    sealed = Secret(TEXT).seal()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key altogether, long enough", []

    with pytest.raises(SecretUnreadable, match="ENCRYPTION_KEYS") as caught:
        Secret.from_sealed(sealed).reveal()

    text = "".join(traceback.format_exception(caught.value))
    assert sealed not in text
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("damaged", ["", "x", "gAAAAA", "\u00fc"])
def test_what_was_never_sealed_is_unreadable(damaged):
    with pytest.raises(SecretUnreadable):
        Secret.from_sealed(damaged).reveal()


def test_it_cannot_be_searched_for_nor_edited(field):
    with pytest.raises(FieldError):
        field.get_lookup("exact")

    assert field.get_lookup("isnull")
    assert field.editable is False
    assert field.formfield is not None


def test_its_column_is_text_and_a_migration_names_it_by_its_path(field):
    _, path, args, kwargs = field.deconstruct()

    assert path == "alice.common.secrets.EncryptedTextField"
    assert (args, kwargs) == ([], {"editable": False}) or kwargs == {}
    assert isinstance(field, models.TextField)


def test_a_key_that_is_none_is_named_by_its_place_alone(settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), "no key", "\u00fc" * 44]

    faults = check_encryption_keys()

    assert [fault.id for fault in faults] == ["alice.E001", "alice.E001"]
    assert "Key 2" in faults[0].msg
    assert "no key" not in faults[0].msg


def test_good_keys_and_none_are_fine(settings):
    assert check_encryption_keys() == []
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert check_encryption_keys() == []
