/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_OUTPUT_H
#define WARREN_CLI_OUTPUT_H

/**
 * wr_console_take_terminal() - put the terminal into raw mode and see to its restoring
 */
void wr_console_take_terminal(void);

#endif
