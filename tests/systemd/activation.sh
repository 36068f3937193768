#!/bin/bash
# From nothing to a token: user, folders, socket, first request, enrolment, both outlets.
. /checks/lib.sh

install_all
add_client_secret
claim "sysusers makes the user" id zoho-tokend
claim "tmpfiles makes the runtime folder" equal "$(stat -c '%U:%G %a' /run/zoho-tokend)" "zoho-tokend:zoho-tokend 755"
claim "tmpfiles makes the state's folder" equal "$(stat -c '%U:%G %a' /var/lib/zoho-tokend)" "zoho-tokend:zoho-tokend 700"

start_stand_in
systemctl start zoho-tokend.socket
claim "the socket is there for everybody" equal "$(stat -c '%F %a' "$socket")" "socket 666"
claim "the daemon waits to be asked" equal "$(property ActiveState)" inactive
claim "the first request starts it and is answered" equal "$(status_of stranger /livez)" 200
claim "it says READY" await 30 is_active

pid=$(main_pid)
claim "it runs as its own user" equal "$(stat -c %U "/proc/$pid")" zoho-tokend
claim "it has no capability" grep -q '^CapEff:\s*0*$' "/proc/$pid/status"
claim "its system calls are filtered" grep -q '^Seccomp:\s*2$' "/proc/$pid/status"
listens_on_tcp() { awk -v uid="$(id -u zoho-tokend)" '$4 == "0A" && $8 == uid { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6; }
claim "it listens on no TCP port" fails listens_on_tcp

claim "an org enrolls with a pasted code" enroll
token=$(as crm-sync zoho-tokend get "$org")
claim "a job reads the token with the program" test -n "$token"
claim "a job reads it with curl" equal "$(as crm-sync curl -sS --unix-socket "$socket" -H 'Accept: text/plain' "http://localhost/v1/orgs/$org/token")" "$token"
claim "a job reads it from its file" equal "$(as crm-sync cat "$token_file")" "$token"
claim "Zoho knows the token" equal "$(curl -sS "$zoho/_/alive?token=$token" | jq .alive)" true
claim "the enrolment was the only call to Zoho" equal "$(token_calls)" 1
