/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small_windows.h - included before a map source is compiled for a test: its
 * windows then hold as many extents as the test wants, not thousands.
 */
#ifndef TESTS_UNIT_SMALL_WINDOWS_H
#define TESTS_UNIT_SMALL_WINDOWS_H

#include "diff/extent.h"

/* At least 1, and the same as long as a source is open. */
uint32_t small_windows_max(void);

#undef EXTENT_WINDOW_MAX
#define EXTENT_WINDOW_MAX small_windows_max()

#endif
