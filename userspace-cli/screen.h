/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_SCREEN_H
#define WARREN_CLI_SCREEN_H

#include <stddef.h>

/* The whole terminal, by the sequences that every terminal of today knows. */

/* Clears what was on the rest of a line */
#define WR_SCREEN_EOL "\033[K"

/**
 * wr_screen_enter() - take the terminal; it is given back at the end of the program at the latest
 *
 * Return: 0, or -1 if there is none.
 */
int wr_screen_enter(void);

/**
 * wr_screen_leave() - give the terminal back as it was
 */
void wr_screen_leave(void);

/**
 * wr_screen_size() - size of the terminal
 * @lines: filled in
 * @columns: filled in
 */
void wr_screen_size(size_t *lines, size_t *columns);

/**
 * wr_screen_begin() - begin to write a new picture over the old one
 */
void wr_screen_begin(void);

/**
 * wr_screen_end() - clear what is left of the old picture, and show the new one
 */
void wr_screen_end(void);

/**
 * wr_screen_key() - wait for a key
 * @timeout: ms
 *
 * Return: the character; 0 if there is none by then; -1 after a signal, or if the terminal is gone.
 */
int wr_screen_key(int timeout);

#endif
