"""Uploads by form: multipart/form-data with one file, written as it is read (RFC 7578)."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict
from rest_framework.parsers import BaseParser, DataAndFiles

from alice.common.errors import Invalid
from alice.common.tiers import entitlements_of
from files.storage.incoming import Incoming, Received
from files.storage.names import clean_filename

FILE_FIELD = "file"
CHUNK_BYTES = 512 * 1024

MALFORMED = "The body is not a whole multipart/form-data form."
NO_FILE = "No file was sent. Send it as the part `file` of the form, with its filename."
TWO_FILES = "More than one file was sent. Send one at a time."
NOT_TEXT = "This is not UTF-8 text, or holds a NUL character."


def _fault(field: str, sentence: str) -> Invalid:
    return Invalid(f"{field}: {sentence}", errors={field: [sentence]})


class IncomingFile:
    """The file of a form. Its bytes go with the request unless they are kept elsewhere."""

    def __init__(
        self, incoming: Incoming, received: Received, *, filename: str, declared_type: str
    ) -> None:
        self._incoming = incoming
        self.received = received
        self.filename = filename
        self.declared_type = declared_type

    def fingerprint(self) -> list[str]:
        """What makes two sent files the same: name, declared type and bytes."""
        return [self.filename, self.declared_type, self.received.sha256]

    def close(self) -> None:
        """Remove the received file; Django calls it at the end of the request."""
        self._incoming.close()


class FormFields(dict[str, Any]):
    """The fields of a form by name; the file is one of them."""

    # REST framework adds the files to a copy; to a plain dict it would add lists of them.
    def copy(self) -> "FormFields":
        return FormFields(self)

    def update(self, files: Any) -> None:  # type: ignore[override]  # called with files only
        super().update(files.items())


class UploadForm(BaseParser):
    """Makes `request.data` of a form: its text fields and, under `file`, an `IncomingFile`.

    A repeated text field is a list of texts; other files are passed over. The received file is
    removed when the request ends. Raises `Invalid`, `FileTooLarge` for one that is longer than
    the sender's tier allows, and `StorageFull`.
    """

    media_type = "multipart/form-data"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        request = (parser_context or {})["request"]
        receiver = Receiver(entitlements_of(request.user.pk).upload_size_bytes)
        try:
            fields = _parsed(request._request.META, stream, receiver)
            return DataAndFiles(_texts(fields), receiver.files())
        except BaseException:
            receiver.close()
            raise


def file_of(form: Any) -> IncomingFile:
    """The file of a parsed form; raises `Invalid` naming `file` when there is none."""
    file = form.get(FILE_FIELD) if isinstance(form, Mapping) else None
    if not isinstance(file, IncomingFile):
        raise _fault(FILE_FIELD, NO_FILE)
    return file


class Receiver(FileUploadHandler):
    """Django's hooks for the parts of a form that are files: writes one, passes over others."""

    chunk_size = CHUNK_BYTES

    def __init__(self, limit_bytes: int) -> None:
        super().__init__()
        self._limit_bytes = limit_bytes
        self._incoming: Incoming | None = None
        self._file: IncomingFile | None = None
        self._is_open = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file. Its name is cleaned first, so that a bad one costs no reading."""
        super().new_file(*args, **kwargs)
        if self.field_name != FILE_FIELD:
            raise SkipFile
        if self._incoming is not None:
            raise _fault(FILE_FIELD, TWO_FILES)
        # The parser has checked its encoding already.
        self._name = clean_filename((self.file_name or "").encode("latin-1").decode())
        self._incoming = Incoming(limit=self._limit_bytes)
        self._is_open = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a block."""
        if self._incoming is not None:
            self._incoming.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """End the file: the boundary after it was seen."""
        if self._incoming is None:
            return
        self._is_open = False
        self._file = IncomingFile(
            self._incoming,
            self._incoming.finish(),
            filename=self._name,
            declared_type=self.content_type or "",
        )

    def files(self) -> MultiValueDict[str, IncomingFile]:
        """What was received whole. Raises `Invalid` when the body ended within the file."""
        if self._is_open:
            raise Invalid(MALFORMED)
        return MultiValueDict({FILE_FIELD: [self._file]} if self._file else {})

    def close(self) -> None:
        """Remove what was received."""
        if self._incoming is not None:
            self._incoming.close()


class FormParser(MultiPartParser):
    """Django's parser, with names as they were sent: `clean_filename` makes them harmless."""

    def sanitize_file_name(self, file_name: str) -> str:
        return file_name


def _parsed(meta: Mapping[str, Any], stream: Any, receiver: Receiver) -> Any:
    try:
        # In Latin-1 every byte is a character, so that none is replaced before we have looked.
        fields, _ = FormParser(meta, stream, [receiver], encoding="latin-1").parse()
    except (MultiPartParserError, ValueError) as error:
        raise Invalid(MALFORMED) from error
    return fields


def _texts(fields: Any) -> FormFields:
    texts = {
        _text(name): [_text(value, field=name) for value in values]
        for name, values in fields.lists()
    }
    return FormFields({name: each if len(each) > 1 else each[0] for name, each in texts.items()})


def _text(latin_1: str, *, field: str | None = None) -> str:
    """What was read as Latin-1 as the UTF-8 it is, without NUL, or the fault of `field`."""
    try:
        text = latin_1.encode("latin-1").decode()
    except UnicodeError:
        text = "\0"
    if "\0" not in text:
        return text
    raise _fault(_text(field), NOT_TEXT) if field else Invalid(MALFORMED)
