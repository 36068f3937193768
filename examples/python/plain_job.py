"""Asks Zoho who the org is, without an SDK: python plain_job.py acme-production"""

import json
import sys
import urllib.error
import urllib.request

import tokend


class Refused(Exception):
    """Zoho's API says no."""


def call(org, path):
    """What Zoho's API answers; asked once more, with a new token, where it refused the old one."""
    for is_last in (False, True):
        token = tokend.token(org)
        header = {"Authorization": "Zoho-oauthtoken " + token["access_token"]}
        request = urllib.request.Request(token["api_domain"] + path, headers=header)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return None if answer.status == 204 else json.load(answer)
        except urllib.error.HTTPError as error:
            code = code_in(error)
            if is_last or code is None:
                raise Refused(f"Zoho answered {error.code}: {code or 'no code, most likely a web page'}") from error
            tokend.replace(org, token["generation"], code)


def code_in(answer):
    """None where a web page came, of Zoho on a bad day or of a proxy: it is no word on the token."""
    try:
        return json.load(answer)["code"]
    except (ValueError, KeyError, TypeError):
        return None


if __name__ == "__main__":
    try:
        print(call(sys.argv[1], "/crm/v8/org")["org"][0]["company_name"])
    except (tokend.NoToken, Refused, OSError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
