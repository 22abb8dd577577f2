/* SPDX-License-Identifier: GPL-2.0-only */
/* An exception without an interrupt table: triple fault. */
#include "micro.h"

start:
	lidt empty
	ud2
	finish 1

empty:
	.word 0
	.long 0
