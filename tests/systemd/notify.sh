#!/bin/bash
# A unit is reloaded when its org's token has changed, with the new token's files in place, once, and not otherwise,
# whatever becomes of the other units of the same org.
. /checks/lib.sh

serve
notify=zoho-tokend-notify@$org.service

# Notes at each reload which generation the file has at that moment.
cat >/etc/systemd/system/reloads.service <<END
[Service]
ExecStart=/usr/bin/sleep infinity
ExecReload=/bin/sh -c 'jq .generation /run/zoho-tokend/tokens/$org/token.json >>$work/reloads'
END
# Has no reload.
cat >/etc/systemd/system/restarts.service <<END
[Service]
ExecStart=/bin/sh -c 'echo started >>$work/restarts; exec sleep infinity'
END
printf '[Service]\nExecStart=/bin/sh -c "echo started >>%s/sleeps; exec sleep infinity"\n' "$work" >/etc/systemd/system/sleeps.service
touch "$work/reloads"
systemctl daemon-reload
systemctl start reloads.service restarts.service

reloads() { wc -l <"$work/reloads"; }
restarts() { wc -l <"$work/restarts"; }
were_reloaded() { [ "$(reloads)" -ge "$1" ] && [ "$(restarts)" -ge "$2" ]; }
of_notify() { systemctl show --property="$1" --value "$notify"; }
cursor_has() { grep --quiet "$1" "/var/lib/zoho-tokend-notify/$org/cursor"; }
new_token() {
    zoho-tokend refresh "$org" >/dev/null
    generation=$(generation)
}

claim "without a file of units it does not start" fails systemctl start "$notify"
systemctl stop "$notify"
install -d /etc/zoho-tokend/notify
echo 'UNITS=reloads.service restarts.service sleeps.service' >"/etc/zoho-tokend/notify/$org"
claim "with one it does" systemctl start "$notify"
claim "the token that there is counts as new the first time" await 20 were_reloaded 1 2
claim "which is kept" await 20 cursor_has "$(generation)"

pid=$(of_notify MainPID)
claim "it runs" test "$pid" -gt 1
claim "as root without a capability" grep -q '^CapEff:\s*0*$' "/proc/$pid/status"
claim "it cannot gain one" grep -q '^NoNewPrivs:\s*1$' "/proc/$pid/status"
claim "its system calls are filtered" grep -q '^Seccomp:\s*2$' "/proc/$pid/status"

new_token
claim "a new token reloads the unit, and restarts the one that has no reload" await 20 were_reloaded 2 3
claim "its file was there by then" equal "$(tail -n 1 "$work/reloads")" "$generation"
claim "which is kept, too" await 20 cursor_has "$generation"

systemctl restart "$unit"
await 30 is_active
systemctl restart "$notify"
sleep 3
claim "restarts of the daemon and of itself reload nothing" equal "$(reloads)/$(restarts)" 2/3

systemctl stop "$notify"
claim "a stop is clean" equal "$(of_notify Result)" success
new_token
systemctl start "$notify"
claim "what changed while it was down is made up for" await 20 were_reloaded 3 4
await 20 cursor_has "$generation"
claim "once" equal "$(reloads)/$(restarts)" 3/4
claim "a unit that does not run is left alone" test ! -e "$work/sleeps"

echo "ExecReload=/bin/false" >>/etc/systemd/system/reloads.service
systemctl daemon-reload
new_token
failures() { journalctl --no-pager --output=cat -u "$notify" | grep --count 'the command failed (exit status: 1); it is run again in'; }
have_failed() { [ "$(failures)" -ge "$1" ]; }
claim "a reload that fails is told" await 20 have_failed 1
claim "and tried again" await 20 have_failed 3
claim "which restarts no other unit a second time" equal "$(restarts)" 5
sed -i '$d' /etc/systemd/system/reloads.service
systemctl daemon-reload
claim "until it succeeds" await 40 cursor_has "$generation"
