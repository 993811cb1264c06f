#!/usr/bin/env bash
# The guide's chapter 11-isolation: its files compile, its commands run, and they print what it shows.
. "$(dirname "$0")/support/chapter.sh"
run_document "$HOOKLINE_SOURCE/docs/guide/11-isolation.md"
