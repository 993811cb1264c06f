#!/usr/bin/env bash
# The smallest host of examples/ does what README.md says it does.
. "$(dirname "$0")/../lib.sh"
said=$("$HOOKLINE_BUILD/examples/minimal/minimal") || problem "it ended with status $?"
[ "$said" = $'Hello, world!\nGoodbye, world!' ] || problem "it said: $said"
finish
