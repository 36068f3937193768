#!/bin/bash
# Who may read: by uid, by gid, by supplementary group, on the socket and in the files alike.
. /checks/lib.sh

serve
path=/v1/orgs/$org/token
for user in crm-sync batch root; do
    claim "$user gets the token" equal "$(status_of $user $path)" 200
    claim "$user reads the file" equal "$(as $user cat "$token_file")" "$token"
done

claim "batch is nobody without its supplementary group" equal "$(status_of batch $path --clear-groups)" 403
claim "nor does it read the file then" fails setpriv --reuid=batch --regid=batch --clear-groups cat "$token_file"

for user in stranger nobody; do
    claim "$user gets nothing" equal "$(status_of $user $path)" 403
    claim "$user cannot tell an org from none" equal "$(status_of $user /v1/orgs/no-such-org/token)" 403
    claim "$user cannot read the file" fails as $user cat "$token_file"
    claim "$user cannot list the orgs" fails as $user ls /run/zoho-tokend/tokens
    claim "$user cannot look into the state" fails as $user ls /var/lib/zoho-tokend
done
claim "a reader enrolls nobody" fails as crm-sync zoho-tokend enroll "$org" <<<1000.code
