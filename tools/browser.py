"""Headless Chromium through its WebDriver (Debian packages chromium and chromium-driver), as little as the report
needs: open a page, run JavaScript in it, take a picture, and hear what it logged and asked the network for."""
import base64
import json
import shutil
import subprocess
import urllib.request


def missing():
    """Why there is no browser to drive, or None."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"apt-get install chromium chromium-driver ({', '.join(absent)} not found)" if absent else None


class Browser:
    """Runs while the `with` block does. `dark` is what the pages see as the reader's wish."""

    def __init__(self, width=1280, height=900, dark=False):
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self._session = None
        try:
            self._server = f"http://127.0.0.1:{self._port()}"
            options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                "--force-device-scale-factor=1", f"--window-size={width},{height}"],
                       "perfLoggingPrefs": {"enableNetwork": True}}
            session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self._session = "/session/" + session["sessionId"]
            self.command("Emulation.setDeviceMetricsOverride",
                         {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
            self.command("Emulation.setEmulatedMedia", {"features": [
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        except BaseException:
            self.__exit__()
            raise

    def _port(self):
        for line in self._driver.stdout:
            if "successfully on port" in line:
                return int(line.strip().rstrip(".").split()[-1])
        raise RuntimeError("chromedriver did not start")

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._server + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, url):
        self._call("POST", self._session + "/url", {"url": url})

    def run(self, script, *arguments):
        """The value that a JavaScript function body returns; a promise is waited for."""
        return self._call("POST", self._session + "/execute/sync", {"script": script, "args": list(arguments)})

    def press(self, *keys):
        """Types keys at what has the focus ("\\ue014" is the right arrow), those of a tuple together."""
        chords = [key if isinstance(key, tuple) else (key,) for key in keys]
        actions = [{"type": kind, "value": key} for chord in chords
                   for kind, order in (("keyDown", chord), ("keyUp", chord[::-1])) for key in order]
        self._call("POST", self._session + "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def command(self, name, arguments):
        """A command of the DevTools protocol."""
        return self._call("POST", self._session + "/goog/cdp/execute", {"cmd": name, "params": arguments})

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", self._session + "/screenshot")))

    def console(self):
        """Warnings and errors since the last call."""
        entries = self._call("POST", self._session + "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def requests(self):
        """URLs asked for since the last call."""
        entries = self._call("POST", self._session + "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            if self._session:
                self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait()
            self._driver.stdout.close()
