#!/bin/bash
# Runs as ExecStartPre= of the unit, by sandbox.sh.
set -u

can() {
    if "${@:2}" >/dev/null 2>&1; then echo "ok    can $1"; else echo "FALSE can $1" && exit 1; fi
}
cannot() {
    if "${@:2}" >/dev/null 2>&1; then echo "FALSE cannot $1" && exit 1; else echo "ok    cannot $1"; fi
}
adjtimex() {
    local -A number=([x86_64]=159 [aarch64]=171)
    perl -e 'my $timex = "\0" x 256; exit(syscall(0 + shift, $timex) < 0)' "${number[$(uname -m)]}"
}

limits() { [ "$(ulimit -n)/$(ulimit -c)" = 16384/0 ]; }

can "ask whether the clock is synchronised" adjtimex
cannot "set it" date --set=@0
can "tell this boot from the last" test -r /proc/sys/kernel/random/boot_id
can "look up a host" getent ahosts accounts.lab
can "look up a user" getent passwd crm-sync
can "read its credential" grep -q s3cret "$CREDENTIALS_DIRECTORY/warehouse"
can "write its state" touch "$STATE_DIRECTORY/probe"
can "give a file to its own group" chgrp zoho-tokend "$STATE_DIRECTORY/probe"
can "write its tokens" touch "$RUNTIME_DIRECTORY/probe"
rm "$STATE_DIRECTORY/probe" "$RUNTIME_DIRECTORY/probe"
cannot "write its config" touch /etc/zoho-tokend/probe
cannot "write where no drop-in lets it" touch /srv/job/probe
cannot "see a home" ls /home/job
cannot "see another's processes" test -e /proc/1/status
cannot "make a device" mknod "$STATE_DIRECTORY/null" c 1 3
cannot "make a namespace" unshare --user true
can "open files for all its readers, and dump no core" limits
echo "ok    all"
