#!/usr/bin/env bash
# The guide's chapter 9-packages: its files compile, its commands run, and they print what it shows.
. "$(dirname "$0")/support/chapter.sh"
[ "${HOOKLINE_TEST_HAVE_INSTALLER:-1}" = 1 ] || skip "this build has no installer"
run_document "$HOOKLINE_SOURCE/docs/guide/9-packages.md"
