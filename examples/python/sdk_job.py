"""Reads all leads of an org with Zoho's Python SDK (zohocrmsdk8_0) and tokens of zoho-tokend.

    python sdk_job.py acme-production
"""

import sys
import tempfile

import tokend
from zohocrmsdk.src.com.zoho.api.authenticator import Token
from zohocrmsdk.src.com.zoho.api.authenticator.store import TokenStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, Initializer, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.record import APIException, GetRecordsParam, RecordOperations
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig


class TokendToken(Token):
    """The hook: the SDK calls `authenticate` for every request, and each one gets the token of that moment."""

    def __init__(self, org):
        self.org = org

    def authenticate(self, url_connection):
        access_token = tokend.token(self.org)["access_token"]
        url_connection.add_header("Authorization", "Zoho-oauthtoken " + access_token)

    def generate_token(self):
        """Not the SDK's business."""

    remove = generate_token


class NoStore(TokenStore):
    """Keeps nothing. Left to itself the SDK puts a sdk_tokens.txt into the working folder."""

    find_token = find_token_by_id = save_token = lambda self, _: None
    delete_token = get_tokens = delete_tokens = lambda self, *_: None


def initialize(org, folder):
    """The SDK notes the fields of modules in `folder`: one for each org, and one that lasts saves those calls."""
    api_domain = tokend.token(org)["api_domain"]
    # No accounts server: the SDK refreshes nothing. For file uploads the third is Zoho's content host.
    environment = DataCenter.Environment(api_domain, None, None)
    config = SDKConfig(connect_timeout=10, read_timeout=60)
    Initializer.initialize(environment, TokendToken(org), NoStore(), config, folder)


class Refused(Exception):
    """Zoho's API says no."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def call(org, operation):
    """What `operation` of the SDK answers; repeated once, with a new token, where Zoho refused the old one."""
    generation = tokend.token(org)["generation"]
    try:
        return call_once(operation)
    except Refused as refused:
        tokend.replace(org, generation, refused.code)
        return call_once(operation)


def call_once(operation):
    """The SDK returns most refusals, raises those of its own calls, and returns None for what it cannot read."""
    try:
        response = operation()
    except SDKException as error:
        details = error.details or {}
        if isinstance(details.get("code"), str):
            raise Refused(details["code"], details.get("message")) from error
        raise error.cause or error
    if response is None:
        raise RuntimeError("the SDK could not read Zoho's answer; its log says why")
    answer = response.get_object()
    if isinstance(answer, APIException):
        raise Refused(answer.get_code().get_value(), answer.get_message())
    return answer


def leads(org):
    """Every lead, page by page, for however many tokens that takes."""
    page_token = None
    while True:
        parameters = ParameterMap()  # a new one: a second `add` of a parameter would join the two values
        parameters.add(GetRecordsParam.fields, "Last_Name,Company")
        if page_token:
            parameters.add(GetRecordsParam.page_token, page_token)
        page = call(org, lambda: RecordOperations("Leads").get_records(parameters, HeaderMap()))
        if page is None:
            return  # 204: there are none
        yield from page.get_data()
        if not page.get_info().get_more_records():
            return
        page_token = page.get_info().get_next_page_token()


def main(org):
    with tempfile.TemporaryDirectory() as folder:
        initialize(org, folder)
        for lead in leads(org):
            print(lead.get_id(), lead.get_key_value("Last_Name"), sep="\t", flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (tokend.NoToken, Refused) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
