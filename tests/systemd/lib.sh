# Sourced by every check, inside the container. A check runs as root in a machine that is its own and newly booted; it
# says what it found line by line and ends at the first thing that is not so, with the log.
#
# Mounted by tests/support/container.rs: the program at /usr/bin/zoho-tokend, this folder at /checks, the repository's
# systemd/ at /units and its config/ at /examples.
set -euo pipefail

unit='zoho-tokend.service'
org=acme-production
socket=/run/zoho-tokend/zoho-tokend.sock
token_file=/run/zoho-tokend/tokens/$org/access_token
config=/etc/zoho-tokend/zoho-tokend.toml
zoho=http://127.0.0.1:9000
work=$(mktemp -d)
chmod 755 "$work"

# --- to say what holds

# claim TEXT CMD...: CMD succeeds, or the check ends here.
claim() {
    local text=$1
    shift
    if "$@"; then echo "ok    $text"; else
        echo "FALSE $text: $*" >&2
        exit 1
    fi
}

equal() { [ "$1" = "$2" ] || { echo "      \"$1\" is not \"$2\"" >&2 && return 1; }; }

# Quietly: what it says of its failure is no news.
fails() { ! "$@" 2>/dev/null; }

# await SECONDS CMD...: until CMD succeeds; fails when the time is over.
await() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

end() {
    local status=$? job
    for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
    [ "$status" = 0 ] || journalctl --no-pager --output=short-precise --lines=80 -u 'zoho-tokend*' -u stand-in >&2
}
trap end EXIT

# --- to set up

# As a package would, and what an administrator adds to it: users, the config, a client's secret.
install_all() {
    install -m 0644 -t /usr/lib/systemd/system /units/zoho-tokend.service /units/zoho-tokend.socket \
        /units/zoho-tokend-notify@.service
    install -m 0644 /units/zoho-tokend.sysusers /usr/lib/sysusers.d/zoho-tokend.conf
    install -m 0644 /units/zoho-tokend.tmpfiles /usr/lib/tmpfiles.d/zoho-tokend.conf
    systemd-sysusers zoho-tokend.conf
    systemd-tmpfiles --create zoho-tokend.conf

    groupadd sync-jobs
    useradd crm-sync
    useradd --groups sync-jobs batch
    useradd stranger
    install -D -m 0644 /checks/zoho-tokend.toml "$config"
    install -D -m 0644 -t "/etc/systemd/system/$unit.d" "/units/$unit.d/client-secret.conf"
    systemctl daemon-reload
}

add_client_secret() {
    install -d -m 0700 /etc/credstore
    printf %s s3cret | install -m 0600 /dev/stdin /etc/credstore/warehouse
}

start_stand_in() {
    systemd-run --quiet --unit=stand-in zoho-tokend stand-in --port 9000 --token-life 1h
    await 10 zoho_answers
    order_zoho clients '{"client_id": "1000.WAREHOUSE", "client_secret": "s3cret"}' >/dev/null
}

# The whole of it: Zoho, the socket, an org enrolled, a token out. Sets `token`.
serve() {
    install_all
    add_client_secret
    start_stand_in
    systemctl start zoho-tokend.socket
    enroll
    token=$(as crm-sync zoho-tokend get "$org")
    claim "a token is out" test -n "$token"
    # Until then a reload counts as part of the start.
    claim "the daemon says READY" await 30 is_active
}

enroll() { grant_code | zoho-tokend enroll "$org"; }

# drop_in NAME SETTING...: into [Service]; in force from the next start.
drop_in() {
    local name=$1
    shift
    { echo '[Service]' && printf '%s\n' "$@"; } >"/etc/systemd/system/$unit.d/$name.conf"
    systemctl daemon-reload
}

# --- Zoho, that is, the stand-in's control plane

order_zoho() { curl -sS --fail-with-body --max-time 10 --json "$2" "$zoho/_/$1"; }
zoho_answers() { curl -s --fail -o /dev/null --max-time 5 "$zoho/_/stats"; }
token_calls() { curl -sS --fail --max-time 5 "$zoho/_/stats" | jq .token_calls; }

grant_code() {
    order_zoho codes '{"client_id": "1000.WAREHOUSE", "scope": "ZohoCRM.modules.ALL", "environment": "production"}' |
        jq --exit-status --raw-output .code
}

# --- the daemon

# as USER CMD...: with the groups that a login would have.
as() {
    local user=$1
    shift
    setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@"
}

ask() { curl -sS --max-time 60 --unix-socket "$socket" "$@"; }

# status_of USER PATH [SETPRIV-FLAG]: the HTTP status that USER gets.
status_of() {
    setpriv --reuid="$1" --regid="$(id -g "$1")" "${3:---init-groups}" \
        curl -sS --max-time 60 --unix-socket "$socket" -o /dev/null -w '%{http_code}' "http://localhost$2"
}

generation() { ask "http://localhost/v1/orgs/$org/token" | jq .generation; }
property() { systemctl show --property="$1" --value "$unit"; }
is_active() { [ "$(property ActiveState)" = active ]; }
log_says() { journalctl --no-pager --output=cat -u "$unit" | grep --quiet --fixed-strings -e "$1"; }

# was_restarted N: by systemd itself, N times, and it is up again.
was_restarted() { [ "$(property NRestarts)" = "$1" ] && is_active; }

# The daemon's pid. Never 0, which `kill` takes for everybody in the caller's process group.
main_pid() {
    local pid
    pid=$(property MainPID)
    [ "$pid" -gt 1 ] || { echo "the daemon does not run" >&2 && return 1; }
    echo "$pid"
}
