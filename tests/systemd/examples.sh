#!/bin/bash
# The example configs start a daemon as they are: unenrolled, with everything said that a person must do.
. /checks/lib.sh

install_all
for example in minimal.toml zoho-tokend.toml; do
    install -m 0644 "/examples/$example" "$config"
    claim "$example is a config to start with" systemctl restart "$unit"
    claim "its org waits for a person" equal "$(ask "http://localhost/v1/orgs/$org" | jq -r .grant)" unenrolled
    claim "its readers know what they wait for" equal "$(status_of crm-sync "/v1/orgs/$org/token")" 503
done
