# Shared by the scripts of this folder: where things are, and how they talk (on stderr, so that stdout is the program's).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Another checkout of the same sources finds what this one compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

say() { printf 'pitwall: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# build_target DIR PRESET TARGET... configures once and builds what is out of date, silently when nothing is.
build_targets() {
    local dir=$1 preset=$2 log
    shift 2
    log=$dir/build.log
    mkdir -p "$dir"
    if [ ! -f "$dir/build.ninja" ]; then
        say "configuring $preset"
        (cd "$root" && cmake --preset "$preset" -B "$dir" ${PITWALL_CMAKE_ARGS:-}) >"$log" 2>&1 || { tail -n 30 "$log" >&2; die "configuring failed: see $log"; }
    fi
    if [ "$(ninja -C "$dir" -n "$@" 2>/dev/null | tail -n 1)" != "ninja: no work to do." ]; then
        say "building what is out of date (log: $log)"
        ninja -C "$dir" "$@" >"$log" 2>&1 || { grep -E -A8 'error|FAILED' "$log" | head -n 60 >&2; die "the build failed: see $log"; }
    fi
}
