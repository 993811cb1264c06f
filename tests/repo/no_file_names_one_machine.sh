#!/usr/bin/env bash
# No file names a folder of the machine it was written on.
. "$(dirname "$0")/../lib.sh"
cd "$HOOKLINE_SOURCE" || exit 1
here=$(pwd)
problems_of "$(grep -rnIE --exclude-dir=.git --exclude-dir=.log --exclude-dir='build*' --exclude-dir='cmake-build*' \
    "(^|[^[:alnum:]_.}])/(home|root|work|farm|Users)/[[:alnum:]]" . | cut -c 1-160)" "path of one machine"
if [ ${#here} -gt 8 ]; then
    problems_of "$(grep -rnIF --exclude-dir=.git --exclude-dir=.log --exclude-dir='build*' -- "$here" . |
        cut -c 1-160)" "path of this checkout"
fi
finish
