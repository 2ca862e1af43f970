"""How passwords are kept."""

from django.contrib.auth import hashers


class Argon2idHasher(hashers.Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one lane.

    The minimum of the OWASP Password Storage Cheat Sheet: 35 ms of CPU a login, where Django's
    own parameters cost 239 ms. Hashes with other parameters are renewed at the next login.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
