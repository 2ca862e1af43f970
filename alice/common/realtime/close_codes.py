"""Why a socket is closed: private-use codes (RFC 6455, section 7.4.2) and two of the standard."""

TOO_LARGE = 1009
RESTARTING = 1012
BAD_FRAME = 4400
SIGNED_OUT = 4401
NOT_ALLOWED = 4403
NOT_FOUND = 4404
SIGN_IN_TOO_SLOW = 4408
SLOW_READER = 4409
TOO_FAST = 4429
