#!/bin/bash
# kill -9: systemd starts the daemon again; what was out stays out, and Zoho is not asked.
. /checks/lib.sh

serve
generation=$(generation)
for n in 1 2 3; do
    kill -KILL "$(main_pid)"
    # Between two lives: the connection waits in the socket's backlog.
    claim "a reader waits and is not refused" equal "$(as crm-sync zoho-tokend get "$org")" "$token"
    claim "systemd started it again" await 30 was_restarted $n
    claim "the token's file is there" equal "$(as crm-sync cat "$token_file")" "$token"
    claim "the generation is the same" equal "$(generation)" "$generation"
done
claim "Zoho was asked once, for the enrolment" equal "$(token_calls)" 1
