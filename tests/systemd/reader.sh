#!/bin/bash
# reader.sh socket|file WHERE TOKEN DIR: one job that reads without a pause until DIR/stop appears. Every read adds a line
# to DIR/reads.PID; one that did not yield TOKEN adds what it got to DIR/refused.
how=$1 where=$2 token=$3 dir=$4

read_once() {
    case $how in
    socket) curl -sS --max-time 60 --unix-socket "$where" -H 'Accept: text/plain' "http://localhost/v1/orgs/acme-production/token" ;;
    file) cat "$where" ;;
    esac
}

while [ ! -e "$dir/stop" ]; do
    got=$(read_once 2>&1)
    [ "$got" = "$token" ] || echo "$how: $got" >>"$dir/refused"
    echo >>"$dir/reads.$BASHPID"
done
