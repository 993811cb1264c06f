#!/usr/bin/env bash
# The guide's chapter 4-operating: its files compile, its commands run, and they print what it shows.
. "$(dirname "$0")/support/chapter.sh"
run_document "$HOOKLINE_SOURCE/docs/guide/4-operating.md"
