#!/bin/sh
# What was built against 1.0 still runs.
exec tests/old/run "${srcdir:-.}/tests/old"
