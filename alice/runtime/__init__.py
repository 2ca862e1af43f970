"""The one-command runner: PostgreSQL, Valkey, web, worker and beat under one supervisor.

Nothing here imports Django or a database driver, so the supervisor stays small and can start
before either is usable.
"""
