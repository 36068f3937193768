#!/bin/bash
# What the daemon can and cannot do, tried by another program in the unit's own sandbox.
. /checks/lib.sh

install_all
add_client_secret
echo "127.0.0.1 accounts.lab" >>/etc/hosts
install -d -m 0777 /home/job /srv/job
drop_in sandbox 'ExecStartPre=/bin/bash /checks/in_sandbox.sh'
systemctl start "$unit" || true
journalctl --no-pager --output=cat -u "$unit" | grep -E '^(ok|FALSE) '
claim "the sandbox is as it should be" log_says "ok    all"
