/* SPDX-License-Identifier: GPL-2.0-only */
/* Halts with interrupts off: nothing but the host can end it. */
#include "micro.h"

start:
	cli
	hlt
	jmp start
