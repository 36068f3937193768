"""Tokens of zoho-tokend for a job. Needs nothing but Python: copy it beside yours."""

import http.client
import json
import os
import socket
import time

SOCKET = os.environ.get("ZOHO_TOKEND_SOCKET", "/run/zoho-tokend/zoho-tokend.sock")
PATIENCE_S = 120  # to wait for a token before the job gives up
RESTART_S = 10  # to wait for a daemon that was not there yet: it may be restarted just now
NOBODY = (FileNotFoundError, ConnectionRefusedError, PermissionError)


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
    """Asks again for as long as waiting helps, also for a daemon that is restarted, and PATIENCE_S lasts."""
    began_at, was_there = time.monotonic(), False
    while True:
        status, answer = _ask_once(method, path, body)
        is_pending = answer.get("verdict") == "pending"
        if status == 200 and not is_pending:
            return answer
        was_there |= status != 0
        give_up_at = began_at + (PATIENCE_S if was_there else RESTART_S)
        wait_s = answer.get("retry_after_s")
        if wait_s is None or time.monotonic() + wait_s > give_up_at:
            detail = "no new token yet" if is_pending else answer["detail"]
            raise NoToken("; ".join(filter(None, [detail, answer.get("cure")])))
        time.sleep(wait_s)


def _ask_once(method, path, body):
    """Status and answer. Both reads and reports may be repeated, so a lost connection is one more "try again"."""
    daemon = _Daemon("localhost")
    try:
        daemon.request(method, path, body)
        answer = daemon.getresponse()
        return answer.status, json.load(answer)
    except (OSError, http.client.HTTPException) as error:
        return 0 if isinstance(error, NOBODY) else 503, {"detail": f"no zoho-tokend at {SOCKET}: {error}", "retry_after_s": 1}
    finally:
        daemon.close()


class _Daemon(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)  # well over the 10 s that a token or a report may take
        self.sock.connect(SOCKET)
