#!/bin/sh
# Interesting, status 1, is what still holds a matmul.
if grep -q dyn.matmul "$1"; then exit 1; else exit 0; fi
