"""Tokens of zoho-tokend for a job. Needs nothing but Python: copy it beside yours."""

import http.client
import json
import os
import socket
import time

SOCKET = os.environ.get("ZOHO_TOKEND_SOCKET", "/run/zoho-tokend/zoho-tokend.sock")
PATIENCE_S = 120  # to wait for a token before the job gives up


class NoToken(Exception):
    """Why there is none, and what to do: the daemon's own words."""


def token(org):
    """The current token: access_token, api_domain, generation, … Ask before each call; do not keep it."""
    return _ask("GET", f"/v1/orgs/{org}/token?wait=10s")


def replace(org, generation, code):
    """Reports that Zoho refused the token of `generation` with `code`; back when there is another one.

    Raises NoToken where another token would not help, as with a scope that is missing.
    """
    report = json.dumps({"generation": generation, "code": code})
    told = _ask("POST", f"/v1/orgs/{org}/rejections", report)
    if told["verdict"] not in ("superseded", "refreshed"):
        raise NoToken(f"{org}: Zoho said {code}: {told.get('cure') or told['verdict']}")


def _ask(method, path, body=None):
    """Asks again for as long as the daemon says that waiting helps, and PATIENCE_S lasts."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        status, answer = _ask_once(method, path, body)
        is_pending = answer.get("verdict") == "pending"
        if status == 200 and not is_pending:
            return answer
        wait_s = answer.get("retry_after_s")
        if wait_s is None or time.monotonic() + wait_s > give_up_at:
            detail = "no new token yet" if is_pending else answer["detail"]
            raise NoToken("; ".join(filter(None, [detail, answer.get("cure")])))
        time.sleep(wait_s)


def _ask_once(method, path, body):
    daemon = _Daemon("localhost")
    try:
        daemon.request(method, path, body)
        answer = daemon.getresponse()
        return answer.status, json.load(answer)
    except OSError as error:
        raise NoToken(f"no zoho-tokend at {SOCKET}: {error}") from error
    finally:
        daemon.close()


class _Daemon(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)  # well over the 10 s that a token or a report may take
        self.sock.connect(SOCKET)
