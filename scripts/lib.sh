# What the scripts share: finding the top folder, saying what happens, running long commands into a log.
# Sourced by the scripts in this folder and by .ci/run; expects bash.
# shellcheck shell=bash
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top" || exit 2
logs=$top/.log
mkdir -p "$logs"
jobs=$(nproc 2>/dev/null || echo 2)
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$jobs}

say() { printf '%s\n' "$*"; }

# stop STATUS MESSAGE...: ends the script.
stop() {
    local status=$1
    shift
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit "$status"
}

# logged NAME TITLE COMMAND...: runs a long command with its output in .log/NAME.log. Says every ten seconds how far it
# is; shows the end of the log when it fails, and returns its status.
logged() {
    local name=$1 title=$2 log=$logs/$1.log start=$SECONDS pid status
    shift 2
    printf '%s ...\n' "$title"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while still_runs_after_10s "$pid"; do
        printf '  %3d s  %s\n' $((SECONDS - start)) "$(tail -c 2000 "$log" | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | cut -c 1-100)"
    done
    wait "$pid"
    status=$?
    if [ "$status" -ne 0 ]; then
        printf '%s: FAILED after %d s with status %d. The end of .log/%s.log:\n' "$title" $((SECONDS - start)) "$status" "$name"
        tail -n 40 "$log"
        return "$status"
    fi
    printf '%s: done in %d s\n' "$title" $((SECONDS - start))
}

still_runs_after_10s() {
    local half_seconds
    for ((half_seconds = 0; half_seconds < 20; half_seconds++)); do
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.5
    done
}

# shown NAME COMMAND...: runs a command whose output is itself the progress, and keeps a copy in .log/NAME.log.
shown() {
    local log=$logs/$1.log
    shift
    "$@" </dev/null 2>&1 | tee "$log"
    return "${PIPESTATUS[0]}"
}

# configure_and_build FOLDER TARGET CMAKE-OPTION...: into $top/FOLDER; TARGET may be "all".
configure_and_build() {
    local folder=$1 target=$2
    shift 2
    logged "$folder-configure" "Configuring $folder" cmake -G Ninja -S . -B "$folder" "$@" || return
    logged "$folder-build" "Building $folder" cmake --build "$folder" --target "$target" -- -j "$jobs"
}

# warnings_are_errors: the CMake option for it, in CI only: a user's newer compiler may warn about something new.
warnings_are_errors() {
    if [ -n "${CI:-}" ]; then
        echo -DHOOKLINE_WERROR=ON
    else
        echo -DHOOKLINE_WERROR=OFF
    fi
}
