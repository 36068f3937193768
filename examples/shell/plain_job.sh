#!/bin/sh
# Asks Zoho who the org is, with curl and jq: plain_job.sh acme-production
set -eu
org=$1
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
for try in 1 2; do
    token=$(zoho-tokend get "$org" --format json)   # exits 75 where trying later helps, 78 where a person must act
    status=$(printf %s "$token" |
        jq -r '"header = \"Authorization: Zoho-oauthtoken \(.access_token)\"", "url = \"\(.api_domain)/crm/v8/org\""' |
        curl -sS --max-time 30 -K - -o "$answer" -w '%{http_code}')
    if [ "$status" -lt 400 ]; then break; fi
    if [ "$try" = 2 ]; then echo "Zoho answered $status:" >&2; cat "$answer" >&2; exit 1; fi
    zoho-tokend report "$org" --generation "$(printf %s "$token" | jq .generation)" --answer "$answer" --wait 60s >&2 ||
        { code=$?; echo "Zoho answered $status" >&2; exit $code; }
done
jq -er '.org[0].company_name' "$answer"   # -e: an empty answer is a failure, too
