/* SPDX-License-Identifier: GPL-2.0-only */
/* Jumps to memory that is not there: there is no instruction to emulate. */
#include "micro.h"

start:
	mov $UNMAPPED, %eax
	jmp *%eax
