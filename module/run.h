/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run loop's parameters; its functions are in warren.h.
 */
#ifndef WARREN_RUN_H
#define WARREN_RUN_H

extern unsigned int wr_halt_poll_ns;

#endif
