#!/bin/bash
# A throw-away machine with a real systemd as PID 1, for tests/systemd.rs. Needs root, systemd-nspawn and debootstrap.
#
#   container.sh tree              makes, once, the system that every container starts from, and prints its folder
#   container.sh boot DIR ARG...   boots it; ARGs go to systemd-nspawn; prints the pid of its PID 1 when it is up
#   container.sh exec PID CMD...   runs CMD inside
#
# `boot` lasts until its standard input ends, then ends the container: whoever holds the other end of that pipe cannot
# leave one behind, not even by dying. What a container writes goes to memory and is gone with it; all start alike.
set -euo pipefail
shopt -s inherit_errexit # Or a failed debootstrap would go unnoticed in $(tree).

# What the checks need inside. The folder of the tree is named after this list, so that a longer one makes a new tree.
packages=systemd,systemd-sysv,dbus,ca-certificates,curl,jq

tree() {
    # The host's own release: a binary that was linked here finds the C library that it asks for.
    local suite site cache dir
    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    cache=${XDG_CACHE_HOME:-/var/cache}/zoho-tokend-test
    dir=$cache/$suite-$(cksum <<<"$packages" | cut -d' ' -f1)
    mkdir -p "$cache"
    exec 9>"$cache/lock" # Tests run side by side: the first one builds, the others wait for it.
    flock 9
    if [ ! -d "$dir" ]; then
        # shellcheck disable=SC2016 # apt-get's own variable.
        site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Release: $suite" 'Component: main' | head -n 1)
        [ -n "$site" ] || { echo "apt has no source for $suite main" >&2; return 1; }
        echo "making $dir, which takes some minutes once" >&2
        rm -rf "$dir.part"
        debootstrap --variant=minbase --include="$packages" "$suite" "$dir.part" "$site" >&2
        mv "$dir.part" "$dir" # Under its name only when it is whole.
    fi
    echo "$dir"
}

# Cgroups of our own for this process and its children, where no systemd of the host gives them: two containers in
# one cgroup would end each other's services. Sets `cgroups`.
enter_own_cgroups() {
    local root name=zoho-tokend-test-$$
    cgroups=()
    for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ -e "$root/cgroup.procs" ] || continue
        mkdir "$root/$name"
        cgroups+=("$root/$name")
    done
}

boot() {
    local dir=$1 base state flags=(--register=no)
    shift
    base=$(tree)
    nspawn='' leader='' cgroups=() # Not local: the trap reads them when this function is over.
    if [ ! -d /run/systemd/system ]; then
        enter_own_cgroups
        flags+=(--keep-unit)
    fi
    (
        for cgroup in "${cgroups[@]}"; do echo "$BASHPID" >"$cgroup/cgroup.procs"; done
        # One cgroup tree inside, as every systemd since 256 demands. And what a service may do on a machine, but not in a
        # container: ask the clock, and have its IP addresses filtered. Not CAP_SYS_TIME: the clock is the host's.
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn --directory="$base" --volatile=overlay --boot \
            "${flags[@]}" --private-network --machine="zt-$$" --console=pipe \
            --capability=CAP_BPF --system-call-filter='adjtimex clock_adjtime bpf' "$@" </dev/null >"$dir/console.log" 2>&1
    ) &
    nspawn=$!
    trap down EXIT
    for _ in $(seq 600); do
        kill -0 "$nspawn" 2>/dev/null || break
        leader=$(leader_of "$nspawn")
        state=$([ -z "$leader" ] || enter "$leader" systemctl is-system-running 2>/dev/null) || true
        case $state in
        # `degraded`: a container cannot do all that a machine does. The checks look at our own units.
        running | degraded)
            echo "$leader"
            cat >/dev/null # Until the caller closes its end.
            return
            ;;
        esac
        sleep 0.1
    done
    echo "the container did not come up within a minute:" >&2
    tail -n 30 "$dir/console.log" >&2
    return 1
}

# Ends what `boot` began. Not an orderly power-off: the container wrote to memory, there is nothing to save.
down() {
    kill -KILL "${leader:-$nspawn}" 2>/dev/null || true
    wait "$nspawn" || true
    local cgroup
    for cgroup in "${cgroups[@]}"; do find "$cgroup" -depth -type d -exec rmdir {} +; done
}

# The PID 1 of the container that the systemd-nspawn with this pid runs; nothing while there is none.
leader_of() {
    local child
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = systemd ]; then echo "$child"; fi
    done
}

enter() {
    local leader=$1
    shift
    nsenter --target "$leader" --mount --uts --ipc --net --pid \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_PAGER=cat "$@"
}

verb=$1
shift
case $verb in
tree) tree ;;
boot) boot "$@" ;;
exec) enter "$@" ;;
*) echo "container.sh: no verb $verb" >&2 && exit 64 ;;
esac
