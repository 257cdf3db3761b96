#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# autogen.sh - make configure from configure.ac; needs autoconf and automake.
set -eu
cd "$(dirname "$0")"
mkdir -p build-aux m4
exec autoreconf --install --warnings=all
