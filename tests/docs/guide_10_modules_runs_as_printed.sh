#!/usr/bin/env bash
# The guide's chapter 10-modules: its files compile, its commands run, and they print what it shows.
. "$(dirname "$0")/support/chapter.sh"
[ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ] || skip "this build has no modules"
run_document "$HOOKLINE_SOURCE/docs/guide/10-modules.md"
