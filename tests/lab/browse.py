#!/usr/bin/python3
"""Looks at the status page in headless Chromium: browse.py URL SCREENSHOT WIDTH SECONDS

After SECONDS of its life it prints, as JSON, the page's text, how wide it became, what its script
complained about, and what it asked for. By Chromium's own protocol, over the pipes 3 and 4."""

import json
import os
import base64
import shutil
import subprocess
import sys
import tempfile
import time


class Browser:
    def __init__(self, folder):
        to_browser, self.write = os.pipe()
        self.read, from_browser = os.pipe()
        # The browser wants its pipes as 3 and 4; high numbers first, so that neither is in the way.
        high_in, high_out = 20, 21
        os.dup2(to_browser, high_in)
        os.dup2(from_browser, high_out)
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--disable-dev-shm-usage", "--disable-background-networking",
                   "--disable-component-update", "--disable-sync", "--user-data-dir=" + folder,
                   "--remote-debugging-pipe", "about:blank"]
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", 'exec 3<&20 4>&21 20<&- 21>&-; exec "$@"', "bash", *command],
            pass_fds=(high_in, high_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for descriptor in (to_browser, from_browser, high_in, high_out):
            os.close(descriptor)
        self.rest = b""
        self.number = 0
        self.events = []

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.read, 65536)
            if not piece:
                raise SystemExit("chromium has ended")
            self.rest += piece
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        os.write(self.write, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)


def look(browser, url, screenshot, width, seconds):
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Network", "Log"):
        browser.call(domain + ".enable", session)
    browser.call("Emulation.setDeviceMetricsOverride", session, width=width, height=1200,
                 deviceScaleFactor=1, mobile=width < 600)
    browser.call("Page.navigate", session, url=url)

    def value(expression):
        return browser.call("Runtime.evaluate", session, expression=expression,
                            returnByValue=True)["result"].get("value")

    time.sleep(seconds)
    found = {"text": value("document.body.innerText"),
             "scroll_width": value("document.documentElement.scrollWidth"),
             "sparklines": value("document.querySelectorAll('svg polyline').length")}
    picture = browser.call("Page.captureScreenshot", session, captureBeyondViewport=True)["data"]
    with open(screenshot, "wb") as file:
        file.write(base64.b64decode(picture))
    found["complaints"] = [str(event["params"]) for event in browser.events
                           if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
                           and "favicon" not in str(event)]
    found["asked_for"] = sorted({event["params"]["request"]["url"] for event in browser.events
                                 if event.get("method") == "Network.requestWillBeSent"})
    return found


def main():
    url, screenshot, width, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    folder = tempfile.mkdtemp(prefix="director-browse-")
    browser = Browser(folder)
    try:
        print(json.dumps(look(browser, url, screenshot, width, seconds)))
    finally:
        browser.process.kill()
        browser.process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
