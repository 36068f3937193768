#!/bin/bash
# An orderly end: status 0, no socket that nobody serves, the files and the state as they were.
. /checks/lib.sh

serve
generation=$(generation)
systemctl stop zoho-tokend.socket "$unit"
claim "the daemon ends with success" equal "$(property Result)/$(property ExecMainStatus)" success/0
claim "the socket's file is gone" test ! -e "$socket"
claim "the token's file stays" equal "$(as crm-sync cat "$token_file")" "$token"
status=0
as crm-sync zoho-tokend get "$org" 2>"$work/said" || status=$?
claim "a reader is told that nobody is there" equal $status 69
claim "and how to change that" grep -q 'systemctl' "$work/said"

systemctl start "$unit"
claim "the service brings its socket with it" test -S "$socket"
claim "and serves what it had" equal "$(as crm-sync zoho-tokend get "$org")" "$token"
claim "in the same generation" equal "$(generation)" "$generation"
claim "without asking Zoho" equal "$(token_calls)" 1
