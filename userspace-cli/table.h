/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_TABLE_H
#define WARREN_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

#define WR_TABLE_COLUMNS 16

enum wr_colour {
	WR_COLOUR_NONE,
	WR_COLOUR_BOLD,
	WR_COLOUR_RED,
	WR_COLOUR_GREEN,
	WR_COLOUR_YELLOW,
};

/**
 * struct wr_column - a column
 * @title: in the head
 * @right: its cells are flush right, as numbers are
 */
struct wr_column {
	const char *title;
	bool right;
};

struct wr_cell;

/**
 * struct wr_table - aligned columns: all cells are collected, then printed
 * @columns: what there is
 * @nr_columns: at most WR_TABLE_COLUMNS
 * @cells: row by row
 * @nr_cells: how many so far
 * @failed: there was not enough memory
 * @eol: written before each line's end, or NULL
 */
struct wr_table {
	const struct wr_column *columns;
	size_t nr_columns;
	struct wr_cell *cells;
	size_t nr_cells;
	bool failed;
	const char *eol;
};

/**
 * wr_table_cell() - add the next cell of the current row
 * @table: with its columns; zeroed else before the first cell
 * @colour: of the text
 * @fmt: printf format
 */
void wr_table_cell(struct wr_table *table, enum wr_colour colour, const char *fmt, ...)
	__printf(3, 4);

/**
 * wr_table_print() - write the table to standard output and free its cells
 * @table: filled
 * @head: with the titles
 * @width: no line is longer (columns of a terminal), 0: as long as it gets
 *
 * Return: 0, or a WR_STATUS_ERROR after a message.
 */
int wr_table_print(struct wr_table *table, bool head, size_t width);

/**
 * wr_colours() - whether to write in colours: on a terminal, without NO_COLOR
 *
 * Return: true or false.
 */
bool wr_colours(void);

/**
 * wr_paint() - the sequence that begins or ends a colour
 * @colour: WR_COLOUR_NONE ends it
 *
 * Return: the sequence, "" without colours.
 */
const char *wr_paint(enum wr_colour colour);

#endif
