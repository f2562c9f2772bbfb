"""Requests that no client of ours makes, over raw sockets. `api.py NAME` runs one attack and exits with 0 when it was held."""
import http.client
import json
import os
import socket
import sys
import time

PORT = int(os.environ["API_PORT"])
TOKEN = open(os.environ["API_TOKEN_FILE"]).read().split("\n")[0]
PID = os.environ["COORDINATOR_PID"]
AUTH = f"Authorization: Bearer {TOKEN}\r\n"


def memory_mib():
    for line in open(f"/proc/{PID}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    raise SystemExit("the coordinator has gone")


def raw(data, wait=20):
    """Sends bytes as they are; the status of the answer, or None when there was none."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=wait) as s:
        try:
            s.sendall(data)
            answer = s.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return None
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else None


def post(path, body, kind="application/json"):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    c.request("POST", path, body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
    r = c.getresponse()
    return r.status, r.read()


def get(path, token=TOKEN, host=None):
    head = f"GET {path} HTTP/1.1\r\nHost: {host or '127.0.0.1'}\r\nConnection: close\r\n"
    return raw((head + (f"Authorization: Bearer {token}\r\n" if token is not None else "") + "\r\n").encode("latin-1"))


def expect(got, wanted, what):
    print(what[:70], got)
    if got not in wanted:
        raise SystemExit(f"{what[:200]}: {got}, not one of {wanted}")


def stranger_sends_much():
    before = memory_mib()
    for path in ("/v1/campaigns", "/v1/try"):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {64 << 20}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", PORT), timeout=30) as s:
            s.sendall(head.encode())
            try:
                for _ in range(64):
                    s.sendall(b"x" * (1 << 20))
                answer = s.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                answer = b"HTTP/1.1 401"
        expect(int(answer.split()[1]), (401,), path)
    grown = memory_mib() - before
    print(f"{grown} MiB more")
    if grown > 24:
        raise SystemExit(f"the coordinator has grown by {grown} MiB")


def wrong_tokens():
    for token in (None, "", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper() + "Z", "a" * 7000, "\xff\xfe"):
        expect(get("/v1/nodes", token), (401, 431), f"token {token!r}")


def foreign_hosts():
    for host in ("example.org", "127.0.0.1.example.org", "localhost.example.org", "localhost:x", "127.0.0.1:", "[::1", "0", "@127.0.0.1"):
        expect(get("/v1/nodes", host=host), (403, 400), host)


def large_bodies():
    before = memory_mib()
    expect(post("/v1/try", b" " * (3 << 20))[0], (413,), "a try of 3 MiB")
    expect(post("/v1/campaigns", b" " * (33 << 20))[0], (413,), "a campaign of 33 MiB")
    expect(post("/v1/campaigns/x/cancel", b" " * (1 << 20))[0], (413, 404), "a cancel of 1 MiB")
    chunks = b"".join(b"10000\r\n" + b"x" * 65536 + b"\r\n" for _ in range(64)) + b"0\r\n\r\n"
    head = f"POST /v1/try HTTP/1.1\r\nHost: localhost\r\n{AUTH}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    expect(raw(head.encode() + chunks), (413, None), "4 MiB in chunks")
    if memory_mib() - before > 64:
        raise SystemExit(f"the coordinator has grown from {before} to {memory_mib()} MiB")


def odd_json():
    bodies = [b"[" * 100000, b'{"a":' * 50000, b'{"campaign": "x", "campaign": "y"}', b'{"campaign": "x\\u0000y"}', b'{"campaign": "x', b'"\xff\xfe"',
              b"null", b"[]", b"1e999", b'{"campaign": 7}', b'{"campaign": {"a": 1}}', b'{"\\u0000": 1}', b'{"campaign": "' + b"\\u001b[2J" * 10 + b'"}']
    for body in bodies:
        status, answer = post("/v1/campaigns", body)
        expect(status, (400, 413, 422), repr(body[:50]))
        if any(c < 32 and c not in (9, 10) for c in answer):
            raise SystemExit(f"control codes in {answer!r}")
        json.loads(answer)


def odd_paths():
    for path in ("/v1/campaigns/../../etc/passwd", "/v1/problems/..%2f..%2fetc%2fpasswd", "/v1/problems/%00", "/v1/tasks/%1b%5b2J", "/../v1/nodes",
                 "//v1//nodes", "/v1/problems/" + "a" * 600, "/v1/campaigns/" + "%41" * 2000, "/v1/campaigns/x%0d%0aSet-Cookie:a=b/events", "/",
                 "/v1/problems/%ff%fe", "/schemas/ids/-1", "/schemas/ids/99999999999999999999", "/subjects/../versions", "*"):
        expect(get(path), (400, 404, 405, 414, 431), path)
    expect(get("/v1/nodes?" + "a=b&" * 100000), (414, 431, 400, None, 200), "a query of 400 kB")


def no_requests():
    for data in (b"\0" * 100 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"POST /v1/try HTTP/1.1\r\nHost: localhost\r\n" + AUTH.encode() + b"Content-Length: -1\r\n\r\n",
                 b"POST /v1/try HTTP/1.1\r\nHost: localhost\r\n" + AUTH.encode() + b"Content-Length: 99999999999999999999999\r\n\r\n",
                 b"GET /v1/nodes HTTP/1.1\r\n" + b"X: " + b"y" * 200000 + b"\r\n\r\n", b"GET /v1/nodes HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 b"DELETE /v1/nodes HTTP/1.1\r\nHost: localhost\r\n" + AUTH.encode() + b"\r\n"):
        expect(raw(data), (400, 403, 405, 413, 414, 431, 505, None), repr(data[:40]))


def hostile_campaigns():
    texts = ["a: &a [*a]", "[" * 5000, "campaign: \"../../x\"\nproblems: [softmax]\ntargets: [x]\n", "campaign: \"x\\e[2J\"\nproblems: [softmax]\ntargets: [x]\n",
             "campaign: x\nproblems: [\"../../../etc/passwd\"]\ntargets: [x]\n", "campaign: x\nproblems: [softmax]\ntargets: [\"\\e]0;owned\\a\"]\n", "\0", "a: " + "x" * 300000]
    for text in texts:
        status, answer = post("/v1/campaigns", json.dumps({"campaign": text, "problems": [], "kernels": []}))
        expect(status, (400, 404, 413, 422, 409), repr(text[:50]))
        message = json.loads(answer)["error"]["text"]
        if any(ord(c) < 32 and c not in "\n\t" or 0x7F <= ord(c) < 0xA0 for c in message):
            raise SystemExit(f"control codes in {message!r}")


def odd_numbers():
    for number in ("x", "1e3", "99999999999999999999", "0x10", "1;2"):
        expect(get(f"/v1/results?limit={number}"), (400,), number)


def idle_connections():
    """More than the server takes at a time: those that do not show the token in time make room."""
    held = [socket.create_connection(("127.0.0.1", PORT), timeout=20) for _ in range(280)]
    end, status = time.monotonic() + 20, None
    while status != 200 and time.monotonic() < end:
        try:
            status = get("/v1/health")
        except (OSError, TimeoutError):
            status = None
        time.sleep(0.2)
    for s in held:
        s.close()
    expect(status, (200,), "health within 20 s beside 280 idle connections")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
