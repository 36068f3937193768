#!/bin/bash
# A client's secret as a credential by name: a missing one is the daemon's to tell, not systemd's to hide.
. /checks/lib.sh

install_all
start_stand_in
systemctl start zoho-tokend.socket
claim "without the secret the start fails" fails systemctl start "$unit"
claim "for the config's sake, not systemd's" equal "$(property ExecMainStatus)" 78
claim "and the log names the credential" log_says warehouse
claim "the socket goes on listening" equal "$(systemctl is-active zoho-tokend.socket)" active

add_client_secret
claim "once it is there the daemon comes up without a hand" await 30 is_active
claim "and knows it" enroll
claim "so that jobs have a token" fails equal "$(as crm-sync zoho-tokend get "$org")" ""

printf %s s3cret | systemd-creds encrypt --with-key=host --name=warehouse - "$work/sealed" 2>/dev/null
install -D -m 0600 "$work/sealed" /etc/credstore.encrypted/warehouse
rm /etc/credstore/warehouse
drop_in client-secret LoadCredentialEncrypted=warehouse
claim "a sealed one does as well" systemctl restart "$unit"
claim "and the file of the other is not needed" equal "$(ask "http://localhost/v1/orgs/$org" | jq -r .grant)" ok
