#!/bin/bash
# Five restarts while jobs read the socket and the files as fast as they can.
. /checks/lib.sh

serve
calls=$(token_calls) generation=$(generation) inode=$(stat -c %i "$socket")
chmod 1777 "$work"
for how in socket socket socket file; do
    where=$socket
    [ $how = socket ] || where=$token_file
    as crm-sync bash /checks/reader.sh $how "$where" "$token" "$work" &
done

# Every reader has read again since the last call of this.
all_read_on() {
    local file lines
    [ "$(find "$work" -name 'reads.*' | wc -l)" = 4 ] || return 1
    for file in "$work"/reads.*; do
        lines=$(wc -l <"$file")
        [ "$lines" -gt "${seen[$file]:-0}" ] || return 1
    done
    for file in "$work"/reads.*; do seen[$file]=$(wc -l <"$file"); done
}
declare -A seen

claim "all jobs read" await 20 all_read_on
for round in 1 2 3 4 5; do
    pid=$(main_pid)
    systemctl restart "$unit"
    claim "restart $round made a new process" fails equal "$(main_pid)" "$pid"
    claim "all jobs read on" await 20 all_read_on
done
touch "$work/stop"
wait
claim "no read of $(cat "$work"/reads.* | wc -l) was refused" fails cat "$work/refused"
claim "the socket's file is the same" equal "$(stat -c %i "$socket")" "$inode"
claim "the token's file is there" equal "$(cat "$token_file")" "$token"
claim "the generation is the same" equal "$(generation)" "$generation"
claim "Zoho was not asked" equal "$(token_calls)" "$calls"
