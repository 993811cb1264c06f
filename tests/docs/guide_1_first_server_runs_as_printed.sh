#!/usr/bin/env bash
# The guide's chapter 1-first-server: its files compile, its commands run, and they print what it shows.
. "$(dirname "$0")/support/chapter.sh"
run_document "$HOOKLINE_SOURCE/docs/guide/1-first-server.md"
