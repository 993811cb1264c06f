#!/usr/bin/env bash
# A stranger's project builds and runs against an installed shared library whose prefix was moved.
. "$HOOKLINE_SOURCE/tests/install/support/package.sh"
check_package ON
