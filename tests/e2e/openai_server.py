"""A server with the OpenAI chat API on loopback, as good or as bad as a test wants it."""
import collections
import http.server
import json
import threading
import time


class Answer:
    """What the server does with one request: waits, then answers with a status and a body, or hangs up."""

    def __init__(self, text=None, status=200, body=None, headers=None, wait=0.0, hang_up=False):
        self.status, self.headers, self.wait, self.hang_up = status, headers or {}, wait, hang_up
        self.body = body if body is not None else json.dumps({
            "choices": [{"message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10}}).encode()


def prompt_of(request):
    return request["messages"][0]["content"]


class OpenAiServer:
    """Runs while the `with` block does. `answer(request, number)` says what to do with a request, where `number`
    counts the times that this very request came (from 1)."""

    def __init__(self, answer, port=0):
        self.requests, self.keys, self.most_at_once = [], [], 0
        self._counts, self._lock, self._now = collections.Counter(), threading.Lock(), 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                owner._handle(self, answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def _handle(self, handler, answer):
        text = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        with self._lock:
            self._counts[text] += 1
            number = self._counts[text]
            self.requests.append(json.loads(text))
            self.keys.append(handler.headers.get("Authorization"))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        assert handler.path == "/v1/chat/completions", handler.path
        result = answer(json.loads(text), number)
        time.sleep(result.wait)
        with self._lock:
            self._now -= 1
        try:
            if result.hang_up:
                handler.close_connection = True
                handler.connection.close()
                return
            handler.send_response(result.status)
            for name, value in {"Content-Length": str(len(result.body)), **result.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(result.body)
        except OSError:
            pass  # the client did not wait

    def repeated(self):
        """Requests that came more than once."""
        return [text for text, count in self._counts.items() if count > 1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
