"""A proxy that can stand still in the middle of a request."""

import socket
import threading
from contextlib import suppress


class StallingProxy:
    """Passes bytes between clients and a port of this machine.

    After `stall_after(count)` it passes so many bytes of clients and then stands still, which
    `is_stalled` tells, until `drop()` breaks all connections and new ones are passed whole.
    """

    def __init__(self, port):
        self.port = port
        self.passed = 0
        self.is_stalled = threading.Event()
        self._remaining = None
        self._lock = threading.Lock()
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stall_after(self, count):
        self._remaining = count

    def drop(self):
        self._remaining = None
        self.is_stalled.clear()
        self.passed = 0
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._sockets.clear()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                self._sockets += [client, server]
                for pump in (self._pass_up, self._pass_down):
                    threading.Thread(target=pump, args=[client, server], daemon=True).start()

    def _pass_up(self, client, server):
        with suppress(OSError):
            while block := client.recv(65536):
                allowed = self._allowed(block)
                server.sendall(allowed)
                if len(allowed) < len(block):
                    self.is_stalled.set()
                    return
            server.shutdown(socket.SHUT_WR)

    def _pass_down(self, client, server):
        with suppress(OSError):
            while block := server.recv(65536):
                client.sendall(block)
            client.shutdown(socket.SHUT_WR)

    def _allowed(self, block):
        with self._lock:
            if self._remaining is not None:
                block = block[: self._remaining]
                self._remaining -= len(block)
            self.passed += len(block)
            return block
