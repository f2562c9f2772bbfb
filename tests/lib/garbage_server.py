"""Servers that are no SSH servers: garbage_server.py KIND PORT READY-FILE. Kinds: http (answers and closes), endless (a
banner without an end), chatter (lines for ever, none of them SSH's), silent (takes the connection, says nothing), noise
(SSH's banner, then random bytes)."""
import os
import socket
import sys
import threading


def serve(connection, kind):
    with connection:
        try:
            if kind == "http":
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            if kind == "endless":
                while True:
                    connection.sendall(b"SSH-2.0-" + b"x" * 4096)
            if kind == "chatter":
                while True:
                    connection.sendall(b"\x1b[2Jwelcome to nothing\r\n" * 64)
            if kind == "noise":
                connection.sendall(b"SSH-2.0-noise\r\n" + os.urandom(65536))
            while connection.recv(4096):
                pass
        except OSError:
            pass


def main():
    kind, port, ready = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with socket.create_server(("0.0.0.0", port)) as server:
        with open(ready, "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection, kind), daemon=True).start()


main()
