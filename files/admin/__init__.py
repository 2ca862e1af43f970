"""The admin of files; Django loads it by this name."""

from files.admin import files, storage, uploads

__all__ = ["files", "storage", "uploads"]
