#!/bin/bash
# A daemon whose scheduler does not get on is killed and started again; one that gets on is left alone.
. /checks/lib.sh

serve
claim "the watchdog is on" equal "$(property WatchdogUSec)" "1min 30s"
drop_in watchdog WatchdogSec=6s TimeoutAbortSec=1s
systemctl restart "$unit"

fed() { property WatchdogTimestampMonotonic; }
fed_since() { [ "$(fed)" != "$1" ]; }
for n in 1 2 3; do
    claim "the scheduler feeds the watchdog, time $n" await 10 fed_since "$(fed)"
done
claim "nobody was killed meanwhile" equal "$(property NRestarts)" 0

kill -STOP "$(main_pid)"
claim "a stuck daemon is killed and comes back" await 30 was_restarted 1
claim "because of the watchdog" log_says "Watchdog timeout"
claim "with the token it had" equal "$(as crm-sync zoho-tokend get "$org")" "$token"
claim "Zoho was asked once, for the enrolment" equal "$(token_calls)" 1
