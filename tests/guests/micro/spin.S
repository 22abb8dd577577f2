/* SPDX-License-Identifier: GPL-2.0-only */
/* Loops for ever with interrupts off. */
#include "micro.h"

start:
	cli
0:	jmp 0b
