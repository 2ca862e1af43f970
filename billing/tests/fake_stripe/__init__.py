"""A stand-in for Stripe's API: tests and development talk to it over real HTTP.

It knows one API version, the one the installed SDK speaks, and is held to the SDK's generated
types by `billing/tests/test_fake_conforms.py`. It was never compared with Stripe itself.
"""
