#!/bin/sh
# Mends one repository, which is the current folder; for batch engines that commit what a script
# leaves behind. Exit status: 0 done (changed or not), 2 could not.
#
# VENDOR=src/package/saving  puts the helper into the repository instead of a new dependency.
set -u

if [ -n "${VENDOR:-}" ]; then
    flake8-saveimage fix --exit-zero --vendor "$VENDOR" .
else
    flake8-saveimage fix --exit-zero .
fi
