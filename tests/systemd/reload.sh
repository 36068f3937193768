#!/bin/bash
# A reload takes all of the new config or none of it, and says which; a start with a bad config tries again by itself.
. /checks/lib.sh

serve
pid=$(main_pid)
echo 'no_such_key = true' >>"$config"
claim "a reload of a bad config fails" fails systemctl reload "$unit"
claim "the log names the place" log_says zoho-tokend.toml:
claim "and the key" log_says no_such_key
claim "the daemon stays up" is_active
claim "it is the same process" equal "$(main_pid)" "$pid"
claim "readers notice nothing" equal "$(as crm-sync zoho-tokend get "$org")" "$token"

sed -i '/no_such_key/d' "$config"
cat >>"$config" <<'END'
[orgs.acme-spare]
client = "warehouse"
data_center = "lab"
environment = "production"
grant = "self-client"
scopes = ["ZohoCRM.modules.READ"]
END
claim "a reload of a good config works" systemctl reload "$unit"
claim "the new org is there" equal "$(ask http://localhost/v1/orgs/acme-spare | jq -r .grant)" unenrolled
claim "in the same process" equal "$(main_pid)" "$pid"

echo 'no_such_key = true' >>"$config"
claim "a start with a bad config fails" fails systemctl restart "$unit"
claim "for the config's sake" equal "$(property ExecMainStatus)" 78
as crm-sync curl -sS --max-time 60 --unix-socket "$socket" -H 'Accept: text/plain' "http://localhost/v1/orgs/$org/token" >"$work/late" &
claim "the token's file outlives the daemon" equal "$(as crm-sync cat "$token_file")" "$token"
tried_again() { [ "$(property NRestarts)" -ge 2 ]; }
claim "systemd tries again" await 30 tried_again
sed -i '/no_such_key/d' "$config"
claim "once the config is mended the daemon comes up without a hand" await 30 is_active
wait $!
claim "and the reader that waited has its token" equal "$(cat "$work/late")" "$token"
claim "which cost no mint" equal "$(token_calls)" 1
