# Shared by the scripts of this folder: where things are, and how they talk (on stderr, so that stdout is the program's).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Another checkout of the same sources, in another locale, finds what this one compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=locale

say() { printf 'pitwall: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# build_targets DIR PRESET TARGET... configures once and builds what is out of date, silently when nothing is.
build_targets() {
    local dir=$1 preset=$2 log
    shift 2
    log=$dir/build.log
    mkdir -p "$dir"
    if [ ! -f "$dir/build.ninja" ]; then
        say "configuring $preset"
        (cd "$root" && cmake --preset "$preset" -B "$dir" ${PITWALL_CMAKE_ARGS:-}) >"$log" 2>&1 || { tail -n 30 "$log" >&2; die "configuring failed: see $log"; }
    fi
    ninja -C "$dir" "$@" >"$log" 2>&1 &
    watch_build $! "$log" || { grep -E -A8 'error|FAILED' "$log" | head -n 60 >&2; die "the build failed: see $log"; }
}

# watch_build PID LOG waits for a build, and says how far it is where that takes more than a moment.
watch_build() {
    local pid=$1 log=$2 begun=$SECONDS told=0
    trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.05
        if [ $told -eq 0 ] && [ $((SECONDS - begun)) -ge 2 ]; then
            told=$SECONDS
            say "building what is out of date (log: $log)"
        elif [ $told -gt 0 ] && [ $((SECONDS - told)) -ge 30 ]; then
            told=$SECONDS
            say "$(tail -n 1 "$log" | grep -oE '^\[[0-9]+/[0-9]+\]' || echo 'still') building"
        fi
    done
    trap - INT TERM
    wait "$pid"
}
